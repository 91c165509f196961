//! Errors inside of replies: a response that failed, an event `error`. Outside of replies they are
//! as in Chat Completions.

use http::StatusCode;
use serde_json::Value;

use super::super::openai_error;
use crate::chat::{Fault, FaultKind};

/// Reads the error of an event: that of its response, its own, or the event itself.
pub(super) fn of_event(data: &str) -> Fault {
    let mut event: Value = serde_json::from_str(data).unwrap_or_default();
    let status = event["status"].as_u64();
    for pointer in ["/response/error", "/error"] {
        match event.pointer_mut(pointer).map(Value::take) {
            Some(Value::Null) | None => {}
            Some(error) => return read(&error, status),
        }
    }
    // The type of the event is no code of an error.
    if let Some(event) = event.as_object_mut() {
        event.remove("type");
    }
    read(&event, status)
}

/// Reads the inner object: `code` and `message`.
pub(super) fn read(error: &Value, status: Option<u64>) -> Fault {
    let said = status.or(error["code"].as_u64()).or(error["status"].as_u64());
    let said = said.and_then(|status| u16::try_from(status).ok());
    let said = said.and_then(|status| StatusCode::from_u16(status).ok());
    let code = error["code"].as_str().or(error["type"].as_str()).unwrap_or_default();
    let message = error["message"].as_str().unwrap_or_default();
    let status = said.filter(|status| !status.is_success());
    let status = status.unwrap_or_else(|| status_of(code, message));
    openai_error::read(status, error).unwrap_or_else(|| {
        let kind = FaultKind::from_status(status);
        let message = if code.is_empty() {
            "the provider says that the response failed".to_owned()
        } else {
            format!("the provider says that the response failed: {code}")
        };
        Fault { code: (!code.is_empty()).then(|| code.to_owned()), ..Fault::new(kind, message) }
    })
}

/// The status that a code would have come with outside of a stream.
fn status_of(code: &str, message: &str) -> StatusCode {
    let message = message.to_lowercase();
    match code {
        "rate_limit_exceeded"
        | "rate_limit_error"
        | "insufficient_quota"
        | "usage_limit_reached"
        | "too_many_requests" => StatusCode::TOO_MANY_REQUESTS,
        "server_is_overloaded" | "slow_down" | "overloaded" | "overloaded_error" => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        "invalid_api_key" | "authentication_error" => StatusCode::UNAUTHORIZED,
        "permission_error" | "permission_denied" => StatusCode::FORBIDDEN,
        "model_not_found" | "not_found_error" => StatusCode::NOT_FOUND,
        "timeout" | "vector_store_timeout" => StatusCode::GATEWAY_TIMEOUT,
        _ if code.starts_with("invalid_")
            || code.starts_with("image_")
            || code.starts_with("unsupported_")
            || code == "context_length_exceeded"
            || code == "empty_image_file"
            || code == "failed_to_download_image" =>
        {
            StatusCode::BAD_REQUEST
        }
        _ if message.contains("overloaded") || message.contains("at capacity") => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ if message.contains("rate limit") => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_a_stream_is_read_wherever_it_stands() {
        for (data, kind, message) in [
            (
                r#"{"type":"response.failed","response":{"error":{"code":"server_is_overloaded","message":"Busy."}}}"#,
                FaultKind::Overloaded,
                "Busy.",
            ),
            (
                r#"{"type":"error","code":"rate_limit_exceeded","message":"Slow.","param":null}"#,
                FaultKind::RateLimit,
                "Slow.",
            ),
            (
                r#"{"type":"error","status":400,"error":{"type":"invalid_request_error","message":"No."}}"#,
                FaultKind::InvalidRequest,
                "No.",
            ),
            (
                r#"{"type":"error","error":{"code":"context_length_exceeded","message":"Long."}}"#,
                FaultKind::ContextTooLong,
                "Long.",
            ),
            (
                r#"{"type":"error","error":{"code":503,"message":"Away."}}"#,
                FaultKind::Overloaded,
                "Away.",
            ),
            (
                r#"{"type":"error","message":"The model is currently overloaded."}"#,
                FaultKind::Overloaded,
                "The model is currently overloaded.",
            ),
            (
                r#"{"type":"response.failed","response":{"error":null}}"#,
                FaultKind::BadGateway,
                "the provider says that the response failed",
            ),
        ] {
            let fault = of_event(data);
            assert_eq!((fault.kind, &*fault.message), (kind, message), "{data}");
        }
    }
}
