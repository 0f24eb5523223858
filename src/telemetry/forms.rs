//! The forms that a text takes on its way into a log line.

use std::{collections::BTreeSet, fmt::Write};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::MIN_SECRET;

/// Lines of a longer secret count by themselves from this length on, in bytes: shorter ones may be anything.
const MIN_LINE: usize = 16;

/// Every form to look for: as it is, escaped as Rust and JSON do, in base64 wherever it begins, percent-encoded; and each
/// long line of a text of several lines.
pub(super) fn of(secret: &str) -> BTreeSet<String> {
    let mut forms = of_text(secret);
    // The marks around a PEM block are the same in every one.
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= MIN_LINE && !line.starts_with("-----"));
    forms.extend(lines.flat_map(of_text));
    forms.retain(|form| form.len() >= MIN_SECRET);
    forms
}

fn of_text(text: &str) -> BTreeSet<String> {
    let debug: String = text.escape_debug().collect();
    let mut forms = BTreeSet::from([json(&debug), json(text), debug, text.to_owned()]);
    for hidden in 0..3 {
        forms.extend([base64(&STANDARD_NO_PAD, text, hidden), base64(&URL_SAFE_NO_PAD, text, hidden)]);
    }
    forms.insert(percent(text, false, "%20"));
    forms.insert(percent(text, true, "%20"));
    forms.insert(percent(text, true, "+"));
    forms
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The characters of base64 that stand for this text alone when `hidden` bytes (0 to 2) come before it in its group of
/// three, and anything after it.
fn base64(engine: &impl Engine, text: &str, hidden: usize) -> String {
    let mut bytes = vec![0_u8; hidden];
    bytes.extend_from_slice(text.as_bytes());
    let encoded = engine.encode(&bytes);
    // The character on either edge holds bits of the neighbour as well.
    let first = (hidden * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded[first..last].to_owned()
}

/// Percent-encoding of all but the unreserved characters (RFC 3986, section 2.3).
fn percent(text: &str, upper: bool, space: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        let written = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.write_char(char::from(byte)),
            b' ' => encoded.write_str(space),
            other if upper => write!(encoded, "%{other:02X}"),
            other => write!(encoded, "%{other:02x}"),
        };
        written.expect("a string takes everything");
    }
    encoded
}
