/// Units of size; the longer names first, so that `KiB` is not read as `B`.
const UNITS: [(&str, u64); 6] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1_000), ("MB", 1_000_000), ("B", 1)];

/// Reads a size as attributes and files write it: `"64KiB"`, `"1MB"`, `"512B"`.
///
/// # Errors
/// A text that says what is wrong, to stand after the name of the setting.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let form = || format!("{text:?} is no size; write a whole number and a unit, as in \"64KiB\" or \"1MB\"");
    let (number, bytes) =
        UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes))).ok_or_else(form)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    let number: Option<u64> = number.parse().ok();
    number
        .and_then(|number| number.checked_mul(bytes))
        .ok_or_else(|| format!("{text:?} is larger than any size that can be represented"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_exactly_and_never_overflow() {
        for (text, bytes) in [("64KiB", 65_536), ("1MB", 1_000_000), ("512B", 512), ("2GiB", 1 << 31)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in
            ["", "64", "KiB", "-1B", "1.5MB", "1 MB", "1kib", "99999999999999999999B", "99999999999GiB"]
        {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
    }
}
