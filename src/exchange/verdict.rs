//! What an upstream error means for routing.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::retry_after;
use crate::{routing::failure::Failure, time::Timestamp};

/// As much of an error body as is looked into.
const LOOKED_INTO: usize = 64 * 1024;

/// Codes that say that only this provider cannot do it, whatever the status.
const MODEL_CODES: [&str; 5] =
    ["model_not_found", "invalid_model", "unknown_model", "model_not_supported", "not_found_error"];
/// Codes that say that this key is spent or refused, whatever the status.
const KEY_CODES: [&str; 5] = [
    "insufficient_quota",
    "billing_hard_limit_reached",
    "invalid_api_key",
    "authentication_error",
    "billing_error",
];

/// Classifies an answer that is not 2xx. The provider's own code decides before the status.
#[must_use]
pub fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Failure {
    let body = &body[..body.len().min(LOOKED_INTO)];
    let codes = Codes::read(body);
    if codes.any_of(&KEY_CODES) {
        return Failure::Unauthorized;
    }
    if codes.any_of(&MODEL_CODES) {
        return Failure::Unavailable;
    }
    let retry_after = || retry_after::read(headers, body, now);
    match status.as_u16() {
        429 => Failure::Exhausted { retry_after: retry_after() },
        529 => Failure::Overloaded { retry_after: retry_after() },
        401..=403 => Failure::Unauthorized,
        404 | 405 | 410 | 415 | 421 | 426 | 451 | 501 => Failure::Unavailable,
        408 | 409 | 425 | 500.. => Failure::Transient { retry_after: retry_after() },
        400..=499 => Failure::Caller,
        // A redirect or an informational answer to a POST is no answer.
        _ => Failure::Unusable,
    }
}

/// `error.code` and `error.type`, or the same at the top.
#[derive(Default)]
struct Codes([Option<String>; 4]);

impl Codes {
    fn read(body: &[u8]) -> Self {
        #[derive(Deserialize, Default)]
        struct Inner {
            #[serde(default)]
            code: serde_json::Value,
            #[serde(default, rename = "type")]
            kind: serde_json::Value,
        }
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            error: serde_json::Value,
            #[serde(default)]
            code: serde_json::Value,
            #[serde(default, rename = "type")]
            kind: serde_json::Value,
        }
        let Ok(body) = serde_json::from_slice::<Body>(body) else { return Self::default() };
        let inner: Inner = serde_json::from_value(body.error).unwrap_or_default();
        let text = |value: serde_json::Value| value.as_str().map(str::to_owned);
        Self([text(inner.code), text(inner.kind), text(body.code), text(body.kind)])
    }

    fn any_of(&self, known: &[&str]) -> bool {
        self.0.iter().flatten().any(|code| known.contains(&code.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn statuses_and_codes_are_told_apart() {
        let exhausted = Failure::Exhausted { retry_after: None };
        let transient = Failure::Transient { retry_after: None };
        for (status, body, expected) in [
            (429, "", exhausted),
            (429, r#"{"error":{"code":"insufficient_quota"}}"#, Failure::Unauthorized),
            (529, "", Failure::Overloaded { retry_after: None }),
            (401, "", Failure::Unauthorized),
            (402, "", Failure::Unauthorized),
            (403, "", Failure::Unauthorized),
            (404, "", Failure::Unavailable),
            (405, "", Failure::Unavailable),
            (400, "", Failure::Caller),
            (400, r#"{"error":{"code":"model_not_found"}}"#, Failure::Unavailable),
            (400, r#"{"type":"error","error":{"type":"invalid_request_error"}}"#, Failure::Caller),
            (413, "", Failure::Caller),
            (422, "[]", Failure::Caller),
            (500, "<html>", transient),
            (503, r#"{"error":"down"}"#, transient),
            (302, "", Failure::Unusable),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = judge(status, &HeaderMap::new(), body.as_bytes(), Timestamp(0));
            assert_eq!(failure, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_named_wait_is_kept() {
        let headers = HeaderMap::from_iter([(
            http::header::RETRY_AFTER,
            http::HeaderValue::from_static("7"),
        )]);
        let failure = judge(StatusCode::TOO_MANY_REQUESTS, &headers, b"", Timestamp(0));
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
    }
}
