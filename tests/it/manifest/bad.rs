//! Broken manifests and everything that is said about them.

use std::fmt::Write as _;

use lockstep::manifest;

use super::{fixtures, shown, snapshot};

#[test]
fn findings_of_broken_manifests() {
    let mut text = String::new();
    for (name, content) in fixtures("bad") {
        let reading = manifest::read(&snapshot(&[(name.as_str(), &content)]));
        writeln!(text, "# {name}\n{}", shown(&reading)).unwrap();
    }
    insta::assert_snapshot!(text);
}
