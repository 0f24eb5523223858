//! Decimal numbers as text, exact however long, in the plain form that connectors read.

use serde_json::Number;

/// The longest number that is read, in characters, and the largest exponent; a double can't hold more.
const LONGEST: usize = 400;

/// A number without leading and trailing zeros: `digits` times ten to the power of `exponent`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Decimal {
    /// Reads a decimal number such as `5`, `-1.50` or `1e3`; none for hexadecimal, grouped (`1_000`) or octal-looking
    /// (`0123`) ones, for words, and for what a double can't hold.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let power_digits = power.strip_prefix(['-', '+']).unwrap_or(power);
        let well_formed = all_digits(whole)
            && all_digits(fraction)
            && !(whole.is_empty() && fraction.is_empty())
            && !(whole.len() > 1 && whole.starts_with('0'))
            && !power_digits.is_empty()
            && all_digits(power_digits);
        if !well_formed {
            return None;
        }
        let power = power.parse::<i32>().ok().filter(|power| power.unsigned_abs() as usize <= LONGEST)?;
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        let trailing = all.len() - all.trim_end_matches('0').len();
        let exponent = power + i32::try_from(trailing).ok()? - i32::try_from(fraction.len()).ok()?;
        let zero = digits.is_empty();
        let number =
            Self { negative: negative && !zero, digits: digits.to_owned(), exponent: if zero { 0 } else { exponent } };
        number.to_json().map(|_| number)
    }

    /// Whether it has no fraction.
    pub(super) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// Its plain form: no exponent, no sign but `-`, no superfluous zeros.
    pub(super) fn plain(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let shift = self.exponent.unsigned_abs() as usize;
        if self.exponent >= 0 {
            return format!("{sign}{}{}", self.digits, "0".repeat(shift));
        }
        let padded = format!("{:0>width$}", self.digits, width = shift + 1);
        let (whole, fraction) = padded.split_at(padded.len() - shift);
        format!("{sign}{whole}.{fraction}")
    }

    /// The same as JSON has it, exact for 64-bit integers; none for what a double can't hold.
    pub(super) fn to_json(&self) -> Option<Number> {
        let plain = self.plain();
        if let Ok(number) = plain.parse::<i64>() {
            return Some(number.into());
        }
        if let Ok(number) = plain.parse::<u64>() {
            return Some(number.into());
        }
        plain.parse::<f64>().ok().and_then(Number::from_f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_in_plain_form() {
        for (text, plain, integer) in [
            ("5", "5", true),
            ("+5", "5", true),
            ("-0", "0", true),
            ("0.0", "0", true),
            ("1.0", "1", true),
            ("1e3", "1000", true),
            ("1.5E1", "15", true),
            ("1.50", "1.5", false),
            ("-0.05", "-0.05", false),
            (".5", "0.5", false),
            ("25e-3", "0.025", false),
            ("18446744073709551615", "18446744073709551615", true),
            ("99999999999999999999999", "99999999999999999999999", true),
        ] {
            let number = Decimal::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((number.plain().as_str(), number.is_integer()), (plain, integer), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_decimal_number() {
        for text in [
            "",
            "-",
            ".",
            "e3",
            "1e",
            "1e+",
            "0x10",
            "1_000",
            "0123",
            "1,5",
            "yes",
            "NaN",
            "inf",
            "1.2.3",
            "5 ",
            "--5",
            "1e999",
            "1e99999999999",
            "٣",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"9".repeat(401)), None);
    }

    proptest! {
        #[test]
        fn any_double_keeps_its_value(number in proptest::num::f64::NORMAL) {
            for text in [format!("{number}"), format!("{number:e}")] {
                if let Some(decimal) = Decimal::parse(&text) {
                    prop_assert_eq!(decimal.plain().parse::<f64>().unwrap(), number);
                    prop_assert!(!decimal.plain().contains(['e', 'E', '+']));
                }
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[-+0-9.eE]{0,12}|.{0,12}") {
            if let Some(number) = Decimal::parse(&text) {
                prop_assert_eq!(Decimal::parse(&number.plain()), Some(number));
            }
        }
    }
}
