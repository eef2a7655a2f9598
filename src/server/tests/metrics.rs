//! Figures for a machine that watches us.

use axum::body::Body;
use http::Request;
use serde_json::json;
use sqlx::PgPool;
use tower::ServiceExt;
use uuid::Uuid;

use super::app::{TestApp, bottle, create};
use crate::server::metrics::router;

async fn figures(app: &TestApp) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = router(app.app.clone()).oneshot(request).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// C49: what was answered, judged and written is counted, by pattern and by status.
#[sqlx::test]
async fn c49_figures_tell_requests_verdicts_events_streams_and_connections(pool: PgPool) {
    let app = TestApp::with(pool, |config| config.metrics_addr = Some("127.0.0.1:0".parse().unwrap())).await;
    let ada = app.sign_up("ada").await;
    let baby = ada.baby("Mia").await;
    let feed = create(Uuid::now_v7(), "feed_log", bottle(90));
    ada.push(baby, vec![feed.clone(), json!({"mutationId": "x"})]).await.ok();
    ada.push(baby, vec![feed]).await.ok();
    ada.pull(baby, 99).await;
    app.anonymous().get(&format!("/api/nothing/{baby}")).await;
    let stream = ada.request(http::Method::GET, "/api/sync/hints").body(Body::empty()).unwrap();
    let stream = app.stream(stream).await;
    let text = figures(&app).await;
    for line in [
        r#"cradlelog_requests_total{path="/api/sync/push",status="200"} 3"#,
        r#"cradlelog_requests_total{path="/api/sync/pull",status="409"} 1"#,
        r#"cradlelog_requests_total{path="/api/{*rest}",status="404"} 1"#,
        r#"cradlelog_push_verdicts_total{status="applied"} 2"#,
        r#"cradlelog_push_verdicts_total{status="duplicate"} 1"#,
        r#"cradlelog_push_verdicts_total{status="rejected"} 1"#,
        "cradlelog_events_total 2",
        "cradlelog_live_rows 2",
        "cradlelog_babies 1",
        "cradlelog_hint_streams 1",
        "# TYPE cradlelog_requests_total counter",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} in {text}");
    }
    assert!(text.contains(r#"cradlelog_database_connections{state="idle"}"#), "{text}");
    let private = [baby.to_string(), ada.user_id.to_string(), "ada".into()];
    assert!(private.iter().all(|private| !text.contains(private)), "{text}");
    drop(stream);
    assert!(figures(&app).await.contains("cradlelog_hint_streams 0\n"));
    app.app.close_lanes();
    app.pool.close().await;
    let text = figures(&app).await;
    assert!(text.contains("cradlelog_requests_total") && !text.contains("cradlelog_babies"), "{text}");
}
