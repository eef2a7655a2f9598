//! A removal races with everything that the devices of the removed person may be asking just then.
//!
//! The end of access is the commit of the removal. Nobody outside sees that moment, but the head as it is
//! after it: pushes of all others wait for the removal too, and nobody else writes before the head is read.
//! So whatever has a version above that head came later, and so does every request that began after the
//! removal was answered.

use futures::FutureExt;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    app::{Answer, Person, TestApp, bottle, create},
    concurrency::wide,
};

/// Babies that are raced for at the same time.
const AT_ONCE: usize = 8;
const BLOCKS: u64 = 125;

/// The same waits for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Lets others go first: by turns of the scheduler, and by trips to the database.
    fn wait(&mut self, pool: &PgPool) -> impl Future<Output = ()> + use<> {
        let (turns, trips, pool) = (self.below(30), self.below(8), pool.clone());
        async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            for _ in 0..trips {
                sqlx::query("select").execute(&pool).await.unwrap();
            }
        }
    }
}

/// What became of the requests that raced.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    told: usize,
    refused: usize,
}

struct Race<'a> {
    owner: &'a Person<'a>,
    editor: &'a Person<'a>,
    baby: Uuid,
}

impl Race<'_> {
    async fn head(&self) -> u64 {
        self.owner.get(&format!("/api/sync/status?babyId={}", self.baby)).await.ok()["head"].as_u64().unwrap()
    }

    /// Removes the editor, reads the head, and goes on logging what the editor must not hear of.
    async fn removal(&self) -> u64 {
        self.owner.remove(self.editor, self.baby).await;
        let head = self.head().await;
        for ml in 0..2 {
            self.owner.log(self.baby, "feed_log", bottle(ml)).await;
        }
        head
    }

    async fn push(&self) -> Answer {
        self.editor.push(self.baby, vec![create(Uuid::now_v7(), "feed_log", bottle(90))]).await
    }

    async fn v2(&self) -> Answer {
        let changes = json!([create(Uuid::now_v7(), "feed_log", bottle(60))]);
        let client = self.editor.client_id();
        let body = json!({"babyId": self.baby, "clientId": client, "lastKnownServerVersion": 0, "changes": changes});
        self.editor.post("/api/sync/v2", body).await
    }

    async fn pull(&self) -> Answer {
        self.editor.pull(self.baby, 0).await
    }

    async fn snapshot(&self) -> Answer {
        self.editor.get(&format!("/api/sync/snapshot?babyId={}", self.baby)).await
    }

    /// One interleaving; returns the head at the removal.
    async fn run(&self, seed: u64, tally: &mut Tally) -> u64 {
        let mut chance = Chance(seed);
        let pool = &self.owner.app.pool;
        let [first, second, third, fourth, fifth, sixth] = std::array::from_fn(|_| chance.wait(pool));
        let (head, push, v2, pull, snapshot) = tokio::join!(
            first.then(|()| self.removal()),
            second.then(|()| self.push()),
            third.then(|()| self.v2()),
            fourth.then(|()| self.pull()),
            fifth.then(|()| sixth).then(|()| self.snapshot()),
        );
        for (what, answer) in [("push", push), ("v2", v2), ("pull", pull), ("snapshot", snapshot)] {
            if answer.status != 200 {
                assert_eq!(answer.refusal(), (403, "access_revoked".into()), "{what}, seed {seed}");
                tally.refused += 1;
                continue;
            }
            let versions = versions(&answer.json());
            let latest = versions.iter().max().copied();
            assert!(latest <= Some(head), "{what} got version {latest:?} above {head}, seed {seed}");
            if what == "push" { tally.accepted += 1 } else { tally.told += 1 }
        }
        let sql = "select coalesce(max(id), 0) from sync_events where baby_id = $1 and actor_id = $2";
        let last: i64 =
            sqlx::query_scalar(sql).bind(self.baby).bind(self.editor.user_id).fetch_one(pool).await.unwrap();
        assert!(last.unsigned_abs() <= head, "version {last} was accepted above {head}, seed {seed}");
        for late in [self.push().await, self.v2().await, self.pull().await, self.snapshot().await] {
            assert_eq!(late.refusal(), (403, "access_revoked".into()), "begun after the removal, seed {seed}");
        }
        head
    }
}

/// Every version that an answer of any kind tells.
fn versions(answer: &Value) -> Vec<u64> {
    let of_list = |name: &str, key: &str| -> Vec<u64> {
        let list = answer[name].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|row| row[key].as_u64()).collect()
    };
    let named = ["head", "nextCursor", "snapshotVersion", "latestServerVersion"];
    let mut all: Vec<u64> = named.iter().filter_map(|name| answer[name].as_u64()).collect();
    for name in ["changes", "newChanges", "rows"] {
        all.extend(of_list(name, "id"));
    }
    all.extend(of_list("results", "version"));
    all
}

/// A25, A32: a thousand interleavings of a removal with push, pull, both in one, snapshot and hints, over
/// two servers: nothing is accepted and nothing is told after it has committed.
#[sqlx::test]
async fn a32_nothing_is_accepted_or_told_after_a_removal_however_it_races(pool: PgPool) {
    let (here, there) = (TestApp::new(wide(&pool).await).await, TestApp::new(wide(&pool).await).await);
    let (ada, bob) = (here.sign_up("ada").await, here.sign_up("bob").await);
    let bob = Person { app: &there, ..bob };
    // Told last of all that is told at the same time.
    let last = Uuid::from_u128(u128::MAX - 1);
    bob.push(last, vec![create(last, "baby", json!({"name": "Leo"}))]).await.ok();
    let mut tally = Tally::default();
    for block in 0..BLOCKS {
        let mut babies = Vec::new();
        for _ in 0..AT_ONCE {
            babies.push(ada.baby("Mia").await);
        }
        let grant = "with projected as (insert into user_baby select $1, unnest($2::uuid[]))
            insert into baby_access (baby_id, user_id, level) select unnest($2::uuid[]), $1, 'editor'";
        sqlx::query(grant).bind(bob.user_id).bind(&babies).execute(&pool).await.unwrap();
        let mut ear = bob.listen().await;
        ear.until((last, block + 1)).await;
        let mut tallies: [Tally; AT_ONCE] = std::array::from_fn(|_| Tally::default());
        let races = babies.iter().zip(&mut tallies).enumerate().map(|(n, (baby, tally))| {
            let race = Race { owner: &ada, editor: &bob, baby: *baby };
            async move { race.run(block * AT_ONCE as u64 + n as u64, tally).await }
        });
        let heads = futures::future::join_all(races).await;
        bob.log(last, "feed_log", bottle(1)).await;
        let mut heard = ear.until((last, block + 2)).await;
        for baby in &babies {
            // Commits close to each other may be told in another order.
            if !heard.contains(&(*baby, 0)) {
                heard.extend(ear.until((*baby, 0)).await);
            }
        }
        for (baby, head) in babies.iter().zip(heads) {
            let latest = heard.iter().filter(|(about, _)| about == baby).map(|(_, version)| *version).max();
            assert!(latest <= Some(head), "a hint of version {latest:?} above {head}, block {block}");
        }
        for one in tallies {
            tally.accepted += one.accepted;
            tally.told += one.told;
            tally.refused += one.refused;
        }
    }
    // It was a race: each way of ending was met often.
    assert!(tally.accepted > 100 && tally.told > 100 && tally.refused > 100, "{tally:?}");
}
