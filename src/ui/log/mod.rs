//! The sheets in which a feed, a sleep or a nappy is written down, and changed later; the baby's own
//! profile is changed in one as well.

mod baby;
mod bottle;
mod breast;
mod delete_baby;
mod feed;
mod form;
mod history;
mod nappy;
mod sleep;

use leptos::prelude::*;

pub(crate) use self::form::text_of;
use self::{baby::BabySheet, feed::FeedSheet, nappy::NappySheet, sleep::SleepSheet};
use super::nursery::Nursery;
use crate::{
    domain::{
        feed_log::FeedLog,
        id::{BabyId, MutationId},
        registry::EntityType,
        row::Row,
    },
    sync::query::Select,
};

/// Which sheet is open, and with which entry when one is changed.
#[derive(Clone)]
pub(crate) enum Sheet {
    Feed(Option<Row>),
    Sleep(Option<Row>),
    /// A new one that is over.
    PastSleep,
    /// A running one, about to end.
    StopSleep(Row),
    Nappy(Option<Row>),
    Baby(Row),
}

impl Sheet {
    fn of(row: Row) -> Option<Self> {
        if row.entity_type == EntityType::FEED_LOG {
            Some(Self::Feed(Some(row)))
        } else if row.entity_type == EntityType::SLEEP_LOG {
            Some(Self::Sleep(Some(row)))
        } else if row.entity_type == EntityType::NAPPY_LOG {
            Some(Self::Nappy(Some(row)))
        } else if row.entity_type == EntityType::BABY {
            Some(Self::Baby(row))
        } else {
            None
        }
    }
}

/// A dead letter: of which baby, and which.
pub(crate) type LetterId = (BabyId, MutationId);

/// The open sheet, if any, and the dead letter that saving it is to send again.
#[derive(Clone, Copy)]
pub(crate) struct Sheets {
    open: RwSignal<Option<Sheet>>,
    letter: StoredValue<Option<LetterId>>,
}

impl Sheets {
    pub(crate) fn new() -> Self {
        Self { open: RwSignal::new(None), letter: StoredValue::new(None) }
    }

    pub(crate) fn open(self, sheet: Sheet) {
        self.show(sheet, None);
    }

    fn show(self, sheet: Sheet, letter: Option<LetterId>) {
        self.letter.set_value(letter);
        self.open.set(Some(sheet));
    }

    pub(crate) fn is_open(self) -> bool {
        self.open.with(Option::is_some)
    }

    /// The sheet in which this entry is changed.
    pub(crate) fn edit(self, row: Row) {
        if let Some(sheet) = Sheet::of(row) {
            self.show(sheet, None);
        }
    }

    /// The same for what a dead letter says; saving sends it as something new.
    pub(crate) fn edit_letter(self, row: Row, letter: LetterId) {
        if let Some(sheet) = Sheet::of(row) {
            self.show(sheet, Some(letter));
        }
    }
}

/// The newest feeds of the baby on screen: the tiles show the last one, the sheet takes its values.
#[derive(Clone, Copy)]
pub(crate) struct RecentFeeds(ReadSignal<Option<Vec<Row>>>);

const RECENT_FEEDS: usize = 30;

impl RecentFeeds {
    pub(crate) fn provide(nursery: Nursery) {
        let rows = nursery.live(&[EntityType::FEED_LOG], |_| Select::Latest, Some(RECENT_FEEDS));
        provide_context(Self(rows));
    }

    pub(crate) fn are_read(self) -> bool {
        self.0.with(Option::is_some)
    }

    pub(crate) fn newest(self) -> Option<Row> {
        self.0.with(|rows| rows.as_ref()?.first().cloned())
    }

    /// Newest first.
    pub(crate) fn all(self) -> Vec<FeedLog> {
        self.0.with(|rows| rows.iter().flatten().filter_map(|row| row.read().ok()).collect())
    }

    /// This person's own feeds, or everybody's while they have none: the usual values.
    fn usual(self, nursery: Nursery) -> Vec<FeedLog> {
        let own = self.0.with(|rows| {
            let own = rows.iter().flatten().filter(|row| nursery.is_me(row.server.logged_by));
            own.filter_map(|row| row.read().ok()).collect::<Vec<FeedLog>>()
        });
        if own.is_empty() { self.all() } else { own }
    }
}

/// Shows the open sheet.
#[component]
pub(crate) fn SheetHost() -> impl IntoView {
    let sheets = expect_context::<Sheets>();
    let recent = expect_context::<RecentFeeds>();
    let on_close = Callback::new(move |()| sheets.open.set(None));
    // A sheet waits for the values it starts with, and is not built again when they change.
    let read = Memo::new(move |_| recent.are_read());
    move || {
        let sheet = read.get().then(|| sheets.open.get()).flatten()?;
        Some(match sheet {
            Sheet::Feed(row) => view! { <FeedSheet row=row on_close=on_close/> }.into_any(),
            Sheet::Sleep(row) => view! { <SleepSheet row=row is_over=false on_close=on_close/> }.into_any(),
            Sheet::StopSleep(row) => view! { <SleepSheet row=Some(row) is_over=true on_close=on_close/> }.into_any(),
            Sheet::PastSleep => view! { <SleepSheet row=None is_over=true on_close=on_close/> }.into_any(),
            Sheet::Nappy(row) => view! { <NappySheet row=row on_close=on_close/> }.into_any(),
            Sheet::Baby(row) => view! { <BabySheet row=row on_close=on_close/> }.into_any(),
        })
    }
}
