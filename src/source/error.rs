//! Why a source could not be read.

use std::{borrow::Cow, time::Duration};

/// Why a source could not be read; the last good revision stays in force.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or directory could not be read.
    #[error("failed to read `{path}`")]
    Io {
        /// The path as the user would name it.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A path in the source is not one that is read: a symlink out of the root, a submodule, a name with odd characters.
    #[error("refused `{path}`: {why}")]
    RefusedPath {
        /// The path below the root, escaped for printing.
        path: String,
        /// Why.
        why: Cow<'static, str>,
    },
    /// A file of the source is one that git keeps out of its work tree.
    #[error("`{path}` is not there only because git hides it (a sparse checkout)")]
    Hidden {
        /// The path below the root, escaped for printing.
        path: String,
    },
    /// The source is larger than what is read.
    #[error("the source is too large: {what} above the limit of {limit}")]
    TooLarge {
        /// What passed its bound.
        what: String,
        /// The bound.
        limit: u64,
    },
    /// The server could not be reached, or broke off.
    #[error("failed to reach `{url}`: {why}")]
    Unreachable {
        /// The URL without credentials.
        url: String,
        /// Why, in the words of the transport.
        why: String,
    },
    /// The server did not take the credentials.
    #[error("`{url}` refused the credentials: {why}")]
    Unauthorized {
        /// The URL without credentials.
        url: String,
        /// Why, in the words of the transport.
        why: String,
    },
    /// The server's ssh host key or TLS certificate is not the one that is trusted.
    #[error("`{url}` is not the server that is trusted: {why}")]
    Untrusted {
        /// The URL without credentials.
        url: String,
        /// Why.
        why: String,
    },
    /// The branch, tag or commit, or the path below the root, is not there.
    #[error("`{url}` has no {what}")]
    Missing {
        /// The URL without credentials.
        url: String,
        /// What is missing.
        what: String,
    },
    /// Reading took longer than its deadline and was stopped.
    #[error("reading `{what}` took longer than {} s and was stopped", deadline.as_secs())]
    Deadline {
        /// What was read.
        what: String,
        /// The deadline.
        deadline: Duration,
    },
    /// What was downloaded is not what the settings pin.
    #[error("`{url}` holds {actual}, and {expected} is pinned (SHA-256)")]
    Mismatch {
        /// The URL without credentials.
        url: String,
        /// The SHA-256 that is pinned, as 64 hexadecimal digits.
        expected: String,
        /// The SHA-256 of what came, as 64 hexadecimal digits.
        actual: String,
    },
    /// The settings of the source can't work.
    #[error("bad source settings: {0}")]
    Settings(String),
    /// The child process that fetches failed in a way it has no word for.
    #[error("the fetching process failed: {0}")]
    Child(String),
}
