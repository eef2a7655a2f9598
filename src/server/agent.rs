//! What a browser says of itself, as the two words by which a person knows a device again. Nothing
//! else of it is kept: the whole line with its versions would tell devices apart better than people do.

use http::HeaderValue;

/// The first whose mark is in the line: what others imitate stands behind its imitators.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];
const BROWSERS: [(&str, &str); 10] = [
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// A device in plain words, as far as it is known by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) browser: Option<&'static str>,
    pub(super) system: Option<&'static str>,
}

impl Agent {
    pub(super) fn of(header: Option<&HeaderValue>) -> Self {
        let line = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let find =
            |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| line.contains(mark)).map(|(_, name)| *name);
        Self { browser: find(&BROWSERS), system: find(&SYSTEMS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_known_by_its_own_name_and_not_by_what_it_imitates() {
        let check = |line: &'static str, browser: Option<&str>, system: Option<&str>| {
            let agent = Agent::of(Some(&HeaderValue::from_static(line)));
            assert_eq!((agent.browser, agent.system), (browser, system), "{line}");
        };
        let chrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36";
        check(chrome, Some("Chrome"), Some("Android"));
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
        check(safari, Some("Safari"), Some("iPhone"));
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
        check(edge, Some("Edge"), Some("Windows"));
        check("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", Some("Firefox"), Some("Linux"));
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/26.0 Safari/605.1.15",
            Some("Safari"),
            Some("Mac"),
        );
        check("curl/8.14.1", None, None);
        assert_eq!(Agent::of(None), Agent::default());
        assert_eq!(Agent::of(HeaderValue::from_bytes(b"\xff\xfe").ok().as_ref()), Agent::default());
    }
}
