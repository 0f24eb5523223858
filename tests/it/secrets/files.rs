//! Whole files.

use age::secrecy::ExposeSecret;
use lockstep::secrets::{BindingPolicy, OpenErrorKind, SecretMap};

use super::{assert_silent, encrypt, encrypt_armored, new_keyring, whom};

fn read(text: &str) -> Result<SecretMap, OpenErrorKind> {
    let (keyring, recipients) = new_keyring();
    keyring.open_file(&encrypt(&recipients, text.as_bytes()), "secrets/misp.age").map_err(|error| {
        assert!(error.to_string().starts_with("failed to open secret file `secrets/misp.age`: "), "{error}");
        assert_silent(&error, &["S33D", "canary"]);
        error.kind
    })
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let map = read(text).expect("a good file");
    let value = |name| map.get(name).map_or("", |value| value.expose_secret());
    map.names().map(|name| (name.to_owned(), value(name).to_owned())).collect()
}

#[test]
fn armored_and_binary_files_open() {
    let (keyring, recipients) = new_keyring();
    for content in [encrypt(&recipients, b"A=1\n"), encrypt_armored(&recipients, b"A=1\n").into_bytes()] {
        let map = keyring.open_file(&content, "f").unwrap();
        assert_eq!(map.get("A").unwrap().expose_secret(), "1");
        assert_eq!(format!("{map:?}"), "SecretMap(f, 1 keys)");
        for end in 0..content.len() - 1 {
            let kind = keyring.open_file(&content[..end], "f").unwrap_err().kind;
            assert!(
                matches!(kind, OpenErrorKind::Truncated | OpenErrorKind::Corrupt | OpenErrorKind::NotAge),
                "cut at {end}: {kind:?}"
            );
        }
    }
    assert_eq!(keyring.open_file(b"A: plain\n", "f").unwrap_err().kind, OpenErrorKind::NotAge);
    assert_eq!(keyring.open_file(b"age-encryption.org/v2\n", "f").unwrap_err().kind, OpenErrorKind::NotAge);
    let large = vec![b'x'; 1024 * 1024 + 1];
    assert_eq!(keyring.open_file(&large, "f").unwrap_err().kind, OpenErrorKind::TooLarge { limit: 1024 * 1024 });
}

#[test]
fn dotenv_values_are_kept() {
    let text = "\u{feff}# all\r\n\nPLAIN=a=b$c\\n'\"\r\n  export SPACED =  x y \t\nEXPORT=1\nexport=2\n\
                SINGLE='a\\n\"$x\n b ' # why\nDOUBLE=\"a\\n\\t\\\"\\$\\\\'\nb\"\nEMPTY=\na.b-c=#\u{0}";
    let text = text.trim_end_matches("#\u{0}").to_owned() + "last";
    let expected = [
        ("DOUBLE", "a\n\t\"$\\'\nb"),
        ("EMPTY", ""),
        ("EXPORT", "1"),
        ("PLAIN", "a=b$c\\n'\""),
        ("SINGLE", "a\\n\"$x\n b "),
        ("SPACED", "x y"),
        ("a.b-c", "last"),
        ("export", "2"),
    ];
    let expected: Vec<_> = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(pairs(&text), expected);
}

#[test]
fn doubtful_dotenv_is_refused_by_line() {
    let cases = [
        ("A=1\nS33D canary\n", 2),
        ("A=1\n9S33D=canary\n", 2),
        ("A=1\n\nB=S33D #canary\n", 3),
        ("A=1\nB= #S33D\n", 2),
        ("A='S33D\n\ncanary\n", 1),
        ("A='S\n33D'\nB=\"S33D\ncanary\n", 3),
        ("A=\"S33D\\qcanary\"\n", 1),
        ("A='x' S33D\n", 1),
        ("A=\"x\\", 1),
        ("A=S33D\nB='x\ny'\nA=canary\n", 4),
    ];
    for (text, expected) in cases {
        let kind = read(text).unwrap_err();
        assert!(matches!(kind, OpenErrorKind::BadMap { line, .. } if line == expected), "{text:?}: {kind:?}");
    }
    let large = format!("A={}", "x".repeat(200_000));
    assert!(matches!(read(&large), Err(OpenErrorKind::TooLarge { .. })));
    let many: String = (0..5000).map(|n| format!("K{n}=1\n")).collect();
    assert!(matches!(read(&many), Err(OpenErrorKind::BadMap { line: 4097, .. })));
    assert!(matches!(read("A=1\0"), Err(OpenErrorKind::NotText)));
}

#[test]
fn yaml_values_are_kept() {
    let text = "# all\na: plain text\n\"b=c\": 'S33D: #x'\ncert: |\n  one\n  two\nnumber: 0123\nfloat: 1.10\nyes: no\ne: \"\"\n";
    let expected = [
        ("a", "plain text"),
        ("b=c", "S33D: #x"),
        ("cert", "one\ntwo\n"),
        ("e", ""),
        ("float", "1.10"),
        ("number", "0123"),
        ("yes", "no"),
    ];
    assert_eq!(pairs(text), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(pairs("{\"a\": \"b\"}"), [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn yaml_that_is_no_map_of_texts_is_refused_by_line() {
    let cases = [
        ("a: 1\nS33D: [canary]\n", 2),
        ("a: 1\n\nS33D: {canary: 1}\n", 3),
        ("a: 1\nS33D:\n", 2),
        ("- S33D\n", 1),
        ("S33D canary", 1),
        ("S33D: a\nb: 1\nS33D: canary\n", 3),
        ("a: &S33D canary\nb: *S33D\n", 1),
        ("a: 'S33D\ncanary\n", 2),
        ("a: 1\nb: S33D: canary\n", 2),
        ("a: !S33D canary\n", 1),
        ("a: 1\n---\nS33D: canary\n", 3),
        ("a: {b: {c: {d: {e: {f: {g: {h: {i: S33D}}}}}}}}", 1),
    ];
    for (text, expected) in cases {
        let kind = read(text).unwrap_err();
        assert!(matches!(kind, OpenErrorKind::BadMap { line, .. } if line == expected), "{text:?}: {kind:?}");
    }
    for nothing in ["# nothing\n", "{}", "\n\n"] {
        assert_eq!(read(nothing).unwrap_err(), OpenErrorKind::Empty, "{nothing:?}");
    }
}

#[test]
fn a_key_is_opened_for_its_place() {
    let map = read("api_key=S33D\nEMPTY=\nBOUND=\"lockstep-binding: v1 misp MISP_KEY\\ncanary\"\n").unwrap();
    let open = |key: &str, instance: &str, policy| {
        map.open(key, &whom(instance, "MISP_KEY"), policy)
            .inspect_err(|error| assert_silent(error, &["S33D", "canary"]))
    };
    assert_eq!(open("api_key", "misp", BindingPolicy::Optional).unwrap().expose_secret(), "S33D");
    assert_eq!(open("api_key", "misp", BindingPolicy::Required).unwrap_err().kind, OpenErrorKind::Unbound);
    assert_eq!(open("BOUND", "misp", BindingPolicy::Required).unwrap().expose_secret(), "canary");
    assert_eq!(open("BOUND", "other", BindingPolicy::Optional).unwrap_err().kind, OpenErrorKind::WrongBinding);
    assert_eq!(open("EMPTY", "misp", BindingPolicy::Optional).unwrap_err().kind, OpenErrorKind::Empty);
    let error = open("api_kye", "misp", BindingPolicy::Optional).unwrap_err();
    assert_eq!(error.to_string(), "failed to open secret file `secrets/misp.age`: it has no key `api_kye`");
    assert_eq!(error.help(), "did you mean `api_key`?");
    assert_eq!(
        open("zzz", "misp", BindingPolicy::Optional).unwrap_err().help(),
        "add the key to the file, or correct `key`"
    );
}

proptest::proptest! {
    /// Whatever a file holds, reading it ends, and what it ends with shows none of it.
    #[test]
    fn any_text_is_read_or_refused(lines in proptest::collection::vec("(export )?[A-Za-z_S#]{0,4}[=: ]{0,2}['\"|{\\[-]?(S33Dcanary|[ -~\n\\\\é]{0,9})['\"]?", 0..6)) {
        if let Ok(map) = read(&lines.join("\n")) {
            proptest::prop_assert!(map.names().count() > 0);
        }
    }

    /// Any value in single quotes is kept in both formats.
    #[test]
    fn quoted_values_are_kept(value in "[^'\0\r]{0,40}") {
        proptest::prop_assert_eq!(pairs(&format!("A='{value}'")), [("A".to_owned(), value)]);
    }
}
