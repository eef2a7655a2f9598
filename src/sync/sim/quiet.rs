//! Claims about a world in which nothing goes wrong: how soon, and who is told.

use std::{collections::BTreeSet, rc::Rc};

use serde_json::json;
use uuid::Uuid;

use super::{device::Device, world::World};
use crate::{
    domain::{
        id::{BabyId, ClientId, EntityId, UserId},
        registry::EntityType,
        time::Timestamp,
    },
    sync::{ports::Table, protocol::PushRequest},
};

impl World {
    fn pass(&mut self, ms: i64) {
        self.run_to(self.net.exec.now_ms() + ms);
    }

    /// A simple client of this account pushes one mutation, with nobody in between.
    fn push(&self, user: UserId, baby: BabyId, entity_type: &str, id: Uuid, payload: serde_json::Value) {
        let mutation = json!({
            "mutationId": Uuid::from_u128(self.net.exec.next_id().into()), "entityType": entity_type,
            "entityId": id, "op": "create", "payload": payload,
        });
        let client_id = ClientId(Uuid::from_u128(0xc));
        let mutations = vec![mutation];
        let request = PushRequest {
            baby_id: baby,
            client_id,
            sync_operation_id: None,
            acked_through: None,
            epoch: None,
            mutations,
        };
        let now = Timestamp::from_ms(self.net.exec.now_ms());
        self.net.far.borrow_mut().push(user, &request, now).expect("it is taken");
    }

    /// Two babies that everybody sees, and everybody at rest.
    fn two_babies(seed: u64) -> (Self, [BabyId; 2]) {
        let mut world = Self::calm(seed);
        let babies = [1, 2].map(|n| BabyId(Uuid::from_u128(0xba00 + n)));
        let owner = world.devices[0].user;
        for baby in babies {
            world.push(owner, baby, "baby", baby.0, json!({"name": "Ada"}));
        }
        world.pass(1_000);
        world.share_all();
        world.pass(120_000);
        (world, babies)
    }
}

fn holds(device: &Device, (baby, id): (BabyId, EntityId)) -> bool {
    let key = format!("{baby}/{id}");
    EntityType::all().any(|entity_type| device.disk.peek(Table::Rows(entity_type), &key).is_some())
}

/// A45, A21: what one caregiver saves is on the other's device within one interval, a push and a pull.
#[test]
fn a45_a_save_is_on_the_other_device_within_an_interval() {
    // A push and a pull, each with its way there and back and the far end's own pauses.
    const ROUND_TRIPS_MS: i64 = 2 * (2 * 300 + 3 * 512);
    let mut waits = Vec::new();
    for seed in 1..=12 {
        let (mut world, _) = World::two_babies(seed);
        let (a, b) = (world.devices[0].clone(), world.devices[1].clone());
        let (mut saved, mut arrived) = (Vec::new(), BTreeSet::new());
        for turn in 0..3_000 {
            if turn % 150 == 0 && turn < 2_000 {
                let tab = a.front().expect("a tab is open");
                world.net.exec.spawn(tab.owner, Rc::clone(&a).act(tab.clone(), world.net.clone()));
            }
            world.pass(50);
            let now = world.net.exec.now_ms();
            let active = *b.active.borrow();
            for made in a.deeds.borrow().created.iter().filter(|(baby, _)| Some(*baby) == active) {
                if !saved.iter().any(|(known, _)| known == made) {
                    saved.push((*made, now));
                }
            }
            for (made, at) in &saved {
                if !arrived.contains(made) && holds(&b, *made) {
                    arrived.insert(*made);
                    waits.push(now - at);
                }
            }
        }
        assert_eq!(saved.len(), arrived.len(), "everything arrived");
    }
    waits.sort_unstable();
    assert!(waits.len() > 30, "enough to judge by: {}", waits.len());
    let p99 = waits[waits.len() * 99 / 100];
    assert!(p99 <= 5_500 + ROUND_TRIPS_MS, "{p99} ms at the 99th percentile of {}", waits.len());
}

/// A58, B30: a change of one baby has the screens of that baby look again, and no others.
#[test]
fn a58_only_the_changed_babys_screens_are_told() {
    let (mut world, [one, two]) = World::two_babies(5);
    let owner = world.devices[0].user;
    for (n, baby) in [(1, one), (2, two)] {
        world.devices.iter().for_each(|device| device.redrawn.borrow_mut().clear());
        let payload = json!({"type": "wee", "startedAt": "2026-11-20T02:10:00.000Z"});
        world.push(owner, baby, "nappy_log", Uuid::from_u128(0xe000 + n), payload);
        world.pass(90_000);
        for device in &world.devices {
            assert_eq!(*device.redrawn.borrow(), BTreeSet::from([baby]), "on {}", device.name);
        }
    }
}
