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

/// A person's or a caregiver's name for the field `field`: one line, 1 to 80 characters.
pub(super) fn name(field: &str, text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > MAX_NAME_CHARS || name.chars().any(char::is_control) {
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
}
