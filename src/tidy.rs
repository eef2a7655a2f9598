//! The rules of ARCHITECTURE.md that a compiler does not check, as tests over the source text.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    assert!(found.len() > 20, "the walk finds the source");
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    found
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .filter(|(name, _)| name != "tidy.rs")
        .collect()
}

/// The code of a file: its lines without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn offenders(room: &str, forbidden: &[&str]) -> Vec<String> {
    let in_room = |name: &str| name == format!("{room}.rs") || name.starts_with(&format!("{room}/"));
    let mut found = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| in_room(name)) {
        for line in code(text) {
            if let Some(word) = forbidden.iter().find(|word| line.contains(**word)) {
                found.push(format!("{name}: {word} in {line:?}"));
            }
        }
    }
    found
}

/// B44.
#[test]
fn domain_is_pure() {
    let forbidden = [
        "crate::sync",
        "crate::api",
        "crate::server",
        "crate::browser",
        "crate::ui",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Uuid::now",
        "Uuid::new_v4",
        "web_sys",
        "leptos",
        "sqlx",
    ];
    assert_eq!(offenders("domain", &forbidden), Vec::<String>::new());
}

/// B12, B14.
#[test]
fn sync_reaches_the_world_through_its_ports_only() {
    let forbidden = [
        "crate::api",
        "crate::server",
        "crate::browser",
        "crate::ui",
        "leptos",
        "web_sys",
        "js_sys",
        "rexie",
        "sqlx",
        "axum",
        "tokio",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Uuid::now",
        "Uuid::new_v4",
    ];
    assert_eq!(offenders("sync", &forbidden), Vec::<String>::new());
}

/// B01, B08.
#[test]
fn the_server_knows_no_screen_and_the_screens_know_no_server() {
    assert_eq!(offenders("server", &["crate::browser", "crate::ui", "web_sys"]), Vec::<String>::new());
    let ui = [
        "crate::server",
        "crate::browser",
        "rexie",
        "web_sys::Storage",
        "local_storage()",
        "session_storage()",
        "fetch_with",
        "crate::sync::local",
        "crate::sync::engine",
        "crate::sync::driver",
    ];
    assert_eq!(offenders("ui", &ui), Vec::<String>::new());
    assert_eq!(offenders("browser", &["crate::server"]), Vec::<String>::new());
    assert_eq!(offenders("api", &["crate::browser", "crate::ui"]), Vec::<String>::new());
}

/// B01, B12.
#[test]
fn only_the_server_speaks_sql_and_only_the_browser_indexeddb() {
    for room in ["domain", "sync", "api", "ui", "browser"] {
        assert_eq!(offenders(room, &["sqlx::"]), Vec::<String>::new());
    }
    for room in ["domain", "sync", "api", "ui", "server"] {
        assert_eq!(offenders(room, &["rexie", "idb::"]), Vec::<String>::new());
    }
}

#[test]
fn feature_gates_stand_in_lib_rs_only() {
    let gated = |line: &&str| line.contains("cfg(feature") || line.contains("cfg(not(feature");
    for (name, text) in sources().iter().filter(|(name, _)| name != "lib.rs") {
        assert_eq!(code(text).find(gated), None, "{name}");
    }
}

/// A29: one helper writes events; there is no second way.
#[test]
fn events_are_inserted_in_one_place() {
    let inserts = |text: &str| text.to_lowercase().matches("insert into sync_events").count();
    let found: Vec<(String, usize)> = sources()
        .into_iter()
        .filter(|(name, _)| name.starts_with("server/") && !name.contains("test"))
        .map(|(name, text)| (name, inserts(&text)))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(found.iter().map(|(_, count)| count).sum::<usize>(), 1, "{found:?}");
}

/// C41: a call is a server function and stands in their registry, which the table of who may call what
/// (`server/tests/access.rs`) is held to. A route that is written out is one of these: the first two
/// have a row in that table, the others ask nobody who they are.
#[test]
fn routes_beside_the_server_functions_are_known() {
    let asking = ["/api/account/export", "/api/sync/hints"];
    let mut known = [&asking[..], &["/api", "/api/{*rest}", "/healthz", "/metrics", "/pkg", "/readyz"]].concat();
    known.sort_unstable();
    let mut written = Vec::new();
    for (_, text) in sources().iter().filter(|(name, _)| name.starts_with("server/") && !name.contains("tests/")) {
        // A long one is broken over lines.
        let text: String = text.split_whitespace().collect();
        for start in [".route(\"", ".route_service(\"", ".nest(\"", ".nest_service(\""] {
            let after = text.split(start).skip(1).filter_map(|rest| rest.split('"').next());
            written.extend(after.map(str::to_owned));
        }
    }
    written.sort();
    assert_eq!(written, known);
}

#[test]
fn nothing_is_left_half_done() {
    let smells = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "FIXME", "XXX:"];
    for (name, text) in sources() {
        assert_eq!(smells.iter().find(|smell| text.contains(**smell)), None, "{name}");
    }
}

/// No request to any foreign host (promise 6).
#[test]
fn no_foreign_address_stands_in_the_app() {
    for (name, text) in sources().iter().filter(|(name, _)| name.starts_with("ui/") || name.starts_with("browser/")) {
        let foreign = code(text)
            .find(|line| line.contains("https://") || line.contains("http://") && !line.contains("www.w3.org"));
        assert_eq!(foreign, None, "{name}");
    }
}

#[test]
fn every_module_opens_with_its_question() {
    for (name, text) in sources().iter().filter(|(name, _)| !name.contains("tests")) {
        assert!(text.starts_with("//!"), "{name} has no //! at its head");
    }
}

/// A49: the sync is no part of the screens: it draws nothing, and is not wrapped around them.
#[test]
fn a49_the_sync_draws_nothing() {
    assert_eq!(offenders("sync", &["view!", "IntoView"]), Vec::<String>::new());
    let drawn = offenders("browser", &["view!", "IntoView"]);
    assert_eq!(drawn.len(), 1, "the one place where the app is mounted: {drawn:?}");
}

/// A17: what is sent was an outbox entry: nothing else is made into a mutation of the wire.
#[test]
fn a17_only_outbox_entries_become_mutations_of_the_wire() {
    let is_code = |name: &str| !name.contains("test") && !name.contains("sim/") && !name.contains("conformance");
    let makes = |(name, text): &(String, String)| {
        let lines: Vec<&str> = code(text).collect();
        let made = lines.iter().filter(|line| line.contains("WireMutation {") && !line.contains("struct"));
        made.map(|line| format!("{name}: {}", line.trim())).collect::<Vec<_>>()
    };
    let made: Vec<String> = sources().iter().filter(|(name, _)| is_code(name)).flat_map(makes).collect();
    assert!(made.iter().all(|line| line.contains("fn wire(entry: &OutboxEntry)") || line.ends_with("WireMutation {")));
    assert_eq!(made.iter().filter(|line| line.contains("fn wire(entry: &OutboxEntry)")).count(), 1, "{made:?}");
    assert_eq!(made.len(), 2, "its head and its one construction: {made:?}");
}

/// B13, C52: what can be recorded is told in one place, for device and server alike: no room beyond
/// `domain` knows the name of a type of log, except the screens that draw them.
#[test]
fn b13_types_are_named_in_the_domain_alone() {
    let names = ["\"feed_log\"", "\"sleep_log\"", "\"nappy_log\""];
    let exempt = |found: &String| {
        ["test", "conformance", "sync/sim/", "json!"].iter().any(|of_a_test| found.contains(of_a_test))
    };
    for room in ["api", "server", "browser", "sync"] {
        let mut found = offenders(room, &names);
        found.retain(|line| !exempt(line));
        assert_eq!(found, Vec::<String>::new());
    }
}

/// B45, B84: who wins is decided by one function, and asked in one place.
#[test]
fn b45_merging_is_asked_for_in_one_place() {
    let asks = |line: &&str| line.contains("standing(") && !line.contains("fn standing(");
    let asking: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| !name.contains("tests") && code(text).any(|line| asks(&line)))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(asking, ["domain/apply.rs"]);
}

/// B14: the parts of the sync are put together in one place for people; everywhere else by tests.
#[test]
fn b14_the_sync_is_put_together_in_one_place() {
    for part in ["Driver::new(", "LocalStore::open(", "Engine::new("] {
        let places: Vec<String> = sources()
            .into_iter()
            .filter(|(name, text)| !name.contains("tests") && code(text).any(|line| line.contains(part)))
            .map(|(name, _)| name)
            .filter(|name| !name.starts_with("sync/sim/") && !name.starts_with("sync/conformance"))
            .collect();
        let engine_within_driver = if part == "Engine::new(" { "sync/driver/mod.rs" } else { "browser/session.rs" };
        assert_eq!(places, [engine_within_driver], "{part}");
    }
}

/// C04: an event is never changed once it is written.
#[test]
fn c04_no_statement_changes_an_event() {
    for (name, text) in sources().iter().filter(|(name, _)| name.starts_with("server/") && !name.contains("test")) {
        assert!(!text.to_lowercase().contains("update sync_events"), "{name}");
    }
}

/// Every test and every file that docs/security.md calls a proof is there.
#[test]
fn every_proof_that_the_security_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut tests: String = sources().into_iter().map(|(_, text)| text).collect();
    for file in ["src/tidy.rs", "tests/serve.rs", "tests/flood.rs", "tests/kill.rs"] {
        tests += &fs::read_to_string(root.join(file)).unwrap();
    }
    let is_there = |proof: &str| {
        if proof.contains(['/', '.']) { root.join(proof).is_file() } else { tests.contains(&format!("fn {proof}(")) }
    };
    let rows = page.lines().filter(|line| line.starts_with("| V"));
    let proofs: Vec<&str> = rows
        .filter_map(|row| row.trim_end_matches('|').rsplit_once('|'))
        .flat_map(|(_, proofs)| proofs.split('`').skip(1).step_by(2))
        .collect();
    assert!(proofs.len() > 60, "the table is read: {proofs:?}");
    let elsewhere: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains('/') && word.contains('.') && !word.contains(' '))
        .collect();
    let missing: Vec<_> = proofs.iter().chain(&elsewhere).filter(|proof| !is_there(proof)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
