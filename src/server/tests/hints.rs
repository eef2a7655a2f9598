//! Hints, as devices hear them: over one server and over two.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt;
use http::{Method, header};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgListener};
use uuid::Uuid;

use super::app::{Person, TestApp, bottle, create};

/// Nothing below takes nearly as long; it only turns a hang into a failure.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// An open stream of hints.
pub(super) struct Ear {
    body: BodyDataStream,
    text: String,
}

impl Ear {
    /// The next hint, comments passed over; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<(Uuid, u64)> {
        // Signs of life come all the time, so it is the whole wait that has an end.
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let data = message.strip_prefix("data: ").map(str::to_owned);
                self.text = rest.to_owned();
                if let Some(data) = data {
                    let hint: Value = serde_json::from_str(&data).unwrap();
                    assert_eq!(hint.as_object().unwrap().len(), 2, "a hint says no more than this: {hint}");
                    return Some((hint["babyId"].as_str()?.parse().unwrap(), hint["head"].as_u64().unwrap()));
                }
            }
            let chunk = tokio::time::timeout_at(end, self.body.next()).await.expect("a hint comes");
            self.text.push_str(std::str::from_utf8(&chunk?.unwrap()).unwrap());
        }
    }

    /// The hints up to this one, which must come.
    pub(super) async fn until(&mut self, last: (Uuid, u64)) -> Vec<(Uuid, u64)> {
        let mut heard = Vec::new();
        while heard.last() != Some(&last) {
            heard.push(self.next().await.expect("the stream goes on"));
        }
        heard
    }
}

impl Person<'_> {
    pub(super) async fn listen(&self) -> Ear {
        let request = self.request(Method::GET, "/api/sync/hints").header(header::ACCEPT_ENCODING, "br, gzip");
        let response = self.app.stream(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers().get(header::CONTENT_ENCODING), None, "an encoder would hold hints back");
        Ear { body: response.into_body().into_data_stream(), text: String::new() }
    }

    pub(super) async fn remove(&self, whom: &Person<'_>, baby: Uuid) {
        let body = json!({"babyId": baby, "userId": whom.user_id});
        self.post("/api/babies/caregivers/remove", body).await.ok();
    }
}

/// B73: a push at one server is heard at another, by everyone who may know and nobody else. Only the
/// announcement can carry it here: the regular look at all streams is an hour away.
#[sqlx::test]
async fn b73_a_push_at_one_server_is_heard_at_another(pool: PgPool) {
    let here = TestApp::with(pool.clone(), |config| config.hint_check_secs = 3_600).await;
    let there = TestApp::with(pool, |config| config.hint_check_secs = 3_600).await;
    let (ada, bob) = (here.sign_up("ada").await, there.sign_up("bob").await);
    let eve = there.sign_up("eve").await;
    let (mia, leo) = (ada.baby("Mia").await, eve.baby("Leo").await);
    bob.accept(&ada.invite(mia, "viewer").await).await.ok();
    let (mut at_bobs, mut at_eves, mut at_adas) = (bob.listen().await, eve.listen().await, ada.listen().await);
    assert_eq!(at_bobs.next().await, Some((mia, 1)), "what was missed is told first");
    assert_eq!(at_eves.next().await, Some((leo, 1)));
    ada.log(mia, "feed_log", bottle(90)).await;
    assert_eq!(at_bobs.next().await, Some((mia, 2)));
    assert_eq!(at_adas.until((mia, 2)).await.last(), Some(&(mia, 2)), "other devices of hers hear it too");
    eve.log(leo, "feed_log", bottle(90)).await;
    assert_eq!(at_eves.next().await, Some((leo, 2)), "nothing of Mia in between");
}

/// Many pushes in a row are few announcements, each after its commit and outside of it.
#[sqlx::test]
async fn announcements_come_in_batches_and_name_the_babies_once(pool: PgPool) {
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen("cradlelog_heads").await.unwrap();
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let (mia, leo) = (ada.baby("Mia").await, ada.baby("Leo").await);
    for ml in 0..20 {
        ada.log(mia, "feed_log", bottle(ml)).await;
    }
    ada.push_one(leo, json!({"mutationId": "nonsense"})).await;
    let last = ada.baby("Ida").await;
    let mut heard: Vec<String> = Vec::new();
    while !heard.last().is_some_and(|names| names.contains(&last.to_string())) {
        let next = tokio::time::timeout(PATIENCE, listener.recv()).await.expect("an announcement comes");
        heard.push(next.unwrap().payload().to_owned());
    }
    assert!(heard.len() < 20, "{heard:?}");
    let times = |baby: Uuid| heard.iter().filter(|names| names.contains(&baby.to_string())).count();
    assert!(times(mia) >= 1 && times(leo) == 1, "a push that changed nothing is not announced: {heard:?}");
    assert!(heard.iter().all(|names| names.matches(&mia.to_string()).count() <= 1));
}

/// A31: access that is given is heard on a stream that was open before.
#[sqlx::test]
async fn a31_a_newly_shared_baby_is_told_on_an_open_stream(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let mia = ada.baby("Mia").await;
    let mut ear = bob.listen().await;
    bob.join(&ada, mia, "viewer").await;
    assert_eq!(ear.next().await, Some((mia, 1)));
}

/// A25: what happens after a removal is not told, while the stream goes on for the other babies.
#[sqlx::test]
async fn a25_nothing_is_told_of_what_happens_after_a_removal(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (mia, leo) = (ada.baby("Mia").await, bob.baby("Leo").await);
    for round in 0..5 {
        bob.join(&ada, mia, "editor").await;
        let before = ada.pull(mia, 0).await.ok()["head"].as_u64().unwrap();
        let mut ear = bob.listen().await;
        ear.until((mia, before)).await;
        let push = ada.push(mia, vec![create(Uuid::now_v7(), "feed_log", bottle(round))]);
        let (_, ()) = tokio::join!(push, ada.remove(&bob, mia));
        for ml in 0..3 {
            ada.log(mia, "feed_log", bottle(ml)).await;
        }
        bob.log(leo, "feed_log", bottle(1)).await;
        let heard = ear.until((leo, 2 + round as u64)).await;
        let latest = heard.iter().filter(|(baby, _)| *baby == mia).map(|(_, head)| *head).max();
        assert!(latest.unwrap_or_default() <= before + 1, "{heard:?}");
    }
}

/// A32: another level and the end of access are told at once, as version 0, to whom they concern.
#[sqlx::test]
async fn a32_a_change_of_access_is_told_as_version_0(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.hint_check_secs = 3_600).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let mia = ada.baby("Mia").await;
    bob.join(&ada, mia, "editor").await;
    let mut ear = bob.listen().await;
    ear.until((mia, 1)).await;
    let body = json!({"babyId": mia, "userId": bob.user_id, "level": "viewer"});
    ada.post("/api/babies/caregivers/set-level", body).await.ok();
    assert_eq!(ear.next().await, Some((mia, 0)));
    ada.remove(&bob, mia).await;
    assert_eq!(ear.next().await, Some((mia, 0)));
}

/// Whoever is there hears at once that somebody came or went: names are shown, and an invitation is used.
#[sqlx::test]
async fn it_is_heard_that_somebody_came_or_went(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.hint_check_secs = 3_600).await;
    let (ada, bob, eve) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("eve").await);
    let mia = ada.baby("Mia").await;
    eve.join(&ada, mia, "viewer").await;
    let mut ears = [ada.listen().await, eve.listen().await];
    for ear in &mut ears {
        ear.until((mia, 1)).await;
    }
    bob.join(&ada, mia, "editor").await;
    for ear in &mut ears {
        assert_eq!(ear.next().await, Some((mia, 0)));
    }
    ada.remove(&bob, mia).await;
    for ear in &mut ears {
        assert_eq!(ear.next().await, Some((mia, 0)));
    }
}

/// A guest's device hears at once that the end was moved, and within the regular look that it has come.
#[sqlx::test]
async fn a_guest_hears_of_the_end_and_of_its_moving(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.hint_check_secs = 1).await;
    let (ada, sam) = (app.sign_up("ada").await, app.sign_up("sam").await);
    let mia = ada.baby("Mia").await;
    sam.visit(&ada, mia, 1).await;
    let mut ear = sam.listen().await;
    ear.until((mia, 1)).await;
    let later = json!({"babyId": mia, "userId": sam.user_id, "until": "2100-01-01T00:00:00.000Z"});
    ada.post("/api/babies/caregivers/set-until", later).await.ok();
    assert_eq!(ear.next().await, Some((mia, 0)));
    sam.time_is_over(mia).await;
    assert_eq!(ear.next().await, Some((mia, 0)));
}

/// An owner hears at once that something came into the tray, and that another owner has decided on it;
/// nobody else does.
#[sqlx::test]
async fn an_owner_hears_of_what_waits_in_the_tray(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.hint_check_secs = 3_600).await;
    let (ada, bob, sam) = (app.sign_up("ada").await, app.sign_up("bob").await, app.sign_up("sam").await);
    let mia = ada.baby("Mia").await;
    bob.join(&ada, mia, "editor").await;
    sam.visit(&ada, mia, 1).await;
    sam.time_is_over(mia).await;
    let (mut at_adas, mut at_bobs) = (ada.listen().await, bob.listen().await);
    at_adas.until((mia, 1)).await;
    at_bobs.until((mia, 1)).await;
    let late = Uuid::now_v7();
    let hand_in = async || sam.hand_in(mia, vec![create(late, "feed_log", bottle(90))]).await.ok();
    hand_in().await;
    assert_eq!(at_adas.next().await, Some((mia, 0)));
    assert_eq!(ada.me().await["babies"][0]["stays"][0]["unsent"], 1);
    // Handed in once more it is nothing new.
    hand_in().await;
    let no = json!({"babyId": mia, "userId": sam.user_id, "entityId": late, "keep": false});
    ada.post("/api/babies/tray/settle", no).await.ok();
    assert_eq!(at_adas.next().await, Some((mia, 0)));
    ada.log(mia, "feed_log", bottle(60)).await;
    // Two looks at the same time may answer in another order; the list is then asked for once more.
    let heard = at_adas.until((mia, 2)).await;
    assert!(heard[..heard.len() - 1].iter().all(|hint| *hint == (mia, 0)), "{heard:?}");
    assert_eq!(at_bobs.next().await, Some((mia, 2)), "nothing of the tray in between");
}

#[sqlx::test]
async fn a_stream_ends_with_its_session(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let mia = ada.baby("Mia").await;
    let mut ear = ada.listen().await;
    assert_eq!(ear.next().await, Some((mia, 1)));
    ada.post("/api/auth/sign-out", json!({})).await.ok();
    assert_eq!(ear.next().await, None);
    assert_eq!(ada.get("/api/sync/hints").await.refusal(), (401, "unauthenticated".into()));
}

/// C46.
#[sqlx::test]
async fn streams_are_bounded_by_account_and_end_when_the_server_stops(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let mut ears = Vec::new();
    for _ in 0..8 {
        ears.push(ada.listen().await);
    }
    let refused = ada.get("/api/sync/hints").await;
    assert_eq!(refused.refusal(), (429, "rate_limited".into()));
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    ears.pop();
    ears.push(ada.listen().await);
    ears.push(bob.listen().await);
    app.app.drain();
    for mut ear in ears {
        assert_eq!(ear.next().await, None);
    }
    assert_eq!(ada.get("/api/sync/hints").await.refusal(), (503, "overloaded".into()));
}

/// Losing announcements costs seconds, not hints.
#[sqlx::test]
async fn hints_come_although_the_listening_connection_was_lost(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let ada = app.sign_up("ada").await;
    let mia = ada.baby("Mia").await;
    let mut ear = ada.listen().await;
    assert_eq!(ear.next().await, Some((mia, 1)));
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'";
    while sqlx::query(cut).fetch_all(&app.pool).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    ada.log(mia, "feed_log", bottle(90)).await;
    assert_eq!(ear.next().await, Some((mia, 2)));
}
