use std::fmt;
use std::time::Duration;

/// A deadline from the wire with less left than this counts as over.
pub const LEAST_LEFT: Duration = Duration::from_millis(10);

/// A deadline header that is not what its format allows. HTTP 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidDeadline {
    /// `grpc-timeout`.
    GrpcTimeout,
    /// `X-Deadline-Ms`.
    DeadlineMs,
}

impl fmt::Display for InvalidDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            // What was sent is not repeated: an error's text may travel further than the header should.
            InvalidDeadline::GrpcTimeout => {
                "`grpc-timeout` is one to eight digits and a unit out of H, M, S, m, u, n, as in 250m"
            }
            InvalidDeadline::DeadlineMs => "`X-Deadline-Ms` is the milliseconds left, in digits, as in 250",
        })
    }
}

impl std::error::Error for InvalidDeadline {}

/// Units of `grpc-timeout` from the longest, in nanoseconds.
const UNITS: [(u8, u64); 6] = [
    (b'H', 3_600_000_000_000),
    (b'M', 60_000_000_000),
    (b'S', 1_000_000_000),
    (b'm', 1_000_000),
    (b'u', 1_000),
    (b'n', 1),
];

const MOST_DIGITS: usize = 8;

fn all_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Reads the value of `grpc-timeout`: the time that the caller has left.
///
/// # Errors
/// Anything but one to eight ASCII digits and one unit: no sign, no space, no exponent, never a partial number.
///
/// # Example
/// ```
/// use std::time::Duration;
/// assert_eq!(steadfast::deadline::parse_grpc_timeout("250m"), Ok(Duration::from_millis(250)));
/// assert!(steadfast::deadline::parse_grpc_timeout("1e3S").is_err());
/// ```
pub fn parse_grpc_timeout(value: &str) -> Result<Duration, InvalidDeadline> {
    let invalid = InvalidDeadline::GrpcTimeout;
    let (unit, digits) = value.as_bytes().split_last().ok_or(invalid)?;
    let (_, nanos) = UNITS.iter().find(|(letter, _)| letter == unit).ok_or(invalid)?;
    if !all_digits(digits) || digits.len() > MOST_DIGITS {
        return Err(invalid);
    }
    let number = value[..digits.len()].parse::<u64>().map_err(|_| invalid)?;
    // Eight digits of hours are 3.6e20 ns: past 64 bits, so seconds and nanoseconds go apart.
    let total = u128::from(number) * u128::from(*nanos);
    let seconds = u64::try_from(total / 1_000_000_000).map_err(|_| invalid)?;
    let rest = u32::try_from(total % 1_000_000_000).map_err(|_| invalid)?;
    Ok(Duration::new(seconds, rest))
}

/// Reads the value of `X-Deadline-Ms`: the milliseconds that the caller has left.
///
/// # Errors
/// Anything but ASCII digits, and a number that 64 bits cannot hold.
pub fn parse_deadline_ms(value: &str) -> Result<Duration, InvalidDeadline> {
    if !all_digits(value.as_bytes()) {
        return Err(InvalidDeadline::DeadlineMs);
    }
    value.parse().map(Duration::from_millis).map_err(|_| InvalidDeadline::DeadlineMs)
}

/// Writes what is left for `grpc-timeout`, in the finest unit that its eight digits hold, rounded down: a deadline
/// never grows on its way.
#[must_use]
pub fn format_grpc_timeout(left: Duration) -> String {
    let nanos = left.as_nanos();
    for (letter, size) in UNITS.iter().rev() {
        let number = nanos / u128::from(*size);
        if number < 100_000_000 {
            return format!("{number}{}", char::from(*letter));
        }
    }
    "99999999H".to_owned()
}

/// Writes what is left for `X-Deadline-Ms`, rounded down.
#[must_use]
pub fn format_deadline_ms(left: Duration) -> String {
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX).to_string()
}
