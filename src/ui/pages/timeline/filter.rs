//! What a person looks for in the timeline: kinds of entries, who wrote them, words. Kept while the app
//! is open.

use leptos::prelude::*;

use crate::{
    domain::{
        id::{BabyId, UserId},
        registry::EntityType,
        row::Row,
        time::Timestamp,
        units::VolumeUnit,
    },
    ui::{
        entry::{says, type_words},
        nursery::Nursery,
        words::tr,
    },
};

/// The value of the list of caregivers for those who are none any more.
pub(super) const FORMER: &str = "former";

/// As it stands in the controls.
#[derive(Clone, Copy)]
pub(crate) struct Filter {
    /// Names of types; none means all.
    pub(super) types: RwSignal<Vec<&'static str>>,
    /// A caregiver's id, [`FORMER`], or empty for anyone.
    pub(super) by: RwSignal<String>,
    pub(super) words: RwSignal<String>,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Self { types: RwSignal::default(), by: RwSignal::default(), words: RwSignal::default() }
    }

    pub(super) fn clear(self) {
        self.types.set(Vec::new());
        self.by.set(String::new());
        self.words.set(String::new());
    }

    /// What to look for in the log of the baby on screen; `None` when nothing is asked.
    pub(super) fn wanted(self, nursery: Nursery) -> Option<Wanted> {
        let baby_id = nursery.baby_id()?;
        let types = self.types.get();
        let words: Vec<String> = self.words.with(|words| folded(words).split_whitespace().map(str::to_owned).collect());
        let by = self.author(nursery, baby_id);
        if types.is_empty() && words.is_empty() && matches!(by, Author::Anyone) {
            return None;
        }
        let is_wanted = |known: &EntityType| types.is_empty() || types.contains(&known.name());
        let types = log_types().filter(is_wanted).collect();
        let me = nursery.replica.account.with(|account| account.user_id);
        Some(Wanted { baby_id, types, by, words, me })
    }

    fn author(self, nursery: Nursery, baby_id: BabyId) -> Author {
        let now_here: Vec<UserId> = caregivers(nursery, baby_id).into_iter().map(|(user, _)| user).collect();
        self.by.with(|by| match by.parse().ok() {
            // Of another baby: nobody here goes by that id.
            Some(user) if now_here.contains(&user) => Author::User(user),
            None if by == FORMER => Author::NoneOf(now_here),
            _ => Author::Anyone,
        })
    }

    /// The kinds and the caregiver that are chosen, in words; empty for none.
    pub(super) fn summary(self, nursery: Nursery) -> String {
        let types = self.types.get();
        let mut parts: Vec<String> = log_types()
            .filter(|known| types.contains(&known.name()))
            .map(|known| type_words(known).to_owned())
            .collect();
        let by = self.by.get();
        let caregivers = options_by(nursery);
        parts.extend(caregivers.into_iter().find(|(id, _)| !id.is_empty() && *id == by).map(|(_, name)| name));
        parts.join(", ")
    }
}

/// What can be looked for by kind.
pub(super) fn log_types() -> impl Iterator<Item = EntityType> {
    EntityType::all().filter(|known| known.is_log())
}

/// Who can have written it: value and name.
pub(super) fn options_by(nursery: Nursery) -> Vec<(String, String)> {
    let baby_id = nursery.baby_id().unwrap_or(BabyId(uuid::Uuid::nil()));
    let here = caregivers(nursery, baby_id).into_iter().map(|(user, name)| (user.to_string(), name));
    let anyone = (String::new(), tr!(search.anyone).to_owned());
    let former = (FORMER.to_owned(), tr!(search.former).to_owned());
    std::iter::once(anyone).chain(here).chain([former]).collect()
}

/// This person first, who is one of them before the server has said so.
fn caregivers(nursery: Nursery, baby_id: BabyId) -> Vec<(UserId, String)> {
    let me = nursery.replica.account.with(|account| account.user_id);
    let mut here = vec![(me, tr!(search.you).to_owned())];
    nursery.replica.caregivers.with(|all| {
        let others = all.iter().filter(|known| known.baby_id == baby_id && known.user_id != me);
        here.extend(others.map(|known| (known.user_id, known.display_name.clone())));
    });
    here
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Author {
    Anyone,
    User(UserId),
    NoneOf(Vec<UserId>),
}

/// What is looked for, as it was when the search began.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) baby_id: BabyId,
    /// At least one.
    pub(super) types: Vec<EntityType>,
    by: Author,
    /// Folded; an entry has to say each of them.
    words: Vec<String>,
    /// Who wrote what the server has not seen.
    me: UserId,
}

impl Wanted {
    /// `unit` and `now` are those in which the entry's words are shown.
    pub(super) fn takes(&self, row: &Row, unit: VolumeUnit, now: Timestamp) -> bool {
        let author = row.server.logged_by.unwrap_or(self.me);
        let is_by = match &self.by {
            Author::Anyone => true,
            Author::User(user) => *user == author,
            Author::NoneOf(users) => !users.contains(&author),
        };
        is_by
            && (self.words.is_empty() || {
                let said = folded(&says(row, unit, now));
                self.words.iter().all(|word| said.contains(word.as_str()))
            })
    }
}

/// Without capitals and accents, by the browser's tables: `bebe` finds `Bébé`.
fn folded(text: &str) -> String {
    let plain = String::from(js_sys::JsString::from(text).normalize("NFD").to_lower_case());
    // What NFD takes off a letter of the Latin, Greek and Cyrillic scripts.
    plain.chars().filter(|letter| !('\u{300}'..='\u{36f}').contains(letter)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::domain::{id::EntityId, row::ServerFields};

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn takes(by: Author, words: &str, author: Option<UserId>) -> bool {
        let fields = json!({ "startedAt": "2026-11-20T02:10:00.000Z", "type": "poo", "notes": "Bébé ÉTAIT gai" });
        let baby_id = BabyId(Uuid::from_u128(9));
        let row = Row {
            entity_type: EntityType::NAPPY_LOG,
            id: EntityId(Uuid::from_u128(8)),
            baby_id,
            fields: serde_json::from_value(fields).unwrap(),
            server: ServerFields { logged_by: author, ..ServerFields::default() },
        };
        let words = folded(words).split_whitespace().map(str::to_owned).collect();
        let wanted = Wanted { baby_id, types: vec![EntityType::NAPPY_LOG], by, words, me: user(1) };
        wanted.takes(&row, VolumeUnit::Ml, Timestamp::default())
    }

    #[wasm_bindgen_test]
    fn an_entry_is_found_by_each_of_the_words_whatever_their_capitals_and_accents() {
        for words in ["", "bebe", "ETAIT", "gai poo", "nappy  bébé"] {
            assert!(takes(Author::Anyone, words, None), "{words}");
        }
        for words in ["bebe triste", "wee", "gaiété"] {
            assert!(!takes(Author::Anyone, words, None), "{words}");
        }
    }

    #[wasm_bindgen_test]
    fn what_the_server_has_not_seen_is_of_this_person_and_who_left_is_a_former_caregiver() {
        assert!(takes(Author::User(user(1)), "", None));
        assert!(!takes(Author::User(user(2)), "", None));
        assert!(takes(Author::User(user(2)), "", Some(user(2))));
        assert!(takes(Author::NoneOf(vec![user(1), user(2)]), "", Some(user(3))));
        assert!(!takes(Author::NoneOf(vec![user(1), user(2)]), "", None));
    }
}
