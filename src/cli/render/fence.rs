//! Blocks of Markdown that what they hold can't leave, and a text of bounded length made from whole ones.

use super::push;

/// A fenced block: its fence is longer than any run of backticks inside, so that nothing inside can end it.
pub(super) fn fenced(language: &str, content: &str) -> String {
    let (mut longest, mut run) = (0, 0);
    for c in content.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(3.max(longest + 1));
    let end = if content.is_empty() || content.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{content}{end}{fence}\n")
}

/// A block that is folded until someone opens it. The title is HTML and must hold nothing foreign.
pub(super) fn folded(title: &str, content: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{content}\n</details>\n\n")
}

/// A text that takes whole pieces until it is full, and counts those that it does not take.
#[derive(Debug)]
pub(super) struct Bounded {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Bounded {
    /// An empty text of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit, left_out: 0 }
    }

    /// Adds what must be there.
    pub(super) fn must(&mut self, piece: &str) {
        self.text += piece;
    }

    /// Adds a piece, whole, where there is room for it within `limit` bytes of the whole text.
    pub(super) fn may(&mut self, piece: &str, limit: usize) -> bool {
        let fits = self.text.len() + piece.len() <= limit.min(self.limit);
        if fits {
            self.text += piece;
        } else {
            self.left_out += 1;
        }
        fits
    }

    /// The bytes that are free.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.text.len())
    }

    /// The bytes that are taken.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Counts anew: what was left out so far has been said.
    pub(super) fn forget_left_out(self) -> Self {
        Self { left_out: 0, ..self }
    }

    /// The text, and how many pieces are left out of it.
    pub(super) fn finish(mut self, note: impl FnOnce(usize) -> String) -> String {
        if self.left_out > 0 {
            push(&mut self.text, format_args!("{}\n", note(self.left_out)));
        }
        self.text
    }
}
