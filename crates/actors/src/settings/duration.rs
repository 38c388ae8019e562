use std::fmt::Write as _;
use std::time::Duration;

/// Units from the shortest; each is an exact number of nanoseconds, so no floating point is involved.
const UNITS: [(&str, u128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads a duration as attributes and files write it: `"500ms"`, `"2.5s"`, `"1.5m"`, `"1h"`, `"7d"`.
///
/// One number and one unit, no sign, no space, at most nine decimals. Zero is read as zero; whether it is allowed is
/// for the setting to say.
///
/// # Errors
/// A text that says what is wrong, to stand after the name of the setting.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(|| {
        if text.is_empty() {
            "a duration is a number and a unit, as in \"30s\"; this one is empty".to_owned()
        } else {
            format!("the unit is missing in {text:?}; write \"{text}s\" for seconds, or ms, m, h, d")
        }
    })?;
    let (number, unit) = text.split_at(unit_at);
    let Some((_, nanos_per_unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("{unit:?} in {text:?} is no unit; the units are ns, us, ms, s, m, h, d"));
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let has_point = number.contains('.');
    if whole.is_empty() || (has_point && fraction.is_empty()) || fraction.contains('.') {
        return Err(format!("{text:?} is no duration; write it as \"2.5s\" or \"500ms\""));
    }
    if fraction.len() > 9 {
        return Err(format!("{text:?} has more than nine decimals"));
    }
    let too_long = || format!("{text:?} is longer than any duration that can be represented");
    let whole: u128 = whole.parse().map_err(|_| too_long())?;
    let mut nanos = whole.checked_mul(*nanos_per_unit).ok_or_else(too_long)?;
    if !fraction.is_empty() {
        let digits: u128 = fraction.parse().map_err(|_| too_long())?;
        let scale = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(9));
        nanos = nanos.checked_add(digits * nanos_per_unit / scale).ok_or_else(too_long)?;
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).map_err(|_| too_long())?;
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
    Ok(Duration::new(seconds, rest))
}

/// Writes a duration in the largest unit that shows it exactly: `30s`, `1.5s`, `500ms`, `1h`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if let Some((unit, size)) =
        UNITS.iter().rev().find(|(_, size)| nanos.is_multiple_of(*size) && nanos >= *size)
    {
        // 90 seconds read better than 1.5 minutes, 1500 milliseconds worse than 1.5 seconds.
        let (unit, size) = if *size < 1_000_000_000 && nanos >= 1_000_000_000 {
            ("s", 1_000_000_000)
        } else {
            (*unit, *size)
        };
        let mut text = (nanos / size).to_string();
        let rest = nanos % size;
        if rest > 0 {
            let digits = format!("{rest:09}");
            let _ = write!(text, ".{}", digits.trim_end_matches('0'));
        }
        return text + unit;
    }
    format!("{nanos}ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_specification_are_read_exactly() {
        for (text, millis) in [
            ("30s", 30_000),
            ("2.5s", 2_500),
            ("5m", 300_000),
            ("1.5m", 90_000),
            ("500ms", 500),
            ("1500ms", 1_500),
            ("1h", 3_600_000),
            ("0.001s", 1),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration("1.000000001s"), Ok(Duration::new(1, 1)));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_way_out() {
        for text in
            ["", "30", "s", "-1s", "1e3s", " 5s", "5 s", ".5s", "5.s", "1.2.3s", "10x", "1.0000000001s"]
        {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        assert!(parse_duration("30").unwrap_err().contains("\"30s\""));
    }

    #[test]
    fn numbers_of_any_length_never_overflow() {
        assert!(parse_duration(&format!("{}d", "9".repeat(60))).is_err());
        assert!(parse_duration("99999999999999999999d").is_err());
        assert_eq!(parse_duration("18446744073709551615s"), Ok(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["30s", "1.5s", "500ms", "1h", "90s", "2m", "7d", "250us", "1ns", "0s"] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration), "{text}");
        }
        assert_eq!(format_duration(Duration::from_millis(1500)), "1.5s");
        assert_eq!(format_duration(Duration::from_secs(30)), "30s");
        assert_eq!(format_duration(Duration::from_micros(250)), "250us");
    }
}
