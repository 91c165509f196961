//! The head of an answer: which of the provider's headers reach the client, and our own.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::call::Call;

/// Names this request in logs and errors; on every answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-llm-router-request-id");
/// The target that answered.
pub const TARGET: HeaderName = HeaderName::from_static("x-llm-router-target");
/// Says that a number of tokens is an estimate.
pub const TOKEN_COUNT: HeaderName = HeaderName::from_static("x-llm-router-token-count");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What belongs to one connection, is written anew, or tells about the provider's servers or
/// accounts rather than about the answer.
const DROPPED: [&str; 26] = [
    "alt-svc",
    "cf-cache-status",
    "cf-ray",
    "connection",
    "date",
    "expect-ct",
    "keep-alive",
    "nel",
    "openai-organization",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "report-to",
    "server",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-cache",
    "x-powered-by",
    "x-robots-tag",
    "x-served-by",
];

/// The same, by how the name begins.
const DROPPED_PREFIXES: [&str; 8] = [
    "access-control-",
    "cf-",
    "set-cookie",
    "x-amz-",
    "x-envoy-",
    "x-llm-router-",
    "x-vercel-",
    "x-fly-",
];

/// The headers for the client of an answer that came from `target` with `headers`.
///
/// `openai-model` passes only if it is the name that the client asked for: Codex takes another name
/// for a sign that the account was flagged.
#[must_use]
pub fn headers(call: &Call, target: &str, headers: &HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len() + 3);
    for (name, value) in headers {
        let foreign_model = name == "openai-model"
            && call.model.as_deref().map(str::as_bytes) != Some(value.as_bytes());
        if !is_dropped(name.as_str()) && !foreign_model {
            passed.append(name, value.clone());
        }
    }
    mark(&mut passed, &call.request_id);
    passed.insert(TARGET, printable(target));
    passed
}

/// Puts the request's id on an answer; the provider's own `x-request-id` stays.
pub fn mark(headers: &mut HeaderMap, request_id: &str) {
    let id = printable(request_id);
    headers.entry(CLIENT_REQUEST_ID).or_insert_with(|| id.clone());
    headers.insert(REQUEST_ID, id);
}

/// Whether a header of an answer stays here.
pub(super) fn is_dropped(name: &str) -> bool {
    DROPPED.contains(&name) || DROPPED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What a header value may hold without escaping: visible ASCII but the escape itself.
const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');
/// No value is longer than this.
const LONGEST: usize = 512;

/// `text` as a header value: percent-encoded where it must be, bounded.
#[must_use]
pub fn printable(text: &str) -> HeaderValue {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
    if text.len() <= LONGEST && text.bytes().all(is_plain) {
        return HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    }
    let mut encoded = utf8_percent_encode(text, UNPRINTABLE).to_string();
    if encoded.len() > LONGEST {
        // Never within an escape, which takes three characters.
        let escape = encoded[LONGEST - 2..LONGEST].find('%');
        encoded.truncate(escape.map_or(LONGEST, |place| LONGEST - 2 + place));
    }
    HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether these headers announce server-sent events.
#[must_use]
pub fn is_event_stream(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.starts_with("text/event-stream"))
}

/// Whether these headers announce JSON.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.starts_with("application/json"))
}

/// Whether these headers announce a web page: what proxies and captive portals answer with, never
/// a model.
#[must_use]
pub fn is_web_page(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.starts_with("text/html"))
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(header::CONTENT_TYPE)?.to_str().ok()?.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_printable_and_bounded() {
        assert_eq!(printable("a/b:c"), "a/b:c");
        assert_eq!(printable("ü\r\nx: y%"), "%C3%BC%0D%0Ax: y%25");
        assert_eq!(printable(&"x".repeat(9000)).len(), LONGEST);
        for start in ["", "x", "xx"] {
            let cut = printable(&format!("{start}{}", "ü".repeat(900)));
            let (cut, left) = (cut.to_str().unwrap(), (LONGEST - start.len()) / 3 * 3);
            assert_eq!(cut.len(), start.len() + left, "{cut}");
        }
    }

    #[test]
    fn infrastructure_is_dropped_and_facts_about_the_answer_pass() {
        for name in ["set-cookie", "server", "cf-ray", "x-amz-cf-id", "transfer-encoding"] {
            assert!(is_dropped(name), "{name}");
        }
        for name in [
            "request-id",
            "retry-after",
            "x-codex-turn-state",
            "anthropic-ratelimit-requests-limit",
            "x-ratelimit-remaining-requests",
            "x-should-retry",
            "content-type",
        ] {
            assert!(!is_dropped(name), "{name}");
        }
    }
}
