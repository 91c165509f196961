//! The error object of OpenAI, for Chat Completions and Responses alike.

use serde_json::{Value, json};

use crate::chat::{Fault, FaultKind};

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
