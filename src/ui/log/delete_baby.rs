//! Deleting a baby with everything logged: what will happen first, then the button that does it. It is
//! saved and sent like any delete, so it works offline and can be taken back.

use leptos::prelude::*;

use super::form::{Form, text_of};
use crate::{
    domain::row::Row,
    ui::{acts::Acts, words::tr},
};

#[component]
pub(super) fn DeleteBaby(form: Form, row: Row) -> impl IntoView {
    let acts = expect_context::<Acts>();
    let nursery = form.nursery;
    let (baby, name) = (row.baby_id, text_of(Some(&row), "name"));
    let summary = tr!(baby.delete, name = name.clone());
    let row = StoredValue::new(row);
    let delete = move |_| {
        acts.delete_baby(row.get_value());
        form.close();
    };
    let inside = move || {
        let name = name.clone();
        if nursery.is_new(baby) {
            return view! { <p>{tr!(baby.delete_later)}</p> }.into_any();
        }
        let offline = nursery.replica.status.with(|status| !status.online);
        view! {
            <p>{tr!(baby.delete_text, name = name.clone())}</p>
            {offline.then(|| view! { <p>{tr!(baby.delete_offline)}</p> })}
            <div class="button-row">
                <a class="button" href="/api/account/export" download="cradlelog.json">{tr!(leave.export)}</a>
                <button type="button" class="button button-danger" on:click=delete>{tr!(baby.delete_now, name = name)}</button>
            </div>
        }
        .into_any()
    };
    nursery.is_owner().then(|| view! { <details class="more"><summary>{summary}</summary>{inside}</details> })
}
