use std::{
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use tracing_subscriber::fmt::MakeWriter;

use super::{Format, InitError, Scrubber, subscriber::subscriber};

const SECRET: &str = "p@ss \"wörd\"\\ +/~?>";

fn scrubber(secrets: &[&str]) -> Scrubber {
    let scrubber = Scrubber::default();
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
    scrubber.set(&secrets).expect("a few short secrets");
    scrubber
}

/// Collects what is written.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Page {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn logged(format: Format, filter: &str, scrubber: &Scrubber, log: impl FnOnce()) -> String {
    let page = Page::default();
    let subscriber = subscriber(format, filter, scrubber.clone(), page.clone()).expect("a good filter");
    tracing::subscriber::with_default(subscriber, log);
    String::from_utf8(page.0.lock().expect("no test panics while writing").clone()).expect("lines are text")
}

#[test]
fn every_form_of_a_secret_is_replaced() {
    let scrubber = scrubber(&[SECRET]);
    let forms = [
        SECRET.to_owned(),
        format!("{SECRET:?}"),
        serde_json::to_string(&format!("{SECRET:?}")).unwrap(),
        serde_json::to_string(SECRET).unwrap(),
        url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect::<String>().replace("%7E", "~"),
        url::form_urlencoded::byte_serialize(SECRET.as_bytes())
            .collect::<String>()
            .replace("%7E", "~")
            .replace('+', "%20")
            .to_lowercase(),
    ];
    for form in forms {
        let before = scrubber.hits();
        let clean = scrubber.scrub(&form).into_owned();
        assert!(clean.contains("[redacted]") && !clean.contains("rd"), "{form} became {clean}");
        assert_eq!(scrubber.hits(), before + 1);
    }
}

#[test]
fn base64_is_found_wherever_the_secret_begins_in_it() {
    let scrubber = scrubber(&[SECRET]);
    for user in ["", "a", "ab", "abc", "admin:"] {
        for tail in ["", "1", "22"] {
            let encoded = STANDARD.encode(format!("{user}{SECRET}{tail}"));
            let clean = scrubber.scrub(&encoded).into_owned();
            assert!(clean.contains("[redacted]"), "{encoded}");
            assert!(clean.len() <= "[redacted]".len() + 16, "{clean}");
        }
    }
}

#[test]
fn secrets_that_overlap_leave_nothing() {
    let scrubber = scrubber(&["abcdef", "defghi", "abcdefghij"]);
    assert_eq!(scrubber.scrub("<abcdefghi> <defghijk> <abcdefghij>"), "<[redacted]> <[redacted]jk> <[redacted]>");
    assert_eq!(scrubber.hits(), 3);
}

#[test]
fn lines_of_a_longer_secret_are_found_alone() {
    let scrubber = scrubber(&["-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\nshort\n-----END PRIVATE KEY-----\n"]);
    assert_eq!(scrubber.scrub("x MIIEvQIBADANBgkqhkiG y"), "x [redacted] y");
    assert_eq!(scrubber.scrub("-----BEGIN PRIVATE KEY----- short"), "-----BEGIN PRIVATE KEY----- short");
}

#[test]
fn short_secrets_and_other_text_stay() {
    let scrubber = scrubber(&["12345", ""]);
    assert_eq!(scrubber.scrub("12345"), "12345");
    let longer = [SecretString::from("123456")];
    let twin = scrubber.clone();
    twin.set(&longer).unwrap();
    assert_eq!(scrubber.scrub("x 123456"), "x [redacted]");
    twin.set([]).unwrap();
    assert_eq!(scrubber.scrub("x 123456"), "x 123456");
    assert_eq!((scrubber.hits(), twin.hits()), (1, 1));
    assert_eq!(format!("{scrubber:?}"), "Scrubber(1 hits)");
}

#[test]
fn log_lines_are_scrubbed_in_message_field_and_span() {
    for format in [Format::Text, Format::Json] {
        let scrubber = scrubber(&[SECRET]);
        let lines = logged(format, "info", &scrubber, || {
            let _span = tracing::info_span!("pass", secret = SECRET).entered();
            tracing::info!(field = SECRET, debug = ?SECRET, display = %SECRET, "message {SECRET}");
        });
        assert!(!lines.contains("ss \\") && !lines.contains("ss \"") && !lines.contains("rd"), "{lines}");
        assert_eq!(lines.lines().count(), 1);
        assert!(scrubber.hits() >= 5, "{} in {lines}", scrubber.hits());
        assert!(lines.contains("pass"));
    }
}

#[test]
fn an_event_stays_on_its_line() {
    let log = || tracing::info!(path = %"a\nERROR forged\u{1b}[2J\u{9b}\u{202e}\r", "seen\ntwice");
    let text = logged(Format::Text, "info", &Scrubber::default(), log);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("a\\nERROR forged"), "{text}");
    assert!(text.contains("\\u{202e}\\r"), "{text}");
    let json = logged(Format::Json, "info", &Scrubber::default(), log);
    assert!(!json.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["path"], "a\nERROR forged\u{1b}[2J\u{9b}\u{202e}\r");
    assert_eq!(value["message"], "seen\ntwice");
    assert_eq!(value["level"], "INFO");
}

#[test]
fn what_our_own_errors_say_is_not_said_by_libraries_as_well() {
    let log = || {
        tracing::error!(target: "rustls_platform_verifier::verification", "UnknownIssuer");
        tracing::info!("ours");
    };
    let page = logged(Format::Text, "info", &Scrubber::default(), log);
    assert!(page.contains("ours") && !page.contains("UnknownIssuer"), "{page}");
}

#[test]
fn the_filter_decides_what_is_written() {
    let log = || {
        tracing::debug!("quiet");
        tracing::warn!("loud");
    };
    let lines = logged(Format::Text, "warn", &Scrubber::default(), log);
    assert!(lines.contains("loud") && !lines.contains("quiet"), "{lines}");
    assert!(logged(Format::Text, "debug", &Scrubber::default(), log).contains("quiet"));
    let bad = subscriber(Format::Text, "lockstep=loud", Scrubber::default(), io::stderr).err();
    assert!(matches!(bad, Some(InitError::Filter { .. })));
}
