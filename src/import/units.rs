//! Sizes and lengths of time as compose files write them, turned into those of manifests.

use crate::model::units;

/// A size such as `512m`, `1.5gb` or `1048576`, as a manifest writes it; compose files count in powers of 1024.
pub(super) fn size(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = fraction.len();
    if digits > 6 || whole.is_empty() {
        return None;
    }
    let scaled: u128 = format!("{whole}{fraction}").parse().ok()?;
    let bytes = u64::try_from(scaled.checked_mul(1 << shift)? / 10_u128.pow(u32::try_from(digits).ok()?)).ok()?;
    if bytes == 0 {
        return None;
    }
    let fitting = [("Gi", 30), ("Mi", 20), ("Ki", 10)].into_iter().find(|(_, shift)| bytes % (1 << shift) == 0);
    Some(fitting.map_or_else(|| bytes.to_string(), |(unit, shift)| format!("{}{unit}", bytes >> shift)))
}

/// A length of time such as `1m30s`; none for parts of a second below a thousandth, and for what is no length.
pub(super) fn duration(text: &str) -> Option<String> {
    let text = text.trim();
    units::duration(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, want) in
            [("512m", "512Mi"), ("1.5gb", "1536Mi"), ("1G", "1Gi"), ("64k", "64Ki"), ("1000", "1000"), ("10b", "10")]
        {
            assert_eq!(size(text).as_deref(), Some(want), "{text}");
        }
        for text in ["", "m", "0", "-1", "1x", "1.2.3g", "99999999999999999999g", "1.0000001g"] {
            assert_eq!(size(text), None, "{text}");
        }
        assert_eq!(duration("1m30s").as_deref(), Some("1m30s"));
        assert_eq!(duration("5us"), None);
    }
}
