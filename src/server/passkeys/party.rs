//! Whom a browser makes passkeys for: this server, by the address that people know it by. A passkey
//! belongs to a host's name for good, which is why an operator should choose that with care.

use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

use super::LIFETIME;
use crate::server::config::ServeConfig;

/// What a person reads in their browser's list of passkeys.
const NAME: &str = "Cradlelog";

pub(in crate::server) struct RelyingParty {
    origin: String,
    webauthn: Webauthn,
}

impl RelyingParty {
    /// The public address or, on the machine itself, localhost; none where browsers make no passkeys: at
    /// an address of numbers, and beyond this machine without TLS.
    pub(in crate::server) fn of(config: &ServeConfig) -> Option<Self> {
        let here = || format!("http://localhost:{}", config.listen_addr.port());
        let origin = config.public_url.as_ref().map_or_else(here, |url| url.origin().to_owned());
        let url = Url::parse(&origin).ok()?;
        let host = url.domain()?;
        let is_this_machine = host == "localhost" || host.ends_with(".localhost");
        if url.scheme() != "https" && !is_this_machine {
            return None;
        }
        let webauthn = WebauthnBuilder::new(host, &url).ok()?.rp_name(NAME).timeout(LIFETIME).build().ok()?;
        Some(Self { origin: url.origin().ascii_serialization(), webauthn })
    }

    /// As a browser tells the origin of a page of ours.
    pub(in crate::server) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn webauthn(&self) -> &Webauthn {
        &self.webauthn
    }
}
