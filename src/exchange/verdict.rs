//! What an upstream error means for routing. The provider's own code decides first, then the
//! status, and where a status means several things, the words of the message.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::retry_after;
use crate::{
    routing::failure::{Cause, Failure},
    time::Timestamp,
};

/// As much of an error body as is looked into.
const LOOKED_INTO: usize = 64 * 1024;

/// `error.code`, `error.type`, `error.status` or `error.details[].reason` that say it all, whatever
/// the status. Anthropic says `not_found_error` of models only.
const CODES: [(&str, Cause); 24] = [
    ("insufficient_quota", Cause::OutOfCredit),
    ("insufficient_credits", Cause::OutOfCredit),
    ("insufficient_balance", Cause::OutOfCredit),
    ("billing_hard_limit_reached", Cause::OutOfCredit),
    ("billing_error", Cause::OutOfCredit),
    ("payment_required", Cause::OutOfCredit),
    ("invalid_api_key", Cause::Unauthorized),
    ("authentication_error", Cause::Unauthorized),
    ("account_deactivated", Cause::Unauthorized),
    ("API_KEY_INVALID", Cause::Unauthorized),
    ("model_not_found", Cause::ModelNotFound),
    ("invalid_model", Cause::ModelNotFound),
    ("unknown_model", Cause::ModelNotFound),
    ("model_not_supported", Cause::ModelNotFound),
    ("not_found_error", Cause::ModelNotFound),
    ("context_length_exceeded", Cause::ContextTooLong),
    ("context_window_exceeded", Cause::ContextTooLong),
    ("unsupported_parameter", Cause::Unsupported),
    ("unsupported_value", Cause::Unsupported),
    ("unsupported_country_region_territory", Cause::Forbidden),
    ("content_policy_violation", Cause::Blocked),
    ("policy_violation", Cause::Blocked),
    ("content_filter", Cause::Blocked),
    ("overloaded_error", Cause::Overloaded),
];

/// Words of messages, in lower case.
const BILLING: [&str; 8] = [
    "insufficient quota",
    "insufficient balance",
    "insufficient credits",
    "not enough credits",
    "out of credits",
    "credit balance is too low",
    "payment required",
    "billing hard limit",
];
const KEYS: [&str; 3] = ["invalid api key", "incorrect api key", "api key not valid"];
const POLICY: [&str; 4] = ["moderation", "content policy", "safety system", "flagged"];
const MODELS: [&str; 3] = ["model not found", "model does not exist", "is not a valid model"];
const MEMORY: [&str; 4] =
    ["insufficient vram", "out of memory", "failed to load model", "insufficient memory"];
const CONTEXT: [&str; 10] = [
    "context window",
    "maximum context length",
    "maximum context size",
    "context length exceeded",
    "prompt is too long",
    "input is too long",
    "request is too long",
    "too many tokens",
    "exceeds the maximum number of tokens",
    "ran out of room",
];
const RATES: [&str; 4] = ["tokens per minute", "requests per minute", "rate limit", "rate_limit"];

/// Classifies an answer that is not 2xx.
#[must_use]
pub fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Failure {
    let body = &body[..body.len().min(LOOKED_INTO)];
    let told = Told::read(body);
    let cause = told.by_code().unwrap_or_else(|| by_status(status.as_u16(), &told));
    let limited = cause == Cause::RateLimited;
    // A 429 is told to the client with its wait, whatever its code says that it is.
    let waits = limited
        || status == StatusCode::TOO_MANY_REQUESTS
        || matches!(cause, Cause::Overloaded | Cause::Transient);
    let retry_after = if waits {
        retry_after::read(headers, body, now, limited)
            .or_else(|| retry_after::in_words(&told.words))
    } else {
        None
    };
    Failure { cause, retry_after }
}

fn by_status(status: u16, told: &Told) -> Cause {
    let first = |rows: &[(&[&str], Cause)], otherwise: Cause| {
        let row = rows.iter().find(|(words, _)| told.says(words));
        row.map_or(otherwise, |(_, cause)| *cause)
    };
    match status {
        429 => Cause::RateLimited,
        529 => Cause::Overloaded,
        401 => first(&[(&BILLING, Cause::OutOfCredit)], Cause::Unauthorized),
        402 => Cause::OutOfCredit,
        403 => first(
            &[
                (&BILLING, Cause::OutOfCredit),
                (&KEYS, Cause::Unauthorized),
                (&POLICY, Cause::Blocked),
            ],
            Cause::Forbidden,
        ),
        404 | 410 => first(&[(&MODELS, Cause::ModelNotFound)], Cause::Unavailable),
        405 | 415 | 421 | 426 | 451 | 501 => Cause::Unavailable,
        408 | 409 | 425 | 500.. => first(
            &[(&MEMORY, Cause::OutOfMemory), (&MODELS, Cause::ModelNotFound)],
            Cause::Transient,
        ),
        413 => first(&[(&RATES, Cause::RateLimited)], Cause::ContextTooLong),
        400 | 422 => first(
            &[
                (&CONTEXT, Cause::ContextTooLong),
                (&BILLING, Cause::OutOfCredit),
                (&KEYS, Cause::Unauthorized),
                (&MEMORY, Cause::OutOfMemory),
                (&MODELS, Cause::ModelNotFound),
            ],
            Cause::Caller,
        ),
        _ if (400..500).contains(&status) => Cause::Caller,
        // A redirect or an informational answer to a POST is no answer.
        _ => Cause::Unusable,
    }
}

/// What the words of an error say that came without a status (inside of a 200).
#[must_use]
pub fn cause_of_words(message: &str) -> Option<Cause> {
    let words = message.to_ascii_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let by_code = CODES.iter().find(|(code, _)| words.contains(&code.to_ascii_lowercase()));
    if let Some((_, cause)) = by_code {
        return Some(*cause);
    }
    [(&RATES[..], Cause::RateLimited), (&CONTEXT[..], Cause::ContextTooLong)]
        .into_iter()
        .chain([(&["overloaded"][..], Cause::Overloaded), (&BILLING[..], Cause::OutOfCredit)])
        .find_map(|(list, cause)| says(list).then_some(cause))
}

/// What an error body says.
struct Told {
    codes: Vec<String>,
    /// The beginning of the body, in lower case.
    words: String,
}

impl Told {
    fn read(body: &[u8]) -> Self {
        #[derive(Deserialize, Default)]
        struct Inner {
            #[serde(default)]
            code: serde_json::Value,
            #[serde(default, rename = "type")]
            kind: serde_json::Value,
            #[serde(default)]
            status: serde_json::Value,
            #[serde(default)]
            details: serde_json::Value,
        }
        #[derive(Deserialize, Default)]
        struct Body {
            #[serde(default)]
            error: serde_json::Value,
            #[serde(default)]
            code: serde_json::Value,
            #[serde(default, rename = "type")]
            kind: serde_json::Value,
        }
        let parsed: Body = serde_json::from_slice(body).unwrap_or_default();
        let inner: Inner = serde_json::from_value(parsed.error).unwrap_or_default();
        let reasons = inner.details.as_array().into_iter().flatten();
        let mut codes: Vec<String> =
            reasons.filter_map(|detail| detail["reason"].as_str().map(str::to_owned)).collect();
        let values = [inner.code, inner.kind, inner.status, parsed.code, parsed.kind];
        codes.extend(values.iter().filter_map(|value| value.as_str().map(str::to_owned)));
        let start = &body[..body.len().min(4096)];
        Self { codes, words: String::from_utf8_lossy(start).to_lowercase() }
    }

    fn by_code(&self) -> Option<Cause> {
        let row = CODES.iter().find(|(code, _)| self.codes.iter().any(|told| told == code))?;
        Some(row.1)
    }

    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.words.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn statuses_codes_and_words_are_told_apart() {
        use Cause as C;
        for (status, body, expected) in [
            (429, "", C::RateLimited),
            (429, r#"{"error":{"code":"insufficient_quota"}}"#, C::OutOfCredit),
            (429, r#"{"error":{"status":"RESOURCE_EXHAUSTED"}}"#, C::RateLimited),
            (529, "", C::Overloaded),
            (503, r#"{"error":{"type":"overloaded_error"}}"#, C::Overloaded),
            (401, "", C::Unauthorized),
            (402, "", C::OutOfCredit),
            (403, "", C::Forbidden),
            (403, r#"{"error":{"message":"Not enough credits"}}"#, C::OutOfCredit),
            (403, r#"{"error":"flagged by moderation"}"#, C::Blocked),
            (404, "", C::Unavailable),
            (404, r#"{"type":"error","error":{"type":"not_found_error"}}"#, C::ModelNotFound),
            (404, r#"{"error":"model not found: x"}"#, C::ModelNotFound),
            (405, "", C::Unavailable),
            (400, "", C::Caller),
            (400, r#"{"error":{"code":"model_not_found"}}"#, C::ModelNotFound),
            (400, r#"{"error":{"code":"unsupported_parameter"}}"#, C::Unsupported),
            (400, r#"{"error":{"message":"Your credit balance is too low"}}"#, C::OutOfCredit),
            (400, r#"{"error":{"message":"prompt is too long: 2 > 1"}}"#, C::ContextTooLong),
            (400, r#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#, C::Unauthorized),
            (400, r#"{"type":"error","error":{"type":"invalid_request_error"}}"#, C::Caller),
            (413, "", C::ContextTooLong),
            (413, "tokens per minute", C::RateLimited),
            (422, "[]", C::Caller),
            (418, "", C::Caller),
            (500, "<html>", C::Transient),
            (500, "CUDA out of memory", C::OutOfMemory),
            (503, r#"{"error":"down"}"#, C::Transient),
            (501, "", C::Unavailable),
            (302, "", C::Unusable),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = judge(status, &HeaderMap::new(), body.as_bytes(), Timestamp(0));
            assert_eq!(failure.cause, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_named_wait_is_kept() {
        let headers = HeaderMap::from_iter([(
            http::header::RETRY_AFTER,
            http::HeaderValue::from_static("7"),
        )]);
        let failure = judge(StatusCode::TOO_MANY_REQUESTS, &headers, b"", Timestamp(0));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn errors_inside_of_a_200_are_told_apart_by_their_words() {
        for (message, expected) in [
            ("Rate limit reached for gpt-5", Some(Cause::RateLimited)),
            ("overloaded_error: Overloaded", Some(Cause::Overloaded)),
            ("context_length_exceeded", Some(Cause::ContextTooLong)),
            ("boom", None),
        ] {
            assert_eq!(cause_of_words(message), expected, "{message}");
        }
    }
}
