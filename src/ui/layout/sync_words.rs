//! The state of the sync in one short sentence, calm and always true.

use crate::{
    sync::status::{Blocked, Progress, SyncError, SyncStatus},
    ui::{components::icon::Glyph, format::whole, words::tr},
};

/// What the chip shows. `tone` picks a colour; the words and the picture say the same.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SyncWords {
    pub(crate) glyph: Glyph,
    pub(crate) tone: &'static str,
    pub(crate) words: String,
}

const CALM: &str = "calm";
const BUSY: &str = "busy";
const NEEDS_YOU: &str = "needs-you";

pub(crate) fn sync_words(status: &SyncStatus) -> SyncWords {
    let say = |glyph, tone, words: String| SyncWords { glyph, tone, words };
    let unreachable = status.babies.iter().any(|baby| matches!(baby.error, Some(SyncError::Network)));
    match status.blocked {
        Some(Blocked::SignIn) => return say(Glyph::Key, NEEDS_YOU, tr!(sync.sign_in).to_owned()),
        Some(Blocked::UpdateApp) => return say(Glyph::Warning, NEEDS_YOU, tr!(sync.update).to_owned()),
        None => {}
    }
    if status.failed > 0 {
        say(Glyph::Warning, NEEDS_YOU, tr!(sync.needs_you, count = status.failed))
    } else if !status.online && status.waiting > 0 {
        say(Glyph::Offline, BUSY, tr!(sync.waiting_offline, count = status.waiting))
    } else if !status.online {
        say(Glyph::Offline, BUSY, tr!(sync.offline).to_owned())
    } else if unreachable && status.waiting > 0 {
        say(Glyph::Offline, BUSY, tr!(sync.waiting_retry, count = status.waiting))
    } else if unreachable {
        say(Glyph::Offline, BUSY, tr!(sync.retry).to_owned())
    } else if status.waiting > 0 {
        say(Glyph::Sync, BUSY, tr!(sync.sending, count = status.waiting))
    } else if let Some(progress) = status.babies.iter().find_map(|baby| baby.bootstrapping) {
        say(Glyph::Sync, BUSY, progress_words(progress))
    } else {
        say(Glyph::Check, CALM, tr!(sync.all_saved).to_owned())
    }
}

/// How much of a first copy is here.
pub(crate) fn progress_words(progress: Progress) -> String {
    match progress.of {
        Some(of) => tr!(sync.fetching, rows = whole(progress.rows), of = whole(of)),
        None => tr!(sync.getting).to_owned(),
    }
}
