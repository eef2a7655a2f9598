//! Today for one hand in the dark: the timers and the log buttons, as large as they can be, on a screen that
//! stays lit. Everything is done by the acts of Today.

use leptos::prelude::*;

use super::{TodayRows, quick_log::QuickLog, tiles::Tiles, timers::Timers};
use crate::ui::{
    clock::Ticker,
    components::{
        icon::{Glyph, Icon},
        in_turn::InTurn,
    },
    intl,
    nursery::Nursery,
    pages::{PageTitle, welcome::AddBaby},
    router::A,
    words::tr,
};

#[component]
pub(crate) fn BedsidePage() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let has_baby = Memo::new(move |_| nursery.baby.with(Option::is_some));
    let screen = move || {
        if has_baby.get() { view! { <Bedside/> }.into_any() } else { view! { <AddBaby/> }.into_any() }
    };
    view! {
        <PageTitle words=tr!(bedside.title)/>
        {screen}
    }
    .into_any()
}

#[component]
fn Bedside() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let rows = TodayRows::live(nursery);
    let time = Memo::new(move |_| nursery.zone.with(|zone| intl::time(zone, ticker.now())));
    let name = move || nursery.baby.with(|baby| baby.as_ref().map(|baby| baby.name.clone()));
    let may_log = Memo::new(move |_| nursery.may_log());
    view! {
        <section class="today bedside">
            <h1 class="visually-hidden">{tr!(bedside.title)}</h1>
            <header class="bedside-head">
                <p class="bedside-now"><span class="bedside-time">{move || time.get()}</span> " " <span>{name}</span></p>
                <A href="/" attr:class="button bedside-leave"><Icon glyph=Glyph::Close/>{tr!(bedside.leave)}</A>
            </header>
            <Timers rows=rows/>
            <Tiles rows=rows/>
            <InTurn>{move || may_log.get().then(|| view! { <QuickLog rows=rows more=false/> })}</InTurn>
        </section>
    }
    .into_any()
}
