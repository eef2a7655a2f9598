//! From configuration to a listening server, and back to silence without cutting anyone off.

use std::{io::Write, time::Duration};

use tokio::{net::TcpListener, signal};

use super::{
    App, compact,
    config::{DatabaseConfig, ServeConfig},
    connections::{self, Limits},
    db, metrics,
    router::router,
    sign_up,
};

/// Requests in flight get this long to end once we were asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Migrates, listens, and serves until interrupted.
///
/// # Errors
/// The database or the address is not to be had.
pub async fn serve(database: &DatabaseConfig, config: ServeConfig) -> anyhow::Result<()> {
    db::migrate(database).await?;
    let pool = db::connect(database).await?;
    let listener = TcpListener::bind(config.listen_addr).await?;
    let address = listener.local_addr()?;
    // With the port that the system chose, if it was asked to: passkeys belong to it.
    let config = ServeConfig { listen_addr: address, ..config };
    let figures = metrics::bind(&config).await?;
    if !address.ip().is_loopback() && !config.is_https() {
        tracing::warn!("listening beyond this machine without TLS: set PUBLIC_URL to the https address people use");
    }
    if let Some(token) = sign_up::first_run(&pool, &config, address.ip()).await? {
        tracing::warn!("there is no account yet; the first one needs this set-up token: {token}");
    }
    let app = App::new(pool.clone(), config);
    let limits = Limits::of(app.config());

    let beside = [tokio::spawn(compact::regularly(app.clone())), tokio::spawn(metrics::serve(app.clone(), figures))];

    // Scripts wait for this line.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = connections::serve(listener, router(app.clone()), limits, {
        let app = app.clone();
        async move {
            interrupted().await;
            tracing::info!("stopping");
            app.drain();
            // Nobody is left to tell only if serving has already ended.
            let _ = stop.send(());
        }
    });
    let deadline = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(GRACE).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = serving => {}
        () = deadline => tracing::warn!("some requests were cut off"),
    }
    beside.iter().for_each(tokio::task::JoinHandle::abort);
    app.close_lanes();
    pool.close().await;
    Ok(())
}

/// Returns at the first interrupt or request to terminate.
async fn interrupted() {
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        // Without a handler we could not be stopped gently: stop now.
        _ = signal::ctrl_c() => {}
        () = terminate => {}
    }
}
