//! Hints: a stream of "this baby has reached this version" to whoever listens, so that the other
//! phone need not wait for its next poll. A hint carries nothing else, and all of them may be lost.
//!
//! After a push has committed, its baby waits up to 50 ms for others and is then named by a NOTIFY of
//! its own ([`news`]); inside the push that would take a lock of the whole database at each commit.
//! Every server process listens, and asks the database who of its listeners may know, and how far
//! the baby is by now. [`Hub`] holds the listeners of this process. A change of access, that somebody came
//! or went, and for an owner what waits in the tray, is announced in the same way and told as version 0.
//!
//! Invariant: whatever a stream tells was allowed to its session by a statement that began after the
//! change had committed, so nothing is told of what happens after a removal.

mod hub;
mod news;

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Request, State},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::Stream;
use http::HeaderName;

use super::{App, Call, error::internal, gate::refuse, logs::RequestId, session};
use crate::{api::ApiError, sync::protocol::Hint};
pub(super) use hub::Hub;
use hub::Listener;

/// A quiet stream says that it is alive this often, so that no proxy in between gives it up.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET /api/sync/hints`. Not a server function: those answer once.
pub(super) async fn hints(State(app): State<App>, request: Request) -> Response {
    match listen(&Call::of(&app, &request)).await {
        Ok(listener) => {
            // The first is for us alone; nginx would otherwise collect the stream before passing it on.
            let headers = [(HeaderName::from_static("x-accel-buffering"), "no")];
            (headers, stream(listener, HEARTBEAT)).into_response()
        }
        Err(error) => refuse(request.extensions().get::<RequestId>(), error),
    }
}

/// Joins the listeners. What there is to know now is told first: a device that was away has missed
/// hints.
async fn listen(call: &Call) -> Result<Listener, ApiError> {
    let user = session::authenticate(call).await?;
    let hash = call.token.as_ref().ok_or_else(session::unauthenticated)?.hash();
    let app = &call.app;
    news::start(app);
    let listener = app.hub().join(user, hash)?;
    news::tell(app, std::slice::from_ref(listener.ear()), None).await?;
    Ok(listener)
}

/// The answer of one listener, with a comment whenever it was quiet for `heartbeat`.
fn stream(listener: Listener, heartbeat: Duration) -> Response {
    Sse::new(told(listener)).keep_alive(KeepAlive::new().interval(heartbeat)).into_response()
}

/// It ends with the session, and when the server stops.
fn told(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(listener, async |listener| {
        let (baby_id, head) = listener.next().await?;
        let event = Event::default().json_data(Hint { baby_id, head });
        // A hint always has a JSON form; if it had none, a comment would do no harm.
        let event = event.unwrap_or_else(|error| Event::default().comment(internal(&error).message));
        Some((Ok(event), listener))
    })
}

impl App {
    /// A push to `baby`, or a change of who may see it or of its tray, has committed: whoever listens,
    /// anywhere, will hear of it.
    pub(super) fn announce(&self, baby: crate::domain::id::BabyId) {
        news::announce(self, baby);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::StreamExt;
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::UserId;

    #[tokio::test]
    async fn a_quiet_stream_says_that_it_is_alive() {
        let hub = Arc::new(Hub::new());
        let listener = hub.join(UserId(Uuid::nil()), vec![]).unwrap();
        let mut body = stream(listener, Duration::from_millis(1)).into_body().into_data_stream();
        for _ in 0..3 {
            assert_eq!(body.next().await.unwrap().unwrap(), ":\n\n");
        }
        hub.close();
        while let Some(Ok(beat)) = body.next().await {
            assert_eq!(beat, ":\n\n");
        }
        assert_eq!(hub.len(), 0, "a stream that ended holds no place");
    }
}
