//! The error object of OpenAI, for Chat Completions and Responses alike.

use http::StatusCode;
use serde_json::{Value, json};

use super::fault;
use crate::chat::{Fault, FaultKind};

/// Reads an error body: `error` is an object, at some providers a string, or stands bare; a list of
/// one at Google's.
pub(super) fn decode(status: StatusCode, body: &[u8]) -> Fault {
    let Ok(body) = serde_json::from_slice::<Value>(body).map(unlisted) else {
        return fault::plain(status, body);
    };
    read(status, if body["error"].is_null() { &body } else { &body["error"] })
        .unwrap_or_else(|| fault::plain(status, body.to_string().as_bytes()))
}

/// Reads the inner object, which streams have too; `None` if it has no message.
pub(super) fn read(status: StatusCode, error: &Value) -> Option<Fault> {
    let text = |key: &str| match &error[key] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    let message = error.as_str().map(str::to_owned).or_else(|| text("message"))?;
    let code = text("code").or_else(|| text("type"));
    let kind = fault::kind(status, code.as_deref(), &message);
    Some(Fault { param: text("param"), code, ..Fault::new(kind, message) })
}

/// Reads an error inside a stream, which has no status: its code or type stands in for it.
pub(super) fn in_stream(error: &str) -> Fault {
    let value = serde_json::from_str::<Value>(error).map(unlisted).unwrap_or_default();
    let inner = if value["error"].is_null() { &value } else { &value["error"] };
    let status = ["code", "status", "type"].into_iter().find_map(|key| status_of(&inner[key]));
    let status = status.unwrap_or(StatusCode::BAD_GATEWAY);
    // OpenAI says of a prompt that is too long no more than the code.
    let status = match read(StatusCode::BAD_REQUEST, inner) {
        Some(fault) if fault.kind == FaultKind::ContextTooLong && !limited(status) => {
            StatusCode::BAD_REQUEST
        }
        Some(_) | None => status,
    };
    read(status, inner).unwrap_or_else(|| fault::plain(status, error.as_bytes()))
}

/// Whether it is about too many tokens for now, not for the model.
fn limited(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
}

/// The status that a code or a type stands for: OpenRouter writes the status itself.
fn status_of(word: &Value) -> Option<StatusCode> {
    let text = word.as_str().unwrap_or_default();
    if let Some(code) = word.as_u64().or_else(|| text.parse().ok()) {
        let code = u16::try_from(code).ok().filter(|code| (400..600).contains(code))?;
        return StatusCode::from_u16(code).ok();
    }
    Some(match text {
        "rate_limit_exceeded"
        | "rate_limit_error"
        | "insufficient_quota"
        | "tokens"
        | "requests" => StatusCode::TOO_MANY_REQUESTS,
        "invalid_request_error" | "context_length_exceeded" | "BadRequestError" => {
            StatusCode::BAD_REQUEST
        }
        "invalid_api_key" | "authentication_error" => StatusCode::UNAUTHORIZED,
        "permission_error" => StatusCode::FORBIDDEN,
        "model_not_found" | "not_found_error" => StatusCode::NOT_FOUND,
        "overloaded_error" | "server_is_overloaded" | "engine_overloaded" | "slow_down" => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        "timeout" => StatusCode::GATEWAY_TIMEOUT,
        _ => return None,
    })
}

fn unlisted(mut body: Value) -> Value {
    match body.get_mut(0) {
        Some(first) => first.take(),
        None => body,
    }
}

/// `{"error":{"message","type","param","code"}}` (OpenAI, "Error codes").
pub(super) fn encode(fault: &Fault) -> Vec<u8> {
    json!({ "error": object(fault) }).to_string().into_bytes()
}

/// Codes that say more than the kind does, and that clients of OpenAI act on.
const KEPT: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "content_filter",
    "content_policy_violation",
    "unsupported_parameter",
    "unsupported_value",
    "string_above_max_length",
    "invalid_encrypted_content",
    fault::NOT_FOUND,
];

/// The inner object.
pub(super) fn object(fault: &Fault) -> Value {
    let (mut kind, mut code) = words(fault.kind);
    if let Some(kept) = KEPT.iter().find(|kept| fault.code.as_deref() == Some(**kept)) {
        // OpenAI, "Error codes": a quota that is used up is a type of its own.
        kind = if *kept == "insufficient_quota" { kept } else { kind };
        code = Some(kept);
    }
    let param = fault.param.as_deref().map(|pointer| pointer.trim_start_matches('/'));
    json!({ "message": fault.message, "type": kind, "param": param, "code": code })
}

/// `type` and `code` as OpenAI uses them; SDKs tell classes by the status, people and agents by
/// these.
pub(super) fn words(kind: FaultKind) -> (&'static str, Option<&'static str>) {
    match kind {
        FaultKind::InvalidRequest | FaultKind::NotFound => ("invalid_request_error", None),
        FaultKind::ContextTooLong => ("invalid_request_error", Some("context_length_exceeded")),
        FaultKind::Authentication => ("invalid_request_error", Some("invalid_api_key")),
        FaultKind::Permission => ("permission_error", None),
        FaultKind::ModelNotFound => ("invalid_request_error", Some("model_not_found")),
        FaultKind::MethodNotAllowed => ("invalid_request_error", Some("method_not_supported")),
        FaultKind::TooLarge => ("invalid_request_error", Some("request_too_large")),
        FaultKind::UnsupportedMediaType => {
            ("invalid_request_error", Some("unsupported_media_type"))
        }
        FaultKind::UpgradeRequired => ("invalid_request_error", Some("websocket_not_supported")),
        FaultKind::RateLimit => ("rate_limit_error", Some("rate_limit_exceeded")),
        FaultKind::NotImplemented => ("invalid_request_error", Some("not_implemented")),
        FaultKind::Internal => ("server_error", Some("internal_error")),
        FaultKind::BadGateway => ("server_error", Some("bad_gateway")),
        FaultKind::Overloaded => ("server_error", Some("server_is_overloaded")),
        FaultKind::Timeout => ("server_error", Some("timeout")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_inside_a_stream_is_told_by_its_code() {
        for (body, kind) in [
            (r#"{"message":"m","code":429}"#, FaultKind::RateLimit),
            (r#"{"error":{"message":"m","code":"503"}}"#, FaultKind::Overloaded),
            (r#"{"message":"m","type":"server_error","code":null}"#, FaultKind::BadGateway),
            (
                r#"{"message":"No.","type":"server_error","code":"context_length_exceeded"}"#,
                FaultKind::ContextTooLong,
            ),
            (
                r#"{"message":"too many tokens per minute","code":"rate_limit_exceeded"}"#,
                FaultKind::RateLimit,
            ),
            (r#""oops""#, FaultKind::BadGateway),
        ] {
            assert_eq!(in_stream(body).kind, kind, "{body}");
        }
    }

    #[test]
    fn codes_that_clients_act_on_are_kept() {
        let mut fault = Fault::new(FaultKind::RateLimit, "m");
        for (code, expected) in [
            (Some("insufficient_quota"), ("insufficient_quota", "insufficient_quota")),
            (Some("overloaded_error"), ("rate_limit_error", "rate_limit_exceeded")),
            (None, ("rate_limit_error", "rate_limit_exceeded")),
        ] {
            fault.code = code.map(str::to_owned);
            let object = object(&fault);
            assert_eq!(
                (&object["type"], &object["code"]),
                (&json!(expected.0), &json!(expected.1))
            );
        }
    }

    #[test]
    fn errors_are_read_in_all_the_shapes_that_providers_give_them() {
        for (body, message, code) in [
            (r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#, "m", Some("c")),
            (r#"{"error":{"message":"m","type":"t","code":null}}"#, "m", Some("t")),
            (r#"{"error":{"message":"m","code":400}}"#, "m", Some("400")),
            (r#"[{"error":{"message":"m"}}]"#, "m", None),
            (r#"{"error":"m"}"#, "m", None),
            (r#"{"message":"m"}"#, "m", None),
            (r#"{"x":1}"#, "the provider answered 400 Bad Request: {\"x\":1}", None),
            ("oops", "the provider answered 400 Bad Request: oops", None),
        ] {
            let fault = decode(StatusCode::BAD_REQUEST, body.as_bytes());
            assert_eq!((&*fault.message, fault.code.as_deref()), (message, code), "{body}");
        }
    }
}
