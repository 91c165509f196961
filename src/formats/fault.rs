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
        // OpenAI's and Anthropic's words, at gateways with a status of their own.
        FaultKind::BadGateway
            if matches!(code, Some("overloaded_error" | "server_is_overloaded")) =>
        {
            FaultKind::Overloaded
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
    const WHOLE: &str = "send the whole conversation instead";
    let state = request.state.as_ref()?;
    let top = |name| (name, format!("/{name}"));
    let ((name, param), lack, remedy) = match state {
        ServerState::PreviousResponse(_) => {
            (top("previous_response_id"), "keeps no earlier responses", WHOLE)
        }
        ServerState::Conversation(_) => (top("conversation"), "keeps no conversations", WHOLE),
        ServerState::Thread(_) => (top("thread"), "keeps no threads", WHOLE),
        ServerState::CachedContent(_) => (top("cachedContent"), "keeps no cached contents", WHOLE),
        ServerState::StoredPrompt(_) => (top("prompt"), "keeps no stored prompts", WHOLE),
        // The AI SDK refers to items unless `store` is false.
        ServerState::Item(place) => (
            ("item_reference", place.to_string()),
            "keeps no items to refer to",
            "send the items themselves instead, as clients do with `store: false`",
        ),
        ServerState::Compacted(place) => (
            ("compaction", place.to_string()),
            "cannot read what another vendor has compacted",
            "go on with a target of that vendor, or begin a new conversation",
        ),
    };
    let message = format!("`{name}` is not supported: the target of this model {lack}; {remedy}");
    let mut fault = Fault::new(FaultKind::InvalidRequest, message);
    fault.param = Some(param);
    match state {
        // What the SDKs of Anthropic look for before they send the whole history.
        ServerState::Thread(_) => {
            fault.details = Some(Json::of(
                &json!({ "error_code": "thread_unsupported_request", "unsupported": ["thread"] }),
            ));
        }
        // What clients of OpenAI look for before they do.
        ServerState::PreviousResponse(_) => fault.code = Some(NOT_FOUND.to_owned()),
        ServerState::Conversation(_)
        | ServerState::CachedContent(_)
        | ServerState::StoredPrompt(_)
        | ServerState::Item(_)
        | ServerState::Compacted(_) => {}
    }
    Some(fault)
}

/// OpenAI's code for a `previous_response_id` that it does not know.
pub(super) const NOT_FOUND: &str = "previous_response_not_found";

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
            (500, Some("overloaded_error"), "Overloaded", FaultKind::Overloaded),
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
