//! What is wrong with an input, said so that its author can mend it.

use std::fmt;

use super::{InstanceName, Place};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The instance concerned is held until this is mended.
    Error,
    /// Nothing is held.
    Warning,
}

impl Severity {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($(#[doc = $doc:literal] $variant:ident = $text:literal,)+) => {
        /// The fixed vocabulary of findings; scripts and code review rules key on these words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $doc] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used in every output format.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// What it says about an input, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc.trim_ascii_start(),)+
                }
            }
        }
    };
}

codes! {
    /// The text is not YAML, or YAML of a kind that is not accepted.
    BadYaml = "bad-yaml",
    /// A bound on size, depth, nodes or files was passed.
    TooLarge = "too-large",
    /// An anchor, an alias or a merge key.
    Alias = "alias",
    /// A key that stands twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// A field that the manifest or the settings do not have.
    UnknownField = "unknown-field",
    /// A field that must be there and is not.
    MissingField = "missing-field",
    /// A name that breaks the rule for names.
    BadName = "bad-name",
    /// An id that is no UUID of version 4, or that two instances share.
    BadId = "bad-id",
    /// Two instances of one name.
    DuplicateInstance = "duplicate-instance",
    /// A platform that the settings do not have.
    UnknownPlatform = "unknown-platform",
    /// A contract that no catalog has.
    UnknownContract = "unknown-contract",
    /// A contract that can't run as a container here.
    NotDeployable = "not-deployable",
    /// A configuration key that the contract does not have.
    UnknownKey = "unknown-key",
    /// A configuration key that the contract requires.
    MissingKey = "missing-key",
    /// A value of another type than the field or the contract wants.
    WrongType = "wrong-type",
    /// A value outside the allowed set.
    NotAllowed = "not-allowed",
    /// A number or length outside its bounds.
    OutOfRange = "out-of-range",
    /// A text that does not follow its format.
    BadFormat = "bad-format",
    /// A list item with a comma in it; connectors split lists at commas.
    CommaInItem = "comma-in-item",
    /// A configuration key that Lockstep sets itself.
    ReservedKey = "reserved-key",
    /// A secret written in clear.
    PlaintextSecret = "plaintext-secret",
    /// A configuration key that the contract calls deprecated.
    DeprecatedKey = "deprecated-key",
    /// Something that only the operator's policy can allow.
    Policy = "policy",
    /// A secret that can't be opened.
    BadSecret = "bad-secret",
    /// What the platform has to do first is not done: it can't be reached, refuses, or has something else there.
    Platform = "platform",
    /// Instances that depend on each other in a circle.
    Cycle = "cycle",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong or doubtful in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of mistake it is.
    pub code: Code,
    /// Whether it holds the instance.
    pub severity: Severity,
    /// What is wrong, in one sentence without a period; never the text of a secret.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it is.
    pub place: Place,
    /// The instance it holds; none where it can't be attributed to one.
    pub instance: Option<InstanceName>,
}

impl Finding {
    /// An error without help, not yet attributed to an instance.
    pub fn error(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), help: None, place, instance: None }
    }

    /// A warning without help, not yet attributed to an instance.
    pub fn warning(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// The same finding with advice.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same finding, attributed to an instance.
    #[must_use]
    pub fn of_instance(self, instance: &InstanceName) -> Self {
        Self { instance: Some(instance.clone()), ..self }
    }

    /// The order in which findings are printed: by place, then code, then message.
    pub fn sort(findings: &mut [Self]) {
        findings.sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
    }
}
