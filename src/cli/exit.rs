//! The exit codes, fixed, since scripts key on them.

use std::process::ExitCode;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done; with `plan --detailed-exitcode`: nothing to change.
    Done,
    /// Internal error.
    Internal,
    /// `plan --detailed-exitcode`: there are changes.
    Changes,
    /// Invalid manifests or settings; findings were printed.
    Invalid,
    /// A secret could not be opened.
    Secret,
    /// The source could not be read.
    Source,
    /// The engine could not be reached or refused.
    Engine,
    /// The platform could not be reached or refused.
    Platform,
    /// Applied in part.
    Partial,
    /// Refused by a guard.
    Guard,
    /// Wrong use of the command line.
    Usage,
}

impl Exit {
    /// Every exit code.
    pub const ALL: &'static [Self] = &[
        Self::Done,
        Self::Internal,
        Self::Changes,
        Self::Invalid,
        Self::Secret,
        Self::Source,
        Self::Engine,
        Self::Platform,
        Self::Partial,
        Self::Guard,
        Self::Usage,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Changes => 2,
            Self::Invalid => 3,
            Self::Secret => 4,
            Self::Source => 5,
            Self::Engine => 6,
            Self::Platform => 7,
            Self::Partial => 8,
            Self::Guard => 9,
            Self::Usage => 64,
        }
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; with `plan --detailed-exitcode`: nothing to change",
            Self::Internal => "internal error",
            Self::Changes => "`plan --detailed-exitcode`: there are changes",
            Self::Invalid => "invalid manifests or settings (findings were printed)",
            Self::Secret => "a secret could not be opened",
            Self::Source => "the source could not be read",
            Self::Engine => "the engine could not be reached or refused",
            Self::Platform => "the platform could not be reached or refused",
            Self::Partial => "applied in part",
            Self::Guard => "refused by a guard (stale plan or snapshot, prune limit, foreign container, lock held)",
            Self::Usage => "wrong use of the command line",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
