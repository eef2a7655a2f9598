//! From a committed push to the listeners of every process: announce, hear, ask, tell.
//!
//! A NOTIFY names babies and nothing else; how far each is, and who may know it, is asked of the
//! database when it is heard. The same question without names, asked every few seconds, ends what
//! must end, finds a baby that was newly shared, and makes up for every NOTIFY that went astray.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    AssertSqlSafe,
    postgres::{PgListener, PgPoolOptions},
};
use uuid::Uuid;

use super::hub::{Ear, Known};
use crate::{
    domain::id::BabyId,
    server::{App, session::ALIVE},
};

const CHANNEL: &str = "cradlelog_heads";
/// A push waits this long for company before it is announced.
const BATCH: Duration = Duration::from_millis(50);
/// A payload holds less than 8,000 bytes.
const NAMES_IN_ONE: usize = 200;
/// So many streams are asked about in one statement.
const SWEEP_CHUNK: usize = 1_000;
/// After a failure to listen.
const RETRY: Duration = Duration::from_secs(1);

/// See [`App::announce`]. The first of a batch sees to it for all who come while it waits.
pub(super) fn announce(app: &App, baby: BabyId) {
    if !app.hub().wait(baby) {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        tokio::time::sleep(BATCH).await;
        let babies: Vec<String> = app.hub().take_waiting().iter().map(ToString::to_string).collect();
        let payloads: Vec<String> = babies.chunks(NAMES_IN_ONE).map(|names| names.join(" ")).collect();
        let sent = sqlx::query("select pg_notify($1, payload) from unnest($2::text[]) as t (payload)")
            .bind(CHANNEL)
            .bind(payloads)
            .execute(app.pool())
            .await;
        if let Err(error) = sent {
            // The streams find out by themselves within seconds.
            tracing::debug!(%error, "hints were not announced");
        }
    });
}

/// Starts hearing and sweeping with the first stream; both end with the hub.
pub(super) fn start(app: &App) {
    if app.hub().starts() {
        tokio::spawn(until_closed(app.clone(), hear));
        tokio::spawn(until_closed(app.clone(), sweep));
    }
}

async fn until_closed(app: App, work: impl AsyncFn(&App)) {
    let mut closed = app.hub().closed();
    tokio::select! {
        () = work(&app) => {}
        _ = closed.wait_for(|closed| *closed) => {}
    }
}

async fn hear(app: &App) {
    // A connection of its own: one that listens is no use to anyone else.
    let options = (*app.pool().connect_options()).clone();
    let alone = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    loop {
        match hear_on(app, &alone).await {
            Ok(()) => tracing::info!("the connection that listens for hints was lost"),
            Err(error) => tracing::warn!(%error, "not listening for hints"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Listens until that fails.
async fn hear_on(app: &App, alone: &sqlx::PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(alone).await?;
    listener.listen(CHANNEL).await?;
    // Whatever was announced before this moment was not heard.
    look_after(app).await;
    while let Some(first) = listener.try_recv().await? {
        let more = std::iter::from_fn(|| listener.next_buffered());
        let heard: Vec<_> = std::iter::once(first).chain(more).collect();
        let names: BTreeSet<BabyId> = heard
            .iter()
            .flat_map(|notification| notification.payload().split(' '))
            .filter_map(|name| name.parse().ok())
            .collect();
        let babies: Vec<BabyId> = names.into_iter().collect();
        let ears = app.hub().ears(Some(&babies));
        if let Err(error) = tell(app, &ears, Some(&babies)).await {
            tracing::debug!(error = %error.message, "hints were not told");
        }
    }
    Ok(())
}

async fn sweep(app: &App) {
    let mut ticks = tokio::time::interval(Duration::from_secs(app.config().hint_check_secs));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        look_after(app).await;
    }
}

/// Brings every stream up to date with what its session may know.
async fn look_after(app: &App) {
    for ears in app.hub().ears(None).chunks(SWEEP_CHUNK) {
        if let Err(error) = tell(app, ears, None).await {
            tracing::debug!(error = %error.message, "streams of hints were not looked after");
        }
    }
}

/// A session, and of one baby that it may read: which, how far, at which level and for how long, how many
/// people are there, and for an owner how many mutations wait in the tray.
type Found = (Vec<u8>, Option<Uuid>, Option<i64>, String);

/// Tells `ears` how far `babies` are, as far as their sessions may know, and what they may see no
/// longer. Without names it is about all that each may read, and without a session a stream ends.
pub(super) async fn tell(app: &App, ears: &[Arc<Ear>], babies: Option<&[BabyId]>) -> Result<(), crate::api::ApiError> {
    if ears.is_empty() {
        return Ok(());
    }
    let sessions: Vec<&[u8]> = ears.iter().map(|ear| ear.session.as_slice()).collect();
    let names: Option<Vec<Uuid>> = babies.map(|babies| babies.iter().map(|baby| baby.0).collect());
    let found: Vec<Found> = sqlx::query_as(AssertSqlSafe(format!(
        "select s.id_hash, a.baby_id, h.version,
           concat_ws(' ', a.level, a.until, (
             select count(*)
             from access_now
             where baby_id = a.baby_id
           ), case when a.level = 'owner' then (
             select count(*)
             from guest_tray
             where baby_id = a.baby_id and decided_at is null
           ) end)
         from sessions s
         left join user_baby u on u.user_id = s.user_id and ($2::uuid[] is null or u.baby_id = any($2))
         left join access_now a on a.baby_id = u.baby_id and a.user_id = s.user_id
         left join sync_head h on h.baby_id = a.baby_id
         where s.id_hash = any($1) and {ALIVE}"
    )))
    .bind(sessions)
    .bind(names)
    .fetch_all(app.pool())
    .await?;
    let mut heads: BTreeMap<Vec<u8>, BTreeMap<BabyId, Known>> = BTreeMap::new();
    for (session, baby, version, access) in found {
        let allowed = heads.entry(session).or_default();
        if let (Some(baby), Some(version)) = (baby, version) {
            allowed.insert(BabyId(baby), Known { head: version.unsigned_abs(), access });
        }
    }
    for ear in ears {
        let allowed = heads.get(&ear.session);
        match allowed {
            None => ear.end(),
            Some(allowed) => {
                ear.narrow(babies, allowed);
                allowed.iter().for_each(|(baby, now)| ear.hear(*baby, now));
            }
        }
    }
    Ok(())
}
