//! The feed sheet: breast or bottle, with this person's last values, so that the usual feed is one
//! more tap.

use leptos::prelude::*;

use super::{RecentFeeds, bottle::BottleForm, breast::BreastForm, form::text_of};
use crate::{
    domain::{feed_log::Method, row::Row},
    ui::{
        components::{choice::Choice, sheet::Dialog},
        nursery::Nursery,
        words::tr,
    },
};

pub(super) const BREAST: &str = "breast";
pub(super) const BOTTLE: &str = "bottle";

#[component]
pub(crate) fn FeedSheet(row: Option<Row>, on_close: Callback<()>) -> impl IntoView {
    let title = if row.is_some() { tr!(feed.edit_title) } else { tr!(feed.title) };
    view! {
        <Dialog title=title.to_owned() on_close=on_close>
            <FeedForms row=row/>
        </Dialog>
    }
}

#[component]
fn FeedForms(row: Option<Row>) -> impl IntoView {
    let (recent, nursery) = (expect_context::<RecentFeeds>(), expect_context::<Nursery>());
    // The values that the sheet starts with; later feeds of others must not change what is typed.
    let usual = untrack(|| recent.usual(nursery));
    let method = match &row {
        Some(_) => text_of(row.as_ref(), "method"),
        None => match usual.first().map(|feed| feed.method) {
            Some(Method::Breast) => BREAST.to_owned(),
            Some(Method::Bottle) | None => BOTTLE.to_owned(),
        },
    };
    let method = RwSignal::new(method);
    let is_new = row.is_none();
    let row = StoredValue::new(row);
    let usual = StoredValue::new(usual);
    let methods = vec![(BREAST, tr!(feed.breast)), (BOTTLE, tr!(feed.bottle))];
    let is_breast = Memo::new(move |_| method.with(|method| method == BREAST));
    let form = move || {
        if is_breast.get() {
            view! { <BreastForm row=row.get_value() usual=usual.get_value()/> }.into_any()
        } else {
            view! { <BottleForm row=row.get_value() usual=usual.get_value()/> }.into_any()
        }
    };
    view! {
        {is_new.then(|| view! {
            <div class="sheet-tabs">
                <Choice legend=tr!(feed.method) name="method" options=methods value=method quiet_legend=true/>
            </div>
        })}
        {form}
    }
}
