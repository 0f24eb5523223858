//! Turns errors into words, hints and exit codes, all in one place.

use super::Exit;
use crate::{
    engine::EngineError,
    model::Finding,
    platform::PlatformError,
    reconcile::{CatalogError, LockError, PassError, PullError},
    source::SourceError,
    telemetry,
};

/// Why a command ended without doing its work.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What happened, with its causes.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// Findings that say it better.
    pub findings: Vec<Finding>,
}

impl CliError {
    /// An error without advice.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None, findings: Vec::new() }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Settings or manifests that are invalid.
    pub fn invalid(message: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::new(Exit::Invalid, message) }
    }
}

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        let help = match &error {
            SourceError::Io { .. } => "check that the path exists and can be read",
            SourceError::RefusedPath { .. } => "take it out of the source; nothing was read",
            SourceError::Hidden { .. } => {
                "bring it back with `git sparse-checkout add FOLDER`, or all files with `git sparse-checkout disable`"
            }
            SourceError::TooLarge { .. } => "point the source at the folder of the manifests",
            SourceError::Unreachable { .. } | SourceError::Deadline { .. } => {
                "check the network and the server; nothing was changed"
            }
            SourceError::Unauthorized { .. } => "check `source.git.auth` in the settings",
            SourceError::Untrusted { .. } => "if the server really changed, pin its new key or certificate by hand",
            SourceError::Missing { .. } => "check `ref` and `path` of the source in the settings",
            SourceError::Mismatch { .. } => "if the new content is what you want, pin its SHA-256",
            SourceError::Settings(_) => "mend `source` in the settings",
            SourceError::Child(_) => "run with `--log debug` to see more",
        };
        Self::new(Exit::Source, telemetry::chain(&error)).with_help(help)
    }
}

impl From<CatalogError> for CliError {
    fn from(error: CatalogError) -> Self {
        let settings = "see `catalogs` in the settings";
        let (exit, help) = match &error {
            CatalogError::Fetch { .. } => (Exit::Source, settings),
            CatalogError::NotInSource(_) | CatalogError::Io { .. } | CatalogError::Content { .. } => {
                (Exit::Invalid, settings)
            }
            CatalogError::NeverPulled(_) => {
                (Exit::Platform, "`lockstep catalog pull` fetches it while the platform is there, and keeps it")
            }
            CatalogError::Kept { .. } => (Exit::Internal, "`lockstep catalog pull` fetches it anew"),
        };
        Self::new(exit, telemetry::chain(&error)).with_help(help)
    }
}

impl From<PullError> for CliError {
    fn from(error: PullError) -> Self {
        let message = telemetry::chain(&error);
        match error {
            PullError::Platform(error) => error.into(),
            PullError::Content { .. } => {
                Self::new(Exit::Platform, message).with_help("what was kept before is untouched")
            }
            PullError::Keep(_) => {
                Self::new(Exit::Internal, message).with_help("check `state` in the settings and who may write there")
            }
        }
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        let (exit, help) = of_engine(&error);
        Self::new(exit, telemetry::chain(&error)).with_help(help)
    }
}

/// The exit code and the advice of an engine's error.
pub(super) fn of_engine(error: &EngineError) -> (Exit, &'static str) {
    match error {
        EngineError::Unreachable { .. } => (
            Exit::Engine,
            "is the engine running, and may this user reach it? see `engine.docker.host` in the settings",
        ),
        EngineError::ForeignContainer { .. } => {
            (Exit::Guard, "remove or rename that container by hand, or give the instance another name")
        }
        EngineError::AnotherManager { .. } => (
            Exit::Guard,
            "stop the other manager, then take its containers over with `lockstep adopt`, or remove that container by hand",
        ),
        EngineError::MissingNetwork(_) => (Exit::Engine, "create the network, or name another one in the settings"),
        EngineError::Image { .. } => {
            (Exit::Engine, "check the image's name and tag, and `engine.docker.registries` in the settings")
        }
        EngineError::Settings(_) => (Exit::Invalid, "see `engine.docker` in the settings"),
        EngineError::Forbidden { .. } => (Exit::Engine, "check what this user may do on the engine"),
        EngineError::Wedged { .. } | EngineError::Down { .. } => (Exit::Engine, "run the command again"),
        EngineError::Refused { .. }
        | EngineError::NoSuchContainer(_)
        | EngineError::Deadline { .. }
        | EngineError::Answer { .. } => (Exit::Engine, "`lockstep doctor` shows what the engine can do"),
    }
}

impl From<PassError> for CliError {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Source(error) => error.into(),
            PassError::Catalog(error) => error.into(),
            PassError::Engine(error) => error.into(),
        }
    }
}

impl From<LockError> for CliError {
    fn from(error: LockError) -> Self {
        let message = telemetry::chain(&error);
        match error {
            LockError::Held { .. } => {
                Self::new(Exit::Guard, message).with_help("stop the other one, or give this one another `owner`")
            }
            LockError::Io { .. } => {
                Self::new(Exit::Internal, message).with_help("check `state` in the settings and who may write there")
            }
        }
    }
}

impl From<PlatformError> for CliError {
    fn from(error: PlatformError) -> Self {
        Self::new(Exit::Platform, error.line()).with_help(error.help())
    }
}
