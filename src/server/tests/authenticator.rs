//! The other half of passkeys: a device that makes keys and signs with them, as a browser tells of it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const WITH_KEY: u8 = 0x40;

/// One key on one device. What a test wants to be wrong it changes.
#[derive(Clone)]
pub(super) struct Authenticator {
    pub(super) key: SigningKey,
    pub(super) id: Vec<u8>,
    /// The page that the browser shows.
    pub(super) origin: String,
    /// Whether it knows that its own person is there (by a finger, a face, a number).
    pub(super) is_verified: bool,
    /// How often it has signed.
    pub(super) counter: u32,
    /// The account it was made for, as the server named it.
    pub(super) user: Value,
}

impl Authenticator {
    /// Each `seed` has a key of its own.
    pub(super) fn new(seed: u8, origin: &str) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).expect("a number below the order of the curve"),
            id: vec![seed; 16],
            origin: origin.to_owned(),
            is_verified: true,
            counter: 0,
            user: Value::Null,
        }
    }

    /// What `navigator.credentials.create` would answer.
    pub(super) fn make(&mut self, options: &Value) -> Value {
        self.user = options["user"]["id"].clone();
        let rp = options["rp"]["id"].as_str().unwrap();
        let data = self.data(rp, WITH_KEY, &self.attested());
        // {"fmt": "none", "attStmt": {}, "authData": data} as CBOR.
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        let response = json!({
            "clientDataJSON": BASE64.encode(self.client_data("webauthn.create", options)),
            "attestationObject": BASE64.encode(object),
            "transports": ["internal"],
        });
        self.credential(response)
    }

    /// What `navigator.credentials.get` would answer.
    pub(super) fn sign(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let data = self.data(options["rpId"].as_str().unwrap(), 0, &[]);
        let client_data = self.client_data("webauthn.get", options);
        let signed = [&data[..], &Sha256::digest(&client_data)[..]].concat();
        let signature: DerSignature = self.key.sign(&signed);
        let response = json!({
            "clientDataJSON": BASE64.encode(client_data),
            "authenticatorData": BASE64.encode(data),
            "signature": BASE64.encode(signature.as_bytes()),
            "userHandle": self.user,
        });
        self.credential(response)
    }

    fn credential(&self, response: Value) -> Value {
        let id = BASE64.encode(&self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response})
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data =
            json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false});
        data.to_string().into_bytes()
    }

    fn data(&self, rp: &str, flags: u8, rest: &[u8]) -> Vec<u8> {
        let verified = if self.is_verified { VERIFIED } else { 0 };
        let head = [&Sha256::digest(rp)[..], &[PRESENT | verified | flags], &self.counter.to_be_bytes()];
        [&head.concat()[..], rest].concat()
    }

    /// A model without a name, the key's id and the key itself in COSE's form.
    fn attested(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let key = [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", &x[..], b"\x22\x58\x20", &y[..]].concat();
        [&[0; 16][..], &length, &self.id, &key].concat()
    }
}
