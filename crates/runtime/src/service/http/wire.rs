use std::time::Duration;

use axum::http::HeaderMap;

use crate::deadline::{InvalidDeadline, parse_deadline_ms, parse_grpc_timeout};

/// The time that a trusted caller says it has left; where both headers say it, the shorter.
///
/// # Errors
/// A header that is not what its format allows, or stands twice: a partial number would be a deadline that nobody
/// meant.
pub(super) fn time_left(headers: &HeaderMap) -> Result<Option<Duration>, InvalidDeadline> {
    let grpc = single(headers, "grpc-timeout", InvalidDeadline::GrpcTimeout, parse_grpc_timeout)?;
    let millis = single(headers, "x-deadline-ms", InvalidDeadline::DeadlineMs, parse_deadline_ms)?;
    Ok(match (grpc, millis) {
        (Some(grpc), Some(millis)) => Some(grpc.min(millis)),
        (grpc, millis) => grpc.or(millis),
    })
}

fn single(
    headers: &HeaderMap,
    name: &str,
    invalid: InvalidDeadline,
    parse: fn(&str) -> Result<Duration, InvalidDeadline>,
) -> Result<Option<Duration>, InvalidDeadline> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => parse(value.to_str().map_err(|_| invalid)?).map(Some),
        (Some(_), Some(_)) => Err(invalid),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Result<Option<Duration>, InvalidDeadline> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        time_left(&map)
    }

    #[test]
    fn the_shorter_of_both_headers_counts() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[("grpc-timeout", "250m")]), Ok(Some(Duration::from_millis(250))));
        assert_eq!(read(&[("x-deadline-ms", "0")]), Ok(Some(Duration::ZERO)));
        let both = [("grpc-timeout", "1S"), ("x-deadline-ms", "250")];
        assert_eq!(read(&both), Ok(Some(Duration::from_millis(250))));
    }

    #[test]
    fn garbage_in_either_is_an_error_whatever_the_other_says() {
        for garbage in ["", "H", "-1S", "1e3S", "5", "100000000S", "1h"] {
            assert_eq!(
                read(&[("grpc-timeout", garbage), ("x-deadline-ms", "5")]),
                Err(InvalidDeadline::GrpcTimeout),
                "{garbage}"
            );
        }
        for garbage in ["", "-1", "1.5", "1e3", "99999999999999999999"] {
            assert_eq!(read(&[("x-deadline-ms", garbage)]), Err(InvalidDeadline::DeadlineMs), "{garbage}");
        }
        assert!(read(&[("x-deadline-ms", "5"), ("x-deadline-ms", "5")]).is_err());
    }
}
