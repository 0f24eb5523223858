//! Why a platform did not do what it was asked.

use std::time::Duration;

use crate::model::{Condition, PlatformName};

/// Why a platform did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what} at platform `{platform}`")]
pub struct PlatformError {
    /// The platform's key in the settings.
    pub platform: PlatformName,
    /// What it was asked for: `register a connector`.
    pub what: &'static str,
    /// What went wrong; its words hold neither the token nor the URL.
    #[source]
    pub failure: Failure,
}

/// What went wrong between us and a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The settings of the platform can't work.
    #[error("bad platform settings: {0}")]
    Settings(String),
    /// The platform could not be reached, or broke off.
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The proxy of the settings wants to know who we are, or does not take who we say we are.
    #[error("its proxy refused who we are (HTTP 407)")]
    ProxyRefused,
    /// No secure connection came about.
    #[error("no trusted TLS connection: {0}")]
    Tls(String),
    /// The token can't be read from where the settings say it is.
    #[error("the token can't be read: {0}")]
    NoToken(String),
    /// The token is not taken.
    #[error("the token was refused ({0})")]
    Unauthorized(String),
    /// The token is taken, and does not allow this.
    #[error("the token lacks the capability {capability} ({text})")]
    Forbidden {
        /// The capability that the operation needs.
        capability: &'static str,
        /// The platform's words, bounded and escaped.
        text: String,
    },
    /// The platform understood, and refused.
    #[error("it refused: {text}")]
    Refused {
        /// The platform's code: `FUNCTIONAL_ERROR`, `GRAPHQL_VALIDATION_FAILED`; empty where it gives none.
        code: String,
        /// The platform's words, bounded and escaped.
        text: String,
    },
    /// It runs without the licence that managed connectors need.
    #[error(
        "it has no valid enterprise licence, which managed connectors need ({text}); `registration: self` works without"
    )]
    NoLicence {
        /// The platform's words, bounded and escaped.
        text: String,
    },
    /// Another connector manager stands there, and the platform takes one for good.
    #[error(
        "it has another connector manager for good: {registered}; to stand in its place, give the settings its id and its \
         private key (`manager: {{id, key}}`)"
    )]
    OtherManager {
        /// Which one, as far as the platform says so, bounded and escaped.
        registered: String,
    },
    /// It knows our id with another public key, and seals for that one.
    #[error(
        "it has this connector manager's id with another key ({registered}), for which it has sealed its secrets; it would \
         not seal them anew for ours, so ours was not registered"
    )]
    OtherKey {
        /// What it has registered, as far as it says so, bounded and escaped.
        registered: String,
    },
    /// It does not know the manager that we say we are, as after it was restored; registering once more mends it.
    #[error("it does not know this connector manager, which has to register once more ({text})")]
    UnknownManager {
        /// The platform's words, bounded and escaped.
        text: String,
    },
    /// This release of it can't do that.
    #[error("this release of it can't: {0}")]
    Unsupported(String),
    /// The answer sends us elsewhere, where the token is not taken along.
    #[error("it redirects elsewhere (HTTP {status}), which is not followed")]
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// What answers does not speak GraphQL: a login page, a proxy.
    #[error("the answer is not GraphQL (HTTP {status}, {content_type})")]
    NotGraphQl {
        /// The HTTP status.
        status: u16,
        /// What the answer calls itself, bounded and escaped.
        content_type: String,
    },
    /// What answers does not speak JSON: a login page, a proxy.
    #[error("the answer is not JSON (HTTP {status}, {content_type})")]
    NotJson {
        /// The HTTP status.
        status: u16,
        /// What the answer calls itself, bounded and escaped.
        content_type: String,
    },
    /// The answer is of the right form, and not what was asked for.
    #[error("the answer can't be understood: {0}")]
    Answer(String),
    /// The answer is longer than what is read.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The platform wants to be asked less often.
    #[error("it asks for fewer requests (HTTP 429)")]
    RateLimited {
        /// How long to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// The platform failed by itself.
    #[error("it failed (HTTP {status})")]
    Server {
        /// The HTTP status.
        status: u16,
    },
}

/// Codes of refusals that pass by themselves: the platform's own database or a lock.
const PASSING_CODES: [&str; 3] = ["DATABASE_ERROR", "LOCK_ERROR", "INTERNAL_SERVER_ERROR"];

impl Failure {
    /// Whether the same request can succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::NotJson { .. }
            | Self::Timeout(_)
            | Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::NotGraphQl { .. }
            | Self::TooLarge { .. }
            | Self::UnknownManager { .. } => true,
            Self::Refused { code, .. } => PASSING_CODES.contains(&code.as_str()),
            Self::Settings(_)
            | Self::ProxyRefused
            | Self::Tls(_)
            | Self::NoToken(_)
            | Self::Unauthorized(_)
            | Self::Forbidden { .. }
            | Self::NoLicence { .. }
            | Self::OtherManager { .. }
            | Self::OtherKey { .. }
            | Self::Unsupported(_)
            | Self::Redirected { .. }
            | Self::Answer(_) => false,
        }
    }

    /// The same in one word.
    pub fn condition(&self) -> Condition {
        match self {
            Self::Settings(_) => Condition::BadSettings,
            Self::Unreachable(_) => Condition::Unreachable,
            Self::Timeout(_) => Condition::NoAnswer,
            Self::Tls(_) => Condition::Untrusted,
            Self::NoToken(_) => Condition::TokenUnreadable,
            Self::Unauthorized(_) => Condition::TokenRefused,
            Self::Forbidden { .. } => Condition::RightMissing,
            Self::Refused { code, .. } if PASSING_CODES.contains(&code.as_str()) => Condition::ServerError,
            Self::Refused { .. } => Condition::Refused,
            Self::NoLicence { .. } => Condition::NoLicence,
            Self::OtherManager { .. } => Condition::OtherManager,
            Self::OtherKey { .. } => Condition::OtherKey,
            Self::ProxyRefused => Condition::ProxyRefused,
            Self::UnknownManager { .. } => Condition::ManagerUnknown,
            Self::Unsupported(_) => Condition::Unsupported,
            Self::Redirected { .. } => Condition::Redirected,
            Self::NotGraphQl { .. } | Self::NotJson { .. } => Condition::NotThePlatform,
            Self::Answer(_) => Condition::BadAnswer,
            Self::TooLarge { .. } => Condition::EndlessAnswer,
            Self::RateLimited { .. } => Condition::RateLimited,
            Self::Server { .. } => Condition::ServerError,
        }
    }

    /// Whether only this request is at fault: the platform refuses it, or fails at it while it carries out others.
    pub(super) fn is_of_request(&self, others_work: bool) -> bool {
        match self {
            Self::Refused { .. } => others_work || !self.is_transient(),
            Self::Settings(_) | Self::Unsupported(_) => true,
            Self::Answer(_) | Self::TooLarge { .. } | Self::Server { status: 500 } => others_work,
            Self::Unreachable(_)
            | Self::Timeout(_)
            | Self::ProxyRefused
            | Self::Tls(_)
            | Self::NoToken(_)
            | Self::Unauthorized(_)
            | Self::Forbidden { .. }
            | Self::NoLicence { .. }
            | Self::OtherManager { .. }
            | Self::OtherKey { .. }
            | Self::UnknownManager { .. }
            | Self::Redirected { .. }
            | Self::NotGraphQl { .. }
            | Self::NotJson { .. }
            | Self::RateLimited { .. }
            | Self::Server { .. } => false,
        }
    }

    /// How long the platform asks us to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            // How long it will be away is its guess alone.
            Self::Server { .. }
            | Self::Settings(_)
            | Self::Unreachable(_)
            | Self::Timeout(_)
            | Self::ProxyRefused
            | Self::Tls(_)
            | Self::NoToken(_)
            | Self::Unauthorized(_)
            | Self::Forbidden { .. }
            | Self::Refused { .. }
            | Self::NoLicence { .. }
            | Self::OtherManager { .. }
            | Self::OtherKey { .. }
            | Self::UnknownManager { .. }
            | Self::Unsupported(_)
            | Self::Redirected { .. }
            | Self::NotGraphQl { .. }
            | Self::NotJson { .. }
            | Self::Answer(_)
            | Self::TooLarge { .. } => None,
        }
    }
}

impl PlatformError {
    /// Whether the same request can succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        self.failure.is_transient()
    }

    /// What to do about it; the words of some failures say it themselves.
    pub fn help(&self) -> String {
        let at = |field: &str| format!("`platforms.{}.{field}`", self.platform);
        match &self.failure {
            Failure::Unreachable(_) | Failure::Timeout(_) => {
                format!("check {} and {}, and that the platform runs", at("url"), at("proxy"))
            }
            Failure::ProxyRefused => format!("say who Lockstep is at the proxy in {}", at("proxyAuth")),
            Failure::Settings(_) => {
                format!("correct `platforms.{}` in the settings, or what the manifest says", self.platform)
            }
            Failure::Tls(_) => format!("name the certificates to trust in {}", at("ca")),
            Failure::Unauthorized(_) | Failure::NoToken(_) => {
                format!("put a token that the platform takes where {} says", at("token"))
            }
            Failure::Redirected { .. } | Failure::NotGraphQl { .. } | Failure::NotJson { .. } => {
                format!("{} must be the platform's own address, not that of a login page or proxy", at("url"))
            }
            Failure::RateLimited { .. } | Failure::Server { .. } | Failure::TooLarge { .. } => {
                "look into the platform's own log, and try again later".to_owned()
            }
            Failure::OtherKey { .. } => format!(
                "name the file of the registered key in {}; where the key was changed on purpose, name the new one there and \
                 the former one in {}; where another manager uses this id, stop it first",
                at("manager.key"),
                at("manager.formerKey")
            ),
            Failure::Forbidden { .. }
            | Failure::Refused { .. }
            | Failure::NoLicence { .. }
            | Failure::OtherManager { .. }
            | Failure::UnknownManager { .. }
            | Failure::Unsupported(_)
            | Failure::Answer(_) => "`lockstep doctor` says what the settings need of the platform".to_owned(),
        }
    }

    /// The error and its cause in one line.
    pub fn line(&self) -> String {
        format!("{self}: {}", self.failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_the_setting() {
        let help =
            |failure| PlatformError { platform: PlatformName::try_from("p").unwrap(), what: "ask", failure }.help();
        assert!(help(Failure::Unauthorized(String::new())).contains("`platforms.p.token`"));
        assert!(help(Failure::Timeout(Duration::ZERO)).contains("`platforms.p.url`"));
        assert!(help(Failure::Tls(String::new())).contains("`platforms.p.ca`"));
        assert!(help(Failure::ProxyRefused).contains("`platforms.p.proxyAuth`"));
    }

    #[test]
    fn what_passes_by_itself_is_transient() {
        let refused = |code: &str| Failure::Refused { code: code.to_owned(), text: String::new() };
        assert!(refused("DATABASE_ERROR").is_transient());
        assert!(!refused("FUNCTIONAL_ERROR").is_transient());
        assert!(refused("FUNCTIONAL_ERROR").is_of_request(false));
        assert!(!refused("DATABASE_ERROR").is_of_request(false));
        assert!(Failure::Server { status: 500 }.is_transient());
        assert!(!Failure::Unauthorized(String::new()).is_transient());
        assert!(!Failure::Unauthorized(String::new()).is_of_request(true));
    }
}
