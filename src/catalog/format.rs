//! Formats of texts, each as the platform's own validator (`ajv-formats`) takes them.

/// Says whether a text follows a format.
type Check = fn(&str) -> bool;

/// The formats that are read here rather than by the schema library, whose rules differ.
pub(super) const OWN: &[(&str, Check)] = &[("duration", is_duration), ("date-time", is_date_time), ("email", is_email)];

/// What a value of a format looks like, for help.
pub(super) fn example(format: &str) -> Option<&'static str> {
    match format {
        "uri" => Some("write a whole address such as `https://example.org/path`"),
        "duration" => Some("write an ISO 8601 duration such as `PT1H`, `PT30S` or `P7D`"),
        "date-time" => Some("write a moment with its time zone, such as `2024-01-31T00:00:00Z`"),
        "date" => Some("write a date such as `2024-01-31`"),
        "email" => Some("write an address such as `name@example.org`"),
        "uuid" => Some("write a UUID such as `5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11`"),
        _ => None,
    }
}

/// An ISO 8601 duration of whole numbers: years to days and hours to seconds in order, or weeks alone.
pub(super) fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    let time_fits = time.is_none_or(|time| !time.is_empty() && follows(time, "HMS"));
    let weeks = time.is_none() && follows(date, "W");
    !rest.is_empty() && time_fits && (weeks || follows(date, "YMD"))
}

/// Whether a text is made of numbers, each followed by one of the units, in their order and each once at most.
fn follows(mut text: &str, units: &str) -> bool {
    for unit in units.chars() {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0
            && let Some(rest) = text[digits..].strip_prefix(unit)
        {
            text = rest;
        }
    }
    text.is_empty()
}

/// A date, `T` or white space, and a time with its zone.
fn is_date_time(text: &str) -> bool {
    let mut parts = text.split(|c: char| matches!(c, 'T' | 't') || c.is_whitespace());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(date), Some(time), None) => is_date(date) && is_time(time),
        _ => false,
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let numbers = (text.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-')
        .then(|| (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..])));
    let Some((Some(year), Some(month), Some(day))) = numbers else { return false };
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A time of day such as `23:59:59.5Z` or `00:00:00+02:00`, a leap second only where there can be one.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 9 || bytes[2] != b':' || bytes[5] != b':' {
        return false;
    }
    let (Some(hour), Some(minute), Some(second)) = (number(&bytes[..2]), number(&bytes[3..5]), number(&bytes[6..8]))
    else {
        return false;
    };
    let mut zone = &text[8..];
    if let Some(rest) = zone.strip_prefix('.') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        zone = &rest[digits..];
    }
    let Some(offset) = zone_minutes(zone) else { return false };
    let ordinary = hour <= 23 && minute <= 59 && second <= 59;
    let leap = hour <= 23 && minute <= 59 && second == 60 && (hour * 60 + minute - offset).rem_euclid(1_440) == 1_439;
    ordinary || leap
}

/// How far a zone is ahead of UTC, in minutes.
fn zone_minutes(zone: &str) -> Option<i32> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) | None => return None,
    };
    let digits: Vec<u8> = match &zone.as_bytes()[1..] {
        &[a, b] => vec![a, b, b'0', b'0'],
        &[a, b, c, d] | &[a, b, b':', c, d] => vec![a, b, c, d],
        _ => return None,
    };
    let (hours, minutes) = (number(&digits[..2])?, number(&digits[2..])?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// The number that one to four digits are.
fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

/// A mail address whose domain has at least one dot.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let atom = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
    };
    let label = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    local.split('.').all(atom) && domain.contains('.') && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(format(text), "{text}");
        }
        for text in bad {
            assert!(!format(text), "{text}");
        }
    }

    #[test]
    fn durations() {
        check(
            is_duration,
            &["P1Y", "P30D", "PT5M", "P1DT12H", "P1Y2M3DT4H5M6S", "P2W", "PT0S", "P1Y3D"],
            &[
                "", "P", "PT", "P1DT", "1D", "P1.5D", "PT1.5S", "P1D2M", "P1W2D", "p1d", "P-1D", "P1H", "P1S", "PT1D",
                " P1D",
            ],
        );
    }

    #[test]
    fn moments() {
        check(
            is_date_time,
            &[
                "2024-02-29T00:00:00Z",
                "2024-01-31t23:59:59.123z",
                "2024-01-31 00:00:00+02:00",
                "2024-01-31T00:00:00-0230",
                "2024-01-31T00:00:00+01",
                "2016-12-31T23:59:60Z",
                "2017-01-01T00:59:60+01:00",
            ],
            &[
                "",
                "2024-01-31",
                "2023-02-29T00:00:00Z",
                "2024-13-01T00:00:00Z",
                "2024-04-31T00:00:00Z",
                "2024-01-31T00:00:00",
                "2024-01-31T24:00:00Z",
                "2024-01-31T00:60:00Z",
                "2024-01-31T12:00:60Z",
                "2024-01-31T00:00:00.Z",
                "2024-01-31T00:00:00+24:00",
                "2024-01-31T00:00:00+é0",
                "2024-01-31T00:00:00 +01:00",
                "2024-01-31  00:00:00Z",
                "P30D",
            ],
        );
    }

    #[test]
    fn addresses() {
        check(
            is_email,
            &["a@b.example", "first.last+tag@sub.example.org"],
            &["", "a", "a@b", "@b.c", "a@", "a@.c", "a@b..c", "a@-b.c", "a b@c.d", ".a@b.c", "a@b@c.d"],
        );
    }
}
