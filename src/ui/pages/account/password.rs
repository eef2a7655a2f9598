//! Another password. All other devices are signed out by it.

use leptos::prelude::*;

use crate::{
    api,
    ui::{
        account::{AskForm, Asking},
        components::text_field::TextField,
        nursery::Nursery,
        toast::{Toasts, Tone},
        words::tr,
    },
};

#[component]
pub(super) fn ChangePassword() -> impl IntoView {
    let replica = expect_context::<Nursery>().replica;
    let toasts = expect_context::<Toasts>();
    let (password, new_password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            api::change_password(password.get_untracked(), new_password.get_untracked()).await?;
            // What was on its way under the old session was refused meanwhile.
            replica.port().signed_in();
            password.try_set(String::new());
            new_password.try_set(String::new());
            toasts.say(Tone::Good, tr!(password.changed));
            Ok(())
        }));
    });
    view! {
        <h2 class="section-title">{tr!(password.title)}</h2>
        <AskForm asking=asking words=tr!(password.change) on_submit=submit error=asking.at_field(None)>
            <TextField id="password" label=tr!(password.current) value=password kind="password" autocomplete="current-password"
                error=asking.at_field(Some("password"))/>
            <TextField id="new-password" label=tr!(password.new) value=new_password kind="password" autocomplete="new-password"
                hint=tr!(account.password_hint) error=asking.at_field(Some("newPassword"))/>
        </AskForm>
    }
    .into_any()
}
