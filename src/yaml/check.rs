//! Checks a tree against a JSON Schema of our own and finds everything that is wrong, each with its place.

use std::fmt;

use serde_json::Value;

use super::{
    Core, Kind, Node,
    events::shown,
    node::{is_null, is_old_boolean},
    rule::{Count, Further, InvalidPattern, Rule, Rules, Types},
};
use crate::model::{Code, Finding, Place, Scalar, closest};

/// A schema made ready for many documents.
///
/// It follows the keywords that schemas derived from our types hold: `$ref`, `type`, `properties`, `required`,
/// `additionalProperties`, the pattern of `propertyNames`, `items`, `enum` and `const` of texts, `anyOf`, `oneOf`,
/// `pattern` and the bounds on numbers, lengths and items. The messages never hold a value.
#[derive(Debug)]
pub struct Checker {
    rules: Rules,
    root: usize,
}

/// Checks one tree against a schema derived from our types, such as [`super::schema_of`] gives.
///
/// # Errors
/// A pattern of the schema is no regular expression.
pub fn check(node: &Node, schema: &Value) -> Result<Vec<Finding>, InvalidPattern> {
    Ok(Checker::new(schema)?.check(node))
}

impl Checker {
    /// Makes a schema ready.
    ///
    /// # Errors
    /// A pattern of the schema is no regular expression.
    pub fn new(schema: &Value) -> Result<Self, InvalidPattern> {
        let (rules, root) = Rules::of(schema)?;
        Ok(Self { rules, root })
    }

    /// Everything about a tree that does not follow the schema, in the order of the tree.
    pub fn check(&self, node: &Node) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.walk(node, self.root, &Path::Root, &mut findings);
        findings
    }

    /// The same for one definition of the schema (`$defs`); everything is accepted where there is none of that name.
    pub fn check_as(&self, definition: &str, node: &Node) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(rule) = self.rules.definition(definition) {
            self.walk(node, rule, &Path::Root, &mut findings);
        }
        findings
    }

    fn walk(&self, node: &Node, index: usize, path: &Path<'_>, findings: &mut Vec<Finding>) {
        let outer = &self.rules[index];
        let rule = &self.rules[self.rules.target(index)];
        if !accepts(node, rule.types) {
            findings.push(wrong_type(node, rule.types, path));
            return;
        }
        if !rule.branches.is_empty() {
            return self.walk_branches(node, &rule.branches, path, findings);
        }
        match &node.kind {
            Kind::Null => {}
            Kind::Scalar(scalar) => check_scalar(scalar, &node.place, rule, path, findings),
            Kind::List(items) => {
                findings.extend(check_count(items.len(), &rule.size, "items", path, &node.place));
                if let Some(rule) = rule.items {
                    for (index, item) in items.iter().enumerate() {
                        self.walk(item, rule, &Path::Item(path, index), findings);
                    }
                }
            }
            Kind::Map(_) => {
                // A field may require more of a shared type than the type itself does.
                let more = if std::ptr::eq(outer, rule) { &[] as &[String] } else { &outer.required };
                self.check_required(node, rule, rule.required.iter().chain(more), path, findings);
                self.walk_map(node, rule, path, findings);
            }
        }
    }

    /// Follows the branch that is meant: the one for this kind of value, or the one with the least wrong.
    fn walk_branches(&self, node: &Node, branches: &[usize], path: &Path<'_>, findings: &mut Vec<Finding>) {
        let fitting = branches.iter().filter(|&&branch| accepts(node, self.rules[branch].types));
        let outcomes = fitting.map(|&branch| {
            let mut findings = Vec::new();
            self.walk(node, branch, path, &mut findings);
            findings
        });
        findings.extend(outcomes.min_by_key(Vec::len).unwrap_or_default());
    }

    fn check_required<'a>(
        &self,
        node: &Node,
        rule: &Rule,
        required: impl Iterator<Item = &'a String>,
        path: &Path<'_>,
        findings: &mut Vec<Finding>,
    ) {
        for name in required.filter(|name| node.get(name).is_none()) {
            let message = match path {
                Path::Root => format!("the document lacks `{name}`"),
                Path::Field(..) | Path::Item(..) => format!("`{path}` lacks `{name}`"),
            };
            let property = rule.properties.get(name).copied();
            let about = property.and_then(|property| {
                let own = self.rules[property].description.as_ref();
                own.or(self.rules[self.rules.target(property)].description.as_ref())
            });
            let help = about.map_or_else(|| format!("add `{name}`"), |about| format!("add `{name}`: {about}"));
            findings.push(Finding::error(Code::MissingField, node.place.clone(), message).with_help(help));
        }
    }

    fn walk_map(&self, node: &Node, rule: &Rule, path: &Path<'_>, findings: &mut Vec<Finding>) {
        for (key, value) in node.entries().unwrap_or_default() {
            let inner = Path::Field(path, &key.text);
            if let Some(names) = rule.names {
                let subject = || format!("the key `{}` of `{path}`", shown(&key.text));
                findings.extend(check_pattern(&key.text, &self.rules[self.rules.target(names)], &key.place, subject));
            }
            match (rule.properties.get(&key.text), &rule.further) {
                (Some(&property), _) => self.walk(value, property, &inner, findings),
                (None, Further::Any) => {}
                (None, Further::Like(rule)) => self.walk(value, *rule, &inner, findings),
                (None, Further::None) => {
                    let known: Vec<&str> = rule.properties.keys().map(String::as_str).collect();
                    let message = format!("there is no field `{inner}`");
                    let finding = Finding::error(Code::UnknownField, key.place.clone(), message);
                    findings.push(finding.with_help(suggestion(&key.text, &known)));
                }
            }
        }
    }
}

/// Where in a tree a value is, as people write it: `spec.container.volumes[0]`.
#[derive(Debug, Clone, Copy)]
pub enum Path<'a> {
    /// The document.
    Root,
    /// The value under a key of a map.
    Field(&'a Path<'a>, &'a str),
    /// An item of a list, counted from 0.
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the document"),
            Self::Field(Path::Root, name) => f.write_str(&shown(name)),
            Self::Field(parent, name) => write!(f, "{parent}.{}", shown(name)),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The nearest of the known words, or all of them where none is near.
fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.len() <= 12 => format!("the fields here are {}", listed(known)),
        None => "remove it; `lockstep schema` lists the fields".to_owned(),
    }
}

/// The known word that a word was most likely meant to be, if one is near enough.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    closest(word, known.iter().copied())
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Whether a value is of one of some types.
fn accepts(node: &Node, types: Types) -> bool {
    let may = |one: Types| types.has(one);
    types == Types::ANY
        || match &node.kind {
            Kind::Null => may(Types::NULL),
            Kind::List(_) => may(Types::LIST),
            Kind::Map(_) => may(Types::MAP),
            Kind::Scalar(scalar) => match Core::of(scalar) {
                Core::Boolean(_) => may(Types::BOOLEAN),
                Core::Integer(_) => may(Types::WHOLE) || may(Types::NUMBER),
                Core::Float(_) => may(Types::NUMBER),
                // Such a word is only clear where text and boolean both are welcome.
                Core::Text if is_unclear(scalar) => may(Types::TEXT) && may(Types::BOOLEAN),
                Core::Text => may(Types::TEXT),
            },
        }
}

/// Whether some tools read a scalar as a boolean and others as a text.
fn is_unclear(scalar: &Scalar) -> bool {
    !scalar.quoted && is_old_boolean(&scalar.text)
}

/// Says what is wrong with a value that is not accepted.
fn wrong_type(node: &Node, types: Types, path: &Path<'_>) -> Finding {
    let may = |one: Types| types.has(one);
    let reference = "write it as the reference shows";
    let mut message = format!("`{path}` is {}, must be {}", node.what(), types.words());
    let help = match &node.kind {
        Kind::Null => "give it a value, or leave the field out",
        Kind::List(_) | Kind::Map(_) => reference,
        Kind::Scalar(scalar) if is_unclear(scalar) && (may(Types::TEXT) || may(Types::BOOLEAN)) => {
            message = format!("`{path}` is a word that some tools read as a boolean");
            if may(Types::BOOLEAN) { "write `true` or `false`" } else { "put the value in quotes" }
        }
        Kind::Scalar(scalar) => match Core::of(scalar) {
            Core::Boolean(_) | Core::Integer(_) | Core::Float(_) if may(Types::TEXT) => "put the value in quotes",
            Core::Boolean(_) | Core::Integer(_) | Core::Float(_) => reference,
            Core::Text if scalar.quoted => {
                let plain = Scalar { text: scalar.text.clone(), quoted: false };
                let typed = Core::of(&plain) != Core::Text && !is_null(&plain.text);
                if typed { "write it without quotes" } else { reference }
            }
            Core::Text => reference,
        },
    };
    Finding::error(Code::WrongType, node.place.clone(), message).with_help(help)
}

fn check_scalar(scalar: &Scalar, place: &Place, rule: &Rule, path: &Path<'_>, findings: &mut Vec<Finding>) {
    if let Some(values) = &rule.values {
        findings.extend(check_allowed(scalar, place, values, path));
        return;
    }
    let number = match Core::of(scalar) {
        // Bounds are small: what a float loses of a large whole number changes no comparison with them.
        Core::Integer(value) => Some(value as f64),
        Core::Float(value) => Some(value),
        Core::Boolean(_) | Core::Text => None,
    };
    findings.extend(number.and_then(|number| check_number(number, rule, path, place)));
    if rule.types == Types::ANY || rule.types.has(Types::TEXT) {
        findings.extend(check_count(scalar.text.chars().count(), &rule.length, "characters", path, place));
        findings.extend(check_pattern(&scalar.text, rule, place, || format!("`{path}`")));
    }
}

fn check_pattern(text: &str, rule: &Rule, place: &Place, subject: impl Fn() -> String) -> Option<Finding> {
    let pattern = rule.pattern.as_ref()?;
    if pattern.is_match(text) {
        return None;
    }
    let help = match &rule.example {
        Some(example) => format!("write it like `{example}`"),
        None => format!("it must match `{pattern}`"),
    };
    let message = format!("{} does not follow its format", subject());
    Some(Finding::error(Code::BadFormat, place.clone(), message).with_help(help))
}

fn check_allowed(scalar: &Scalar, place: &Place, values: &[String], path: &Path<'_>) -> Option<Finding> {
    if values.contains(&scalar.text) {
        return None;
    }
    let words: Vec<&str> = values.iter().map(String::as_str).collect();
    let help = match (nearest(&scalar.text, &words), words.as_slice()) {
        (_, [only]) => format!("write `{only}`"),
        (Some(near), _) => format!("did you mean `{near}`? allowed are {}", listed(&words)),
        (None, _) => format!("allowed are {}", listed(&words)),
    };
    let message = format!("`{path}` has a value that is not allowed");
    Some(Finding::error(Code::NotAllowed, place.clone(), message).with_help(help))
}

fn check_number(number: f64, rule: &Rule, path: &Path<'_>, place: &Place) -> Option<Finding> {
    let help = if let Some(least) = rule.minimum.filter(|least| number < *least) {
        format!("it must be at least {least}")
    } else if let Some(least) = rule.above.filter(|least| number <= *least) {
        format!("it must be more than {least}")
    } else if let Some(most) = rule.maximum.filter(|most| number > *most) {
        format!("it must be at most {most}")
    } else {
        let most = rule.below.filter(|most| number >= *most)?;
        format!("it must be less than {most}")
    };
    let message = format!("`{path}` is out of its range");
    Some(Finding::error(Code::OutOfRange, place.clone(), message).with_help(help))
}

fn check_count(count: usize, bounds: &Count, unit: &str, path: &Path<'_>, place: &Place) -> Option<Finding> {
    let count = count as u64;
    let help = match (bounds.least, bounds.most) {
        (Some(least), _) if count < least => format!("it must have at least {least} {unit}"),
        (_, Some(most)) if count > most => format!("it must have at most {most} {unit}"),
        _ => return None,
    };
    let message = format!("`{path}` has {count} {unit}");
    Some(Finding::error(Code::OutOfRange, place.clone(), message).with_help(help))
}
