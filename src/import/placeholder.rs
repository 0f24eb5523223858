//! Tells texts that only hold the place of a value.

/// Whether a text is meant to be replaced: `ChangeMe`, `<api key>`, `your-token`.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let squeezed: String =
        text.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect::<String>().to_ascii_lowercase();
    let lower = text.to_ascii_lowercase();
    let masked = squeezed.len() >= 3 && squeezed.chars().all(|c| c == 'x' || c == '*');
    squeezed.contains("changeme")
        || squeezed.contains("replaceme")
        || squeezed.contains("fillme")
        || (text.len() > 2 && text.starts_with('<') && text.ends_with('>'))
        || ["your_", "your-", "your "].iter().any(|word| lower.starts_with(word))
        || masked
        || squeezed == "todo"
}

/// Whether a text is an address with a password in it: `https://user:password@host`.
pub(super) fn has_credentials(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let host = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let password = host.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
        password.is_some_and(|password| !password.is_empty() && !is_placeholder(password))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for text in [
            "ChangeMe",
            "changeme_uuid4",
            "CHANGE-ME",
            "https://<ChangeMe>/api/",
            "<key>",
            "your-api-key",
            "xxxx",
            "****",
            "TODO",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["", "xx", "your", "exchange", "misp", "<", "72327164-0b35-482b-b5d6-a5a3f76b845f"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn addresses_with_a_password() {
        assert!(has_credentials("https://u:p@example.org/x"));
        assert!(has_credentials("a,amqp://u:p@example.org"));
        for text in ["https://example.org:80/a@b:c", "https://u@example.org", "https://u:ChangeMe@example.org", "u:p@e"]
        {
            assert!(!has_credentials(text), "{text}");
        }
    }
}
