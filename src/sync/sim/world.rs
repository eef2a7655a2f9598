//! One run: three devices of three people, a far end and a network, for a minute or two of faults
//! chosen by the seed, then the calm in which everything has to come together.

use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};

use uuid::Uuid;

mod trouble;

use self::trouble::Mischief;
use super::{
    device::Device,
    exec::{Exec, Owner},
    far_end::FarEnd,
    memory_db::Crash,
    network::{Faults, Net, SERVER, Seen, Version, WORLD},
    oracle::{Oracle, listed},
};
use crate::{
    domain::{
        id::{BabyId, UserId},
        registry::EntityType,
    },
    sync::{engine::Event, ports::Table, status::Level},
};

/// How long the calm may take at most (I12): the longest backoffs, several times over.
const CALM_MS: i64 = 90 * 60_000;
/// When every run begins.
const START_MS: i64 = 1_800_000_000_000;
const MAX_STEPS: u64 = 3_000_000;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub steps: u64,
    pub lived_ms: i64,
    /// From the end of the faults until everything agreed.
    pub calm_ms: i64,
    pub saves: u64,
    pub events: usize,
    /// Of which types something was written.
    pub types: BTreeSet<EntityType>,
    pub seen: Seen,
    /// Of every step: equal only for equal runs.
    pub trace: u64,
}

pub(super) struct World {
    pub(super) net: Rc<Net>,
    pub(super) devices: Vec<Rc<Device>>,
    oracle: Oracle,
    mischief: Mischief,
    steps: u64,
    trace: u64,
    told: Told,
}

/// The last things that were done to the world; printed when a run fails.
#[derive(Default)]
struct Told(RefCell<VecDeque<String>>);

impl Told {
    fn line(&self, line: String) {
        let mut lines = self.0.borrow_mut();
        if lines.len() >= 200 {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.borrow().iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// Runs one seed to its end.
///
/// # Panics
/// An invariant is broken; the message names it, and the trace is printed.
pub fn simulate(seed: u64) -> Outcome {
    let mut world = World::new(seed);
    let chaos_ends = START_MS + world.net.exec.chance().between(30_000, 90_000);
    while world.net.exec.now_ms() < chaos_ends {
        let until = world.net.exec.now_ms() + world.net.exec.chance().between(0, 2_500);
        world.run_to(until);
        world.happen();
    }
    world.finish()
}

/// One fixed script without any fault but one: the first device's process ends at this storage
/// step. `None` tells how many steps there are to choose from.
pub fn cut_at(crash: Option<Crash>) -> (u64, Outcome) {
    const SCRIPT: u64 = 4;
    let mut world = World::calm(SCRIPT);
    let tab = world.devices[0].front().expect("a tab is open");
    if let Some(crash) = crash {
        tab.db.crash_at(crash);
    }
    for turn in 0..9 {
        world.run_to(world.net.exec.now_ms() + 1_000);
        for device in &world.devices[..2] {
            if let Some(tab) = device.front() {
                world.net.exec.spawn(tab.owner, device.clone().act(tab.clone(), world.net.clone()));
            }
        }
        if turn == 1 {
            world.share_all();
        }
    }
    world.run_to(world.net.exec.now_ms() + 3_000);
    let steps = tab.db.operations();
    (steps, world.finish())
}

impl World {
    /// The calm, and what came of it all.
    fn finish(mut self) -> Outcome {
        self.heal();
        let calm_ms = self.come_to_rest();
        for device in &self.devices {
            self.oracle.check_quiet(device, &self.net.far.borrow());
        }
        self.check_rate();
        let world = self;
        let far = world.net.far.borrow();
        Outcome {
            steps: world.steps,
            lived_ms: world.net.exec.now_ms() - START_MS,
            calm_ms,
            saves: world.devices.iter().map(|device| device.deeds.borrow().saves).sum(),
            events: far.babies.values().map(|ledger| ledger.log.len()).sum(),
            types: far
                .babies
                .values()
                .flat_map(|ledger| &ledger.log)
                .map(|logged| logged.event.row.entity_type)
                .collect(),
            seen: world.net.seen.borrow().clone(),
            trace: world.trace,
        }
    }

    /// A world in which nothing goes wrong.
    pub(super) fn calm(seed: u64) -> Self {
        let world = Self::new(seed);
        world.net.faults.replace(Faults::default());
        world.net.clocks_are_true.set(true);
        for device in &world.devices {
            device.ahead_ms.set(0);
            device.version.take();
        }
        Self { mischief: Mischief::default(), ..world }
    }

    /// Everybody gets to see everything.
    pub(super) fn share_all(&self) {
        let mut far = self.net.far.borrow_mut();
        let babies: Vec<BabyId> = far.babies.keys().copied().collect();
        for (baby, device) in babies.iter().flat_map(|baby| self.devices.iter().map(move |device| (*baby, device))) {
            far.levels.entry((baby, device.user)).or_insert(Level::Editor);
        }
        drop(far);
        self.devices.iter().for_each(|device| device.tell_all(&Event::AccessChanged));
    }

    fn new(seed: u64) -> Self {
        let exec = Exec::new(seed, START_MS);
        let chance = exec.chance().clone();
        let odds = |n: usize| chance.one_in(2).then_some(n);
        let mischief = Mischief::some(&chance);
        let faults = Faults {
            drop: odds(12),
            double: odds(8),
            lose_answer: odds(8),
            slow: odds(15),
            fail_before: odds(12),
            fail_after: odds(15),
            busy: odds(15),
            portal: odds(15),
            false_refusal: odds(15),
            poison: odds(40),
            lose_hint: odds(2),
            odd: odds(30),
            revoke: mischief.revoke.then_some(8),
        };
        let net = Rc::new(Net::calm(exec.clone(), FarEnd::new(mischief.failover)));
        net.faults.replace(faults);
        net.clocks_are_true.set(!mischief.clock);
        net.is_old.set(chance.one_in(8));
        let devices: Vec<_> =
            "ABC".chars().zip(1..).map(|(name, n)| Device::new(name, UserId(Uuid::from_u128(n)))).collect();
        for device in &devices {
            device.listens.set(mischief.hints);
            if mischief.clock {
                device.ahead_ms.set(exec.chance().between(-120_000, 120_000));
            }
            device.version.set(match device.name {
                'B' if mischief.versions => Version { ahead: Some(EntityType::NAPPY_LOG), lacks: None },
                'C' if mischief.versions => Version { lacks: Some(EntityType::NAPPY_LOG), ahead: None },
                _ => Version::default(),
            });
            device.open_tab(&net);
        }
        let (oracle, told) = (Oracle::default(), Told::default());
        told.line(format!("{:?} {mischief:?}", net.faults.borrow()));
        Self { net, devices, oracle, mischief, steps: 0, trace: seed, told }
    }

    fn tell(&self, line: &str) {
        self.told.line(format!("{:>8} ms  {line}", self.net.exec.now_ms() - START_MS));
    }

    /// Lets everybody go on until then, watched at every step.
    pub(super) fn run_to(&mut self, until_ms: i64) {
        while let Some(owner) = self.net.exec.step(until_ms) {
            self.steps += 1;
            assert!(self.steps < MAX_STEPS, "I12: no end of it");
            let Some(owner) = owner else { continue };
            let now = self.net.exec.now_ms().unsigned_abs();
            self.trace = (self.trace ^ owner ^ (now << 20)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            self.watch(owner);
        }
        self.net.exec.pass_to(until_ms);
    }

    fn watch(&mut self, owner: Owner) {
        if owner == SERVER {
            self.oracle.check_far(&self.net.far.borrow(), &self.devices);
            return;
        }
        let Some(device) = self.devices.iter().find(|device| device.tabs.borrow().iter().any(|tab| tab.owner == owner))
        else {
            return;
        };
        assert_eq!(device.disk.idle_transactions(), 0, "something foreign is awaited within a transaction");
        let far = self.net.far.borrow();
        if self.oracle.check_disk(device, owner, &far) && self.net.exec.chance().one_in(6) {
            self.oracle.check_views(device, &far);
        }
        let tabs = device.tabs.borrow();
        let died = tabs.iter().any(|tab| tab.owner == owner && tab.db.is_dead());
        drop((far, tabs));
        if died {
            let device = device.clone();
            self.net.note("crash");
            self.bury(&device, owner, "crashed between two storage steps");
        }
    }

    /// The end of a tab; another one is opened after a while.
    fn bury(&mut self, device: &Rc<Device>, owner: Owner, why: &str) {
        self.tell(&format!("{}'s tab {owner} {why}", device.name));
        device.kill_tab(&self.net.exec, owner);
        if self.mischief.power && device.tabs.borrow().is_empty() && self.net.exec.chance().one_in(2) {
            let lost = device.disk.power_cut(self.net.exec.chance().below(6));
            self.tell(&format!("{} loses power, and {lost} relaxed commits", device.name));
            self.net.note("power cut");
            self.oracle.power_was_cut(device);
        }
        let (device, net) = (device.clone(), self.net.clone());
        let after_ms = self.net.exec.chance().between(0, 8_000);
        self.net.exec.spawn(WORLD, async move {
            net.exec.sleep_ms(after_ms).await;
            if device.tabs.borrow().is_empty() {
                device.open_tab(&net);
            }
        });
    }

    /// The faults stop; what they left behind has to be dealt with.
    fn heal(&mut self) {
        self.tell("the faults stop");
        self.net.faults.replace(Faults::default());
        self.update_outdated();
        // Whoever is a guest now may stay.
        self.net.far.borrow_mut().guests.clear();
        for device in &self.devices {
            for tab in device.tabs.borrow().iter() {
                self.net.exec.freeze(tab.owner, false);
                tab.db.calm();
            }
            device.visible.set(true);
            device.online.set(true);
            device.tell_all(&Event::Visible(true));
            device.tell_all(&Event::Online(true));
            device.tell_all(&Event::SignedIn);
        }
    }

    /// An app that was told that it is too old is loaded anew by its person.
    fn update_outdated(&mut self) {
        for device in self.devices.clone().iter().filter(|device| device.outdated.get()) {
            let owners: Vec<Owner> = device.tabs.borrow().iter().map(|tab| tab.owner).collect();
            owners.into_iter().for_each(|owner| self.bury(device, owner, "is loaded anew"));
        }
    }

    /// I14: at rest a device only polls.
    fn check_rate(&mut self) {
        const MINUTE: i64 = 60_000;
        let counts = |device: &Rc<Device>| (device.asked.get(), device.deeds.borrow().saves);
        let before: Vec<(u64, u64)> = self.devices.iter().map(counts).collect();
        self.run_to(self.net.exec.now_ms() + MINUTE);
        let far = self.net.far.borrow();
        for (device, before) in self.devices.iter().zip(before) {
            let babies = far.levels.keys().filter(|(_, user)| *user == device.user).count() as u64;
            let tabs = device.tabs.borrow().len() as u64;
            let on_screen: BTreeSet<_> = device.tabs.borrow().iter().filter_map(|tab| tab.active()).collect();
            // Each one on a screen each 4.5 s at most, the others and the access list each 54 s; and a sheet
            // that was still open may be saved: a push, a look for more, a pull.
            let now = counts(device);
            let (asked, saves) = (now.0 - before.0, now.1 - before.1);
            // Each tab finds out for itself that a baby was taken away.
            let known = babies + removed(device);
            let most = 14 * on_screen.len().max(1) as u64 + tabs * 2 * (known + 1) + 3 * saves;
            if asked > most {
                self.tell_journal(device);
            }
            assert!(asked <= most, "I14: {} asked {asked} times in a quiet minute, not {most}", device.name);
        }
    }

    /// The device's own words about its last steps.
    fn tell_journal(&self, device: &Device) {
        for tab in device.tabs.borrow().iter() {
            self.told.line(format!("{}'s {}", device.name, tab.state()));
        }
        let journal = device.disk.table(Table::Journal);
        let mut steps: Vec<_> = journal.values().collect();
        steps.sort_by_key(|step| step["number"].as_u64());
        for step in &steps[steps.len().saturating_sub(25)..] {
            self.told.line(format!("{}'s journal: {step}", device.name));
        }
    }

    /// I12: everything agrees after a while. Returns how long it took.
    fn come_to_rest(&mut self) -> i64 {
        let from = self.net.exec.now_ms();
        loop {
            self.run_to(self.net.exec.now_ms() + 5_000);
            let far = self.net.far.borrow();
            let unrest = self.devices.iter().find_map(|device| self.oracle.unrest(device, &far));
            let took_ms = self.net.exec.now_ms() - from;
            let Some(unrest) = unrest else { return took_ms };
            drop(far);
            // Without any baby nothing is asked for by itself (A50): its person has a look now and then.
            for device in self.devices.iter().filter(|device| listed(device).is_empty()) {
                device.tell_all(&Event::AccessChanged);
            }
            if took_ms >= CALM_MS {
                self.devices.iter().for_each(|device| self.tell_journal(device));
            }
            assert!(took_ms < CALM_MS, "I12: no rest after {took_ms} ms: {unrest}");
        }
    }
}

/// How many babies this device has removed, as far as its journal goes back.
fn removed(device: &Device) -> u64 {
    let journal = device.disk.table(Table::Journal);
    let removed = journal.values().filter(|record| record["step"]["did"].get("removed").is_some());
    removed.map(|record| record["step"]["babyId"].to_string()).collect::<BTreeSet<_>>().len() as u64
}
