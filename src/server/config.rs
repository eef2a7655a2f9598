//! What an operator can set, by flag or by environment variable, parsed before anything starts.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum, builder::PossibleValue};
use http::{HeaderName, Uri};

use crate::api::SignUpRule;

#[derive(Args, Clone, Debug)]
pub struct DatabaseConfig {
    /// Where Postgres is, for example postgres://user@localhost/cradlelog
    #[arg(long, env, hide_env_values = true)]
    pub database_url: String,
    /// How many connections this process may hold
    #[arg(long, env, default_value_t = 16)]
    pub database_connections: u32,
}

/// Five devices that poll every five seconds make one a second, and hundreds at once after a week.
pub(super) const DEFAULT_ACCOUNT_RATE: u32 = 20;

#[derive(Args, Clone, Debug)]
pub struct ServeConfig {
    /// The address and port to listen on
    #[arg(long, env, default_value = "127.0.0.1:3000")]
    pub listen_addr: SocketAddr,
    /// The directory with index.html, sw.js and pkg/
    #[arg(long, env, default_value = "target/site")]
    pub site_dir: PathBuf,
    /// The address people type, when a proxy stands in front: https://baby.example.org
    #[arg(long, env)]
    pub public_url: Option<PublicUrl>,
    /// Who may make an account: anybody, whoever was invited to a baby, or nobody. The first account needs
    /// the set-up token in the log, except on an open server that only this machine reaches
    #[arg(long, env, value_enum, default_value_t = SignUpRule::Open)]
    pub sign_up: SignUpRule,
    /// The header in which your own proxy puts the caller's address, such as x-real-ip. Without it
    /// the address of the connection counts; never set it when callers can reach this port directly
    #[arg(long, env)]
    pub client_ip_header: Option<HeaderName>,
    /// How many devices may fetch everything anew, or import, at the same time; others wait a little
    #[arg(long, env, default_value_t = 16)]
    pub bulk_leases: u16,
    /// How many requests a second one account, all its devices together, may go on making; those of a minute
    /// may come at once. Whoever is not signed in shares as many with their network. A large push counts as
    /// several requests. Each server counts its own
    #[arg(long, env, default_value_t = DEFAULT_ACCOUNT_RATE, value_parser = clap::value_parser!(u32).range(1..))]
    pub account_rate: u32,
    /// How many connections there may be at the same time; more than 20,000 streams of hints there never are
    #[arg(long, env, default_value_t = 24_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: u32,
    /// How long a connection may say nothing, or take to say what it asks for, in seconds. Longer than your
    /// own proxy keeps its idle connections to us
    #[arg(long, env, default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..))]
    pub silence_secs: u64,
    /// How often open streams of hints are checked, in seconds: a session or an access that was
    /// taken away ends or narrows its streams after at most so long
    #[arg(long, env, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=4))]
    pub hint_check_secs: u64,
    /// How often what no device needs any more is let go, in seconds; 0 leaves it to the command
    /// `compact`
    #[arg(long, env, default_value_t = 21_600)]
    pub compact_every_secs: u64,
    /// Where figures for Prometheus are served, at /metrics; nowhere, if not given. Keep it private
    #[arg(long, env)]
    pub metrics_addr: Option<SocketAddr>,
}

impl ServeConfig {
    /// Whether people reach the app over TLS; it decides the cookie's name and HSTS.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.0.starts_with("https://"))
    }
}

impl ValueEnum for SignUpRule {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Open, Self::Invite, Self::Closed]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }))
    }
}

#[derive(Args, Clone, Copy, Debug)]
pub struct LogConfig {
    /// How log lines look
    #[arg(long, env, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// An origin exactly as browsers send it: scheme and host in lower case, no path, no default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    pub fn origin(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('/').to_lowercase();
        let uri: Uri = text.parse().map_err(|_| format!("{text:?} is not a URL"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = uri.host().ok_or_else(|| format!("{text:?} names no host"))?;
        let default_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(format!("{text:?} must begin with https:// or http://")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(format!("{text:?} must not have a path"));
        }
        Ok(match uri.port_u16().filter(|port| *port != default_port) {
            Some(port) => Self(format!("{scheme}://{host}:{port}")),
            None => Self(format!("{scheme}://{host}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(text.parse::<PublicUrl>().ok().as_ref().map(PublicUrl::origin), expect, "{text}");
        };
        check("https://Baby.example.org/", Some("https://baby.example.org"));
        check("https://baby.example.org:443", Some("https://baby.example.org"));
        check("http://127.0.0.1:3000", Some("http://127.0.0.1:3000"));
        check("baby.example.org", None);
        check("ftp://baby.example.org", None);
        check("https://baby.example.org/app", None);
    }
}
