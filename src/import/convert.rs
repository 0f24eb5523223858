//! Turns the environment of a service into the configuration of a manifest.

use secrecy::SecretString;

use super::{
    draft::Part,
    environment::{Commented, Item, Variable},
    interpolate::{self, Expanded},
    log::Log,
    placeholder::{has_credentials, is_placeholder},
    scalar,
    types::Request,
    written,
};
use crate::{
    catalog::{Contract, Property},
    model::{Code, InstanceName, Place, looks_secret},
    secrets::{self, Binding},
};

/// What the environment of a service makes.
#[derive(Default)]
pub(super) struct Converted {
    /// `id` and `token`.
    pub(super) head: Vec<Part>,
    /// The configuration.
    pub(super) config: Vec<Part>,
    /// Secrets in clear, which may stand nowhere in the manifest.
    pub(super) hidden: Vec<String>,
}

/// The shortest secret that is looked for in comments, in bytes.
const SHORTEST_SECRET: usize = 4;

/// Converts an environment, line by line.
pub(super) fn environment(
    request: &Request<'_>,
    contract: &Contract,
    instance: &InstanceName,
    items: Vec<Item>,
    log: &mut Log,
) -> Converted {
    let mut converter = Converter { request, contract, instance, log, made: Converted::default(), hidden: Vec::new() };
    converter.hidden = items.iter().filter_map(|item| converter.secret_of(item)).collect();
    for item in items {
        match item {
            Item::Variable(variable) => converter.variable(variable),
            Item::Commented(variable) => converter.commented(variable),
            Item::Remark(text) => converter.remark(&text),
        }
    }
    Converted { hidden: converter.hidden, ..converter.made }
}

/// The text without the quotes that a list entry keeps around it.
fn unquoted(text: &str) -> Option<&str> {
    ['"', '\''].iter().find_map(|quote| {
        let inner = text.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (!inner.contains(*quote)).then_some(inner)
    })
}

/// What is known while one environment is converted.
pub(super) struct Converter<'a> {
    request: &'a Request<'a>,
    pub(super) contract: &'a Contract,
    instance: &'a InstanceName,
    pub(super) log: &'a mut Log,
    pub(super) made: Converted,
    /// Secrets in clear, which may stand in no comment.
    hidden: Vec<String>,
}

impl Converter<'_> {
    fn expand(&self, raw: &str) -> Expanded {
        let mut expanded = interpolate::expand(raw, self.request.variables);
        if let Some(inner) = unquoted(&expanded.text) {
            expanded.text = inner.to_owned();
        }
        expanded
    }

    /// What compose takes from the shell.
    fn shell(&self, key: &str) -> Expanded {
        interpolate::expand(&format!("${{{key}}}"), self.request.variables)
    }

    pub(super) fn expanded(&self, variable: &Variable) -> Expanded {
        variable.raw.as_deref().map_or_else(|| self.shell(&variable.key), |raw| self.expand(raw))
    }

    fn is_secret(&self, key: &str, text: &str) -> bool {
        let named = self.contract.property(key).map_or_else(|| looks_secret(key), |property| property.secret);
        named || has_credentials(text)
    }

    fn secret_of(&self, item: &Item) -> Option<String> {
        let (key, text, secret) = match item {
            Item::Variable(variable) => {
                let expanded = self.expanded(variable);
                (&variable.key, expanded.text, expanded.secret)
            }
            Item::Commented(variable) => (&variable.key, self.expand(&variable.text).text, false),
            Item::Remark(_) => return None,
        };
        let secret = secret || self.is_secret(key, &text);
        (secret && text.len() >= SHORTEST_SECRET && !is_placeholder(&text)).then_some(text)
    }

    /// A comment that holds no secret.
    pub(super) fn harmless(&self, text: &str) -> String {
        if has_credentials(text) || self.hidden.iter().any(|secret| text.contains(secret.as_str())) {
            return "(left out: it holds a secret)".to_owned();
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    fn remark(&mut self, text: &str) {
        let text = self.harmless(text);
        let place = Place::start_of("");
        self.made.config.push(Part::comment("", text, &place));
    }

    /// A variable that is left out of the manifest as a comment.
    fn leave(&mut self, variable: &Variable, what: &str) {
        let behind = variable.comment.as_deref().map(|comment| format!("  # {}", self.harmless(comment)));
        let text = format!("{}: {what}{}", variable.key, behind.unwrap_or_default());
        self.made.config.push(Part::comment(&variable.key, text, &variable.place));
    }

    /// A variable that the author must fill in.
    fn blank(&mut self, variable: &Variable, secret: bool, was: Option<&str>, why: &str) {
        let kind = if secret { " (a sealed value)" } else { "" };
        let was = was.map(|was| format!(", was {}", self.harmless(was))).unwrap_or_default();
        self.leave(variable, &format!("fill in{kind}{was}"));
        let help = if secret {
            format!(
                "seal it with `lockstep secret seal --instance {} --key {}` and put it below `spec.config`",
                self.instance, variable.key
            )
        } else {
            "fill it in below `spec.config`, or delete the line for the connector's default".to_owned()
        };
        self.log.need(Code::MissingKey, &variable.place, format!("`{}` {why}", variable.key), help);
    }

    fn variable(&mut self, variable: Variable) {
        let key = variable.key.clone();
        if let Some(instead) = self.contract.instead_of(&key) {
            self.reserved(&variable, instead);
            return;
        }
        let expanded = self.expanded(&variable);
        let property = self.contract.property(&key);
        let text = expanded.text.clone();
        let secret = expanded.secret || self.is_secret(&key, &text);
        if self.contract.has_schema() && property.is_none() {
            let shown =
                if secret || expanded.broken { "(its value is left out)".to_owned() } else { scalar::string(&text) };
            let shown = if expanded.unknown.is_empty() { shown } else { named(&expanded.unknown) };
            self.leave(&variable, &self.harmless(&shown));
            self.log.warn(
                Code::UnknownKey,
                &variable.place,
                format!("contract `{}` has no key `{key}`; it is kept as a comment", self.contract.slug),
                "delete the comment, or set the key below `spec.container.env` where the connector reads it",
            );
            return;
        }
        if expanded.broken {
            self.blank(&variable, secret, None, "has a `$` that begins no variable");
            return;
        }
        if !expanded.unknown.is_empty() {
            let names = named(&expanded.unknown);
            self.blank(&variable, secret, Some(&names), &format!("uses {names}, which has no value"));
            return;
        }
        if is_placeholder(&text) {
            let was = (!secret).then_some(text.as_str());
            self.blank(&variable, secret, was, "only holds the place of a value");
            return;
        }
        if secret {
            self.secret(&variable, property, &text);
            return;
        }
        let comment = variable.comment.as_deref().map(|comment| self.harmless(comment));
        let lines = written::lines(&key, property, &text, comment.as_deref());
        let mut part = Part::active(&key, lines, &variable.place);
        part.empty = text.trim().is_empty();
        part.fallback =
            if part.empty { format!("{key}: \"\"") } else { format!("{key}: fill in, was {}", scalar::string(&text)) };
        self.made.config.push(part);
    }

    fn secret(&mut self, variable: &Variable, property: Option<&Property>, text: &str) {
        let key = &variable.key;
        if text.is_empty() {
            if property.is_some_and(|property| property.default.as_deref() == Some("")) {
                let part = Part::active(key, vec![format!("{key}: \"\"")], &variable.place);
                self.made.config.push(part);
            } else {
                self.leave(variable, "\"\"");
                self.log.note(&variable.place, format!("`{key}` is empty and stays a comment"));
            }
            return;
        }
        match self.seal(key, key, text) {
            Some(Ok(lines)) => {
                let mut part = Part::active(key, lines, &variable.place);
                part.fallback = format!("{key}: fill in (a sealed value)");
                if let Some(comment) = &variable.comment {
                    let comment = self.harmless(comment);
                    self.made.config.push(Part::comment("", comment, &variable.place));
                }
                self.made.config.push(part);
            }
            Some(Err(why)) => self.blank(variable, true, None, &format!("could not be sealed: {why}")),
            None => self.blank(variable, true, None, "is a secret and was not sealed"),
        }
    }

    /// The lines of a sealed value; none where there is nobody to seal for.
    pub(super) fn seal(&self, field: &str, key: &str, text: &str) -> Option<Result<Vec<String>, String>> {
        let recipients = self.request.recipients?;
        let binding = Binding { instance: self.instance.clone(), key: key.to_owned() };
        let sealed = secrets::seal(&SecretString::from(text), recipients, Some(&binding));
        Some(match sealed {
            Ok(armored) => {
                let lines = armored.lines().map(|line| format!("  {line}"));
                Ok(std::iter::once(format!("{field}: |")).chain(lines).collect())
            }
            Err(error) => Err(error.to_string()),
        })
    }

    fn commented(&mut self, variable: Commented) {
        let key = variable.key.as_str();
        let property = self.contract.property(key);
        let reserved = self.contract.instead_of(key).is_some();
        let text = unquoted(&variable.text).unwrap_or(&variable.text);
        let secret = self.is_secret(key, text) || (reserved && key.ends_with("_TOKEN"));
        let shown = interpolate::expand(text, None);
        let is_variable = !shown.unknown.is_empty();
        let only_names = text.is_empty() || is_placeholder(text) || (is_variable && shown.text.is_empty());
        if secret && !only_names {
            self.log.warn(
                Code::PlaintextSecret,
                &variable.place,
                format!("`{key}` is commented out and holds a secret; its value is left out"),
                "seal it with `lockstep secret seal` if it is still needed",
            );
            let text = format!("{key}: (a secret, left out)");
            self.made.config.push(Part::comment(key, text, &variable.place));
            return;
        }
        let unknown = match (reserved, property) {
            (true, _) => Some("set by Lockstep"),
            (false, None) if self.contract.has_schema() => Some("not a key of the contract"),
            (false, _) => None,
        };
        let comment: Vec<&str> = variable.comment.as_deref().into_iter().chain(unknown).collect();
        let comment = (!comment.is_empty()).then(|| self.harmless(&comment.join("; ")));
        let lines = if is_variable || shown.broken || is_placeholder(text) {
            let behind = comment.map(|comment| format!("  # {comment}")).unwrap_or_default();
            vec![format!("{key}: {}{behind}", self.harmless(text))]
        } else {
            written::lines(key, property, &shown.text, comment.as_deref())
        };
        let mut part = Part::comment(key, "", &variable.place);
        part.lines = lines.iter().map(|line| self.harmless(line)).collect();
        self.made.config.push(part);
    }
}

/// Variables without a value, as people write them.
pub(super) fn named(names: &[String]) -> String {
    if names.is_empty() {
        return "something that can't be read".to_owned();
    }
    names.iter().map(|name| format!("${{{name}}}")).collect::<Vec<_>>().join(", ")
}
