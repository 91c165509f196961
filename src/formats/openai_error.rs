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

/// The inner object.
pub(super) fn object(fault: &Fault) -> Value {
    let (kind, code) = words(fault.kind);
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
