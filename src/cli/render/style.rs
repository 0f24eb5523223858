//! The few colours in use.

use anstyle::{AnsiColor, Style};

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// What matters.
pub fn bold(text: &str) -> String {
    styled(Style::new().bold(), text)
}

/// What matters less.
pub fn dim(text: &str) -> String {
    styled(Style::new().dimmed(), text)
}

/// What is added, or well.
pub fn green(text: &str) -> String {
    styled(AnsiColor::Green.on_default(), text)
}

/// What changes, or is doubtful.
pub fn yellow(text: &str) -> String {
    styled(AnsiColor::Yellow.on_default(), text)
}

/// What goes, or is wrong.
pub fn red(text: &str) -> String {
    styled(AnsiColor::Red.on_default(), text)
}
