//! A breastfeed: a timer that starts on a side, or one that is over, by minutes on each side.

use leptos::prelude::*;

use super::{
    form::{Form, SheetActions, text_of},
    history::History,
};
use crate::{
    domain::{
        feed_log::{FeedLog, Method, Side},
        field::Fields,
        registry::EntityType,
        row::{Row, to_fields},
        since::next_side,
        time::Timestamp,
    },
    ui::{
        clock::now,
        components::{choice::Choice, notes_field::NotesField, stepper::MinutesStepper, time_field::TimeField},
        words::tr,
    },
};

const MINUTE_MS: i64 = 60_000;
/// Per side; longer ones are typed as a start and a stop of the timer.
const MAX_MINUTES: i64 = 180;
const TIMER: &str = "timer";
const OVER: &str = "over";

#[derive(Clone, Copy)]
struct BreastDraft {
    mode: RwSignal<String>,
    at: RwSignal<Timestamp>,
    left: RwSignal<i64>,
    right: RwSignal<i64>,
    end_side: RwSignal<String>,
    notes: RwSignal<String>,
    offered: Side,
}

impl BreastDraft {
    fn of(row: Option<&Row>, known: Option<&FeedLog>, usual: &[FeedLog]) -> Self {
        let (left, right) = known.map_or((0, 0), |feed| feed.side_ms(now()));
        let over = known.is_some_and(|feed| feed.ended_at.is_some());
        let offered = next_side(usual).unwrap_or(Side::Left);
        let end_side = known.and_then(FeedLog::last_side).unwrap_or(offered);
        Self {
            mode: RwSignal::new(if over { OVER } else { TIMER }.to_owned()),
            at: RwSignal::new(known.map_or_else(now, |feed| feed.started_at)),
            left: RwSignal::new(left / MINUTE_MS),
            right: RwSignal::new(right / MINUTE_MS),
            end_side: RwSignal::new(if end_side == Side::Left { "left" } else { "right" }.to_owned()),
            notes: RwSignal::new(text_of(row, "notes")),
            offered,
        }
    }

    fn is_over(self) -> bool {
        self.mode.with(|mode| mode == OVER)
    }

    fn end_side(self) -> Side {
        if self.end_side.with_untracked(|side| side == "left") { Side::Left } else { Side::Right }
    }

    /// The feed by minutes; what was timed to the second stays so while the minutes are the same.
    fn nursed(self, known: Option<&FeedLog>) -> FeedLog {
        let (at, left, right) = (self.at.get_untracked(), self.left.get_untracked(), self.right.get_untracked());
        if let Some(known) = known {
            let (known_left, known_right) = known.side_ms(now());
            let same = (left, right) == (known_left / MINUTE_MS, known_right / MINUTE_MS);
            if same && known.last_side() == Some(self.end_side()) {
                let mut moved = known.clone();
                moved.move_start(at);
                return moved;
            }
        }
        FeedLog::nursed(at, left * MINUTE_MS, right * MINUTE_MS, self.end_side())
    }

    fn fields(self, mut feed: FeedLog) -> Fields {
        let notes = self.notes.get_untracked().trim().to_owned();
        feed.notes = (!notes.is_empty()).then_some(notes);
        to_fields(&feed).unwrap_or_default()
    }
}

#[component]
pub(crate) fn BreastForm(row: Option<Row>, usual: Vec<FeedLog>) -> impl IntoView {
    let form = Form::new();
    let known: Option<FeedLog> =
        row.as_ref().and_then(|row| row.read().ok()).filter(|feed: &FeedLog| feed.method == Method::Breast);
    let draft = BreastDraft::of(row.as_ref(), known.as_ref(), &usual);
    let is_new = row.is_none();
    let modes = vec![(TIMER, tr!(feed.timer)), (OVER, tr!(feed.over))];
    let minutes = move || draft.is_over().then(|| view! { <BreastMinutes draft=draft/> });
    view! {
        <div class="sheet-body">
            {is_new.then(|| view! { <Choice legend=tr!(feed.mode) name="mode" options=modes value=draft.mode quiet_legend=true/> })}
            <TimeField label=tr!(feed.started) at=draft.at zone=form.nursery.zone/>
            {minutes}
            <details class="more" prop:open=!is_new>
                <summary>{tr!(field.details)}</summary>
                <NotesField notes=draft.notes/>
            </details>
            <History form=form row=row.clone()/>
        </div>
        <BreastActions form=form row=row known=known draft=draft/>
    }
    .into_any()
}

#[component]
fn BreastMinutes(draft: BreastDraft) -> impl IntoView {
    let sides = vec![("left", tr!(feed.left)), ("right", tr!(feed.right))];
    view! {
        <MinutesStepper label=tr!(feed.left_minutes) minutes=draft.left max=MAX_MINUTES/>
        <MinutesStepper label=tr!(feed.right_minutes) minutes=draft.right max=MAX_MINUTES/>
        <Choice legend=tr!(feed.ended_on) name="endSide" options=sides value=draft.end_side/>
    }
}

/// Start left or right for a new timer, otherwise save.
#[component]
fn BreastActions(form: Form, row: Option<Row>, known: Option<FeedLog>, draft: BreastDraft) -> impl IntoView {
    let is_new = row.is_none();
    let store = move |seen: Option<Row>, feed: FeedLog, said: &'static str| {
        form.save(EntityType::FEED_LOG, seen, draft.fields(feed), said);
    };
    let seen = row.clone();
    let known = StoredValue::new(known);
    let save = move |_| {
        let feed = known.with_value(|known| match known {
            Some(running) if !draft.is_over() => {
                let mut feed = running.clone();
                feed.move_start(draft.at.get_untracked());
                feed
            }
            known => draft.nursed(known.as_ref()),
        });
        store(seen.clone(), feed, tr!(said.feed));
    };
    let save = StoredValue::new(save);
    let start = move |side: Side| {
        let words = if side == Side::Left { tr!(feed.start_left) } else { tr!(feed.start_right) };
        let class = if side == draft.offered { "button side button-primary" } else { "button side" };
        let press = move |_| store(None, FeedLog::nursing(side, draft.at.get_untracked()), tr!(said.feed_started));
        view! { <button type="button" class=class prop:disabled=move || form.is_busy() on:click=press>{words}</button> }
    };
    let buttons = move || {
        if is_new && !draft.is_over() {
            view! { {start(Side::Left)} {start(Side::Right)} }.into_any()
        } else {
            let press = move |ev| save.with_value(|save| save(ev));
            view! {
                <button type="button" class="button button-primary" prop:disabled=move || form.is_busy() on:click=press>
                    {tr!(action.save)}
                </button>
            }
            .into_any()
        }
    };
    view! { <SheetActions form=form row=row error=form.error(&[])>{buttons}</SheetActions> }
}
