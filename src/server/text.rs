//! What people type into account forms, parsed once at the border.

use crate::api::ApiError;

pub(super) const MAX_EMAIL_BYTES: usize = 254;
const MAX_NAME_CHARS: usize = 80;

/// An e-mail address in the one form it is compared in. Only a message can prove an address, so the
/// check is for shape alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Email(String);

impl Email {
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let email = text.trim().to_lowercase();
        let shaped = matches!(email.split_once('@'), Some((name, host)) if !name.is_empty() && !host.is_empty() && !host.contains('@'));
        let plain = !email.chars().any(|c| c.is_control() || c.is_whitespace());
        if shaped && plain && email.len() <= MAX_EMAIL_BYTES {
            Ok(Self(email))
        } else {
            Err(ApiError::invalid("email", "not an e-mail address"))
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Turns the direction of all that follows it, also of words that are not the name's.
fn turns_the_line(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Nothing is seen of it, so a name of these alone would be nobody's. Between others they have their use.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        )
        || matches!(c, '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
}

/// A person's or a caregiver's name for the field `field`: one line, 1 to 80 characters, that others can see
/// and that leaves their own words as they are.
pub(super) fn name(field: &str, text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    let forbidden = name.chars().any(|c| c.is_control() || turns_the_line(c));
    if forbidden || name.chars().all(is_unseen) || name.chars().count() > MAX_NAME_CHARS {
        return Err(ApiError::invalid(field, format!("{field} must be one line of 1 to {MAX_NAME_CHARS} characters")));
    }
    Ok(name.to_owned())
}

/// An optional label; blank means none.
pub(super) fn label(text: Option<String>) -> Result<Option<String>, ApiError> {
    text.filter(|text| !text.trim().is_empty()).map(|text| name("label", &text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(Email::parse(text).ok().as_ref().map(Email::as_str), expect, "{text:?}");
        };
        check(" Ada@Example.org ", Some("ada@example.org"));
        check("a@b", Some("a@b"));
        check("", None);
        check("ada", None);
        check("@example.org", None);
        check("ada@", None);
        check("a@b@c", None);
        check("a da@example.org", None);
        check("ada\0@example.org", None);
        check(&format!("{}@b", "a".repeat(260)), None);
    }

    #[test]
    fn names_are_one_short_line() {
        assert_eq!(name("displayName", "  Ada  ").unwrap(), "Ada");
        for bad in ["", "   ", "a\nb", "a\0b", &"x".repeat(81)] {
            assert_eq!(name("displayName", bad).unwrap_err().field.as_deref(), Some("displayName"), "{bad:?}");
        }
        assert_eq!(label(Some("  ".into())), Ok(None));
    }

    /// C45.
    #[test]
    fn a_name_is_seen_and_leaves_the_words_around_it_alone() {
        for bad in
            ["\u{200b}", "\u{200b} \u{2060}", "\u{3164}", "\u{feff}", "\u{202e}adA", "Ada\u{2067}", "A\u{2069}da"]
        {
            assert_eq!(name("label", bad).unwrap_err().field.as_deref(), Some("label"), "{bad:?}");
        }
        for good in ["👩🏽\u{200d}🍼", "نگار\u{200c}ی", "<script>", "עדה\u{200f}", "=1+1"] {
            assert_eq!(name("label", good).as_deref(), Ok(good));
        }
    }
}
