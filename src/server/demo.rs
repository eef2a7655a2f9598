//! A family to look at: twins, ninety days (or years), three caregivers. It comes in by the same doors as
//! everybody else (sign-up, invitation, push), so it also shows that those work.
//!
//! The same seed and the same end give the same days.

mod chance;
mod life;
mod rhythm;

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, ensure};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    App, Call, accounts, config::DatabaseConfig, config::ServeConfig, db, invites, push, session::SessionToken,
    sign_up::Ticket,
};
use crate::{
    api::{InviteKind, Level},
    domain::{
        id::{BabyId, ClientId},
        mutation::Status,
        registry::EntityType,
        time::Timestamp,
    },
    sync::protocol::{MAX_BATCH, PushRequest, WireVerdict},
};
use chance::Chance;
use rhythm::{Caregiver, Entry};

const SEED: u64 = 0x5EED_0FBA_B1E5;
const DAYS: i32 = 90;
/// So many entries are pushed in the order of time; within them, author by author.
const WINDOW: usize = 600;
const PASSWORD: &str = "hush little baby";
const ZONE: &str = "Europe/Berlin";

/// Name, address, label; in the order of [`Caregiver`].
const CAREGIVERS: [(&str, &str, Option<&str>); 3] = [
    ("Anna", "anna@demo.example", None),
    ("Ben", "ben@demo.example", None),
    ("Ruth", "ruth@demo.example", Some("Grandma")),
];
const BABIES: [&str; 2] = ["Mia", "Leo"];

/// Makes the family, with its last entries at `until` (now, if not given) and the first ones ninety days or so
/// many years before, and returns what to tell the operator.
///
/// # Errors
/// The database is not to be had, or holds only a part of the family.
pub async fn demo(
    database: &DatabaseConfig,
    serve: ServeConfig,
    until: Option<Timestamp>,
    years: Option<u8>,
) -> anyhow::Result<String> {
    let days = years.map_or(DAYS, |years| i32::from(years) * 365);
    db::migrate(database).await?;
    let pool = db::connect(database).await?;
    let told = match present(&pool).await? {
        0 => {
            fill(&App::new(pool.clone(), serve), until.unwrap_or_else(now), days).await?;
            "The demo family is here."
        }
        3 => "The demo family is here already; nothing was changed.",
        n => anyhow::bail!("{n} of the 3 demo accounts exist: an earlier attempt was cut off. Use a fresh database."),
    };
    pool.close().await;
    let accounts: String = CAREGIVERS.iter().map(|(name, email, _)| format!("\n  {name}: {email}")).collect();
    Ok(format!("{told} Sign in as{accounts}\nwith the password: {PASSWORD}"))
}

fn now() -> Timestamp {
    Timestamp::from_ms(jiff::Timestamp::now().as_millisecond())
}

async fn present(pool: &PgPool) -> Result<i64, sqlx::Error> {
    let emails: Vec<_> = CAREGIVERS.iter().map(|(_, email, _)| *email).collect();
    sqlx::query_scalar("select count(*) from users where email = any($1)").bind(emails).fetch_one(pool).await
}

pub(super) async fn fill(app: &App, until: Timestamp, days: i32) -> anyhow::Result<()> {
    let mut people = Vec::new();
    for (name, email, _) in CAREGIVERS {
        people.push(sign_up(app, name, email).await?);
    }
    let mut chance = Chance::new(SEED);
    for name in BABIES {
        let baby = BabyId(chance.uuid());
        let born = rhythm::birth_date(until, days)?.to_string();
        let profile = json!({"name": name, "birthDate": born, "zone": ZONE});
        let create = mutation(&mut chance, "baby", baby.0, until, profile);
        send(&people[0], baby, vec![create]).await?;
        for (person, (_, _, label)) in people.iter().zip(CAREGIVERS).skip(1) {
            let label = label.map(str::to_owned);
            let invite = invites::create(&people[0], baby, Level::Editor, InviteKind::Code, label, None).await?;
            invites::accept(person, invite.code, None).await?;
        }
        log(&people, baby, rhythm::days(&mut chance, until, days, ZONE)?, &mut chance).await?;
    }
    Ok(())
}

/// Signs up and returns the call of the signed-in person.
async fn sign_up(app: &App, name: &str, email: &str) -> anyhow::Result<Call> {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let call = Call::new(app.clone(), None, address);
    accounts::sign_up(&call, email, PASSWORD.to_owned(), name, Ticket::default()).await?;
    let cookie = call.take_cookie().context("signing up starts a session")?;
    let sent_back = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&cookie)?)]);
    Ok(Call::new(app.clone(), SessionToken::from_headers(&sent_back, app.config()), address))
}

/// Catalogues, what happened, and the milk that a feed used.
fn rank_of(entity_type: EntityType) -> u8 {
    match entity_type {
        bag if bag == EntityType::MILK_BAG => 2,
        log if log.is_log() => 1,
        _ => 0,
    }
}

/// Pushes the entries, each by its author, in the order in which they were made.
async fn log(people: &[Call], baby: BabyId, entries: Vec<Entry>, chance: &mut Chance) -> anyhow::Result<()> {
    for window in entries.chunks(WINDOW) {
        // What others refer to comes before them.
        for rank in 0..3 {
            for author in [Caregiver::Mother, Caregiver::Father, Caregiver::Grandmother] {
                let of_author = |entry: &&Entry| entry.author == author && rank_of(entry.entity_type) == rank;
                let mut own = Vec::new();
                for Entry { entity_type, id, logged_at, fields, .. } in window.iter().filter(of_author) {
                    own.push(mutation(chance, entity_type.name(), id.0, *logged_at, json!(fields)));
                }
                for batch in own.chunks(MAX_BATCH) {
                    send(&people[author as usize], baby, batch.to_vec()).await?;
                }
            }
        }
    }
    Ok(())
}

fn mutation(chance: &mut Chance, entity_type: &str, id: Uuid, at: Timestamp, payload: Value) -> Value {
    json!({"mutationId": chance.uuid(), "op": "create", "entityType": entity_type, "entityId": id,
        "payload": payload, "updatedAt": at})
}

async fn send(person: &Call, baby_id: BabyId, mutations: Vec<Value>) -> anyhow::Result<()> {
    let client_id = ClientId(Uuid::now_v7());
    let request =
        PushRequest { baby_id, client_id, sync_operation_id: None, acked_through: None, epoch: None, mutations };
    let answer = push::push(person, request).await?;
    for result in answer.results {
        let applied = matches!(&result, WireVerdict::Verdict(verdict) if verdict.status == Status::Applied);
        ensure!(applied, "a demo entry was not applied: {result:?}");
    }
    Ok(())
}
