//! The platforms and the kinds of connector they know.

/// A threat-management platform that connectors serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlatformKind {
    /// OpenCTI, whose connectors are called connectors.
    OpenCti,
    /// OpenAEV, whose connectors are collectors, injectors and executors.
    OpenAev,
}

impl PlatformKind {
    /// The word used in settings and outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenCti => "opencti",
            Self::OpenAev => "openaev",
        }
    }
}

/// How instances stand at a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Registration {
    /// The connector registers itself, with the id from its manifest.
    Itself,
    /// The platform manages the connector and Lockstep is its connector manager.
    Managed,
}

impl Registration {
    /// The word used in settings and outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "self",
            Self::Managed => "managed",
        }
    }
}

macro_rules! connector_kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal of $platform:ident,)+) => {
        /// What a connector does for its platform.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ConnectorKind {
            $($(#[$doc])* $variant,)+
        }

        impl ConnectorKind {
            /// The word the platform and its catalog use.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The kind that the platform's word names; none for a word that is not known.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The platform that has connectors of this kind.
            pub fn platform(self) -> PlatformKind {
                match self { $(Self::$variant => PlatformKind::$platform,)+ }
            }
        }
    };
}

connector_kinds! {
    /// Brings knowledge in on a schedule.
    ExternalImport = "EXTERNAL_IMPORT" of OpenCti,
    /// Reads uploaded files.
    InternalImportFile = "INTERNAL_IMPORT_FILE" of OpenCti,
    /// Adds to what is known about an entity.
    InternalEnrichment = "INTERNAL_ENRICHMENT" of OpenCti,
    /// Analyses content.
    InternalAnalysis = "INTERNAL_ANALYSIS" of OpenCti,
    /// Writes export files.
    InternalExportFile = "INTERNAL_EXPORT_FILE" of OpenCti,
    /// Follows the live stream.
    Stream = "STREAM" of OpenCti,
    /// Gathers detections.
    Collector = "COLLECTOR" of OpenAev,
    /// Carries out injects.
    Injector = "INJECTOR" of OpenAev,
    /// Runs payloads on assets.
    Executor = "EXECUTOR" of OpenAev,
}

impl ConnectorKind {
    /// The prefix of the environment variables that every connector of this kind reads, `CONNECTOR` for OpenCTI.
    pub fn env_prefix(self) -> &'static str {
        match self {
            Self::Collector => "COLLECTOR",
            Self::Injector => "INJECTOR",
            Self::Executor => "EXECUTOR",
            Self::ExternalImport
            | Self::InternalImportFile
            | Self::InternalEnrichment
            | Self::InternalAnalysis
            | Self::InternalExportFile
            | Self::Stream => "CONNECTOR",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_no_kind() {
        assert_eq!(ConnectorKind::from_word("STREAM"), Some(ConnectorKind::Stream));
        assert_eq!(ConnectorKind::from_word("stream"), None);
        assert_eq!(ConnectorKind::from_word(""), None);
    }
}
