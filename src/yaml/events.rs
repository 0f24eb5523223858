//! Builds the tree of one document from the parser's events.

use std::sync::Arc;

use serde_yaml::granit_parser::{self, ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::{
    Key, Kind, Node,
    node::{Core, is_null},
};
use crate::model::{Code, Finding, Place, Scalar, printable};

/// What one segment of a file holds.
pub(super) struct Outcome {
    /// The tree, or what could be read of it.
    pub root: Option<Node>,
    /// Whether the tree is all there is.
    pub whole: bool,
    /// Whether the bound on nodes was passed, so that the rest of the file must not be read.
    pub exhausted: bool,
    /// What was refused.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// Nothing could be read.
    pub(super) fn broken(finding: Finding) -> Self {
        Self { root: None, whole: false, exhausted: false, findings: vec![finding] }
    }
}

/// Reads the one document of a segment that begins on `line`; takes what it uses from `nodes_left`.
pub(super) fn read(file: &Arc<str>, bytes: &[u8], line: u32, max_depth: usize, nodes_left: &mut usize) -> Outcome {
    let (text, refused) = readable(bytes);
    let place = || place_after(file, line, text);
    let refused = refused.map(|(message, help)| Finding::error(Code::BadYaml, place(), message).with_help(help));
    let mut builder = Builder {
        at: At { file, line, text, visible: text.trim_end() },
        findings: Vec::new(),
        stack: Vec::new(),
        root: None,
        block: false,
    };
    let (whole, exhausted) = builder.run(max_depth, nodes_left);
    let root = builder.finish();
    match refused {
        // What else is wrong with a text that was cut off may come from the cut.
        Some(refused) => Outcome { root, exhausted, ..Outcome::broken(refused) },
        None => Outcome { root, whole, exhausted, findings: builder.findings },
    }
}

/// The text up to the first byte that can't be part of YAML, and what is wrong with that.
fn readable(bytes: &[u8]) -> (&str, Option<(String, &'static str)>) {
    let (text, broken) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(), true),
    };
    match first_control_character(text) {
        Some(offset) => {
            let message = format!("the text holds the control character U+{:04X}", text.as_bytes()[offset]);
            (&text[..offset], Some((message, "remove it, or write it as an escape in double quotes")))
        }
        None if broken => (text, Some(("the text is not UTF-8".to_owned(), "save the file as UTF-8"))),
        None => (text, None),
    }
}

/// The first character that YAML does not allow, or that only some tools take for a line end.
fn first_control_character(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().find_map(|(index, byte)| {
        let refused = match byte {
            b'\t' | b'\n' => false,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            other => *other < 0x20 || *other == 0x7f,
        };
        refused.then_some(index)
    })
}

/// The place of the character that follows `text`, which begins on `line`.
fn place_after(file: &Arc<str>, line: u32, text: &str) -> Place {
    let last = text.rsplit('\n').next().unwrap_or_default();
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    Place { file: Arc::clone(file), line: line.saturating_add(count(lines)), column: count(last.chars().count() + 1) }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Turns the parser's markers into places.
struct At<'a> {
    file: &'a Arc<str>,
    line: u32,
    text: &'a str,
    /// The text without what is invisible at its end.
    visible: &'a str,
}

impl At<'_> {
    /// The place of a marker; one at or past the end is the last visible character, so that every place can be shown.
    fn place(&self, marker: &Marker) -> Place {
        match marker.byte_offset() {
            Some(offset) if offset < self.visible.len() => Place {
                file: Arc::clone(self.file),
                line: self.line.saturating_add(count(marker.line().saturating_sub(1))),
                column: count(marker.col() + 1),
            },
            Some(_) | None => {
                let last = self.visible.char_indices().next_back();
                let before = last.map_or("", |(last, _)| &self.visible[..last]);
                place_after(self.file, self.line, before)
            }
        }
    }
}

/// A map or list that is still open.
struct Frame {
    place: Place,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Waiting },
}

/// What a map waits for.
enum Waiting {
    Key,
    Value(Key),
    /// A value whose key was refused.
    Refused,
}

struct Builder<'a> {
    at: At<'a>,
    findings: Vec<Finding>,
    stack: Vec<Frame>,
    root: Option<Node>,
    /// Whether the scalar in hand is a block, which the parser places at its content and not at its `|`.
    block: bool,
}

impl Builder<'_> {
    /// Takes events until the document ends or breaks: whether it is whole, and whether the bound on nodes was passed.
    fn run(&mut self, max_depth: usize, nodes_left: &mut usize) -> (bool, bool) {
        let options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            emit_comments: false,
            flow_nesting_limit: max_depth,
            block_nesting_limit: max_depth,
        };
        let text = self.at.text;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let finding = syntax_finding(&error, self.at.place(error.marker()));
                    self.findings.push(finding);
                    return (false, false);
                }
            };
            if event.is_node() {
                match nodes_left.checked_sub(1) {
                    Some(left) => *nodes_left = left,
                    None => return (false, true),
                }
            }
            if !self.take(event, &span, max_depth) {
                return (false, false);
            }
        }
        (true, false)
    }

    /// Takes one event; false where the document must be given up.
    fn take(&mut self, event: Event<'_>, span: &Span, max_depth: usize) -> bool {
        let place = self.at.place(&span.start);
        if event.tag().is_some() {
            let place = span.tag_start.map_or_else(|| place.clone(), |marker| self.at.place(&marker));
            let finding = Finding::error(Code::BadYaml, place, "tags (`!…`) are not accepted");
            self.findings.push(finding.with_help("remove the tag; quote a value that is meant as text"));
        }
        match event {
            Event::Scalar(text, style, _, _) => {
                let quoted = !matches!(style, ScalarStyle::Plain);
                self.block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let empty = !quoted && (span.is_empty() || is_null(&text));
                self.scalar(place, Scalar { text: text.into_owned(), quoted }, empty);
            }
            Event::SequenceStart(..) => self.stack.push(Frame { place, content: Content::List(Vec::new()) }),
            Event::MappingStart(..) => {
                self.stack.push(Frame { place, content: Content::Map { entries: Vec::new(), key: Waiting::Key } });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse_alias(place.clone(), "aliases (`*name`) are not accepted");
                self.scalar(place, Scalar { text: String::new(), quoted: true }, false);
            }
            Event::Anchor(..) => self.refuse_alias(place, "anchors (`&name`) are not accepted"),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Comment(..)
            | _ => {}
        }
        if self.stack.len() > max_depth {
            self.findings.push(too_deep(self.at.place(&span.start)));
            return false;
        }
        true
    }

    fn refuse_alias(&mut self, place: Place, message: &str) {
        let finding = Finding::error(Code::Alias, place, message);
        self.findings.push(finding.with_help("write the value out, or share it through a `Defaults` document"));
    }

    fn scalar(&mut self, place: Place, scalar: Scalar, empty: bool) {
        if let Some(Frame { content: Content::Map { key: waiting @ Waiting::Key, .. }, .. }) = self.stack.last_mut() {
            *waiting = match refused_key(&scalar, empty) {
                None => Waiting::Value(Key { text: scalar.text, place }),
                Some((code, message, help)) => {
                    self.findings.push(Finding::error(code, place, message).with_help(help));
                    Waiting::Refused
                }
            };
            return;
        }
        let kind = if empty { Kind::Null } else { Kind::Scalar(scalar) };
        self.value(Node { place, kind });
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, mut node: Node) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame { content: Content::List(items), .. }) => items.push(node),
            Some(Frame { content: Content::Map { entries, key }, .. }) => match std::mem::replace(key, Waiting::Key) {
                Waiting::Value(key) => {
                    if matches!(node.kind, Kind::Null) || (self.block && matches!(node.kind, Kind::Scalar(_))) {
                        node.place = key.place.clone();
                    }
                    entries.push((key, node));
                }
                Waiting::Refused => {}
                Waiting::Key => {
                    let finding = Finding::error(Code::WrongType, node.place, "a list or map can't be a key");
                    self.findings.push(finding.with_help("use a text as key; quote values that begin with `{` or `[`"));
                    *key = Waiting::Refused;
                }
            },
        }
    }

    fn close(&mut self) {
        let Some(frame) = self.stack.pop() else { return };
        let kind = match frame.content {
            Content::List(items) => Kind::List(items),
            Content::Map { entries, .. } => Kind::Map(self.without_duplicates(entries)),
        };
        self.value(Node { place: frame.place, kind });
    }

    /// Keeps the first of several entries with one key and reports the others.
    fn without_duplicates(&mut self, entries: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|&a, &b| (&entries[a].0.text, a).cmp(&(&entries[b].0.text, b)));
        let mut kept = vec![true; entries.len()];
        for pair in order.windows(2) {
            let (former, latter) = (&entries[pair[0]].0, &entries[pair[1]].0);
            if former.text == latter.text {
                kept[pair[1]] = false;
                let message = format!("the key `{}` stands here a second time", shown(&latter.text));
                let help = format!("keep one of the two; the other is on line {}", former.place.line);
                self.findings.push(Finding::error(Code::DuplicateKey, latter.place.clone(), message).with_help(help));
            }
        }
        entries.into_iter().zip(kept).filter_map(|(entry, keep)| keep.then_some(entry)).collect()
    }

    /// Closes what a broken document left open.
    fn finish(&mut self) -> Option<Node> {
        while !self.stack.is_empty() {
            self.close();
        }
        self.root.take()
    }
}

/// Why a scalar can't be a key.
fn refused_key(scalar: &Scalar, empty: bool) -> Option<(Code, &'static str, &'static str)> {
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

fn too_deep(place: Place) -> Finding {
    Finding::error(Code::TooLarge, place, "maps and lists are nested too deeply").with_help("flatten the document")
}

/// Says what breaks the syntax in words that hold nothing of the text itself.
fn syntax_finding(error: &ScanError, place: Place) -> Finding {
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

/// A key or name fit for a message: short, on one line, without control characters.
pub fn shown(key: &str) -> String {
    printable(key, 60)
}
