//! Errors of providers that are read alike whatever the format: phrases that clients act on, bodies
//! that are not even JSON, and state that nobody here keeps.

use http::StatusCode;
use serde_json::json;

use crate::chat::{Fault, FaultKind, Json, Request, ServerState};

/// Phrases by which providers say that the conversation is too long.
const TOO_LONG: &[&str] = &[
    "prompt is too long",
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "context length",
    "input is too long",
    "input token count",
    "exceeds the maximum number of tokens",
    "too many tokens",
    "prompt_too_long",
    "reduce the length of the messages",
];

/// The kind of an error with this status, code and message.
pub(super) fn kind(status: StatusCode, code: Option<&str>, message: &str) -> FaultKind {
    let kind = FaultKind::from_status(status);
    let words = message.to_lowercase();
    let too_long = |words: &str| TOO_LONG.iter().any(|phrase| words.contains(phrase));
    match kind {
        FaultKind::InvalidRequest | FaultKind::TooLarge
            if too_long(&words) || code.is_some_and(too_long) =>
        {
            FaultKind::ContextTooLong
        }
        FaultKind::NotFound if code == Some("model_not_found") || words.contains("model") => {
            FaultKind::ModelNotFound
        }
        FaultKind::InvalidRequest
        | FaultKind::ContextTooLong
        | FaultKind::Authentication
        | FaultKind::Permission
        | FaultKind::NotFound
        | FaultKind::ModelNotFound
        | FaultKind::MethodNotAllowed
        | FaultKind::TooLarge
        | FaultKind::UnsupportedMediaType
        | FaultKind::UpgradeRequired
        | FaultKind::RateLimit
        | FaultKind::Internal
        | FaultKind::NotImplemented
        | FaultKind::BadGateway
        | FaultKind::Overloaded
        | FaultKind::Timeout => kind,
    }
}

/// How much of a body that is no error object is shown.
const MOST: usize = 2000;

/// An error whose body is not of the provider's format: a proxy's page, plain text, nothing.
pub(super) fn plain(status: StatusCode, body: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return Fault::new(kind(status, None, ""), format!("the provider answered {status}"));
    }
    let shown: String = text.chars().take(MOST).collect();
    Fault::new(kind(status, None, text), format!("the provider answered {status}: {shown}"))
}

/// The refusal of a request that refers to a conversation which only its own vendor keeps. SDKs go
/// on with the whole history when they are told so in these words; without a refusal the model
/// would answer a question whose context is lost.
#[must_use]
pub fn refuse_state(request: &Request<'_>) -> Option<Fault> {
    let (param, what) = match request.state.as_ref()? {
        ServerState::PreviousResponse(_) => ("/previous_response_id", "earlier responses"),
        ServerState::Conversation(_) => ("/conversation", "conversations"),
        ServerState::Thread(_) => ("/thread", "threads"),
        ServerState::CachedContent(_) => ("/cachedContent", "cached contents"),
        ServerState::StoredPrompt(_) => ("/prompt", "stored prompts"),
    };
    let name = param.trim_start_matches('/');
    let mut fault = Fault::new(
        FaultKind::InvalidRequest,
        format!(
            "`{name}` is not supported: the target of this model keeps no {what}; send the whole \
             conversation instead"
        ),
    );
    fault.param = Some(param.to_owned());
    if matches!(request.state, Some(ServerState::Thread(_))) {
        // What the SDKs of Anthropic look for before they send the whole history.
        fault.details = Some(Json::of(
            &json!({ "error_code": "thread_unsupported_request", "unsupported": ["thread"] }),
        ));
    }
    Some(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Format;

    #[test]
    fn a_conversation_that_is_too_long_is_told_as_such() {
        for (status, code, message, expected) in [
            (400, None, "prompt is too long: 2 tokens > 1 maximum", FaultKind::ContextTooLong),
            (400, Some("context_length_exceeded"), "No.", FaultKind::ContextTooLong),
            (413, None, "Prompt is too long", FaultKind::ContextTooLong),
            (413, None, "Request exceeds the maximum size", FaultKind::TooLarge),
            (400, None, "max_tokens: too large", FaultKind::InvalidRequest),
            (429, None, "too many tokens per minute", FaultKind::RateLimit),
            (404, None, "model: x", FaultKind::ModelNotFound),
            (404, None, "no such path", FaultKind::NotFound),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(kind(status, code, message), expected, "{status} {message}");
        }
    }

    #[test]
    fn an_error_that_is_a_web_page_is_shown_in_part() {
        let page = format!("<html>{}", "x".repeat(9000));
        let fault = plain(StatusCode::BAD_GATEWAY, page.as_bytes());
        assert_eq!(fault.kind, FaultKind::BadGateway);
        assert!(fault.message.len() < 2100);
        assert_eq!(
            plain(StatusCode::BAD_GATEWAY, b"").message,
            "the provider answered 502 Bad Gateway"
        );
    }

    #[test]
    fn a_thread_is_refused_in_the_words_that_sdks_recover_from() {
        let mut request = Request::new(Format::Anthropic);
        assert_eq!(refuse_state(&request), None);
        request.state = Some(ServerState::Thread(Json::of(&json!({ "type": "create" }))));
        let fault = refuse_state(&request).unwrap();
        assert!(fault.details.unwrap().get().contains("thread_unsupported_request"));
    }
}
