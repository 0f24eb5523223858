//! Laws that hold for every input.

use lockstep::manifest;
use proptest::prelude::*;

use super::{fixtures, snapshot};

/// Reads one file and checks that every finding can be shown at its place.
fn check(content: &[u8]) -> Result<(), TestCaseError> {
    let reading = manifest::read(&snapshot(&[("a/f.yaml", content)]));
    let text = String::from_utf8_lossy(content);
    let lines: Vec<&str> = text.split('\n').collect();
    for finding in &reading.findings {
        let place = &finding.place;
        let line = lines.get(place.line as usize - 1);
        let length = line.map(|line| line.trim_start_matches('\u{feff}').chars().count().max(1));
        prop_assert!(length.is_some_and(|length| place.column as usize <= length + 1), "{finding:?} in {text:?}");
        prop_assert!(finding.help.is_some());
    }
    for manifest in &reading.manifests {
        prop_assert!(!reading.held.contains(&manifest.name.value));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics_on_bytes(content in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&content)?;
    }

    #[test]
    fn reading_never_panics_on_yaml_like_text(content in "([a-z&*!?|>'\"%@`#~<{}\\[\\],:é \t\n-]|: |- |\n  |---\n){0,80}") {
        check(content.as_bytes())?;
    }

    #[test]
    fn reading_never_panics_on_mutated_manifests(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..6),
    ) {
        let mut content = fixtures("good").remove(0).1;
        for (index, kind, byte) in cuts {
            let at = index.index(content.len());
            match kind {
                0 => content[at] = byte,
                1 => content.insert(at, byte),
                _ => drop(content.drain(at..(at + usize::from(byte)).min(content.len()))),
            }
            if content.is_empty() {
                break;
            }
        }
        check(&content)?;
    }
}
