//! The environment of a service: variables in order, with the comments between and behind them.

use super::{
    compose::{Compose, Service},
    env_files,
    log::Log,
    source_lines::{self, Comment},
};
use crate::{
    model::{Code, Place},
    secrets::SecretMap,
    yaml::{Kind, Node, shown},
};

/// One line of an environment.
pub(super) enum Item {
    /// A variable.
    Variable(Variable),
    /// A variable that is commented out.
    Commented(Commented),
    /// Another comment.
    Remark(String),
}

/// A variable.
pub(super) struct Variable {
    pub(super) key: String,
    /// Its text before interpolation; none where compose takes it from the shell.
    pub(super) raw: Option<String>,
    pub(super) place: Place,
    /// The comment behind it.
    pub(super) comment: Option<String>,
}

/// A variable that is commented out.
pub(super) struct Commented {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) comment: Option<String>,
    pub(super) place: Place,
}

/// Reads the environment of a service, in the order of its lines; before it stands what only its files say.
pub(super) fn read(compose: &Compose<'_>, service: &Service, given: Option<&SecretMap>, log: &mut Log) -> Vec<Item> {
    let entries = service.node.entries().unwrap_or_default();
    let found = entries.iter().find(|(key, _)| key.text == "environment");
    let mut items: Vec<(u32, Item)> = Vec::new();
    if let Some((_, node)) = found {
        for variable in variables(node, log) {
            let comment = source_lines::trailing(&compose.lines, &variable.place);
            items.push((variable.place.line, Item::Variable(Variable { comment, ..variable })));
        }
    }
    for comment in source_lines::comments(compose, service, found.map(|(key, _)| key.place.line)) {
        items.push(match comment {
            Comment::Variable(variable) => (variable.place.line, Item::Commented(variable)),
            Comment::Remark { text, line } => (line, Item::Remark(text)),
        });
    }
    items.sort_by_key(|(line, _)| *line);
    let mut of_files = env_files::variables(compose, service, given, log);
    let own = |key: &str| items.iter().any(|(_, item)| matches!(item, Item::Variable(own) if own.key == key));
    of_files.retain(|variable| !own(&variable.key));
    of_files.into_iter().map(Item::Variable).chain(items.into_iter().map(|(_, item)| item)).collect()
}

fn variables(node: &Node, log: &mut Log) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::new();
    let mut add = |key: &str, raw: Option<String>, place: &Place, log: &mut Log| {
        if !is_name(key) {
            // What comes behind the first word may be a value.
            let word: String = key.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let help = "use letters, digits and `_`; write it as `KEY=value` in the compose file";
            log.need(Code::BadName, place, format!("`{}` begins no name of a variable", shown(&word)), help);
            return;
        }
        if let Some(former) = variables.iter_mut().find(|former| former.key == key) {
            log.warn(
                Code::DuplicateKey,
                place,
                format!("`{key}` stands here a second time; this value counts"),
                format!("the other is on line {}", former.place.line),
            );
            *former = Variable { key: key.to_owned(), raw, place: place.clone(), comment: None };
            return;
        }
        variables.push(Variable { key: key.to_owned(), raw, place: place.clone(), comment: None });
    };
    match &node.kind {
        Kind::Null => {}
        Kind::Scalar(_) => odd(&node.place, log),
        Kind::Map(entries) => {
            for (key, value) in entries {
                match &value.kind {
                    Kind::Null => add(&key.text, None, &key.place, log),
                    Kind::Scalar(scalar) => add(&key.text, Some(scalar.text.clone()), &key.place, log),
                    Kind::List(_) | Kind::Map(_) => {
                        add(&key.text, None, &key.place, log);
                        odd(&value.place, log);
                    }
                }
            }
        }
        Kind::List(items) => {
            for item in items {
                match &item.kind {
                    Kind::Scalar(scalar) => match scalar.text.split_once('=') {
                        Some((key, value)) => add(key.trim(), Some(value.to_owned()), &item.place, log),
                        None => add(scalar.text.trim(), None, &item.place, log),
                    },
                    // `- KEY=opencti:` is a map to YAML, and so is `- KEY: value`.
                    Kind::Map(entries) => {
                        for (key, value) in entries {
                            let text = value.scalar().map(|scalar| scalar.text.as_str());
                            match (key.text.split_once('='), text) {
                                (Some((name, begin)), text) => {
                                    let space = if text.is_some() { " " } else { "" };
                                    let whole = format!("{begin}:{space}{}", text.unwrap_or_default());
                                    add(name.trim(), Some(whole), &key.place, log);
                                }
                                (None, text) => add(key.text.trim(), text.map(str::to_owned), &key.place, log),
                            }
                        }
                    }
                    Kind::Null => {}
                    Kind::List(_) => odd(&item.place, log),
                }
            }
        }
    }
    variables
}

fn is_name(key: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    key.starts_with(first) && key.chars().all(|c| first(c) || c.is_ascii_digit() || matches!(c, '.' | '-'))
}

fn odd(place: &Place, log: &mut Log) {
    log.need(
        Code::WrongType,
        place,
        "this part of the environment is no variable",
        "write it as `KEY=value` in the compose file, or add the key below `spec.config`",
    );
}
