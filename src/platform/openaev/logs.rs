//! Which log lines OpenAEV has not been sent.

use std::collections::BTreeMap;

/// The lines to send where those before were sent already, as one text; none where there is nothing new.
///
/// The platform keeps the last texts that it was sent, adds to them, and takes several lines at once without their order
/// and each of them once: so what is new is one text of all its lines.
pub(super) fn addition(sent: &[String], lines: &[String]) -> Option<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in sent {
        *left.entry(line).or_default() += 1;
    }
    let fresh: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| match left.get_mut(line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            Some(_) | None => !line.trim().is_empty(),
        })
        .collect();
    (!fresh.is_empty()).then(|| fresh.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &[&str], lines: &[&str]) -> Option<String> {
        let owned = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        addition(&owned(sent), &owned(lines))
    }

    #[test]
    fn only_what_is_new_is_sent_in_its_order_and_as_often_as_it_stands() {
        assert_eq!(check(&[], &["b", "a", "b"]).as_deref(), Some("b\na\nb"));
        assert_eq!(check(&["b", "a"], &["b", "a"]), None);
        assert_eq!(check(&["b", "a"], &["a", "a", "c"]).as_deref(), Some("a\nc"));
        assert_eq!(check(&["a", "[lockstep] x"], &["a", "b", "[lockstep] x"]).as_deref(), Some("b"));
        assert_eq!(check(&["a"], &["", " "]), None);
    }
}
