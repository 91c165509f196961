//! When a provider wants to be asked again: its many ways to say so, and the one that we use.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::time::Timestamp;

/// Read by the vendors' own SDKs before `Retry-After`.
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// The wait that a provider asks for: `retry-after-ms`, `Retry-After` in seconds (decimals too) or
/// as a date, else the error body's own field, else the limits that are used up.
///
/// The state of limits comes with every answer of most providers. Only if `limited`, because one of
/// them is known to be what stopped the request, does a limit count that may not be used up.
#[must_use]
pub fn read(headers: &HeaderMap, body: &[u8], now: Timestamp, limited: bool) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = text(&RETRY_AFTER_MS).and_then(|text| seconds(text, 0.001));
    millis
        .or_else(|| {
            let text = text(&header::RETRY_AFTER)?;
            seconds(text, 1.0).or_else(|| date(text, now))
        })
        .or_else(|| in_body(body))
        .or_else(|| resets(headers, now, limited))
}

/// Sets `Retry-After` unless it is there.
pub fn ensure(headers: &mut HeaderMap, wait: Duration) {
    if !headers.contains_key(header::RETRY_AFTER) {
        set(headers, wait);
    }
}

/// Sets `Retry-After`, whatever was there. Not every client reads dates and decimals, so it is in
/// whole seconds; less than one is one, or clients would come back in a tight loop.
pub fn set(headers: &mut HeaderMap, wait: Duration) {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
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

/// When the limits reset that are used up: `x-ratelimit-reset[-requests|-tokens]` (a duration,
/// seconds, or a moment), `anthropic-ratelimit-...-reset` (RFC 3339). Each has a `-remaining` beside
/// it; if none of those is 0 but the request was `limited`, the first to reset.
fn resets(headers: &HeaderMap, now: Timestamp, limited: bool) -> Option<Duration> {
    let mut used_up: Option<Duration> = None;
    let mut first: Option<Duration> = None;
    for (name, value) in headers {
        let name = name.as_str();
        let vendor = name.starts_with("x-ratelimit-") || name.starts_with("anthropic-ratelimit-");
        if !vendor || !name.contains("reset") {
            continue;
        }
        let Some(wait) = value.to_str().ok().and_then(|text| reset(text.trim(), now)) else {
            continue;
        };
        let left = headers.get(name.replace("reset", "remaining"));
        if left.is_some_and(|left| left == "0") {
            used_up = used_up.max(Some(wait));
        }
        first = Some(first.map_or(wait, |first| first.min(wait)));
    }
    used_up.or(first.filter(|_| limited))
}

/// A moment (RFC 3339, or seconds or milliseconds since the epoch), a number of seconds, or a
/// duration such as `6m0.5s`.
fn reset(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        // Nobody waits for thirty years: such numbers are moments.
        return match number {
            1e12.. => Some(moment(number, now)),
            1e9.. => Some(moment(number * 1000.0, now)),
            _ => seconds(text, 1.0),
        };
    }
    duration(text).or_else(|| rfc3339(text).map(|at| at.since(now)))
}

fn moment(millis: f64, now: Timestamp) -> Duration {
    let since_epoch = Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default();
    Timestamp::default().after(since_epoch).since(now)
}

/// `20ms`, `1.5s`, `6m0s`, `1h2m3s`.
fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| behind.starts_with(unit))?;
        total = total.checked_add(seconds(number, factor)?)?;
        rest = &behind[unit.len()..];
    }
    (!text.is_empty()).then_some(total)
}

/// `2026-03-01T12:05:00Z`, with or without a fraction; offsets other than UTC are not used here.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let (date, time) =
        text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.splitn(3, ':');
    let (hour, minute): (u64, u64) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    let second = seconds(time.next()?, 1.0)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    let midnight = Timestamp::from_date(year.min(9999), month, day);
    Some(midnight.after(Duration::from_secs(hour * 3600 + minute * 60)).after(second))
}

/// Gemini, `google.rpc.RetryInfo`: `{"error":{"details":[{"retryDelay":"34.07s"}]}}`; others:
/// `error.retry_after`, `error.resets_in_seconds` or the same at the top, in seconds.
fn in_body(body: &[u8]) -> Option<Duration> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let details = body["error"]["details"].as_array().into_iter().flatten();
    let delay = details.filter_map(|detail| detail["retryDelay"].as_str()).next();
    if let Some(delay) = delay.and_then(duration) {
        return Some(delay);
    }
    let number = |value: &serde_json::Value| match value.as_str() {
        Some(text) => text.parse().ok(),
        None => value.as_f64(),
    };
    [&body["error"], &body].into_iter().find_map(|place| {
        let names = ["retry_after", "retry_after_seconds", "resets_in_seconds"];
        let told = names.into_iter().find_map(|name| number(&place[name]));
        told.and_then(|told| Duration::try_from_secs_f64(told.max(0.0)).ok())
    })
}

/// `... Please try again in 1m2.5s. ...` (OpenAI and those who copy it). Expects lower case.
#[must_use]
pub fn in_words(words: &str) -> Option<Duration> {
    let (_, rest) = words.split_once("try again in ")?;
    let rest = rest.split_once(['"', ',', '\n']).map_or(rest, |(first, _)| first);
    let first = rest.split_whitespace().next()?.trim_end_matches(['.', ')']);
    if let Some(wait) = duration(first) {
        return Some(wait);
    }
    let number = seconds(first, 1.0)?;
    let unit = rest.split_whitespace().nth(1).unwrap_or("seconds");
    let factor = match unit.trim_end_matches(|c: char| !c.is_alphabetic()) {
        unit if unit.starts_with("minute") => 60,
        unit if unit.starts_with("hour") => 3600,
        _ => 1,
    };
    number.checked_mul(factor)
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
            ("retry-after", "inf", b"", None),
            ("x-ratelimit-reset-requests", "6m0.5s", b"", Some(360_500)),
            ("x-ratelimit-reset-tokens", "20ms", b"", Some(20)),
            ("x-ratelimit-reset", "12", b"", Some(12_000)),
            ("x-ratelimit-reset", "1772366707", b"", Some(7000)),
            ("x-ratelimit-reset", "1772366707500", b"", Some(7500)),
            ("x-ratelimit-reset", "tomorrow", b"", None),
            ("anthropic-ratelimit-requests-reset", "2026-03-01T12:05:09Z", b"", Some(9000)),
            ("anthropic-ratelimit-requests-reset", "2026-03-01T11:05:09.5Z", b"", Some(0)),
            ("anthropic-ratelimit-requests-reset", "2026-13-01T11:05:09Z", b"", None),
            ("x-ratelimit-limit-requests", "60", b"", None),
            ("x-other", "1", br#"{"error":{"resets_in_seconds":90}}"#, Some(90_000)),
            ("x-other", "1", br#"{"retry_after":"1.5"}"#, Some(1500)),
            ("x-other", "1", gemini, Some(34_500)),
            ("x-other", "1", b"not json", None),
        ] {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]);
            let expected = millis.map(Duration::from_millis);
            assert_eq!(read(&headers, body, now, true), expected, "{name}: {value}");
        }
    }

    #[test]
    fn the_limit_that_is_used_up_decides() {
        let now = Timestamp(1_772_366_700_000);
        let headers = |requests_left: &'static str, tokens_left: &'static str| {
            HeaderMap::from_iter([
                (
                    HeaderName::from_static("x-ratelimit-reset-requests"),
                    HeaderValue::from_static("1s"),
                ),
                (
                    HeaderName::from_static("x-ratelimit-reset-tokens"),
                    HeaderValue::from_static("6m"),
                ),
                (
                    HeaderName::from_static("x-ratelimit-remaining-requests"),
                    HeaderValue::from_static(requests_left),
                ),
                (
                    HeaderName::from_static("x-ratelimit-remaining-tokens"),
                    HeaderValue::from_static(tokens_left),
                ),
            ])
        };
        for (requests, tokens, limited, seconds) in [
            ("0", "9", true, Some(1)),
            ("9", "0", true, Some(360)),
            ("0", "0", true, Some(360)),
            ("9", "9", true, Some(1)),
            ("9", "0", false, Some(360)),
            ("9", "9", false, None),
        ] {
            let wait = read(&headers(requests, tokens), b"", now, limited);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{requests} {tokens} {limited}");
        }
    }

    #[test]
    fn waits_are_read_from_words() {
        for (words, millis) in [
            ("rate limit reached. please try again in 20s. visit", Some(20_000)),
            ("please try again in 1m2.5s.", Some(62_500)),
            ("try again in 300ms", Some(300)),
            ("try again in 5 minutes", Some(300_000)),
            ("try again in 7 seconds.", Some(7000)),
            ("try again in a while", None),
            ("try again later", None),
        ] {
            assert_eq!(in_words(words), millis.map(Duration::from_millis), "{words}");
        }
    }
}
