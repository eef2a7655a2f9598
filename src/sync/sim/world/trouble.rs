//! What goes wrong beside the network, and when: each seed has about half of the kinds.

use std::rc::Rc;

use serde_json::json;

use super::World;
use crate::{
    domain::{
        id::{BabyId, ClientId, EntityId},
        registry::EntityType,
        time::Timestamp,
    },
    sync::{
        engine::Event,
        ports::{Entropy, StoreError},
        protocol::PushRequest,
        sim::{
            device::Device,
            exec::{Chance, Owner},
            memory_db::Crash,
            network::{SERVER, WORLD},
        },
        status::Level,
    },
};

/// Which kinds of trouble this seed has; about half of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mischief {
    pub(super) offline: bool,
    pub(super) hide: bool,
    pub(super) kill: bool,
    pub(super) crash: bool,
    pub(super) power: bool,
    pub(super) freeze: bool,
    pub(super) clock: bool,
    pub(super) restart: bool,
    pub(super) revoke: bool,
    pub(super) disk: bool,
    pub(super) hints: bool,
    pub(super) evict: bool,
    pub(super) attack: bool,
    pub(super) versions: bool,
    pub(super) compact: bool,
    pub(super) failover: bool,
    pub(super) guests: bool,
}

impl Mischief {
    pub(super) fn some(chance: &Chance) -> Self {
        let on = || chance.one_in(2);
        Self {
            offline: on(),
            hide: on(),
            kill: on(),
            crash: on(),
            power: on(),
            freeze: on(),
            clock: on(),
            restart: on(),
            revoke: on(),
            disk: on(),
            hints: on(),
            evict: on() && on(),
            attack: on(),
            versions: on(),
            compact: on(),
            failover: on() && on(),
            guests: on(),
        }
    }
}

impl World {
    /// One thing happens.
    pub(super) fn happen(&mut self) {
        let chance = self.net.exec.chance().clone();
        let device = chance.pick(&self.devices).expect("there are devices").clone();
        let Some(tab) = device.front() else { return };
        let name = device.name;
        let Mischief { offline, hide, kill, crash, freeze, clock, restart, revoke, disk, hints, .. } = self.mischief;
        let Mischief { evict, attack, compact, failover, guests, .. } = self.mischief;
        match chance.below(40) {
            0 | 20 | 21 if offline => self.switch_network(&device),
            1 if hide => {
                device.visible.set(!device.visible.get());
                self.tell(&format!("{name} is visible: {}", device.visible.get()));
                device.tell_all(&Event::Visible(device.visible.get()));
            }
            2 | 3 if kill => {
                self.net.note("kill");
                self.bury(&device, tab.owner, "is killed");
            }
            4..=6 if crash => {
                let n = tab.db.operations() + 1 + chance.below(120) as u64;
                tab.db.crash_at(if chance.one_in(2) { Crash::Before(n) } else { Crash::After(n) });
            }
            7 if freeze => self.freeze(&device),
            8 if clock => {
                let by_ms = chance.between(-86_400_000, 86_400_000) >> (4 * chance.below(4));
                self.tell(&format!("{name}'s clock jumps by {by_ms} ms"));
                self.net.note("clock jump");
                device.ahead_ms.set(device.ahead_ms.get() + by_ms);
            }
            9 if restart => {
                self.tell("the server restarts");
                self.net.note("server restart");
                self.net.exec.kill(SERVER);
                self.net.far.borrow_mut().restart();
            }
            10 if revoke => self.share(false),
            11 if disk => {
                self.net.note("disk failure");
                let error = match chance.below(3) {
                    0 => StoreError::Quota,
                    1 => StoreError::Closed,
                    _ => StoreError::Failed("the disk is odd".into()),
                };
                tab.db.fail_at(tab.db.operations() + 1 + chance.below(40) as u64, error);
            }
            29 if evict => self.evict(&device),
            24 | 30 if attack => self.attack(),
            25 => device.tell_all(&Event::SignedIn),
            // A far end without snapshots could not tell a new device what it let go.
            26 | 27 if compact && !self.net.is_old.get() => self.compact(),
            28 if failover => self.fail_over(),
            31 | 32 if guests => self.invite_for_a_while(),
            33 if guests => self.keep_one(),
            12..=16 => self.share(true),
            22 | 23 if hints => {
                self.net.note("hints break off or come back");
                device.listens.set(!device.listens.get());
                device.tell_all(&Event::HintsConnected(device.listens.get()));
            }
            17 => device.tell_all(&Event::SyncNow),
            18 => device.tell_all(&Event::Focused),
            19 => device.tell_all(&Event::AccessChanged),
            _ if tab.is_open() => {
                let times = 1 + chance.below(3);
                self.tell(&format!("{name} does {times} things"));
                for _ in 0..times {
                    self.net.exec.spawn(tab.owner, device.clone().act(tab.clone(), self.net.clone()));
                }
            }
            _ => {}
        }
    }

    /// The browser throws a device's database away.
    fn evict(&mut self, device: &Rc<Device>) {
        self.net.note("eviction");
        let owners: Vec<Owner> = device.tabs.borrow().iter().map(|tab| tab.owner).collect();
        for owner in owners {
            self.bury(device, owner, "is evicted");
        }
        device.disk.evict();
        self.oracle.forget(device);
    }

    /// Somebody without access writes to a baby, in two ways that the ids in a request suggest.
    fn attack(&self) {
        let chance = self.net.exec.chance().clone();
        let far = self.net.far.borrow();
        let attacker = chance.pick(&self.devices).expect("there are devices").user;
        let is_theirs = |baby: &&BabyId| far.levels.contains_key(&(**baby, attacker));
        let own: Vec<BabyId> = far.babies.keys().filter(is_theirs).copied().collect();
        let foreign = far.babies.iter().filter(|(baby, _)| !is_theirs(baby));
        let targets: Vec<(BabyId, EntityType, EntityId)> = foreign
            .flat_map(|(baby, ledger)| {
                ledger.rows.values().map(|stored| (*baby, stored.row.entity_type, stored.row.id))
            })
            .collect();
        let (Some(own), Some((baby, entity_type, id))) = (chance.pick(&own), chance.pick(&targets)) else { return };
        let now = Timestamp::from_ms(self.net.exec.now_ms());
        let mutation = json!({
            "mutationId": chance.uuid_v7(now), "op": chance.pick(&["delete", "update"]), "entityType": entity_type,
            "entityId": id, "payload": {"babyId": own, "notes": "not theirs"},
        });
        let named = if chance.one_in(2) { *baby } else { *own };
        let client_id = ClientId(chance.uuid_v7(now));
        let request = PushRequest {
            baby_id: named,
            client_id,
            sync_operation_id: None,
            acked_through: None,
            epoch: None,
            mutations: vec![mutation],
        };
        self.tell(&format!("{attacker} tries to write to {baby}"));
        self.net.note("attack");
        let net = self.net.clone();
        self.net.exec.spawn(SERVER, async move {
            // Whatever is answered, the oracle looks at what was written.
            drop(net.serve_push(attacker, &request).await);
        });
    }

    /// The far end lets go of what it holds too much of.
    fn compact(&self) {
        let chance = self.net.exec.chance();
        let babies: Vec<BabyId> = self.net.far.borrow().babies.keys().copied().collect();
        let Some(baby) = chance.pick(&babies) else { return };
        self.tell(&format!("the history of {baby} is compacted"));
        self.net.note("compaction");
        self.net.exec.spawn(SERVER, self.net.clone().compact(*baby, chance.between(0, 20_000)));
    }

    /// The far end dies, and goes on with the disk of a moment or of some minutes ago.
    fn fail_over(&mut self) {
        let chance = self.net.exec.chance();
        let (fault, most) = if chance.one_in(3) { ("restore from backup", 12) } else { ("failover", 1) };
        let commits = 1 + chance.below(most);
        self.net.exec.kill(SERVER);
        let mut far = self.net.far.borrow_mut();
        far.restart();
        let lost = far.restore(commits);
        self.oracle.history_changed(&far);
        drop(far);
        if lost > 0 {
            self.net.note(fault);
            self.tell(&format!("{fault}: the last {lost} commits are lost"));
        }
    }

    fn switch_network(&mut self, device: &Device) {
        device.online.set(!device.online.get());
        self.tell(&format!("{} is online: {}", device.name, device.online.get()));
        self.net.note("offline");
        device.tell_all(&Event::Online(device.online.get()));
    }

    /// A tab stops in mid-flight, a second one takes over, the first one comes back.
    fn freeze(&mut self, device: &Rc<Device>) {
        let Some(tab) = device.front() else { return };
        if device.tabs.borrow().len() > 1 {
            return;
        }
        self.tell(&format!("{}'s tab {} freezes", device.name, tab.owner));
        self.net.note("freeze");
        self.net.exec.freeze(tab.owner, true);
        // A frozen tab's open transaction ends: IndexedDB commits or aborts it without the page.
        device.open_tab(&self.net);
        let (exec, thaw_ms) = (self.net.exec.clone(), self.net.exec.chance().between(1_000, 20_000));
        self.net.exec.spawn(WORLD, async move {
            exec.sleep_ms(thaw_ms).await;
            exec.freeze(tab.owner, false);
        });
    }

    /// Somebody comes for some seconds, which are hours here.
    fn invite_for_a_while(&mut self) {
        let chance = self.net.exec.chance().clone();
        let far = self.net.far.borrow();
        let babies = far.babies.keys().copied().filter(|baby| far.exists(*baby));
        let pairs = babies.flat_map(|baby| self.devices.iter().map(move |device| (baby, device.clone())));
        let pairs: Vec<_> = pairs.filter(|(baby, device)| !far.levels.contains_key(&(*baby, device.user))).collect();
        drop(far);
        let Some((baby, device)) = chance.pick(&pairs) else { return };
        let for_ms = chance.between(2_000, 40_000);
        self.tell(&format!("{} comes to {baby} as a guest, for {for_ms} ms", device.name));
        self.net.note("guest");
        self.net.exec.spawn(WORLD, self.net.clone().visit(*baby, device.user, for_ms));
        if chance.one_in(2) {
            return;
        }
        // The guest is out of reach at the end, and goes on logging.
        let (device, net) = (device.clone(), self.net.clone());
        let (from_ms, to_ms) = (chance.between(0, for_ms), for_ms + chance.between(0, 20_000));
        self.net.exec.spawn(WORLD, async move {
            net.exec.sleep_ms(from_ms).await;
            device.online.set(false);
            device.tell_all(&Event::Online(false));
            for tab in device.front().into_iter().filter(|tab| tab.is_open()) {
                for _ in 0..3 {
                    net.exec.spawn(tab.owner, device.clone().act(tab.clone(), net.clone()));
                }
            }
            net.exec.sleep_ms(to_ms - from_ms).await;
            device.online.set(true);
            device.tell_all(&Event::Online(true));
        });
    }

    /// An owner looks into a tray and keeps one thing.
    fn keep_one(&mut self) {
        let far = self.net.far.borrow();
        let waiting: Vec<_> = far.tray.keys().filter(|(_, id)| !far.kept.contains(id)).copied().collect();
        drop(far);
        let Some((baby, id)) = self.net.exec.chance().pick(&waiting).copied() else { return };
        self.tell(&format!("an owner keeps {id}"));
        self.net.note("kept from the tray");
        self.net.exec.spawn(WORLD, self.net.clone().keep(baby, id));
    }

    /// Somebody gets to see a baby, or sees it no more; pushes under way come first.
    fn share(&mut self, grant: bool) {
        let chance = self.net.exec.chance();
        let far = self.net.far.borrow();
        let babies: Vec<BabyId> = far.babies.keys().copied().filter(|baby| far.exists(*baby)).collect();
        let pairs = babies.iter().flat_map(|baby| self.devices.iter().map(move |device| (*baby, device)));
        // Mostly somebody new; now and then only the level changes.
        let any = !grant || chance.one_in(4);
        let pairs: Vec<_> =
            pairs.filter(|(baby, device)| any || !far.levels.contains_key(&(*baby, device.user))).collect();
        drop(far);
        let Some((baby, device)) = chance.pick(&pairs).copied() else { return };
        let (user, name) = (device.user, device.name);
        let level = if chance.one_in(6) { Level::Viewer } else { Level::Editor };
        let net = self.net.clone();
        self.tell(&format!("{name} may see {baby}: {grant}"));
        self.net.exec.spawn(WORLD, net.set_access(baby, user, grant.then_some(level)));
    }
}
