//! A baby, its caregiver and one device, as the server knows them; and the requests of that device,
//! byte for byte as the app would send them.

use std::io::Write as _;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::http::Connection;

/// What Chromium offers a server behind TLS.
const ENCODINGS: &str = "gzip, deflate, br, zstd";

/// Ids count up, as those of UUIDv7 do: what is written later sorts later. The prefixes tell kinds
/// apart.
pub(crate) const ENTITY: &str = "01930001-0000-7000-8000-";
pub(crate) const MUTATION: &str = "01930002-0000-7000-8000-";

/// The mutations of a device count up from here, so that its numbers are no versions of the baby.
const FIRST_SEQ: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) cookie: String,
    pub(crate) caregiver: String,
    pub(crate) baby: String,
    pub(crate) device: String,
    /// How many mutations the device has pushed. Each was one event, so it is the baby's version too.
    pub(crate) version: u64,
    pub(crate) host: String,
}

impl Family {
    /// Signs a caregiver up and makes the baby.
    pub(crate) fn found(address: &str, number: u16) -> Result<Self> {
        let host = address.trim_start_matches("http://").to_owned();
        let mut connection = Connection::open(address)?;
        let person = json!({
            "email": format!("caregiver{number}@example.org"),
            "password": "three quiet nights",
            "displayName": format!("Caregiver {number}"),
        });
        let head = format!("POST /api/auth/sign-up HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n");
        let answer = connection.send(&with_body(head, person.to_string().as_bytes()))?.ok()?;
        let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
        let mut family = Self {
            cookie: cookie.context("signing up starts a session")?.to_owned(),
            caregiver: answer.json()?["userId"].as_str().context("an account has an id")?.to_owned(),
            baby: format!("01930000-{number:04x}-7000-8000-000000000000"),
            device: format!("01930003-{number:04x}-7000-8000-000000000000"),
            version: 0,
            host,
        };
        family.create_baby(&mut connection)?;
        Ok(family)
    }

    fn create_baby(&mut self, connection: &mut Connection) -> Result<()> {
        let body = json!({"babyId": self.baby, "clientId": self.device, "mutations": [{
            "mutationId": format!("{MUTATION}{:012x}", 0), "entityType": "baby", "entityId": self.baby, "op": "create",
            "payload": {"name": "Ada", "birthDate": "2026-09-01", "zone": "Europe/Berlin"},
        }]});
        let answer = connection.send(&self.post("identity", body.to_string().as_bytes()))?.ok()?;
        ensure!(answer.json()?["results"][0]["version"] == 1, "the baby was not made");
        self.version = 1;
        Ok(())
    }

    /// What the database knows the session by, as Postgres writes it.
    pub(crate) fn session_hash(&self) -> String {
        let token = self.cookie.split_once('=').map_or("", |(_, token)| token);
        session_hash(token)
    }

    /// The ids of the next `k` entries and of the mutations that make them.
    pub(crate) fn next_ids(&self, k: usize) -> (Vec<String>, Vec<String>) {
        let ids = |prefix: &str| (1..=k as u64).map(|j| format!("{prefix}{:012x}", self.version + j)).collect();
        (ids(ENTITY), ids(MUTATION))
    }

    /// The next push of `k` new feeds. Whoever sends it must count it by [`Family::pushed`].
    pub(crate) fn push_request(&self, k: usize) -> Vec<u8> {
        let mut body = Vec::with_capacity(600 * k + 200);
        let (baby, device) = (&self.baby, &self.device);
        let start = format!(
            r#"{{"babyId":"{baby}","clientId":"{device}","syncOperationId":"{:064x}","ackedThrough":{FIRST_SEQ},"mutations":["#,
            self.version
        );
        body.extend_from_slice(start.as_bytes());
        for n in self.version + 1..=self.version + k as u64 {
            if n > self.version + 1 {
                body.push(b',');
            }
            let seq = FIRST_SEQ + n;
            // The clock moves by a second with each feed; when it was is of no consequence.
            let (minute, second) = (n / 60 % 60, n % 60);
            write!(
                body,
                concat!(
                    r#"{{"mutationId":"{}{:012x}","seq":{},"entityType":"feed_log","entityId":"{}{:012x}","op":"create","#,
                    r#""payload":{{"method":"bottle","content":"formula","amountMl":90,"typed":{{"value":90.0,"unit":"ml"}},"#,
                    r#""startedAt":"2026-11-20T02:{:02}:{:02}.000Z","zone":"Europe/Berlin"}},"#,
                    r#""hlc":"{:016x}-0000-{}","updatedAt":"2026-11-20T02:{:02}:{:02}.000Z"}}"#
                ),
                MUTATION, n, seq, ENTITY, n, minute, second, 1_763_604_000_000 + n, device, minute, second
            )
            .expect("writing to memory does not fail");
        }
        body.extend_from_slice(b"]}");
        self.post(ENCODINGS, &body)
    }

    pub(crate) fn pushed(&mut self, k: usize) {
        self.version += k as u64;
    }

    /// A pull of the last `k` changes; 0 is the poll of a device that has them all.
    pub(crate) fn pull_request(&self, k: u64) -> Vec<u8> {
        let Self { baby, device, host, cookie, version, .. } = self;
        let since = version - k;
        format!(
            "GET /api/sync/pull?babyId={baby}&since={since}&limit=100&clientId={device} HTTP/1.1\r\nhost: {host}\r\n\
             cookie: {cookie}\r\nsync-protocol: 1\r\naccept: application/json\r\naccept-encoding: {ENCODINGS}\r\n\r\n"
        )
        .into_bytes()
    }

    fn post(&self, encodings: &str, body: &[u8]) -> Vec<u8> {
        let Self { host, cookie, .. } = self;
        let head = format!(
            "POST /api/sync/push HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\nsync-protocol: 1\r\n\
             content-type: application/json\r\naccept: application/json\r\naccept-encoding: {encodings}\r\n"
        );
        with_body(head, body)
    }
}

/// The SHA-256 of a session's secret, as Postgres writes a `bytea`.
pub(crate) fn session_hash(token: &str) -> String {
    let hex: String = Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\x{hex}")
}

fn with_body(head: String, body: &[u8]) -> Vec<u8> {
    let mut request = head.into_bytes();
    write!(request, "content-length: {}\r\n\r\n", body.len()).expect("writing to memory does not fail");
    request.extend_from_slice(body);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Family {
        /// A family that no server knows.
        pub(crate) fn example(version: u64) -> Self {
            Self {
                cookie: "session=00".to_owned(),
                caregiver: "01930004-0001-7000-8000-000000000000".to_owned(),
                baby: "01930000-0001-7000-8000-000000000000".to_owned(),
                device: "01930003-0001-7000-8000-000000000000".to_owned(),
                version,
                host: "localhost".to_owned(),
            }
        }
    }

    #[test]
    fn a_push_holds_k_mutations_with_the_announced_ids() {
        for k in [1, 3] {
            let request = String::from_utf8(Family::example(41).push_request(k)).expect("a request is text");
            let (head, body) = request.split_once("\r\n\r\n").expect("a request has a head");
            assert!(head.contains(&format!("content-length: {}", body.len())));
            let body: serde_json::Value = serde_json::from_str(body).expect("the body is JSON");
            let mutations = body["mutations"].as_array().expect("a list").clone();
            let ids = |key: &str| -> Vec<String> {
                mutations.iter().map(|one| one[key].as_str().expect("an id").to_owned()).collect()
            };
            assert_eq!((ids("entityId"), ids("mutationId")), Family::example(41).next_ids(k));
            assert_eq!(mutations.len(), k);
        }
    }

    #[test]
    fn an_idle_poll_asks_from_the_newest_version() {
        let request = |k| String::from_utf8(Family::example(41).pull_request(k)).expect("a request is text");
        assert!(request(0).contains("&since=41&"));
        assert!(request(10).contains("&since=31&"));
    }

    #[test]
    fn a_session_is_known_by_the_hash_of_its_secret() {
        assert_eq!(session_hash("abc"), "\\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
