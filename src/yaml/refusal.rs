//! Why a document is refused, in words that hold nothing of its text.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::node::Core;
use crate::model::{Code, Finding, Place, Scalar};

/// Why a scalar can't be a key.
pub(super) fn refused_key(scalar: &Scalar, empty: bool) -> Option<(Code, &'static str, &'static str)> {
    if empty {
        return Some((Code::WrongType, "a key is empty", "write the key before the `:`"));
    }
    if scalar.text == "<<" && !scalar.quoted {
        return Some((
            Code::Alias,
            "merge keys (`<<`) are not accepted",
            "write the values out, or share them through a `Defaults` document",
        ));
    }
    match Core::of(scalar) {
        Core::Text => None,
        Core::Boolean(_) | Core::Integer(_) | Core::Float(_) => {
            Some((Code::WrongType, "a key must be a text", "put the key in quotes"))
        }
    }
}

/// What is said of nesting beyond the bound.
pub(super) fn too_deep(place: Place) -> Finding {
    Finding::error(Code::TooLarge, place, "maps and lists are nested too deeply").with_help("flatten the document")
}

/// Says what breaks the syntax in words that hold nothing of the text itself.
pub(super) fn syntax_finding(error: &ScanError, place: Place) -> Finding {
    let kind = error.kind();
    if matches!(kind, ErrorKind::RecursionLimitExceeded) {
        return too_deep(place);
    }
    let silent = matches!(
        kind,
        ErrorKind::UnexpectedCharacter { .. }
            | ErrorKind::Custom(_)
            | ErrorKind::InputIo { .. }
            | ErrorKind::InputDecoding { .. }
    );
    let message = if silent { "not YAML: unexpected character".to_owned() } else { format!("not YAML: {kind}") };
    let help = if message.contains("tab") {
        "indent with spaces"
    } else if message.contains("directive") {
        "remove the line that begins with `%`"
    } else if silent {
        "put the value in quotes"
    } else {
        "check the indentation, quotes and brackets here and on the lines before"
    };
    Finding::error(Code::BadYaml, place, message).with_help(help)
}
