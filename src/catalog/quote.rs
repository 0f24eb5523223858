//! Makes foreign text fit for a message: short, on one line, without control characters.

use crate::model;

/// The most characters of a foreign text that a message shows.
const SHOWN: usize = 80;

/// The text, shortened, with control and direction characters escaped.
pub(super) fn printable(text: &str) -> String {
    model::printable(text, SHOWN)
}

/// The same between backticks, or `empty text` where there is nothing to see.
pub(super) fn quoted(text: &str) -> String {
    if text.is_empty() { "an empty text".to_owned() } else { format!("`{}`", printable(text)) }
}

/// Several texts between backticks, the last joined by `or`; at most twelve are named.
pub(super) fn any_of(texts: &[String]) -> String {
    const NAMED: usize = 12;
    let mut joined = String::new();
    for (index, text) in texts.iter().take(NAMED).enumerate() {
        let joint = match index {
            0 => "",
            _ if index + 1 == texts.len() => " or ",
            _ => ", ",
        };
        joined.push_str(joint);
        joined.push_str(&quoted(text));
    }
    if texts.len() > NAMED {
        joined.push_str(" or ");
        joined.push_str(&(texts.len() - NAMED).to_string());
        joined.push_str(" more");
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_as_a_sentence() {
        let texts: Vec<String> = (0..14).map(|number| number.to_string()).collect();
        assert_eq!(any_of(&texts[..1]), "`0`");
        assert_eq!(any_of(&texts[..3]), "`0`, `1` or `2`");
        assert!(any_of(&texts).ends_with("`11` or 2 more"), "{}", any_of(&texts));
    }
}
