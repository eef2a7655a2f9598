//! Guests: until when this person is one; for an owner, what each one logged who was here lately.

use leptos::prelude::*;

use crate::{
    domain::{registry::EntityType, totals::by_type},
    sync::{
        query::Select,
        status::{Level, Stay},
    },
    ui::{
        clock::Ticker,
        components::icon::{Glyph, Icon},
        entry::{count_words, moment_words},
        intl,
        nursery::Nursery,
        replica::Device,
        router::A,
        words::tr,
    },
};

/// The ends of the stays whose summary was put away on this device.
const SEEN: &str = "guests-seen";
/// Of so many.
const SEEN_MOST: usize = 8;

#[component]
pub(super) fn Guests() -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let ticker = expect_context::<Ticker>();
    let device = expect_context::<Device>();
    let seen = RwSignal::new(device.port().setting(SEEN).unwrap_or_default());
    let put_away = Callback::new(move |stay: Stay| {
        seen.update(|seen| {
            let end = stay.until.as_ms().to_string();
            let ends: Vec<&str> = std::iter::once(end.as_str()).chain(seen.split(' ')).take(SEEN_MOST).collect();
            *seen = ends.join(" ");
            device.port().set_setting(SEEN, seen);
        });
    });
    // A guest's own stay, or those that an owner has yet to hear of; drawn anew only when they change.
    let shown = Memo::new(move |_| {
        let Some((level, mut stays)) =
            nursery.baby.with(|baby| baby.as_ref().map(|baby| (baby.level, baby.stays.clone())))
        else {
            return (false, Vec::new());
        };
        let is_owner = level == Level::Owner;
        stays.retain(|stay| {
            let end = stay.until.as_ms().to_string();
            let is_new = stay.unsent > 0 || seen.with(|seen| !seen.split(' ').any(|known| known == end));
            !is_owner || (stay.until <= ticker.now() && is_new)
        });
        (is_owner, stays)
    });
    let line = move |is_owner: bool, stay: Stay| {
        if is_owner {
            return view! { <WasHere stay=stay put_away=put_away/> }.into_any();
        }
        let time = nursery.zone.with(|zone| intl::time(zone, stay.until));
        view! { <p class="card-small">{tr!(guest.here, time = time)}</p> }.into_any()
    };
    move || {
        let (is_owner, stays) = shown.get();
        stays.into_iter().map(|stay| line(is_owner, stay)).collect::<Vec<_>>()
    }
}

/// Counted on this device, by author and time.
#[component]
fn WasHere(stay: Stay, put_away: Callback<Stay>) -> impl IntoView {
    let nursery = expect_context::<Nursery>();
    let types: Vec<EntityType> = EntityType::all().filter(|known| known.is_log()).collect();
    let (from, to, guest) = (stay.from, stay.until, stay.user_id);
    let rows = nursery.live(&types, move |_| Select::Started { from, to }, None);
    let name = stay.display_name.clone();
    let what = move || {
        let logged = rows.with(|rows| by_type(rows.iter().flatten().filter(|row| row.server.logged_by == Some(guest))));
        if logged.is_empty() { tr!(guest.nothing).to_owned() } else { count_words(&logged) }
    };
    let words = move || {
        let (from, to) = nursery.zone.with(|zone| (moment_words(zone, from), intl::time(zone, to)));
        tr!(guest.was_here, name = name.clone(), from = from, to = to, what = what())
    };
    let late = (stay.unsent > 0).then(|| {
        view! {
            <p>{tr!(guest.late, name = stay.display_name.clone(), count = stay.unsent)}</p>
            <A href="/sync" attr:class="button button-small">{tr!(notice.look)}</A>
        }
    });
    // What somebody has to decide on stays in sight.
    let dismiss = late.is_none().then(|| {
        let dismiss = move |_| put_away.run(stay.clone());
        view! {
            <button type="button" class="icon-button" aria-label=tr!(action.dismiss) on:click=dismiss>
                <Icon glyph=Glyph::Close/>
            </button>
        }
    });
    view! {
        <div class="card guest">
            {(from < to).then(|| view! { <p>{words}</p> })}
            {late}
            {dismiss}
        </div>
    }
    .into_any()
}
