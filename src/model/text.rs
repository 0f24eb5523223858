//! Makes foreign text fit for a message, and finds the word that a misspelt one was meant to be.

/// The text with control characters and marks of direction escaped, cut to `limit` characters: it can neither move the
/// cursor nor flood the screen.
pub fn printable(text: &str, limit: usize) -> String {
    let mut fit = String::with_capacity(text.len().min(limit).min(4_096) + 3);
    for (index, character) in text.chars().enumerate() {
        if index == limit {
            fit.push('…');
            break;
        }
        if is_hidden(character) {
            fit.extend(character.escape_default());
        } else {
            fit.push(character);
        }
    }
    fit
}

/// Whether a character is not seen and yet does something: it is a control character, a mark of direction, or has no
/// width.
pub fn is_hidden(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

/// Whether a character changes how the text around it is shown, or shows nothing itself.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Seconds since the Unix epoch as RFC 3339, in UTC; none for a time that no calendar has.
pub fn rfc3339(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

/// The candidate nearest to a name, if one is near enough; the first of equally near ones.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name this long is no slip of the pen, and comparing it would cost its square.
    if name.len() > 256 {
        return None;
    }
    let wanted = name.to_ascii_uppercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other = candidate.to_ascii_uppercase();
        let distance = strsim::damerau_levenshtein(&wanted, &other);
        let longer = wanted.len().max(other.len());
        let contained = wanted.len().min(other.len()) >= 5 && (wanted.contains(&other) || other.contains(&wanted));
        let near = distance <= (longer / 4).max(2) && distance < longer.min(wanted.len());
        if (near || contained) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_wins_and_strangers_are_not_offered() {
        let keys = ["MISP_KEY", "MISP_URL", "CONNECTOR_NAME"];
        for (name, expected) in [
            ("MISP_ULR", Some("MISP_URL")),
            ("misp_url", Some("MISP_URL")),
            ("MISP_URLX", Some("MISP_URL")),
            ("MY_MISP_KEY", Some("MISP_KEY")),
            ("CONECTOR_NAM", Some("CONNECTOR_NAME")),
            ("TAXII_SERVER", None),
            ("", None),
            ("X", None),
        ] {
            assert_eq!(closest(name, keys), expected, "{name}");
        }
        assert_eq!(closest(&"A".repeat(10_000), keys), None);
    }

    #[test]
    fn foreign_text_can_not_move_the_cursor_or_flood_the_screen() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{202e}", 99), "a\\u{1b}[2Jb\\nc\\u{202e}");
        assert_eq!(printable("äöü", 2), "äö…");
        assert_eq!(printable(&"x".repeat(1_000), 80).chars().count(), 81);
    }
}
