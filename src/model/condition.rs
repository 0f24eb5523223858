//! What can be wrong with a platform, each in one word.

/// What is wrong with a platform, or with what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// It could not be reached, or broke off.
    Unreachable,
    /// It did not answer in time.
    NoAnswer,
    /// No secure connection comes about.
    Untrusted,
    /// Our token can't be read from where the settings say it is.
    TokenUnreadable,
    /// It does not take our token.
    TokenRefused,
    /// Our token lacks a right.
    RightMissing,
    /// It understands, and refuses.
    Refused,
    /// It lacks the licence for what is asked.
    NoLicence,
    /// Another connector manager stands there.
    OtherManager,
    /// Our id stands there with another key than ours.
    OtherKey,
    /// The proxy before it asks who we are.
    ProxyRefused,
    /// It does not know us as its connector manager.
    ManagerUnknown,
    /// Its release can't do what is asked.
    Unsupported,
    /// It sends us elsewhere.
    Redirected,
    /// What answers is not the platform: a login page, a proxy.
    NotThePlatform,
    /// Its answer makes no sense: a null where a value is promised, a time that is none.
    BadAnswer,
    /// Its answer does not end.
    EndlessAnswer,
    /// It asks for fewer requests.
    RateLimited,
    /// It fails by itself.
    ServerError,
    /// The settings of it can't work.
    BadSettings,
    /// It lists nothing, though there was something.
    EmptyListing,
    /// It uses words that we do not know.
    UnknownWord,
    /// Its clock is off.
    ClockOff,
}

impl Condition {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no-answer",
            Self::Untrusted => "untrusted",
            Self::TokenUnreadable => "token-unreadable",
            Self::TokenRefused => "token-refused",
            Self::RightMissing => "right-missing",
            Self::Refused => "refused",
            Self::NoLicence => "no-licence",
            Self::OtherManager => "other-manager",
            Self::OtherKey => "other-key",
            Self::ProxyRefused => "proxy-refused",
            Self::ManagerUnknown => "manager-unknown",
            Self::Unsupported => "unsupported",
            Self::Redirected => "redirected",
            Self::NotThePlatform => "not-the-platform",
            Self::BadAnswer => "bad-answer",
            Self::EndlessAnswer => "endless-answer",
            Self::RateLimited => "rate-limited",
            Self::ServerError => "server-error",
            Self::BadSettings => "bad-settings",
            Self::EmptyListing => "empty-listing",
            Self::UnknownWord => "unknown-word",
            Self::ClockOff => "clock-off",
        }
    }
}
