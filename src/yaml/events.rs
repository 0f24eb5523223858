//! Builds the tree of one document from the parser's events.

use std::sync::Arc;

use serde_yaml::granit_parser::{self, Event, Parser, ScalarStyle, Span};

use super::{
    Key, Kind, Node,
    node::is_null,
    references::{MERGE, References, depth, merge},
    refusal::{refused_key, syntax_finding, too_deep},
    text::{At, place_after, readable},
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

/// Reads the one document of a segment that begins on `line`; takes what it uses from `nodes_left`. With `follow`, anchors,
/// aliases and merge keys are read.
pub(super) fn read(
    file: &Arc<str>,
    bytes: &[u8],
    line: u32,
    follow: bool,
    max_depth: usize,
    nodes_left: &mut usize,
) -> Outcome {
    let (text, refused) = readable(bytes);
    let place = || place_after(file, line, text);
    let refused = refused.map(|(message, help)| Finding::error(Code::BadYaml, place(), message).with_help(help));
    let mut builder = Builder {
        at: At { file, line, text, visible: text.trim_end() },
        findings: Vec::new(),
        stack: Vec::new(),
        root: None,
        block: false,
        references: follow.then(References::default),
    };
    let (whole, exhausted) = builder.run(max_depth, nodes_left);
    let root = builder.finish();
    match refused {
        // What else is wrong with a text that was cut off may come from the cut.
        Some(refused) => Outcome { root, exhausted, ..Outcome::broken(refused) },
        None => Outcome { root, whole, exhausted, findings: builder.findings },
    }
}

/// A map or list that is still open.
struct Frame {
    place: Place,
    /// The number of its anchor, or 0.
    anchor: usize,
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
    /// What aliases stand for; none where they are refused.
    references: Option<References>,
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
            if !self.take(event, &span, max_depth, nodes_left) {
                return (false, false);
            }
        }
        (true, false)
    }

    /// Takes one event; false where the document must be given up.
    fn take(&mut self, event: Event<'_>, span: &Span, max_depth: usize, nodes_left: &mut usize) -> bool {
        let place = self.at.place(&span.start);
        if event.tag().is_some() {
            let place = span.tag_start.map_or_else(|| place.clone(), |marker| self.at.place(&marker));
            let finding = Finding::error(Code::BadYaml, place, "tags (`!…`) are not accepted");
            self.findings.push(finding.with_help("remove the tag; quote a value that is meant as text"));
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let quoted = !matches!(style, ScalarStyle::Plain);
                self.block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let empty = !quoted && (span.is_empty() || is_null(&text));
                self.scalar(place, Scalar { text: text.into_owned(), quoted }, empty, anchor);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.stack.push(Frame { place, anchor, content: Content::List(Vec::new()) });
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Map { entries: Vec::new(), key: Waiting::Key };
                self.stack.push(Frame { place, anchor, content });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) if self.references.is_some() => {
                return self.follow(anchor, place, max_depth, nodes_left);
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let message = match self.references {
                    Some(_) => "an alias (`*name`) names no anchor before it",
                    None => "aliases (`*name`) are not accepted",
                };
                self.refuse_alias(place.clone(), message);
                self.scalar(place, Scalar { text: String::new(), quoted: true }, false, 0);
            }
            Event::Anchor(..) if self.references.is_some() => {}
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

    /// Puts what an alias stands for in its place; false where that passes a bound.
    fn follow(&mut self, anchor: usize, place: Place, max_depth: usize, nodes_left: &mut usize) -> bool {
        let Some(node) = self.references.as_ref().and_then(|references| references.value(anchor, &place)) else {
            self.refuse_alias(place.clone(), "an alias (`*name`) stands within its own anchor");
            self.scalar(place, Scalar { text: String::new(), quoted: true }, false, 0);
            return true;
        };
        if self.stack.len() + depth(&node) > max_depth {
            self.findings.push(too_deep(place));
            return false;
        }
        let Some(left) = nodes_left.checked_sub(node.count()) else {
            let finding = Finding::error(Code::TooLarge, place, "its aliases stand for too many values and keys");
            self.findings.push(finding.with_help("split the file into several"));
            return false;
        };
        *nodes_left = left;
        match node.kind {
            Kind::Scalar(scalar) => self.scalar(place, scalar, false, 0),
            Kind::Null | Kind::List(_) | Kind::Map(_) => {
                self.block = false;
                self.value(node);
            }
        }
        true
    }

    fn scalar(&mut self, place: Place, scalar: Scalar, empty: bool, anchor: usize) {
        let merges = self.references.is_some() && scalar.text == MERGE && !scalar.quoted;
        if let Some(Frame { content: Content::Map { key: waiting @ Waiting::Key, .. }, .. }) = self.stack.last_mut() {
            *waiting = match refused_key(&scalar, empty).filter(|_| !merges) {
                None => Waiting::Value(Key { text: scalar.text, place }),
                Some((code, message, help)) => {
                    self.findings.push(Finding::error(code, place, message).with_help(help));
                    Waiting::Refused
                }
            };
            return;
        }
        let kind = if empty { Kind::Null } else { Kind::Scalar(scalar) };
        self.anchored(anchor, Node { place, kind });
    }

    /// Keeps a finished value for its aliases, and puts it where it belongs.
    fn anchored(&mut self, anchor: usize, node: Node) {
        if let Some(references) = &mut self.references {
            references.keep(anchor, &node);
        }
        self.value(node);
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
            Content::Map { entries, .. } => {
                let entries = self.without_duplicates(entries);
                let follows = self.references.is_some();
                Kind::Map(if follows { merge(entries, &mut self.findings) } else { entries })
            }
        };
        self.anchored(frame.anchor, Node { place: frame.place, kind });
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

/// A key or name fit for a message: short, on one line, without control characters.
pub fn shown(key: &str) -> String {
    printable(key, 60)
}
