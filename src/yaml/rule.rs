//! A JSON Schema of our own made ready: looked up once, followed for many documents.

use std::collections::{BTreeMap, HashMap};

use regex::Regex;
use serde_json::{Map, Value};

/// A schema that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to compile the pattern `{pattern}` of a schema")]
pub struct InvalidPattern {
    /// The pattern.
    pub pattern: String,
}

/// What a value may be; several at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const TEXT: Self = Self(1);
    pub(super) const WHOLE: Self = Self(2);
    pub(super) const NUMBER: Self = Self(4);
    pub(super) const BOOLEAN: Self = Self(8);
    pub(super) const LIST: Self = Self(16);
    pub(super) const MAP: Self = Self(32);
    pub(super) const NULL: Self = Self(64);
    /// No type is asked for.
    pub(super) const ANY: Self = Self(0);

    const WORDS: &[(Self, &str, &str)] = &[
        (Self::TEXT, "string", "a text"),
        (Self::WHOLE, "integer", "a whole number"),
        (Self::NUMBER, "number", "a number"),
        (Self::BOOLEAN, "boolean", "a boolean"),
        (Self::LIST, "array", "a list"),
        (Self::MAP, "object", "a map"),
        (Self::NULL, "null", "empty"),
    ];

    /// Whether one of some types is among these.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of(name: &Value) -> Self {
        Self::WORDS.iter().find(|(_, word, _)| name == *word).map_or(Self::ANY, |(types, _, _)| *types)
    }

    /// The types in words: `a text or a number`.
    pub(super) fn words(self) -> String {
        let words: Vec<&str> =
            Self::WORDS.iter().filter(|(types, _, _)| self.has(*types)).map(|(_, _, word)| *word).collect();
        match words.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => "something else".to_owned(),
        }
    }
}

/// What keys beside the named ones a map may have.
#[derive(Debug)]
pub(super) enum Further {
    Any,
    None,
    Like(usize),
}

/// Bounds on a count; both inclusive.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) least: Option<u64>,
    pub(super) most: Option<u64>,
}

/// What one place of a document may hold.
#[derive(Debug)]
pub(super) struct Rule {
    /// The rule that this one stands for, with more required than there.
    pub(super) same_as: Option<usize>,
    pub(super) types: Types,
    pub(super) properties: BTreeMap<String, usize>,
    pub(super) required: Vec<String>,
    pub(super) further: Further,
    /// The rule for keys.
    pub(super) names: Option<usize>,
    pub(super) items: Option<usize>,
    pub(super) values: Option<Vec<String>>,
    /// Rules of which one must hold.
    pub(super) branches: Vec<usize>,
    /// What texts must match; ours are of the kind that every dialect reads alike.
    pub(super) pattern: Option<Regex>,
    pub(super) example: Option<String>,
    pub(super) length: Count,
    pub(super) size: Count,
    pub(super) minimum: Option<f64>,
    pub(super) above: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) below: Option<f64>,
    pub(super) description: Option<String>,
}

impl Rule {
    fn accepting(types: Types) -> Self {
        Self {
            same_as: None,
            types,
            properties: BTreeMap::new(),
            required: Vec::new(),
            further: Further::Any,
            names: None,
            items: None,
            values: None,
            branches: Vec::new(),
            pattern: None,
            example: None,
            length: Count::default(),
            size: Count::default(),
            minimum: None,
            above: None,
            maximum: None,
            below: None,
            description: None,
        }
    }
}

/// All rules of a schema.
#[derive(Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// The rules of `$ref`s by their text.
    references: HashMap<String, usize>,
    /// Every pattern by its text: most stand in several places.
    patterns: HashMap<String, Regex>,
}

impl std::ops::Index<usize> for Rules {
    type Output = Rule;

    fn index(&self, index: usize) -> &Rule {
        &self.rules[index]
    }
}

impl Rules {
    /// The rules of a schema, and which of them is its root.
    pub(super) fn of(schema: &Value) -> Result<(Self, usize), InvalidPattern> {
        let mut rules = Self { rules: Vec::new(), references: HashMap::new(), patterns: HashMap::new() };
        for name in schema.get("$defs").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            rules.reference(&format!("#/$defs/{name}"), schema)?;
        }
        let root = rules.add(schema, schema)?;
        Ok((rules, root))
    }

    /// The rule of a definition.
    pub(super) fn definition(&self, name: &str) -> Option<usize> {
        self.references.get(&format!("#/$defs/{name}")).copied()
    }

    /// The rule that a rule stands for.
    pub(super) fn target(&self, index: usize) -> usize {
        self.rules[index].same_as.unwrap_or(index)
    }

    fn reference(&mut self, text: &str, root: &Value) -> Result<Option<usize>, InvalidPattern> {
        if let Some(&known) = self.references.get(text) {
            return Ok(Some(known));
        }
        let Some(schema) = text.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) else { return Ok(None) };
        // Known before it is read, so that a schema may refer to itself.
        let index = self.rules.len();
        self.rules.push(Rule::accepting(Types::ANY));
        self.references.insert(text.to_owned(), index);
        let rule = self.read(schema, root)?;
        self.rules[index] = rule;
        Ok(Some(index))
    }

    fn add(&mut self, schema: &Value, root: &Value) -> Result<usize, InvalidPattern> {
        let rule = self.read(schema, root)?;
        self.rules.push(rule);
        Ok(self.rules.len() - 1)
    }

    fn read(&mut self, schema: &Value, root: &Value) -> Result<Rule, InvalidPattern> {
        let texts = |keyword: &str| -> Option<Vec<String>> {
            let values = schema.get(keyword)?.as_array()?;
            Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        let mut rule = Rule::accepting(Types::ANY);
        rule.required = texts("required").unwrap_or_default();
        rule.description = schema.get("description").and_then(Value::as_str).and_then(first_sentence);
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str)
            && let Some(target) = self.reference(reference, root)?
        {
            let target = self.target(target);
            rule.same_as = Some(target);
            rule.types = self.rules[target].types;
            rule.values.clone_from(&self.rules[target].values);
            return Ok(rule);
        }
        rule.values = texts("enum").or_else(|| Some(vec![schema.get("const")?.as_str()?.to_owned()]));
        rule.types = match schema.get("type") {
            Some(Value::Array(several)) => several.iter().map(Types::of).fold(Types::ANY, Types::and),
            Some(only) => Types::of(only),
            None if rule.values.is_some() => Types::TEXT,
            None => Types::ANY,
        };
        if let Some(branches) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
            for branch in branches {
                rule.branches.push(self.add(branch, root)?);
            }
            let branches: Vec<&Rule> = rule.branches.iter().map(|&branch| &self.rules[branch]).collect();
            if branches.iter().all(|branch| branch.types != Types::ANY) {
                rule.types = branches.iter().map(|branch| branch.types).fold(Types::ANY, Types::and);
            }
            let values: Option<Vec<_>> = branches.iter().map(|branch| branch.values.clone()).collect();
            if let Some(values) = values {
                rule.values = Some(values.concat());
                rule.branches.clear();
            }
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let index = self.add(property, root)?;
            rule.properties.insert(name.clone(), index);
        }
        rule.further = match schema.get("additionalProperties") {
            None | Some(Value::Bool(true)) => Further::Any,
            Some(Value::Bool(false)) => Further::None,
            Some(further) => Further::Like(self.add(further, root)?),
        };
        rule.names = schema.get("propertyNames").map(|names| self.add(names, root)).transpose()?;
        rule.items = schema.get("items").map(|items| self.add(items, root)).transpose()?;
        rule.pattern = schema.get("pattern").and_then(Value::as_str).map(|text| self.pattern(text)).transpose()?;
        rule.example = texts("examples").and_then(|examples| examples.into_iter().next());
        let count = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        rule.length = Count { least: count("minLength"), most: count("maxLength") };
        rule.size = Count { least: count("minItems"), most: count("maxItems") };
        let number = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        (rule.minimum, rule.above) = (number("minimum"), number("exclusiveMinimum"));
        (rule.maximum, rule.below) = (number("maximum"), number("exclusiveMaximum"));
        Ok(rule)
    }

    fn pattern(&mut self, text: &str) -> Result<Regex, InvalidPattern> {
        if let Some(known) = self.patterns.get(text) {
            return Ok(known.clone());
        }
        let pattern = Regex::new(text).map_err(|_| InvalidPattern { pattern: text.to_owned() })?;
        self.patterns.insert(text.to_owned(), pattern.clone());
        Ok(pattern)
    }
}

/// The first sentence of a description, fit to follow a colon.
fn first_sentence(text: &str) -> Option<String> {
    let sentence = text.split("\n\n").next().unwrap_or(text).split(". ").next().unwrap_or(text);
    let sentence = sentence.trim_end_matches('.').replace('\n', " ");
    let mut letters = sentence.chars();
    let first = letters.next()?;
    Some(format!("{}{}", first.to_lowercase(), letters.as_str()))
}
