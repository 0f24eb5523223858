//! The unique name that a platform makes of the name people gave an instance.

/// The longest name, in characters.
const LONGEST: usize = 63;

/// The platform's name of an instance: lower case, everything but letters and digits one hyphen, at most 63 characters.
pub fn platform_name(title: &str) -> String {
    let mut name = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name: String = name.trim_matches('-').chars().take(LONGEST).collect();
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_as_the_platform_makes_them() {
        for (title, name) in [
            ("misp-prod", "misp-prod"),
            ("  A Feed (test) ", "a-feed-test"),
            ("Über—feed", "ber-feed"),
            ("---", ""),
            (&"a".repeat(80), &"a".repeat(63)),
            (&format!("{}--b", "a".repeat(62)), &"a".repeat(62)),
        ] {
            assert_eq!(platform_name(title), *name, "{title}");
        }
    }
}
