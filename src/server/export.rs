//! Everything that an account can read, as one JSON document made by the server.
//!
//! It is sent page by page, as a snapshot is, so a long log costs no memory; each page asks anew whether
//! the caller may read it. If that ends, or the server stops, the document breaks off and is no JSON.

use std::collections::VecDeque;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use futures::{Stream, stream};
use http::header;
use serde_json::json;

use super::{
    App, Call, accounts, caregivers, error::internal, gate::refuse, logs::RequestId, passkeys, session, snapshot,
};
use crate::{
    api::ApiError,
    domain::{id::BabyId, time::Timestamp},
    sync::protocol::MAX_PULL_LIMIT,
};

const FILE: &str = "attachment; filename=\"cradlelog.json\"";

/// `GET /api/account/export`. Not a server function: those answer in one piece.
pub(super) async fn export(State(app): State<App>, request: Request) -> Response {
    match Walk::begin(Call::of(&app, &request)).await {
        Ok(walk) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_DISPOSITION, FILE)];
            (headers, Body::from_stream(walk.document())).into_response()
        }
        Err(error) => refuse(request.extensions().get::<RequestId>(), error),
    }
}

/// Where the document is.
struct Walk {
    call: Call,
    /// What stands before the first baby.
    head: Option<String>,
    /// The babies to come, each with what stands before its entries.
    babies: VecDeque<(BabyId, String)>,
    /// The baby whose entries are being written, and where its next page begins.
    page: Option<(BabyId, Option<String>)>,
    is_first: bool,
    is_over: bool,
}

impl Walk {
    async fn begin(call: Call) -> Result<Self, ApiError> {
        let user = session::authenticate(&call).await?;
        let me = accounts::me(&call).await?;
        let (email, made_ms, now_ms): (String, i64, i64) = sqlx::query_as(
            "select email, (extract(epoch from created_at) * 1000)::bigint, (extract(epoch from now()) * 1000)::bigint
             from users
             where id = $1",
        )
        .bind(user.0)
        .fetch_optional(call.pool())
        .await?
        .ok_or_else(session::unauthenticated)?;
        let passkeys = passkeys::list(&call).await?.into_iter().map(|passkey| passkey.label);
        let account = json!({"userId": user, "email": email, "displayName": me.display_name,
            "createdAt": Timestamp::from_ms(made_ms), "passkeys": passkeys.collect::<Vec<_>>()});
        let exported_at = json!(Timestamp::from_ms(now_ms));
        let head = format!(
            r#"{{"format":"cradlelog-account","version":1,"exportedAt":{exported_at},"account":{account},"babies":["#
        );
        let mut babies = VecDeque::new();
        for baby in me.babies {
            let caregivers = json!(caregivers::list(&call, baby.baby_id).await?);
            let baby_id = baby.baby_id;
            let baby = json!(baby).to_string();
            let open = baby.strip_suffix('}').unwrap_or(&baby);
            babies.push_back((baby_id, format!(r#"{open},"caregivers":{caregivers},"entries":["#)));
        }
        Ok(Self { call, head: Some(head), babies, page: None, is_first: true, is_over: false })
    }

    fn document(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::try_unfold(self, async |mut walk| Ok(walk.next().await?.map(|part| (Bytes::from(part), walk))))
    }

    /// The next part of the document; `None` after the last.
    async fn next(&mut self) -> Result<Option<String>, ApiError> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        if let Some((baby, after)) = self.page.take() {
            return self.entries(baby, after).await.map(Some);
        }
        if let Some((baby, open)) = self.babies.pop_front() {
            self.page = Some((baby, None));
            let comma = if std::mem::take(&mut self.is_first) { "" } else { "," };
            return Ok(Some(format!("{comma}{open}")));
        }
        Ok((!std::mem::replace(&mut self.is_over, true)).then(|| "]}\n".to_owned()))
    }

    /// One page of a baby's entries, as a snapshot tells them, and after the last the baby's end.
    async fn entries(&mut self, baby: BabyId, after: Option<String>) -> Result<String, ApiError> {
        let mut is_first = after.is_none();
        let limit = Some(MAX_PULL_LIMIT.to_string());
        let asked = snapshot::Asked { baby_id: Some(baby.to_string()), after, limit };
        let page = snapshot::snapshot(&self.call, asked).await?;
        let mut text = String::new();
        for row in &page.rows {
            if !std::mem::take(&mut is_first) {
                text.push(',');
            }
            text += &serde_json::to_string(row).map_err(|error| internal(&error))?;
        }
        match page.next {
            Some(next) => self.page = Some((baby, Some(next))),
            None => text += "]}",
        }
        Ok(text)
    }
}
