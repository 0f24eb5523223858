//! Writes one event at a time, scrubbed, and on one line whatever its fields hold.

use std::{fmt::Write as _, io, io::Write};

use tracing_subscriber::fmt::MakeWriter;

use super::{Format, Scrubber};

/// Makes a writer for each event.
pub(super) struct ScrubbingMaker<M> {
    /// Where lines go.
    pub(super) inner: M,
    /// What they look like, for escapes.
    pub(super) format: Format,
    /// What must not stand in them.
    pub(super) scrubber: Scrubber,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for ScrubbingMaker<M> {
    type Writer = ScrubbingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        ScrubbingWriter { inner: self.inner.make_writer(), format: self.format, scrubber: self.scrubber.clone() }
    }
}

/// Writes one event, which the formatter hands over whole.
pub(super) struct ScrubbingWriter<W> {
    inner: W,
    format: Format,
    scrubber: Scrubber,
}

impl<W: Write> Write for ScrubbingWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = escaped(&self.scrubber.scrub(line), self.format);
        line.push('\n');
        self.inner.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The line with escapes in the place of everything that would end it, or make a terminal show something else.
fn escaped(line: &str, format: Format) -> String {
    let mut safe = String::with_capacity(line.len() + 1);
    for c in line.chars() {
        let written = match (c, format) {
            (c, _) if !is_risky(c) => safe.write_char(c),
            (c, Format::Text) => write!(safe, "{}", c.escape_default()),
            // Every risky character is below U+10000, so that one escape of JSON holds it.
            (c, Format::Json) => write!(safe, "\\u{:04x}", u32::from(c)),
        };
        written.expect("a string takes everything");
    }
    safe
}

/// Control characters, line and paragraph separators, and the marks that turn the direction of text.
fn is_risky(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}
