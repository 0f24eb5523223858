//! Bounds on a number that is written as text, as patterns; those of a schema itself speak of numbers alone.

use serde_json::{Map, Value, json};

/// What a text must match besides being a number, for the bounds of a definition; a number that is not plainly a whole one
/// is left to the check.
pub(super) fn patterns(node: &Map<String, Value>) -> Vec<Value> {
    let bound = |keyword: &str, round: fn(f64) -> f64| node.get(keyword).and_then(|bound| whole(bound, round));
    // A whole number above another is at least the next one.
    let next = bound("exclusiveMinimum", f64::floor).and_then(|least| least.checked_add(1));
    let least = bound("minimum", f64::ceil).max(next);
    let below = bound("exclusiveMaximum", f64::ceil).and_then(|most| most.checked_sub(1));
    let most = [bound("maximum", f64::floor), below].into_iter().flatten().min();
    let least = least.map(|least| format!("^\\+?0*({})$|[.eE]", at_least(least)));
    let most = most.map(|most| format!("^-|^\\+?0*({})$|[.eE]", at_most(most)));
    least.into_iter().chain(most).map(|pattern| json!({ "pattern": pattern })).collect()
}

/// A bound as a whole number; none where it is below 0 or too large.
fn whole(bound: &Value, round: fn(f64) -> f64) -> Option<u64> {
    bound.as_u64().or_else(|| round(bound.as_f64()?).to_string().parse().ok())
}

/// Whole numbers without leading zeros from a number on.
fn at_least(least: u64) -> String {
    let digits = digits(least);
    let longer = format!("[1-9][0-9]{{{},}}", digits.len());
    let higher = (0..digits.len()).filter(|&at| digits[at] < 9).map(|at| above(&digits, at, digits[at] + 1, 9));
    [least.to_string(), longer].into_iter().chain(higher).collect::<Vec<_>>().join("|")
}

/// Whole numbers without leading zeros up to a number.
fn at_most(most: u64) -> String {
    let digits = digits(most);
    let shorter = (digits.len() > 1).then(|| format!("0|[1-9][0-9]{{0,{}}}", digits.len() - 2));
    // A first digit of 0 stands alone.
    let lowest = |at: usize| u8::from(at == 0 && digits.len() > 1);
    let lower = (0..digits.len())
        .filter(|&at| digits[at] > lowest(at))
        .map(|at| above(&digits, at, lowest(at), digits[at] - 1));
    std::iter::once(most.to_string()).chain(shorter).chain(lower).collect::<Vec<_>>().join("|")
}

/// The digits before a place, one of a range there, and any behind it.
fn above(digits: &[u8], at: usize, from: u8, to: u8) -> String {
    let before: String = digits[..at].iter().map(u8::to_string).collect();
    format!("{before}[{from}-{to}][0-9]{{{}}}", digits.len() - at - 1)
}

fn digits(number: u64) -> Vec<u8> {
    number.to_string().bytes().map(|digit| digit - b'0').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_as_numbers_are() {
        for (least, most) in [(0, 0), (1, 9), (5, 10), (60, 86_400), (99, 101), (100, 999), (0, 65_535), (7, 7)] {
            let node = json!({ "minimum": least, "maximum": most });
            let schema = json!({ "allOf": patterns(node.as_object().unwrap()) });
            let validator = jsonschema::validator_for(&schema).unwrap();
            let numbers = (0..1_200_u64).chain([9_999, 10_000, 65_535, 65_536, 86_399, 86_400, 86_401, 100_000]);
            for number in numbers {
                let inside = (least..=most).contains(&number);
                for text in [number.to_string(), format!("+00{number}")] {
                    assert_eq!(validator.is_valid(&json!(text)), inside, "{text} in {least}..={most}");
                }
            }
            assert!(!validator.is_valid(&json!("-1")) && validator.is_valid(&json!("1.5e3")), "{least}..={most}");
        }
    }

    #[test]
    fn bounds_that_are_not_reached_themselves() {
        let node = json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 10.0 });
        let schema = json!({ "allOf": patterns(node.as_object().unwrap()) });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let inside = |text: &str| validator.is_valid(&json!(text));
        assert_eq!(["0", "1", "9", "10", "-1"].map(inside), [false, true, true, false, false]);
    }

    #[test]
    fn bounds_between_whole_numbers_and_below_0() {
        let of = |node: Value| patterns(node.as_object().unwrap());
        assert_eq!(of(json!({ "minimum": 0.1, "maximum": 9.9 })), of(json!({ "minimum": 1, "maximum": 9 })));
        assert_eq!(of(json!({})), of(json!({ "minimum": -5, "maximum": -1 })));
    }
}
