//! Anthropic Messages, errors ⇄ the neutral vocabulary.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    chat::{Fault, FaultKind, Json},
    formats::{
        fault,
        raw::{Text, open_struct},
    },
};

open_struct! {
    struct Body<'a> {
        error: Json<'a> = "error",
        message: Json<'a> = "message" | "detail" | "Message",
    }
}

open_struct! {
    /// `{"type","message","details"}` (Anthropic, "Errors").
    pub(in super::super) struct Error<'a> {
        kind: Text<'a> = "type",
        message: Text<'a> = "message",
        details: Json<'a> = "details",
    }
}

/// Reads an error body: Anthropic's own, or as Bedrock and proxies write it (`message` or `detail`
/// alone, `error` as a text).
pub(super) fn decode(status: StatusCode, body: &[u8]) -> Fault {
    let read = serde_json::from_slice::<Body<'_>>(body).ok().and_then(|wire| {
        let own = wire.error.as_ref().and_then(|error| error.read::<Error<'_>>().ok());
        own.and_then(|error| read(status, error)).or_else(|| {
            let words = [wire.error, wire.message].into_iter().flatten();
            let text = words.filter_map(|raw| raw.read::<String>().ok()).next()?;
            Some(Fault::new(fault::kind(status, None, &text), text))
        })
    });
    read.unwrap_or_else(|| fault::plain(status, body))
}

/// Reads the inner object; `None` if it has no message.
fn read(status: StatusCode, error: Error<'_>) -> Option<Fault> {
    let message = error.message?.0;
    let code = error.kind.map(|kind| kind.0.into_owned());
    let kind = fault::kind(status, code.as_deref(), &message);
    let details = error.details.map(Json::into_owned);
    Some(Fault { code, details, ..Fault::new(kind, message) })
}

/// Reads the inner object where no status tells the kind: inside of a stream or of a 200.
pub(super) fn read_inside(error: Error<'_>) -> Option<Fault> {
    let status = match error.kind.as_ref().map_or("", |kind| &kind.0) {
        "invalid_request_error" => StatusCode::BAD_REQUEST,
        "authentication_error" => StatusCode::UNAUTHORIZED,
        "billing_error" | "permission_error" => StatusCode::FORBIDDEN,
        "not_found_error" => StatusCode::NOT_FOUND,
        "request_too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "rate_limit_error" => StatusCode::TOO_MANY_REQUESTS,
        "overloaded_error" => StatusCode::SERVICE_UNAVAILABLE,
        "timeout_error" => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    read(status, error)
}

/// The words by which Claude Code knows that it must shorten the conversation.
const TOO_LONG: &str = "prompt is too long";

/// `{"type":"error","error":{"type","message","details"},"request_id"}` (Anthropic, "Errors").
pub(super) fn error(fault: &Fault) -> Value {
    let mut error = json!({ "type": error_type(fault.kind), "message": fault.message });
    if fault.kind == FaultKind::ContextTooLong && !fault.message.contains(TOO_LONG) {
        error["message"] = format!("{TOO_LONG}: {}", fault.message).into();
    }
    if let Some(details) = fault.details.as_ref().and_then(|json| json.read().ok()) {
        error["details"] = details;
    }
    json!({ "type": "error", "error": error, "request_id": fault.request_id })
}

fn error_type(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest
        | FaultKind::ContextTooLong
        | FaultKind::MethodNotAllowed
        | FaultKind::UnsupportedMediaType
        | FaultKind::UpgradeRequired
        | FaultKind::NotImplemented => "invalid_request_error",
        FaultKind::Authentication => "authentication_error",
        FaultKind::Permission => "permission_error",
        FaultKind::NotFound | FaultKind::ModelNotFound => "not_found_error",
        FaultKind::TooLarge => "request_too_large",
        FaultKind::RateLimit => "rate_limit_error",
        FaultKind::Internal | FaultKind::BadGateway => "api_error",
        FaultKind::Overloaded => "overloaded_error",
        FaultKind::Timeout => "timeout_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_words_and_details() {
        let body = br#"{"type":"error","error":{"type":"invalid_request_error","message":"m",
            "details":{"error_code":"x"}},"request_id":"r"}"#;
        let fault = decode(StatusCode::BAD_REQUEST, body);
        assert_eq!((&*fault.message, fault.code.as_deref()), ("m", Some("invalid_request_error")));
        assert_eq!(fault.details.as_ref().unwrap().get(), r#"{"error_code":"x"}"#);
        assert_eq!(error(&fault)["error"]["details"]["error_code"], "x");
    }

    #[test]
    fn errors_of_proxies_keep_their_words_too() {
        for (body, message) in [
            ("{}", "the provider answered 400 Bad Request: {}"),
            (
                r#"{"message":"Input is too long for requested model."}"#,
                "Input is too long for requested model.",
            ),
            (r#"{"error":"no"}"#, "no"),
            (r#"{"detail":"no"}"#, "no"),
            (r#"{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}"#, "no"),
            ("<html>", "the provider answered 400 Bad Request: <html>"),
        ] {
            assert_eq!(decode(StatusCode::BAD_REQUEST, body.as_bytes()).message, message);
        }
    }

    #[test]
    fn a_client_is_told_to_shorten_in_the_words_that_it_knows() {
        for (message, expected) in [
            ("prompt is too long: 2 > 1", "prompt is too long: 2 > 1"),
            ("maximum context length is 1", "prompt is too long: maximum context length is 1"),
        ] {
            let fault = Fault::new(FaultKind::ContextTooLong, message);
            assert_eq!(error(&fault)["error"]["message"], expected);
        }
    }

    #[test]
    fn an_error_without_a_status_is_known_by_its_type() {
        for (kind, expected) in [
            ("overloaded_error", FaultKind::Overloaded),
            ("rate_limit_error", FaultKind::RateLimit),
            ("api_error", FaultKind::BadGateway),
            ("invalid_request_error", FaultKind::InvalidRequest),
        ] {
            let body = format!(r#"{{"type":"{kind}","message":"m"}}"#);
            let error = serde_json::from_str(&body).unwrap();
            assert_eq!(read_inside(error).unwrap().kind, expected);
        }
    }
}
