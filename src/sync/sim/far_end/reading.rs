//! What the far end tells: pages of a history, of a snapshot, and who may see what. Each call is two
//! statements, with others in between.

use std::rc::Rc;

use serde_json::value::RawValue;

use super::{FarEnd, Ledger, Logged, refused};
use crate::{
    domain::{
        apply::{EventOp, Head},
        id::{BabyId, EntityId, UserId},
        time::Timestamp,
    },
    sync::{
        defect::{FarDefect, far_planted},
        ports::{AccessList, ErrorCode, TransportError},
        protocol::{Change, ChangeOp, PullResponse, SnapshotResponse},
        status::{BabyAccess, CaregiverName, Stay},
    },
};

impl FarEnd {
    /// The first statement of a pull.
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn head(&self, actor: UserId, baby: BabyId) -> Result<Head, TransportError> {
        // A baby that exists is not told from one that does not.
        let ledger = self.babies.get(&baby).filter(|_| self.levels.contains_key(&(baby, actor)));
        ledger.map(|ledger| ledger.head).ok_or(refused(403, ErrorCode::AccessRevoked))
    }

    /// The second statement of a pull: the events after `since`, as committed by now.
    ///
    /// # Errors
    /// The cursor lies beyond this history.
    pub fn page(
        &self,
        baby: BabyId,
        head: Head,
        since: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<PullResponse, TransportError> {
        if since > head.version {
            return Err(refused(409, ErrorCode::EpochChanged));
        }
        let nothing = Ledger::default();
        let ledger = self.babies.get(&baby).map_or(&nothing, |ledger| &**ledger);
        if since < ledger.floor {
            return Err(refused(410, ErrorCode::CursorExpired));
        }
        let seen_at = ledger.log.iter().find(|logged| logged.event.id == since).map(|logged| logged.at);
        let after = |logged: &&Rc<Logged>| match seen_at {
            Some(at) if far_planted(FarDefect::TimestampCursor) => logged.at > at,
            _ => logged.event.id > since && !ledger.gone.contains(&logged.event.id),
        };
        let mut found = ledger.log.iter().filter(after).take(limit + 1).map(|logged| change(logged)).peekable();
        let mut changes = Vec::new();
        while changes.len() < limit
            && let Some(change) = found.next()
        {
            changes.push(change);
        }
        let next_cursor = changes.last().map_or(since, |change| change.id);
        Ok(PullResponse {
            has_more: found.next().is_some(),
            changes,
            next_cursor,
            new_cursor: next_cursor,
            head: head.version,
            epoch: ledger.epoch,
            checksum: head.checksum.to_hex(),
            live_rows: head.live_rows,
            server_time: now,
        })
    }

    /// A whole pull with nobody in between.
    ///
    /// # Errors
    /// The refusal of the whole request.
    pub fn pull(
        &self,
        actor: UserId,
        baby: BabyId,
        since: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<PullResponse, TransportError> {
        self.page(baby, self.head(actor, baby)?, since, limit, now)
    }

    /// The second statement of a snapshot: rows as committed by now, in the order of their ids.
    /// `after` carries the version that the first page began at.
    ///
    /// # Errors
    /// `after` is not of our making.
    pub fn rows(
        &self,
        baby: BabyId,
        head: Head,
        after: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<SnapshotResponse, TransportError> {
        let malformed = || refused(400, ErrorCode::Malformed);
        let nothing = Ledger::default();
        let ledger = self.babies.get(&baby).map_or(&nothing, |ledger| &**ledger);
        let (snapshot_version, from) = match after {
            None => (head.version, None),
            Some(token) => {
                let (epoch, place) = token.split_once('/').ok_or_else(malformed)?;
                let (version, id) = place.split_once('/').ok_or_else(malformed)?;
                if epoch != ledger.epoch.to_string() {
                    return Err(refused(409, ErrorCode::EpochChanged));
                }
                let version =
                    if far_planted(FarDefect::SnapshotVersionLate) { &head.version.to_string() } else { version };
                let id: EntityId = id.parse().map_err(|_| malformed())?;
                (version.parse().map_err(|_| malformed())?, Some(id))
            }
        };
        if snapshot_version < ledger.floor {
            return Err(refused(410, ErrorCode::CursorExpired));
        }
        let mut ids = ledger.rows.keys().filter(|id| from.is_none_or(|from| **id > from));
        let page: Vec<EntityId> = ids.by_ref().take(limit).copied().collect();
        let has_more = ids.next().is_some();
        let last = |id: &EntityId| ledger.log.iter().rev().find(|logged| logged.event.row.id == *id);
        Ok(SnapshotResponse {
            next: page.last().filter(|_| has_more).map(|id| format!("{}/{snapshot_version}/{id}", ledger.epoch)),
            rows: page.iter().filter_map(last).map(|logged| change(logged)).collect(),
            snapshot_version: match far_planted(FarDefect::SnapshotVersionLate) {
                true => head.version,
                false => snapshot_version,
            },
            has_more,
            epoch: ledger.epoch,
            live_rows: head.live_rows,
            server_time: now,
        })
    }

    pub fn access(&self, actor: UserId) -> AccessList {
        let mine = self.levels.iter().filter(|((_, user), _)| *user == actor);
        let babies = mine.map(|((baby_id, _), level)| {
            let own = self.babies.get(baby_id).and_then(|ledger| ledger.rows.get(&baby_id.entity()));
            let name = own.and_then(|own| own.row.fields.get("name")?.as_str()).unwrap_or_default().to_owned();
            let deleted_at = own.and_then(|own| own.row.server.deleted_at);
            let end = self.guests.get(&(*baby_id, actor)).map(|until| Stay {
                user_id: actor,
                display_name: actor.to_string(),
                from: Timestamp::from_ms(0),
                until: Timestamp::from_ms(*until),
                unsent: 0,
            });
            BabyAccess { deleted_at, stays: end.into_iter().collect(), ..BabyAccess::new(*baby_id, name, *level) }
        });
        let of_mine = self.levels.keys().filter(|(baby_id, _)| self.levels.contains_key(&(*baby_id, actor)));
        let caregivers = of_mine.map(|&(baby_id, user_id)| {
            let display_name = user_id.to_string();
            CaregiverName { baby_id, user_id, display_name }
        });
        AccessList { user_id: actor, babies: babies.collect(), caregivers: caregivers.collect(), asked: false }
    }
}

fn change(logged: &Logged) -> Change {
    let event = &logged.event;
    Change {
        id: event.id,
        entity_type: event.row.entity_type.name().to_owned(),
        entity_id: event.row.id,
        op: match event.op {
            EventOp::Create => ChangeOp::Create,
            EventOp::Update => ChangeOp::Update,
            EventOp::Delete => ChangeOp::Delete,
        },
        version: event.id,
        payload: RawValue::from_string(event.row.to_payload().to_string()).expect("a payload is JSON"),
        actor_id: Some(logged.actor),
        client_id: Some(logged.client),
        mutation_id: Some(event.mutation_id),
        created_at: logged.at,
    }
}
