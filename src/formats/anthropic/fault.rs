//! Anthropic Messages, errors → the neutral vocabulary.

use http::StatusCode;

use crate::{
    chat::{Fault, Json},
    formats::{
        fault,
        raw::{Text, open_struct},
    },
};

open_struct! {
    struct Body<'a> {
        error: Error<'a> = "error",
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

/// Reads an error body.
pub(super) fn decode(status: StatusCode, body: &[u8]) -> Fault {
    let error = serde_json::from_slice::<Body<'_>>(body).ok().and_then(|body| body.error);
    error.and_then(|error| read(status, error)).unwrap_or_else(|| fault::plain(status, body))
}

/// Reads the inner object, which streams have too; `None` if it has no message.
pub(in super::super) fn read(status: StatusCode, error: Error<'_>) -> Option<Fault> {
    let message = error.message?.0;
    let code = error.kind.map(|kind| kind.0.into_owned());
    let kind = fault::kind(status, code.as_deref(), &message);
    let details = error.details.map(Json::into_owned);
    Some(Fault { code, details, ..Fault::new(kind, message) })
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
        assert_eq!(fault.details.unwrap().get(), r#"{"error_code":"x"}"#);
        assert_eq!(
            decode(StatusCode::BAD_REQUEST, b"{}").message,
            "the provider answered 400 Bad Request: {}"
        );
    }
}
