//! The passkeys of this account: see them, add one, remove one. Either asks for the password.

use leptos::{prelude::*, task::spawn_local};
use uuid::Uuid;

use crate::{
    api::{self, MyPasskey},
    ui::{
        account::{AskForm, Asking, api_words, passkey},
        clock::Ticker,
        components::{
            retry::Retry,
            sheet::{CloseSheet, Dialog},
            text_field::TextField,
        },
        format::ago,
        replica::{Device, PasskeyAct},
        toast::{Toasts, Tone},
        words::tr,
    },
};

/// What is asked for: the id of the passkey that is to be removed, or nothing for a new one.
type Wish = RwSignal<Option<String>>;

#[component]
pub(super) fn Passkeys() -> impl IntoView {
    let here = expect_context::<Device>().port().passkey_origin();
    let mine = RwSignal::new(Vec::<MyPasskey>::new());
    // Why there can be no new one, once that is known; empty where there can.
    let hindrance = RwSignal::new(None::<String>);
    let error = RwSignal::new(None::<String>);
    // The name of the passkey that the wish is about.
    let (wish, label) = (Wish::new(None), RwSignal::new(String::new()));
    let look = Callback::new(move |()| {
        let here = here.clone();
        spawn_local(async move {
            let looked = async {
                let rules = api::sign_up_rules().await?;
                Ok((rules.passkeys_at, api::list_passkeys().await?))
            };
            match looked.await {
                Ok((at, list)) => {
                    mine.try_set(list);
                    hindrance.try_set(Some(hindrance_words(at, here)));
                    error.try_set(None);
                }
                Err(err) => {
                    error.try_set(Some(api_words(&err)));
                }
            }
        });
    });
    look.run(());
    let list = move || {
        let line = |passkey| view! { <Line passkey=passkey wish=wish label=label/> };
        mine.get().into_iter().map(line).collect::<Vec<_>>()
    };
    let add = move || {
        let hindrance = hindrance.get()?;
        if !hindrance.is_empty() {
            return Some(view! { <p>{hindrance}</p> }.into_any());
        }
        let add = move |_| {
            label.set(String::new());
            wish.set(Some(String::new()));
        };
        Some(view! { <button type="button" class="button" on:click=add>{tr!(passkeys.add)}</button> }.into_any())
    };
    let ask = move || {
        wish.get().map(|wanted| {
            let title = if wanted.is_empty() {
                tr!(passkeys.add).to_owned()
            } else {
                tr!(caregivers.remove_title, name = label.get_untracked())
            };
            view! {
                <Dialog title=title on_close=Callback::new(move |()| wish.set(None))>
                    <Ask removed=wanted.parse().ok() label=label look=look/>
                </Dialog>
            }
        })
    };
    view! {
        <h2 class="section-title">{tr!(passkeys.title)}</h2>
        <p class="lead">{tr!(passkeys.lead)}</p>
        <Retry error=error again=look/>
        <ul class="people">{list}</ul>
        {add}
        {ask}
    }
    .into_any()
}

/// Why this page can make no passkey; empty if it can.
fn hindrance_words(at: Option<String>, here: Option<String>) -> String {
    match (at, here) {
        (None, _) => tr!(passkeys.nowhere).to_owned(),
        (_, None) => tr!(passkeys.no_browser).to_owned(),
        (at, here) if at == here => String::new(),
        (Some(at), _) => tr!(passkeys.elsewhere, at = at),
    }
}

#[component]
fn Line(passkey: MyPasskey, wish: Wish, label: RwSignal<String>) -> impl IntoView {
    let ticker = expect_context::<Ticker>();
    let MyPasskey { passkey_id, created_at, last_used_at, label: name } = passkey;
    let used = move || match last_used_at {
        Some(at) => tr!(devices.used, when = ago(ticker.now(), at)),
        None => tr!(passkeys.made, when = ago(ticker.now(), created_at)),
    };
    let (shown, action) = (name.clone(), tr!(caregivers.remove_name, name = name.clone()));
    let remove = move |_| {
        label.set(name.clone());
        wish.set(Some(passkey_id.to_string()));
    };
    view! {
        <li class="person">
            <div class="person-words">
                <p class="person-name">{shown}</p>
                <p class="person-seen">{used}</p>
            </div>
            <button type="button" class="button button-small" aria-label=action on:click=remove>{tr!(caregivers.remove)}</button>
        </li>
    }
    .into_any()
}

#[component]
fn Ask(removed: Option<Uuid>, label: RwSignal<String>, look: Callback<()>) -> impl IntoView {
    let device = expect_context::<Device>();
    let toasts = expect_context::<Toasts>();
    let sheet = expect_context::<CloseSheet>();
    let password = RwSignal::new(String::new());
    let asking = Asking::new();
    let submit = Callback::new(move |()| {
        asking.ask(Box::pin(async move {
            let password = password.get_untracked();
            if let Some(id) = removed {
                api::remove_passkey(id, password).await?;
                toasts.say(Tone::Good, tr!(caregivers.removed));
            } else {
                let asked = api::begin_passkey(password, Some(label.get_untracked())).await?;
                let (id, made) = passkey(device, PasskeyAct::Make, asked).await?;
                api::finish_passkey(id, made).await?;
                toasts.say(Tone::Good, tr!(passkeys.added));
            }
            sheet.close();
            look.run(());
            Ok(())
        }));
    });
    let (words, lead) = match removed {
        Some(_) => (tr!(caregivers.remove), tr!(passkeys.remove_text)),
        None => (tr!(passkeys.add), tr!(passkeys.add_text)),
    };
    let named = removed.is_none().then(|| {
        view! { <TextField id="passkey-label" label=tr!(passkeys.label) value=label hint=tr!(passkeys.label_hint)/> }
    });
    view! {
        <div class="sheet-body">
            <p>{lead}</p>
            <AskForm asking=asking words=words on_submit=submit error=asking.at_field(None)>
                {named}
                <TextField id="passkey-password" label=tr!(account.password) value=password kind="password"
                    autocomplete="current-password" error=asking.at_field(Some("password"))/>
            </AskForm>
        </div>
    }
    .into_any()
}
