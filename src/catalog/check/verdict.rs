//! Puts what the schema library objects to into our words.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::coerce;
use crate::{
    catalog::{
        format,
        property::{Property, env_text},
        quote,
    },
    model::{Code, Finding, Place, Scalar, Slug, closest},
};

/// What is wrong with one value in clear.
pub(super) struct Verdict {
    /// Which of several objections to one value is told: the lowest.
    pub(super) rank: u8,
    code: Code,
    message: String,
    help: Option<String>,
}

impl Verdict {
    /// Words for an objection; none where the value is right after all.
    pub(super) fn of(
        kind: &ValidationErrorKind,
        property: &Property,
        item: Option<usize>,
        written: Option<&Scalar>,
    ) -> Option<Self> {
        let text = written.map(|scalar| scalar.text.as_str());
        let label = coerce::label(&property.key, item);
        let shown = text.map_or_else(|| "this list".to_owned(), quote::quoted);
        let limit = |limit: &Value| env_text(limit).unwrap_or_default();
        let range = |bound: String| Self::new(2, Code::OutOfRange, format!("{label} must be {bound}, not {shown}"));
        let count = |bound: &str, count: u64, thing: &str| {
            let plural = if count == 1 { "" } else { "s" };
            Self::new(2, Code::OutOfRange, format!("{label} must have {bound} {count} {thing}{plural}"))
        };
        let not_allowed = || Self::new(1, Code::NotAllowed, format!("{label} can't be {shown}"));
        Some(match kind {
            ValidationErrorKind::Type { .. } | ValidationErrorKind::FalseSchema => {
                Self::new(0, Code::WrongType, format!("{label} can't be {shown}; it takes {}", property.type_words()))
            }
            ValidationErrorKind::Enum { options } => not_allowed().with_choices(options, text),
            ValidationErrorKind::Constant { expected_value } => {
                not_allowed().with_help(format!("it can only be {}", quote::quoted(&limit(expected_value))))
            }
            ValidationErrorKind::Minimum { limit: least } => range(format!("at least {}", limit(least))),
            ValidationErrorKind::Maximum { limit: most } => range(format!("at most {}", limit(most))),
            ValidationErrorKind::ExclusiveMinimum { limit: below } => range(format!("more than {}", limit(below))),
            ValidationErrorKind::ExclusiveMaximum { limit: above } => range(format!("less than {}", limit(above))),
            ValidationErrorKind::MultipleOf { multiple_of } => range(format!("a multiple of {multiple_of}")),
            ValidationErrorKind::MinLength { limit } => count("at least", *limit, "character"),
            ValidationErrorKind::MaxLength { limit } => count("at most", *limit, "character"),
            ValidationErrorKind::MinItems { limit } => count("at least", *limit, "item"),
            ValidationErrorKind::MaxItems { limit } => count("at most", *limit, "item"),
            ValidationErrorKind::AdditionalItems { limit } => count("at most", *limit as u64, "item"),
            ValidationErrorKind::Format { format } => {
                if accepts_duration(format, property, text) {
                    return None;
                }
                Self::new(3, Code::BadFormat, format!("{label} must be of the format `{format}`, not {shown}"))
                    .with_example(format, property)
            }
            ValidationErrorKind::Pattern { pattern } => {
                let pattern = quote::quoted(pattern);
                Self::new(3, Code::BadFormat, format!("{label} must match the pattern {pattern}, not {shown}"))
            }
            ValidationErrorKind::ContentMediaType { content_media_type: what }
            | ValidationErrorKind::ContentEncoding { content_encoding: what } => {
                Self::new(3, Code::BadFormat, format!("{label} must hold {}", quote::quoted(what)))
            }
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                let is_type =
                    |error: &jsonschema::ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Type { .. });
                let of_right_type = context.iter().find(|errors| !errors.iter().any(is_type));
                let first = of_right_type.or(context.first()).and_then(|errors| errors.first());
                return match first {
                    Some(error) => Self::of(error.kind(), property, item, written),
                    None => Some(not_allowed()),
                };
            }
            kind @ (ValidationErrorKind::AdditionalProperties { .. }
            | ValidationErrorKind::BacktrackLimitExceeded { .. }
            | ValidationErrorKind::RegexEngineFailure { .. }
            | ValidationErrorKind::Contains
            | ValidationErrorKind::Custom { .. }
            | ValidationErrorKind::FromUtf8 { .. }
            | ValidationErrorKind::MaxProperties { .. }
            | ValidationErrorKind::MinProperties { .. }
            | ValidationErrorKind::Not { .. }
            | ValidationErrorKind::OneOfMultipleValid { .. }
            | ValidationErrorKind::PropertyNames { .. }
            | ValidationErrorKind::Required { .. }
            | ValidationErrorKind::UnevaluatedItems { .. }
            | ValidationErrorKind::UnevaluatedProperties { .. }
            | ValidationErrorKind::UniqueItems
            | ValidationErrorKind::Referencing(_)) => {
                let message = format!("{label} breaks the rule `{}` of its contract", kind.keyword());
                Self::new(1, Code::NotAllowed, message)
            }
        })
    }

    /// The finding at the place of the value.
    pub(super) fn finding(self, contract: &Slug, place: &Place) -> Finding {
        let help = self.help.unwrap_or_else(|| format!("`lockstep catalog show {contract}` tells what each key takes"));
        Finding::error(self.code, place.clone(), self.message).with_help(help)
    }

    fn new(rank: u8, code: Code, message: String) -> Self {
        Self { rank, code, message, help: None }
    }

    fn with_help(self, help: String) -> Self {
        Self { help: Some(help), ..self }
    }

    /// Names the values allowed, the likeliest first.
    fn with_choices(self, options: &Value, text: Option<&str>) -> Self {
        let choices: Vec<String> = options.as_array().into_iter().flatten().filter_map(env_text).collect();
        let near = text.and_then(|text| closest(text, choices.iter().map(String::as_str)));
        let all = quote::any_of(&choices);
        self.with_help(match near {
            Some(near) => format!("did you mean {}? It can be {all}", quote::quoted(near)),
            None => format!("it can be {all}"),
        })
    }

    fn with_example(self, format: &str, property: &Property) -> Self {
        let Some(example) = format::example(format) else { return self };
        if takes_duration(format, property) {
            return self.with_help(format!("{example}, or an ISO 8601 duration such as `P30D`"));
        }
        self.with_help(example.to_owned())
    }
}

/// Whether a moment may be given as a duration before now: where the contract's own default is one.
fn takes_duration(format: &str, property: &Property) -> bool {
    format == "date-time" && property.default.as_deref().is_some_and(format::is_duration)
}

fn accepts_duration(format: &str, property: &Property, text: Option<&str>) -> bool {
    takes_duration(format, property) && text.is_some_and(format::is_duration)
}
