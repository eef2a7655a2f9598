//! Sets for the app.

use std::collections::BTreeSet;

/// A set of these. `collect` would sort them first, with a sorting function for every type, and each is
/// 3 kB for a phone to load.
pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(items);
    set
}
