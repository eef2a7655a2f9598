//! Identifiers: one type each, so that a baby's id cannot be passed where an entry's is meant.
//! All are UUIDs, written in lower case; those minted by a device are version 7.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// The tenant: everything recorded belongs to one baby.
    BabyId
);
id!(
    /// One recorded thing. Unique within its baby only: two babies may hold the same id.
    EntityId
);
id!(
    /// One intent of one person, the key of idempotency.
    MutationId
);
id!(
    /// One store on one device (an IndexedDB database); it says nothing about the person.
    ClientId
);
id!(
    /// An account.
    UserId
);

impl BabyId {
    /// The baby's own row has the id of its baby.
    pub fn entity(self) -> EntityId {
        EntityId(self.0)
    }
}
