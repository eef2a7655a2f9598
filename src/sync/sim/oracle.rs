//! Watches a run from outside and knows what must hold: the invariants I1 to I8 and I13 after every
//! change, I9 to I11 once everything is quiet. It looks at disks and at the far end, never at the
//! program, and works out for itself what a device has to show.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use serde_json::Value;
use uuid::Uuid;

use super::{
    device::Device,
    exec::Owner,
    far_end::{FarEnd, Ledger, Logged},
};
use crate::{
    domain::{
        id::{BabyId, ClientId, EntityId, MutationId},
        mutation::Op,
        registry::EntityType,
        row::{Row, ServerFields, apply_patch},
    },
    sync::{outbox::OutboxEntry, ports::Table, status::Level},
};

#[derive(Default)]
pub struct Oracle {
    /// Events of each baby that were looked at.
    checked: BTreeMap<BabyId, usize>,
    /// Mutations with an event.
    written: BTreeMap<BabyId, BTreeSet<MutationId>>,
    last_seq: BTreeMap<(BabyId, ClientId), u64>,
    watches: BTreeMap<char, Watch>,
    /// The history that had an entry when its maker's outbox let go of it first.
    let_go: BTreeMap<(char, EntityId), Uuid>,
}

/// What was last seen on a disk.
#[derive(Default)]
struct Watch {
    changes: u64,
    outbox: BTreeMap<MutationId, Waiting>,
    letters: BTreeSet<MutationId>,
    /// Cursor and repairs of each baby.
    cursors: BTreeMap<BabyId, (u64, u64)>,
    /// The versions of the rows of a baby that is fetched for the first time, and the repairs before.
    images: BTreeMap<BabyId, (u64, BTreeMap<EntityId, u64>)>,
    /// Whoever counted up the leader's epoch to this.
    leader: (u64, Owner),
}

#[derive(Clone)]
struct Waiting {
    baby: BabyId,
    entity: EntityId,
    sent: bool,
    inflight: bool,
}

fn parsed<T: std::str::FromStr>(value: &Value, name: &str) -> T {
    let text = value.get(name).and_then(Value::as_str).unwrap_or_default();
    text.parse().unwrap_or_else(|_| panic!("{name} in {value}"))
}

/// The second part of a key `baby/…`.
fn behind<T: std::str::FromStr>(key: &str) -> Option<(BabyId, T)> {
    let (baby, rest) = key.split_once('/')?;
    Some((baby.parse().ok()?, rest.parse().ok()?))
}

fn letters(device: &Device) -> BTreeSet<MutationId> {
    let letters = device.disk.table(Table::DeadLetters);
    letters.keys().filter_map(|key| behind(key)).map(|(_, id)| id).collect()
}

fn entries(device: &Device) -> Vec<OutboxEntry> {
    let read = |value: &Value| serde_json::from_value(value.clone()).expect("an entry can be read back");
    device.disk.table(Table::Outbox).values().map(|value| read(value)).collect()
}

/// The babies that a device may see, as far as it knows.
pub fn listed(device: &Device) -> BTreeSet<BabyId> {
    let listed = device.disk.peek(Table::Kv, "access").unwrap_or_default();
    listed.as_array().into_iter().flatten().map(|access| parsed(access, "babyId")).collect()
}

/// The place of a mutation in the outbox that holds it.
fn stands_at(devices: &[Rc<Device>], mutation: MutationId) -> Option<u64> {
    let mut held = devices.iter().flat_map(|device| entries(device));
    held.find(|entry| entry.mutation_id == mutation).map(|entry| entry.seq)
}

impl Oracle {
    /// I2, I3, I4, I7: what the far end has committed since the last look.
    pub fn check_far(&mut self, far: &FarEnd, devices: &[Rc<Device>]) {
        for (baby, ledger) in &far.babies {
            assert_eq!(ledger.head.version, ledger.log.len() as u64, "I2: {baby} counts other than its events");
            let from = self.checked.insert(*baby, ledger.log.len()).unwrap_or(0);
            if from == ledger.log.len() {
                continue;
            }
            for (n, logged) in ledger.log.iter().enumerate().skip(from) {
                let event = &logged.event;
                assert_eq!(event.id, n as u64 + 1, "I2: {baby} has a gap or a double");
                let first = self.written.entry(*baby).or_default().insert(event.mutation_id);
                assert!(first, "I3: {} has two events", event.mutation_id);
                let level = far.levels.get(&(*baby, logged.actor));
                assert!(
                    matches!(level, Some(Level::Owner | Level::Editor)) || far.kept.contains(&event.mutation_id),
                    "I8: {} was written by somebody without access",
                    event.mutation_id
                );
                let row = &ledger.rows.get(&event.row.id).expect("I4: an event without its row").row;
                assert!(row.server.row_version >= event.id, "I4: {} lags behind its event", event.row.id);
                if row.server.row_version == event.id {
                    assert_eq!(*row, event.row, "I4: a row differs from its event");
                }
                // What a guest handed over is out of line too: an old request may bring it to who was let in again.
                let given_up = || {
                    far.tray.contains_key(&(*baby, event.mutation_id))
                        || devices.iter().any(|device| gave_up(device, event.mutation_id))
                };
                if let Some(seq) = logged.seq.filter(|_| !given_up()) {
                    let last = self.last_seq.get(&(*baby, logged.client)).copied().unwrap_or(0);
                    // An old request that comes late still says where an entry stood before its baby went first.
                    let seq = if seq > last { seq } else { stands_at(devices, event.mutation_id).unwrap_or(seq) };
                    self.last_seq.insert((*baby, logged.client), seq);
                    assert!(seq > last, "I7: {} took effect as {seq} after {last}", event.mutation_id);
                }
            }
            for stored in ledger.rows.values() {
                let version = stored.row.server.row_version;
                let event = usize::try_from(version).ok().and_then(|n| ledger.log.get(n.checked_sub(1)?));
                assert!(
                    event.is_some_and(|logged| logged.event.row.id == stored.row.id),
                    "I4: a row without its event"
                );
            }
        }
    }

    /// The far end goes on with an earlier disk; whatever it has to keep it has to keep anew.
    pub fn history_changed(&mut self, far: &FarEnd) {
        self.checked.clear();
        self.written.clear();
        self.last_seq.clear();
        for (baby, ledger) in &far.babies {
            self.checked.insert(*baby, ledger.log.len());
            self.written.insert(*baby, ledger.log.iter().map(|logged| logged.event.mutation_id).collect());
            let seqs = ledger.log.iter().filter_map(|logged| Some(((*baby, logged.client), logged.seq?)));
            self.last_seq.extend(seqs);
        }
    }

    /// The power went: the disk may be at an earlier cursor.
    pub fn power_was_cut(&mut self, device: &Device) {
        let watch = self.watches.entry(device.name).or_default();
        watch.cursors.clear();
        watch.images.clear();
    }

    /// The disk is a new one.
    pub fn forget(&mut self, device: &Device) {
        self.watches.remove(&device.name);
        device.deeds.take();
    }

    /// I5, I6 and I13, whenever a disk has been changed by a tab; whether it has.
    pub fn check_disk(&mut self, device: &Device, owner: Owner, far: &FarEnd) -> bool {
        let watch = self.watches.entry(device.name).or_default();
        let changes = device.disk.changes();
        if watch.changes == changes {
            return false;
        }
        watch.changes = changes;
        let mut outbox = BTreeMap::new();
        for value in device.disk.table(Table::Outbox).values() {
            let sent = value.get("sent").and_then(Value::as_bool).unwrap_or(false);
            let inflight = value["state"] == "inflight";
            let waiting = Waiting {
                baby: parsed(value, "babyId"),
                entity: parsed(&value["mutated"], "entityId"),
                sent,
                inflight,
            };
            outbox.insert(parsed(value, "mutationId"), waiting);
        }
        let lead = device.disk.peek(Table::Kv, "leaderEpoch").and_then(|epoch| epoch.as_u64()).unwrap_or(0);
        if lead != watch.leader.0 {
            watch.leader = (lead, owner);
        } else if owner != watch.leader.1 {
            let inflight = |outbox: &BTreeMap<MutationId, Waiting>| -> Vec<MutationId> {
                outbox.iter().filter(|(_, waiting)| waiting.inflight).map(|(id, _)| *id).collect()
            };
            let (before, now) = (inflight(&watch.outbox), inflight(&outbox));
            assert_eq!(before, now, "I13: {}'s tab {owner} works the outbox of {:?}", device.name, watch.leader);
        }
        let letters = letters(device);
        let deeds = device.deeds.borrow();
        for (id, waiting) in watch.outbox.iter().filter(|(id, _)| !outbox.contains_key(*id)) {
            let judged_in = judged_in(far, waiting.baby, followed(device, waiting.baby), *id);
            if let Some(epoch) = judged_in {
                self.let_go.entry((device.name, waiting.entity)).or_insert(epoch);
            }
            let cancelled = !waiting.sent && deeds.turned.contains(&(waiting.baby, waiting.entity));
            let kept = letters.contains(id)
                || deeds.handled.contains(id)
                || far.tray.get(&(waiting.baby, *id)).is_some_and(|brought| brought.user == device.user);
            assert!(judged_in.is_some() || cancelled || kept, "I6: {}'s mutation {id} is nowhere", device.name);
        }
        for id in watch.letters.difference(&letters) {
            assert!(deeds.handled.contains(id), "I6: {}'s dead letter {id} is gone", device.name);
        }
        let mut cursors = BTreeMap::new();
        for (baby, meta) in device.disk.table(Table::SyncMeta).iter() {
            let baby: BabyId = baby.parse().expect("a baby's id");
            let now = (meta["cursor"].as_u64().unwrap_or(0), meta["repairs"].as_u64().unwrap_or(0));
            if let Some(before) = watch.cursors.get(&baby).filter(|before| before.1 == now.1) {
                assert!(
                    before.0 <= now.0,
                    "I5: {}'s cursor of {baby} went from {} to {}",
                    device.name,
                    before.0,
                    now.0
                );
            }
            // A copy that follows one history and does what it is told never differs from the far end's.
            let lost = far.lost.values().filter(|(of, _)| *of == baby).count() as u64;
            let told = device.anew.borrow().get(&baby).copied().unwrap_or(0) + lost;
            assert!(now.1 <= told, "I11: {} found its copy of {baby} to differ", device.name);
            cursors.insert(baby, now);
        }
        watch.images.retain(|baby, _| cursors.contains_key(baby));
        (watch.outbox, watch.letters, watch.cursors) = (outbox, letters, cursors);
        true
    }

    /// I1: every row shown is what the log says up to the cursor, with what waits on top. (That no
    /// cursor passes an unapplied event, I5, follows.)
    pub fn check_views(&mut self, device: &Device, far: &FarEnd) {
        let mut pending: BTreeMap<(BabyId, EntityId), Vec<OutboxEntry>> = BTreeMap::new();
        for entry in entries(device) {
            pending.entry((entry.baby_id, entry.mutated.entity_id)).or_default().push(entry);
        }
        let mut expected: BTreeMap<(EntityType, BabyId, EntityId), (Option<Row>, bool)> = BTreeMap::new();
        let mut opaque = BTreeMap::new();
        let lacks = device.version.get().lacks;
        let mut shadows = BTreeMap::new();
        for (baby, meta) in device.disk.table(Table::SyncMeta).iter() {
            let baby: BabyId = baby.parse().expect("a baby's id");
            let Some(ledger) = far.history(baby, followed(device, baby)) else { continue };
            if meta["bootstrapped"] != true {
                self.check_images(device, baby, meta["repairs"].as_u64().unwrap_or(0));
            }
            for logged in expected_events(device, ledger, baby, meta) {
                let row = logged.event.row.clone();
                if Some(row.entity_type) == lacks {
                    opaque.insert((baby, row.id), row.to_payload());
                } else {
                    expected.insert((row.entity_type, baby, row.id), (Some(row), false));
                }
            }
        }
        for ((baby, id), mut waiting) in pending {
            waiting.sort_by_key(|entry| entry.seq);
            let entity_type = waiting[0].mutated.entity_type;
            let shown = expected.entry((entity_type, baby, id)).or_insert((None, false));
            if let Some(image) = &shown.0 {
                shadows.insert((baby, id), image.to_payload());
            }
            *shown = (overlaid(baby, shown.0.take(), &waiting), true);
        }
        expected.retain(|_, (row, _)| row.is_some());
        let mut seen = 0;
        for entity_type in EntityType::all() {
            for (key, record) in device.disk.table(Table::Rows(entity_type)).iter() {
                let (baby, id) = behind(key).expect("a row's key");
                let name = device.name;
                let expect = expected.get(&(entity_type, baby, id));
                let (row, is_pending) =
                    expect.unwrap_or_else(|| panic!("I1: {name} shows {key} out of nowhere: {record}"));
                let row = row.as_ref().map(Row::to_payload).unwrap_or_default();
                assert_eq!(record["row"], row, "I1: {name} shows a wrong {entity_type} {key}");
                assert_eq!(record["pending"], *is_pending, "I1: {name} marks {entity_type} {key} wrongly");
                seen += 1;
            }
        }
        assert_eq!(seen, expected.len(), "I1: {} lacks rows", device.name);
        let kept = device.disk.table(Table::Opaque);
        let kept = kept.iter().filter_map(|(key, value)| Some((behind::<EntityId>(key)?, value["payload"].clone())));
        let kept: BTreeMap<_, _> = kept.collect();
        assert_eq!(kept, opaque, "I1: {} keeps other unknown rows than it was sent", device.name);
        let held = device.disk.table(Table::Shadow);
        let held = held.iter().filter_map(|(key, record)| Some((behind(key)?, record["row"].clone())));
        let held: BTreeMap<_, _> = held.collect();
        assert_eq!(held, shadows, "I1: {} keeps other images than it needs", device.name);
    }

    /// I5 for single rows, while a first copy brings them in no order: none goes back.
    fn check_images(&mut self, device: &Device, baby: BabyId, repairs: u64) {
        let now = held(device, baby);
        let watch = self.watches.entry(device.name).or_default();
        if let Some((_, before)) = watch.images.get(&baby).filter(|before| before.0 == repairs) {
            for (id, version) in before {
                let now = now.get(id).copied().unwrap_or(0);
                assert!(now >= *version, "I5: {}'s image of {id} went from {version} to {now}", device.name);
            }
        }
        watch.images.insert(baby, (repairs, now));
    }

    /// What keeps a device from being quiet; `None` when it is.
    pub fn unrest(&self, device: &Device, far: &FarEnd) -> Option<String> {
        let name = device.name;
        if let Some(entry) = entries(device).first() {
            return Some(format!("I10: {name}'s outbox holds {entry:?}"));
        }
        let listed = listed(device);
        let levels = far.levels.keys().filter(|(_, user)| *user == device.user);
        if listed != levels.map(|(baby, _)| *baby).collect() {
            return Some(format!("I9: {name} lists other babies than it may see: {listed:?}"));
        }
        let metas = device.disk.table(Table::SyncMeta);
        let ever: BTreeSet<BabyId> =
            far.babies.keys().copied().chain(far.lost.values().map(|(baby, _)| *baby)).collect();
        for baby in &ever {
            let meta = metas.get(&baby.to_string());
            let may_see = far.levels.contains_key(&(*baby, device.user));
            let Some(ledger) = far.babies.get(baby).filter(|_| may_see) else {
                let trace =
                    device.disk.dump().into_iter().find(|(table, key, _)| {
                        *table != Table::DeadLetters.name() && key.starts_with(&baby.to_string())
                    });
                if let Some((table, key, value)) = trace {
                    return Some(format!("I8: {name} still has {table} {key}: {value}"));
                }
                continue;
            };
            if followed(device, *baby) != Some(ledger.epoch) {
                return Some(format!("I9: {name} follows another history of {baby}: {meta:?}"));
            }
            let cursor = meta.and_then(|meta| meta["cursor"].as_u64()).unwrap_or(0);
            if cursor != ledger.head.version {
                return Some(format!("I9: {name} has {baby} up to {cursor} of {}: {meta:?}", ledger.head.version));
            }
            let checksum = meta.and_then(|meta| meta["checksum"].as_str()).unwrap_or_default();
            if checksum != ledger.head.checksum.to_hex() {
                return Some(format!("I11: {name} has another checksum of {baby}"));
            }
        }
        None
    }

    /// Once all is quiet: I6 for whole entries, I9 by comparison with the far end's own rows.
    pub fn check_quiet(&mut self, device: &Device, far: &FarEnd) {
        self.check_views(device, far);
        let letters = letters(device);
        let deeds = device.deeds.borrow();
        let lettered: BTreeSet<String> = device
            .disk
            .table(Table::DeadLetters)
            .values()
            .map(|letter| letter["mutated"]["entityId"].as_str().unwrap_or_default().to_owned())
            .collect();
        for (baby, id) in &deeds.created {
            let is_of = |logged: &Rc<Logged>| logged.event.row.id == *id;
            let arrived = far.babies.get(baby).is_some_and(|ledger| ledger.log.iter().any(is_of));
            let taken_back = deeds.turned.contains(&(*baby, *id)) || !deeds.handled.is_empty();
            let handed = far.tray.iter().any(|((of, _), brought)| of == baby && brought.entity == *id);
            let kept = handed || lettered.contains(&id.to_string());
            let lost = self.let_go.get(&(device.name, *id)).is_some_and(|epoch| far.lost.contains_key(epoch));
            assert!(arrived || taken_back || kept || lost, "I6: {}'s entry {id} is nowhere ({letters:?})", device.name);
        }
        for (baby, ledger) in far.babies.iter().filter(|(baby, _)| far.levels.contains_key(&(**baby, device.user))) {
            for stored in ledger.rows.values().filter(|it| Some(it.row.entity_type) != device.version.get().lacks) {
                let key = format!("{baby}/{}", stored.row.id);
                let shown = device.disk.peek(Table::Rows(stored.row.entity_type), &key).unwrap_or_default();
                assert_eq!(shown["row"], stored.row.to_payload(), "I9: {} differs in {key}", device.name);
            }
        }
    }
}

/// The history that a device's copy follows, or whose rows are being fetched.
fn followed(device: &Device, baby: BabyId) -> Option<Uuid> {
    let meta = device.disk.peek(Table::SyncMeta, &baby.to_string())?;
    let epoch = meta["epoch"].as_str().or_else(|| meta["bootstrap"]["epoch"].as_str())?;
    epoch.parse().ok()
}

/// The history in which a mutation was judged: the one that the copy follows, or without a copy any.
fn judged_in(far: &FarEnd, baby: BabyId, followed: Option<Uuid>, id: MutationId) -> Option<Uuid> {
    let lost = far.lost.values().filter(|(of, _)| *of == baby).map(|(_, ledger)| ledger);
    let mut histories = far.babies.get(&baby).into_iter().chain(lost);
    let judged =
        |ledger: &&Rc<Ledger>| followed.is_none_or(|epoch| epoch == ledger.epoch) && ledger.known.contains_key(&id);
    histories.find(judged).map(|ledger| ledger.epoch)
}

/// The versions of the images on a disk.
fn held(device: &Device, baby: BabyId) -> BTreeMap<EntityId, u64> {
    let mut versions: BTreeMap<EntityId, u64> = BTreeMap::new();
    for table in EntityType::all().map(Table::Rows).chain([Table::Shadow, Table::Opaque]) {
        for (key, record) in device.disk.table(table).iter() {
            let Some((_, id)) = behind::<EntityId>(key).filter(|(of, _)| *of == baby) else { continue };
            let version = record["row"]["rowVersion"].as_u64().or_else(|| record["version"].as_u64()).unwrap_or(0);
            let known = versions.entry(id).or_default();
            *known = version.max(*known);
        }
    }
    versions
}

/// The last event of each entry that a device at its cursor holds.
fn expected_events<'f>(device: &Device, ledger: &'f Ledger, baby: BabyId, meta: &Value) -> Vec<&'f Logged> {
    let cursor = meta["cursor"].as_u64().unwrap_or(0);
    let is_new = meta["bootstrapped"] != true;
    let held = if is_new || !ledger.gone.is_empty() { held(device, baby) } else { BTreeMap::new() };
    let mut last: BTreeMap<EntityId, &Logged> = BTreeMap::new();
    for logged in &ledger.log {
        let event = &logged.event;
        let version = held.get(&event.row.id).copied().unwrap_or(0);
        // A first copy holds rows before its cursor says so, each as some event left it; and whether
        // an event came before it was let go, only the device can tell.
        let ahead = is_new && event.id <= version;
        let arrived = event.id <= cursor && (!ledger.gone.contains(&event.id) || event.id <= version);
        if ahead || arrived {
            last.insert(event.row.id, logged);
        }
    }
    last.into_values().collect()
}

fn gave_up(device: &Device, id: MutationId) -> bool {
    letters(device).contains(&id) || device.deeds.borrow().handled.contains(&id)
}

/// The image with the waiting entries on top, worked out independently of the program.
fn overlaid(baby_id: BabyId, image: Option<Row>, waiting: &[OutboxEntry]) -> Option<Row> {
    waiting.iter().map(|entry| &entry.mutated).fold(image, |shown, mutated| {
        let blank = || Row {
            entity_type: mutated.entity_type,
            id: mutated.entity_id,
            baby_id,
            fields: Default::default(),
            server: ServerFields::default(),
        };
        let mut row = match (shown, mutated.op) {
            (None, Op::Create) => blank(),
            (None, _) => return None,
            (Some(row), _) => row,
        };
        match mutated.op {
            Op::Delete => row.server.deleted_at = Some(mutated.updated_at),
            Op::Restore => row.server.deleted_at = None,
            Op::Create | Op::Update => {}
        }
        if mutated.op != Op::Delete {
            apply_patch(&mut row.fields, &mutated.payload);
        }
        Some(row)
    })
}
