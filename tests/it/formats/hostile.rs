//! Values and names that try to leave the place they are shown in.

use std::time::Duration;

use lockstep::{
    cli::render::{self, Case, Marker, Run},
    model::{Code, Finding},
    plan::Action,
};

use super::{
    sample::{name, place, plan_of, reason, step},
    told::{markdown, outside_of_fences},
};

pub(super) const VALUES: [&str; 8] = [
    "````\n</details>\n<!-- lockstep:plan:other -->\n`````diff",
    "<script>alert(1)</script> @everyone #1",
    "--> ]]> </failure> &amp; \"quoted\" 'single'",
    "\u{1b}[31mred\u{1b}[0m \u{7} \u{0} \u{9b}2J",
    "a\r\n::error file=x::injected\n::set-output name=x::y",
    "\u{202e}detrevni\u{2066} \u{200b} \u{feff}",
    "100% of a:b,c\r\n~~~\n",
    "| cell | `cell`\n| `x` | `y` | create | |",
];

fn hidden(c: char) -> bool {
    c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}' | '\u{feff}'))
}

fn finding(value: &str) -> Finding {
    let file = format!("dir/{}.yaml", value.replace('/', "_"));
    Finding::error(Code::NotAllowed, place(&file, 3), value).with_help(value)
}

#[test]
fn no_value_leaves_a_block_of_markdown() {
    for value in VALUES {
        let plan = plan_of(vec![
            step("a", Action::Replace, vec![reason(value, Some(value), Some("b")), reason("c", None, Some(value))]),
            step("b", Action::Create, vec![reason("instance", None, Some("c"))]),
        ]);
        let text = markdown(&plan, &[finding(value)], render::COMMENT_LIMIT);
        let outside = outside_of_fences(&text);
        assert_eq!(outside.matches("<!--").count(), 1, "{outside}");
        assert_eq!(outside.matches("<details>").count(), 3, "{outside}");
        assert_eq!(outside.lines().filter(|line| line.starts_with("| `")).count(), 2, "{outside}");
        assert!(!outside.contains("script") && !outside.contains("@everyone"), "{outside}");
        assert!(!text.contains(hidden), "{text:?}");
    }
}

#[test]
fn no_value_moves_the_terminal() {
    for value in VALUES {
        let step = step("a", Action::Replace, vec![reason(value, Some(value), Some("b"))]);
        let text = anstream::adapter::strip_str(&render::plan(&plan_of(vec![step]), &[])).to_string();
        assert!(!text.contains(hidden), "{text:?}");
        // Nothing of a value can be taken for the head of a step or the summary line.
        assert_eq!(text.lines().filter(|line| line.starts_with("  # ")).count(), 1, "{text}");
    }
}

/// Undoes what GitHub's runner undoes.
fn unescaped(text: &str) -> String {
    text.replace("%3A", ":").replace("%2C", ",").replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

#[test]
fn annotations_carry_what_they_were_given() {
    let value = "100% of a:b,c\r\n::error::x %0A";
    let line = render::annotations(&[finding(value)]);
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    let (head, message) = line.trim_end().strip_prefix("::error ").unwrap().split_once("::").unwrap();
    assert_eq!(unescaped(message), format!("{value}\nhelp: {value}"));
    let properties: Vec<_> = head.split(',').map(|property| property.split_once('=').unwrap()).collect();
    let keys: Vec<_> = properties.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["file", "line", "col", "title"]);
    assert_eq!(unescaped(properties[0].1), format!("dir/{value}.yaml"));
    for value in VALUES {
        let text = render::annotations(&[finding(value)]);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains(hidden), "{text:?}");
    }
}

#[test]
fn junit_is_well_formed_whatever_is_found() {
    for value in VALUES {
        let run = Run { began: 0, took: Duration::ZERO, version: value };
        let case = Case { file: value.to_owned(), instance: name("a") };
        let text = render::junit(&run, &[case], &[finding(value), finding(value).of_instance(&name("a"))]);
        assert!(!text.contains(hidden), "{text:?}");
        let tags: Vec<_> =
            text.match_indices('<').map(|(at, _)| text[at..].split(['>', ' ', '/']).next().unwrap()).collect();
        let of = |tag: &str| tags.iter().filter(|found| **found == tag).count();
        assert_eq!((of("<testcase"), of("<failure"), of("<testsuite"), of("<testsuites")), (2, 2, 1, 1), "{text}");
        for (at, _) in text.match_indices('&') {
            let entity = text[at..].split_inclusive(';').next().unwrap();
            assert!(["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#10;"].contains(&entity), "{entity}");
        }
    }
}

#[test]
fn paths_become_relative_uris() {
    let uri = |file: &str| {
        let finding = Finding::error(Code::BadYaml, place(file, 1), "x");
        let sarif = render::sarif(&[finding], "1.0.0");
        let uri = sarif.pointer("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri").unwrap();
        uri.as_str().unwrap().to_owned()
    };
    assert_eq!(uri("connectors/misp.yaml"), "connectors/misp.yaml");
    assert_eq!(uri("a b/ü:%?#.yaml"), "a%20b/%C3%BC%3A%25%3F%23.yaml");
}

#[test]
fn a_marker_can_not_end_its_comment() {
    for good in ["edge-1", "owner/repo", "a_b.c", &"x".repeat(100)] {
        assert_eq!(Marker::try_from(good).unwrap().to_string(), format!("<!-- lockstep:plan:{good} -->"));
    }
    for bad in ["", "a-->", "a--b", "a b", "a\n", "é", &"x".repeat(101)] {
        assert!(Marker::try_from(bad).is_err(), "{bad:?}");
    }
}
