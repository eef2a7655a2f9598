//! Today: what was last, what is running, and the buttons that log the next thing.

pub(crate) mod bedside;
mod guests;
mod quick_log;
mod tiles;
mod timers;

use leptos::prelude::*;

use self::{guests::Guests, quick_log::QuickLog, tiles::Tiles, timers::Timers};
use super::{PageTitle, settings::InstallHint, welcome::AddBaby};
use crate::{
    domain::{registry::EntityType, row::Row},
    sync::query::Select,
    ui::{
        components::in_turn::InTurn,
        layout::sync_words::progress_words,
        log::{Sheet, Sheets},
        nursery::Nursery,
        router::Router,
        words::tr,
    },
};

/// The rows that Today shows, live.
#[derive(Clone, Copy)]
struct TodayRows {
    sleeps: ReadSignal<Option<Vec<Row>>>,
    nappies: ReadSignal<Option<Vec<Row>>>,
    /// What is timed now.
    running: ReadSignal<Option<Vec<Row>>>,
}

impl TodayRows {
    fn live(nursery: Nursery) -> Self {
        Self {
            sleeps: nursery.live(&[EntityType::SLEEP_LOG], |_| Select::Latest, Some(20)),
            nappies: nursery.live(&[EntityType::NAPPY_LOG], |_| Select::Latest, Some(1)),
            running: nursery.live(&[EntityType::FEED_LOG, EntityType::SLEEP_LOG], |_| Select::Running, None),
        }
    }
}

#[component]
pub(crate) fn TodayPage() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    open_linked_sheet(nursery);
    let has_baby = Memo::new(move |_| nursery.baby.with(Option::is_some));
    let screen = move || {
        if has_baby.get() { view! { <Today/> }.into_any() } else { view! { <AddBaby/> }.into_any() }
    };
    view! {
        <PageTitle words=tr!(nav.today)/>
        {screen}
    }
    .into_any()
}

/// `/?log=feed` and its like, from the home screen's shortcuts: opens the sheet, once. For a sleep it
/// is the one that runs, if one does: the shortcut starts or stops.
fn open_linked_sheet(nursery: Nursery) {
    let sheets = expect_context::<Sheets>();
    let router = expect_context::<Router>();
    let linked = Memo::new(move |_| router.query("log"));
    let running = nursery.live(&[EntityType::SLEEP_LOG], |_| Select::Running, Some(1));
    Effect::new(move |_| {
        let sheet = match linked.get().as_deref() {
            Some("feed") => Sheet::Feed(None),
            Some("nappy") => Sheet::Nappy(None),
            Some("sleep") => match running.get() {
                Some(rows) => rows.into_iter().next().map_or(Sheet::Sleep(None), Sheet::StopSleep),
                None => return,
            },
            _ => return,
        };
        sheets.open(sheet);
        router.replace("/");
    });
}

#[component]
fn Today() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let rows = TodayRows::live(nursery);
    let may_log = Memo::new(move |_| nursery.may_log());
    let log = move || {
        if may_log.get() {
            view! { <QuickLog rows=rows more=true/> }.into_any()
        } else {
            view! { <p class="card">{tr!(today.read_only)}</p> }.into_any()
        }
    };
    view! {
        <section class="today">
            <h1 class="visually-hidden">{tr!(nav.today)}</h1>
            <Fetching/>
            <Guests/>
            <Timers rows=rows/>
            <InTurn><Tiles rows=rows/></InTurn>
            <InstallHint dismissable=true/>
            <InTurn>{log}</InTurn>
        </section>
    }
    .into_any()
}

/// While the first copy comes in, so that nobody takes what is not here yet for what never was.
#[component]
fn Fetching() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let progress = Memo::new(move |_| {
        let baby = nursery.baby_id()?;
        let progress = nursery.replica.status.with(|status| status.of(baby)?.bootstrapping)?;
        progress.of.is_some().then_some(progress)
    });
    move || progress.get().map(|progress| view! { <p class="card" role="status">{progress_words(progress)}</p> })
}
