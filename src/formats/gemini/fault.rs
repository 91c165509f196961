//! Gemini `generateContent`, errors ⇄ the neutral vocabulary (`google.rpc.Status`).

use http::StatusCode;
use serde_json::value::RawValue;

use crate::{
    chat::{Fault, FaultKind},
    formats::{
        fault,
        raw::{Text, open_struct, string},
    },
};

open_struct! {
    struct Body<'a> {
        error: Error<'a> = "error",
    }
}

open_struct! {
    /// `{"code","message","status","details"}`.
    pub(super) struct Error<'a> {
        code: &'a RawValue = "code",
        message: Text<'a> = "message",
        status: Text<'a> = "status",
        details: Vec<Detail<'a>> = "details",
    }
}

open_struct! {
    /// One of `google.rpc.ErrorInfo`, `BadRequest` and others that nobody acts on.
    pub(super) struct Detail<'a> {
        reason: Text<'a> = "reason",
        violations: Vec<Violation<'a>> = "fieldViolations",
    }
}

open_struct! {
    pub(super) struct Violation<'a> {
        field: Text<'a> = "field",
    }
}

/// Reads an error body: an object, or a list of one where the reply would have been a list.
pub(super) fn decode(status: StatusCode, body: &[u8]) -> Fault {
    let one = |body: &[u8]| {
        serde_json::from_slice::<Body<'_>>(body)
            .ok()
            .and_then(|b| b.error)
            .and_then(|error| read(Some(status), error))
    };
    let first = || {
        let list = serde_json::from_slice::<Vec<&RawValue>>(body).ok()?;
        one(list.first()?.get().as_bytes())
    };
    one(body).or_else(first).unwrap_or_else(|| fault::plain(status, body))
}

/// Reads the inner object, which streams have too: there, it says the status itself. `None` if it
/// has no message.
pub(super) fn read(status: Option<StatusCode>, error: Error<'_>) -> Option<Fault> {
    let message = error.message?.0;
    let word = error.status.map(|word| word.0).unwrap_or_default();
    let number = error.code.and_then(|code| {
        let text = string(code);
        text.as_deref().unwrap_or(code.get()).parse::<u16>().ok()
    });
    let status = status
        .or_else(|| StatusCode::from_u16(number?).ok().filter(|status| status.as_u16() >= 400))
        .or_else(|| status_of(&word))
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let details = error.details.unwrap_or_default();
    let reason = details.iter().find_map(|detail| detail.reason.as_ref()).map(|text| &*text.0);
    let kind = match reason {
        // A wrong key is a 400 here.
        Some("API_KEY_INVALID" | "API_KEY_EXPIRED") => FaultKind::Authentication,
        _ => fault::kind(status, reason, &message),
    };
    let code = reason.or(Some(&*word)).filter(|code| !code.is_empty()).map(str::to_owned);
    let field = |detail: &Detail<'_>| {
        let violations = detail.violations.iter().flatten();
        violations.filter_map(|violation| violation.field.as_ref()).map(|f| f.0.to_string()).next()
    };
    let param = details.iter().find_map(field);
    Some(Fault { code, param, ..Fault::new(kind, message) })
}

/// The status that a word of `google.rpc.Code` stands for.
fn status_of(word: &str) -> Option<StatusCode> {
    let status = match word {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => StatusCode::BAD_REQUEST,
        "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        "PERMISSION_DENIED" => StatusCode::FORBIDDEN,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "RESOURCE_EXHAUSTED" => StatusCode::TOO_MANY_REQUESTS,
        "UNIMPLEMENTED" => StatusCode::NOT_IMPLEMENTED,
        "UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
        "DEADLINE_EXCEEDED" => StatusCode::GATEWAY_TIMEOUT,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => return None,
    };
    Some(status)
}

/// The word of `google.rpc.Code` for a kind.
pub(super) fn status(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest
        | FaultKind::ContextTooLong
        | FaultKind::TooLarge
        | FaultKind::MethodNotAllowed
        | FaultKind::UnsupportedMediaType
        | FaultKind::UpgradeRequired => "INVALID_ARGUMENT",
        FaultKind::Authentication => "UNAUTHENTICATED",
        FaultKind::Permission => "PERMISSION_DENIED",
        FaultKind::NotFound | FaultKind::ModelNotFound => "NOT_FOUND",
        FaultKind::RateLimit => "RESOURCE_EXHAUSTED",
        FaultKind::NotImplemented => "UNIMPLEMENTED",
        FaultKind::Internal => "INTERNAL",
        FaultKind::BadGateway | FaultKind::Overloaded => "UNAVAILABLE",
        FaultKind::Timeout => "DEADLINE_EXCEEDED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_with_its_reason_and_its_place() {
        let key = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#;
        let field = r#"[{"error":{"code":400,"message":"Invalid value","status":"INVALID_ARGUMENT",
            "details":[{"fieldViolations":[{"field":"contents[0].parts"}]}]}}]"#;
        let long = r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":
            "The input token count (1048600) exceeds the maximum number of tokens allowed (1048576)."}}"#;
        for (body, kind, code, param) in [
            (key, FaultKind::Authentication, "API_KEY_INVALID", None),
            (field, FaultKind::InvalidRequest, "INVALID_ARGUMENT", Some("contents[0].parts")),
            (long, FaultKind::ContextTooLong, "INVALID_ARGUMENT", None),
        ] {
            let fault = decode(StatusCode::BAD_REQUEST, body.as_bytes());
            assert_eq!((fault.kind, fault.code.as_deref()), (kind, Some(code)));
            assert_eq!(fault.param.as_deref(), param);
        }
        for body in ["[]", "{}", "<html>", "[[]]", r#"{"error":{"code":429}}"#] {
            let fault = decode(StatusCode::TOO_MANY_REQUESTS, body.as_bytes());
            assert_eq!(fault.kind, FaultKind::RateLimit, "{body}");
            assert!(fault.message.contains(body), "{fault:?}");
        }
    }

    #[test]
    fn inside_of_a_stream_the_error_says_its_status_itself() {
        for (error, expected) in [
            (r#"{"code":503,"message":"m","status":"UNAVAILABLE"}"#, FaultKind::Overloaded),
            (r#"{"code":"429","message":"m"}"#, FaultKind::RateLimit),
            (r#"{"message":"m","status":"DEADLINE_EXCEEDED"}"#, FaultKind::Timeout),
            (r#"{"code":200,"message":"m"}"#, FaultKind::BadGateway),
        ] {
            let error: Error<'_> = serde_json::from_str(error).unwrap();
            assert_eq!(read(None, error).unwrap().kind, expected);
        }
        for kind in FaultKind::ALL {
            let told = status_of(status(kind)).map(FaultKind::from_status);
            assert!(told.is_some(), "{kind:?}");
        }
    }
}
