//! The buttons in the thumb's reach. The first one is nearest to the hand that holds the phone.

use leptos::prelude::*;

use super::{TodayRows, timers::stop_sleep};
use crate::{
    domain::{field::Fields, registry::EntityType},
    ui::{
        acts::Acts,
        clock::now,
        components::icon::{Glyph, Icon},
        intl,
        log::{Sheet, Sheets},
        nursery::Nursery,
        prefs::Prefs,
        router::A,
        words::tr,
    },
};

/// `more` is what is done less often, and lies above the buttons.
#[component]
pub(super) fn QuickLog(rows: TodayRows, more: bool) -> impl IntoView {
    let sheets = expect_context::<Sheets>();
    let prefs = expect_context::<Prefs>();
    let feed = move || button("feed", Glyph::Bottle, tr!(quick.feed), move || sheets.open(Sheet::Feed(None)));
    let nappy = move || button("nappy", Glyph::Nappy, tr!(quick.nappy), move || sheets.open(Sheet::Nappy(None)));
    // Order of the page, so that what is seen first is also focused first.
    let buttons = move || {
        if prefs.side() == "start" {
            view! { {feed()} {nappy()} <SleepButton rows=rows/> }.into_any()
        } else {
            view! { <SleepButton rows=rows/> {nappy()} {feed()} }.into_any()
        }
    };
    view! {
        <section class="quick" aria-label=tr!(quick.label)>
            {more.then(|| view! {
                <div class="quick-more">
                    <A href="/bedside" attr:class="quick-past"><Icon glyph=Glyph::Moon/>{tr!(bedside.title)}</A>
                    <button type="button" class="quick-past" on:click=move |_| sheets.open(Sheet::PastSleep)>
                        <Icon glyph=Glyph::Clock/>
                        {tr!(quick.past_sleep)}
                    </button>
                </div>
            })}
            <div class="quick-buttons">{buttons}</div>
        </section>
    }
    .into_any()
}

fn button(kind: &'static str, glyph: Glyph, words: &'static str, act: impl Fn() + 'static) -> AnyView {
    view! {
        <button type="button" class="quick-button" data-kind=kind on:click=move |_| act()>
            <Icon glyph=glyph/>
            <span>{words}</span>
        </button>
    }
    .into_any()
}

/// Starts a sleep at once, or ends the one that runs.
#[component]
fn SleepButton(rows: TodayRows) -> impl IntoView {
    let acts = expect_context::<Acts>();
    let nursery = expect_context::<Nursery>();
    let running = Memo::new(move |_| {
        rows.running.with(|rows| rows.iter().flatten().find(|row| row.entity_type == EntityType::SLEEP_LOG).cloned())
    });
    let is_running = Memo::new(move |_| running.with(Option::is_some));
    let press = move || match running.get_untracked() {
        Some(row) => stop_sleep(acts, row),
        None => start_sleep(acts, nursery),
    };
    move || {
        if is_running.get() {
            button("sleep", Glyph::Sun, tr!(quick.woke_up), press)
        } else {
            button("sleep", Glyph::Moon, tr!(quick.start_sleep), press)
        }
    }
}

fn start_sleep(acts: Acts, nursery: Nursery) {
    let Some(baby_id) = untrack(|| nursery.baby_id()) else { return };
    let mut fields = Fields::new();
    fields.insert("startedAt".into(), now().to_string().into());
    fields.insert("zone".into(), intl::device_zone().into());
    acts.create_now(EntityType::SLEEP_LOG, baby_id, fields, tr!(said.sleep_started).to_owned());
}
