//! The text of a document: what of it can be read, and where a marker of the parser stands in it.

use std::sync::Arc;

use serde_yaml::granit_parser::Marker;

use crate::model::Place;

/// The text up to the first byte that can't be part of YAML, and what is wrong with that.
pub(super) fn readable(bytes: &[u8]) -> (&str, Option<(String, &'static str)>) {
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
pub(super) fn place_after(file: &Arc<str>, line: u32, text: &str) -> Place {
    let last = text.rsplit('\n').next().unwrap_or_default();
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    Place { file: Arc::clone(file), line: line.saturating_add(count(lines)), column: count(last.chars().count() + 1) }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Turns the parser's markers into places.
pub(super) struct At<'a> {
    pub(super) file: &'a Arc<str>,
    pub(super) line: u32,
    pub(super) text: &'a str,
    /// The text without what is invisible at its end.
    pub(super) visible: &'a str,
}

impl At<'_> {
    /// The place of a marker; one at or past the end is the last visible character, so that every place can be shown.
    pub(super) fn place(&self, marker: &Marker) -> Place {
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
