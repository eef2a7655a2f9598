//! The examples of docs/api.md, run with curl against a listening server: a client that knows only
//! that page gets what it promises.

use std::net::SocketAddr;

use sqlx::PgPool;
use tokio::{net::TcpListener, process::Command};

use super::app::TestApp;
use crate::server::router::router;

const PAGE: &str = include_str!("../../../docs/api.md");

/// The page's `sh` blocks, in order, as one script.
fn script() -> String {
    let mut script = String::from("set -eu\n");
    let mut inside = false;
    for line in PAGE.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[sqlx::test]
async fn every_example_of_the_api_page_works(pool: PgPool) {
    let app = TestApp::new(pool).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router(app.app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, service).await });
    let dir = std::env::temp_dir().join(format!("cradlelog-docs-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&dir).unwrap();

    let mut shell = Command::new("sh");
    shell.args(["-c", &script()]).env("U", format!("http://{address}")).current_dir(&dir);
    let output = shell.output().await.expect("sh runs");
    serving.abort();

    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.ends_with("ready\n"), "{said}");
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Every call that is served has an example, and every error code a line.
#[test]
fn the_api_page_leaves_nothing_out() {
    let script = script();
    for path in
        server_fn::axum::server_fn_paths().map(|(path, _)| path).chain(["/api/sync/hints", "/api/account/export"])
    {
        assert!(script.contains(&format!("$U{path}")), "{path} has no example");
    }
    use crate::api::ErrorCode::*;
    for code in [
        Malformed,
        CursorAmbiguous,
        Unauthenticated,
        BadCredentials,
        NewPasswordNeeded,
        AccessRevoked,
        ReadOnly,
        Forbidden,
        CrossOrigin,
        UnknownBaby,
        UnknownCaregiver,
        InviteInvalid,
        NotFound,
        MethodNotAllowed,
        SignUpRefused,
        EmailTaken,
        LastOwner,
        EpochChanged,
        CursorExpired,
        InviteExpired,
        CeremonyExpired,
        BatchTooLarge,
        UnsupportedMediaType,
        InvalidPayload,
        ClientTooOld,
        RateLimited,
        Internal,
        Overloaded,
        ServerBehind,
    ] {
        let name = serde_json::to_value(code).unwrap();
        let row = format!("| {} | ", code.status().as_u16());
        let named =
            PAGE.lines().any(|line| line.starts_with(&row) && line.contains(&format!("`{}`", name.as_str().unwrap())));
        assert!(named, "{name} with {row}has no line");
    }
}
