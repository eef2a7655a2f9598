//! The seeds of every run, the seeds of bugs that were found, and the proof that the oracle sees.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde_json::json;

use super::{
    memory_db::Crash,
    world::{Outcome, cut_at, simulate},
};
use crate::{
    domain::registry::EntityType,
    sync::defect::{DEFECTS, FAR_DEFECTS, Planted, plant},
};

/// Seeds per test run; `SIM_SEEDS` asks for more, `SIM_FROM` begins elsewhere, `SIM_SEED` replays one.
const SEEDS: u64 = 2_000;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn survives(seed: u64) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| simulate(seed)))
        .unwrap_or_else(|_| panic!("seed {seed} failed; replay it with SIM_SEED={seed}"))
}

/// One world after the other, on several threads: a world is one thread's own.
fn each<I: Send + 'static, O: Send + 'static>(inputs: Vec<I>, run: fn(I) -> O) -> Vec<O> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let threads = asked("SIM_THREADS").and_then(|threads| threads.try_into().ok()).unwrap_or(threads);
    let mut shares: Vec<Vec<I>> = (0..threads).map(|_| Vec::new()).collect();
    for (n, input) in inputs.into_iter().enumerate() {
        shares[n % threads].push(input);
    }
    let workers: Vec<_> = shares
        .into_iter()
        .map(|share| std::thread::spawn(move || share.into_iter().map(run).collect::<Vec<_>>()))
        .collect();
    let mut outcomes = Vec::new();
    for worker in workers {
        match worker.join() {
            Ok(done) => outcomes.extend(done),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    outcomes
}

/// I1 to I13 and I15.
fn survive_all(from: u64, count: u64) {
    let outcomes = each((from..from + count).collect(), survives);
    report(&outcomes);
    if count < 500 {
        // A few seeds tell nothing about types.
        return;
    }
    // Whoever registers a type has it travel, without anybody naming it here.
    for entity_type in EntityType::all() {
        let seeds = outcomes.iter().filter(|outcome| outcome.types.contains(&entity_type)).count();
        assert!(seeds * 50 > outcomes.len(), "{entity_type} travels in {seeds} seeds only");
    }
}

/// What was seen, for `cargo xtask soak` to add up: every number is a sum.
fn report(outcomes: &[Outcome]) {
    fn summed(counts: impl Iterator<Item = (impl ToString, u64)>) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (name, times) in counts {
            *sums.entry(name.to_string()).or_default() += times;
        }
        sums
    }
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let seen = || outcomes.iter().map(|outcome| &outcome.seen);
    let figures = json!({
        "seeds": outcomes.len(),
        "steps": sum(|outcome| outcome.steps),
        "lived_ms": sum(|outcome| outcome.lived_ms.unsigned_abs()),
        "saves": sum(|outcome| outcome.saves),
        "events": sum(|outcome| outcome.events as u64),
        "requests": sum(|outcome| outcome.seen.requests),
        "calm_s": summed(outcomes.iter().map(|outcome| (outcome.calm_ms / 1_000, 1))),
        "verdicts": summed(seen().flat_map(|seen| seen.verdicts.iter().map(|(name, times)| (name, *times)))),
        "calls": summed(seen().flat_map(|seen| seen.calls.iter().map(|(name, times)| (name, *times)))),
        "faults": summed(seen().flat_map(|seen| seen.faults.iter().map(|(name, times)| (name, *times)))),
    });
    println!("figures {figures}");
}

/// A32, A46, A47, A48, A65, B09, B14, B79, B81, C24, C39, X7, X12, X21, trap 10, trap 15.
/// B02, B03, B05, B31, B42, B50, B72, B84, C32: three devices come together after any faults.
#[test]
fn three_devices_agree_after_any_faults() {
    match asked("SIM_SEED") {
        Some(seed) => report(&[survives(seed)]),
        None => survive_all(asked("SIM_FROM").unwrap_or(1), asked("SIM_SEEDS").unwrap_or(SEEDS)),
    }
}

/// B15, B38, C09, X14, trap 3, trap 22.
/// B02, B17, A40: a process may end before or after any of its storage steps; nothing is lost and
/// all agree. Every step of one script, not a sample.
#[test]
fn a_process_may_end_at_any_storage_step() {
    let (steps, whole) = cut_at(None);
    assert!(steps > 300 && whole.saves > 6, "a script worth cutting: {steps} steps, {whole:?}");
    let points = (1..=steps).flat_map(|n| [Crash::Before(n), Crash::After(n)]);
    let survived = each(points.filter(|point| point_is_asked(*point)).collect(), |point| {
        catch_unwind(AssertUnwindSafe(|| cut_at(Some(point))))
            .unwrap_or_else(|_| panic!("{point:?} failed; replay it with SIM_STEP"))
    });
    println!("figures {}", json!({"crash_points": survived.len(), "storage_steps": steps}));
}

fn point_is_asked(point: Crash) -> bool {
    let (Crash::Before(n) | Crash::After(n)) = point;
    asked("SIM_STEP").is_none_or(|only| only == n)
}

/// I16.
#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [3, 14, 159] {
        assert_eq!(simulate(seed), simulate(seed));
    }
    assert_ne!(simulate(1).trace, simulate(2).trace);
}

/// The seeds it takes until a planted defect is seen, and as what.
fn seeds_to_catch((defect, most): (Planted, u64)) -> (Planted, Option<(u64, String)>) {
    plant(Some(defect));
    let seen = |seed| {
        let panic = catch_unwind(AssertUnwindSafe(|| simulate(seed))).err()?;
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        Some((seed, text.lines().next().unwrap_or_default().chars().take(90).collect()))
    };
    let caught = (1..=most).find_map(seen);
    plant(None);
    (defect, caught)
}

/// X22.
/// The test of these tests: each mistake, planted alone, is seen.
#[test]
fn every_planted_defect_is_caught() {
    let most = asked("SIM_SEEDS").unwrap_or(1_000);
    let only = std::env::var("SIM_DEFECT").ok();
    let all = DEFECTS.map(Planted::Device).into_iter().chain(FAR_DEFECTS.map(Planted::Far));
    let all = all.filter(|defect| only.as_ref().is_none_or(|only| format!("{defect:?}").contains(only)));
    let caught = each(all.map(|defect| (defect, most)).collect(), seeds_to_catch);
    for (defect, seen) in &caught {
        println!("{defect:?}: {seen:?}");
    }
    let missed: Vec<_> = caught.iter().filter(|(_, seed)| seed.is_none()).collect();
    let seeds: BTreeMap<String, u64> =
        caught.iter().filter_map(|(defect, seen)| Some((format!("{defect:?}"), seen.as_ref()?.0))).collect();
    println!("figures {}", json!({"defects": seeds, "defects_missed": missed.len()}));
    assert!(missed.is_empty(), "not caught within {most} seeds: {missed:?}");
}
