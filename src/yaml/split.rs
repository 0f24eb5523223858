//! Cuts a file into documents at its marker lines, so that a broken one leaves the others readable.
//!
//! Cutting before parsing is exact: a line that begins with `---` or `...` can't be part of any scalar (YAML 1.2.2,
//! section 9.1.2, `c-forbidden`), and directives, the only thing that reaches across, are refused.

use std::ops::Range;

/// The part of a file that holds at most one document.
pub(super) struct Segment {
    /// The line it begins on, counted from 1.
    pub line: u32,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The length of a leading byte order mark, and what follows it.
pub(super) fn byte_order_mark(content: &[u8]) -> (usize, &[u8]) {
    content.strip_prefix(BYTE_ORDER_MARK).map_or((0, content), |rest| (BYTE_ORDER_MARK.len(), rest))
}

/// Cuts `text`, which begins `offset` bytes into its file.
pub(super) fn documents(text: &[u8], offset: usize) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut begin = 0;
    let mut begin_line = 1;
    let mut position = 0;
    for (number, line) in (1_u32..).zip(text.split_inclusive(|&byte| byte == b'\n')) {
        let end = position + line.len();
        if is_marker(line, b"---") && position > begin {
            segments.push(Segment { line: begin_line, bytes: begin + offset..position + offset });
            (begin, begin_line) = (position, number);
        }
        if is_marker(line, b"...") {
            segments.push(Segment { line: begin_line, bytes: begin + offset..end + offset });
            (begin, begin_line) = (end, number + 1);
        }
        position = end;
    }
    if begin < text.len() {
        segments.push(Segment { line: begin_line, bytes: begin + offset..text.len() + offset });
    }
    segments
}

fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}
