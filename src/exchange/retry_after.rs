//! When a provider wants to be asked again: its many ways to say so, and the one that we use.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Deserialize;

use crate::time::Timestamp;

/// Read by the vendors' own SDKs before `Retry-After`.
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// The wait that a provider asks for: `retry-after-ms`, `Retry-After` in seconds (decimals too) or
/// as a date, else Gemini's `RetryInfo` in the error body.
#[must_use]
pub fn read(headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = text(&RETRY_AFTER_MS).and_then(|text| seconds(text, 0.001));
    millis
        .or_else(|| {
            let text = text(&header::RETRY_AFTER)?;
            seconds(text, 1.0).or_else(|| date(text, now))
        })
        .or_else(|| retry_info(body))
}

/// Sets `Retry-After` unless it is there. Clients read whole seconds; less than one is one.
pub fn ensure(headers: &mut HeaderMap, wait: Duration) {
    if !headers.contains_key(header::RETRY_AFTER) {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64((number * unit).max(0.0)).ok()
}

fn date(text: &str, now: Timestamp) -> Option<Duration> {
    let date = httpdate::parse_http_date(text).ok()?;
    let millis = date.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Some(Timestamp(u64::try_from(millis).ok()?).since(now))
}

/// Gemini, `google.rpc.RetryInfo`: `{"error":{"details":[{"retryDelay":"34.07s"}]}}`.
fn retry_info(body: &[u8]) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        details: Vec<Detail>,
    }
    #[derive(Deserialize)]
    struct Detail {
        #[serde(rename = "retryDelay")]
        retry_delay: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let delay = body.error.details.into_iter().find_map(|detail| detail.retry_delay)?;
    seconds(delay.strip_suffix('s')?, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_wait_is_read() {
        let now = Timestamp(1_772_366_700_000); // Sun, 01 Mar 2026 12:05:00 GMT
        let gemini = br#"{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"34.5s"}]}}"#;
        for (name, value, body, millis) in [
            ("retry-after", "2", &b""[..], Some(2000)),
            ("retry-after", "2.5", b"", Some(2500)),
            ("retry-after", "-1", b"", Some(0)),
            ("retry-after", "Sun, 01 Mar 2026 12:06:00 GMT", b"", Some(60_000)),
            ("retry-after", "Sun, 01 Mar 2026 12:00:00 GMT", b"", Some(0)),
            ("retry-after-ms", "1500", b"", Some(1500)),
            ("retry-after", "soon", b"", None),
            ("retry-after", "NaN", b"", Some(0)),
            ("retry-after", "1e300", b"", None),
            ("x-other", "1", gemini, Some(34_500)),
            ("x-other", "1", b"not json", None),
        ] {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]);
            let expected = millis.map(Duration::from_millis);
            assert_eq!(read(&headers, body, now), expected, "{name}: {value}");
        }
    }
}
