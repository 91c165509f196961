//! What the answer to a request for a model that does not exist says about its format.

use bytes::Bytes;
use http::Response;
use serde_json::Value;

use super::NO_MODEL;
use crate::{commands::running::message, protocol::Format};

/// Whether a format is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is.
    Yes { status: u16, detail: String },
    /// It is, or so it seems: the key was refused before that could show.
    KeyRefused { status: u16, detail: String },
    /// Nothing can be said: no answer, too many requests, an error of the provider's own.
    Unclear { status: Option<u16>, detail: String },
    /// It is not.
    No { status: u16, detail: String },
}

impl Answer {
    /// Whether the format is spoken and the key is taken.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Yes { .. })
    }

    /// The same in other words.
    #[must_use]
    pub fn told(self, words: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Yes { status, detail } => Self::Yes { status, detail: words(&detail) },
            Self::KeyRefused { status, detail } => {
                Self::KeyRefused { status, detail: words(&detail) }
            }
            Self::Unclear { status, detail } => Self::Unclear { status, detail: words(&detail) },
            Self::No { status, detail } => Self::No { status, detail: words(&detail) },
        }
    }

    /// The better, the more.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::No { .. } => 0,
            Self::Unclear { .. } => 1,
            Self::KeyRefused { .. } => 2,
            Self::Yes { .. } => 3,
        }
    }

    /// In a word, in the provider's status and in its words.
    #[must_use]
    pub fn parts(&self) -> (&'static str, Option<u16>, &str) {
        match self {
            Self::Yes { status, detail } => ("yes", Some(*status), detail),
            Self::KeyRefused { status, detail } => ("key-refused", Some(*status), detail),
            Self::Unclear { status, detail } => ("unclear", *status, detail),
            Self::No { status, detail } => ("no", Some(*status), detail),
        }
    }
}

/// Judges the answer.
#[must_use]
pub fn judge(format: Format, answer: Result<&Response<Bytes>, &str>) -> Answer {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Answer::Unclear { status: None, detail: short(error) },
    };
    let status = answer.status().as_u16();
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let detail = message(answer.body()).unwrap_or_else(|| "no JSON error".to_owned());
    let detail = short(&detail);
    let is_ours = is_of(format, &document);
    match status {
        200..=299 if is_ours => {
            Answer::Yes { status, detail: "answers to whatever name a model has".to_owned() }
        }
        401 | 403 => Answer::KeyRefused { status, detail },
        429 => Answer::Unclear { status: Some(status), detail: format!("busy: {detail}") },
        // Who misses the path says so too, in words that are often shaped like the format's.
        404 | 405 | 501 if is_ours && names_the_model(answer.body()) => {
            Answer::Yes { status, detail }
        }
        400 | 402 | 422 if is_ours => Answer::Yes { status, detail },
        500.. => Answer::Unclear { status: Some(status), detail },
        _ => Answer::No { status, detail },
    }
}

/// Whether a document has the shape of this format's replies or errors.
fn is_of(format: Format, document: &Value) -> bool {
    let has = |key: &str| document.get(key).is_some();
    let error = document.get("error");
    let is_anthropic = document["type"] == "error";
    let is_google = error.is_some_and(|error| error["status"].is_string());
    match format {
        Format::Anthropic => is_anthropic || document["type"] == "message",
        Format::Gemini => is_google || has("candidates"),
        Format::OpenAi | Format::OpenAiResponses => {
            let is_error = error.is_some() || document["object"] == "error";
            let is_reply = if format == Format::OpenAi {
                has("choices")
            } else {
                document["object"] == "response"
            };
            is_reply || is_error && !is_anthropic && !is_google
        }
    }
}

/// Whether an error is about the model rather than about the path.
fn names_the_model(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    let is_about_path = ["unknown_url", "invalid url", "unknown request url", "no route"]
        .iter()
        .any(|word| text.contains(word));
    !is_about_path && (text.contains(NO_MODEL) || text.contains("model"))
}

/// Only so much of what a provider says is repeated, in one line.
#[must_use]
pub fn short(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_how_they_refuse() {
        use Format as F;
        let openai = r#"{"error":{"message":"The model `llm-router-probe-no-such-model` does not exist","type":"invalid_request_error","code":"model_not_found"}}"#;
        let path = r#"{"error":{"message":"Invalid URL (POST /v1/responses)","type":"invalid_request_error"}}"#;
        let anthropic = r#"{"type":"error","error":{"type":"not_found_error","message":"model: llm-router-probe-no-such-model"}}"#;
        let gemini = r#"{"error":{"code":404,"message":"models/llm-router-probe-no-such-model is not found","status":"NOT_FOUND"}}"#;
        let vllm = r#"{"object":"error","message":"The model does not exist.","type":"NotFoundError","code":404}"#;
        for (format, status, body, expected) in [
            (F::OpenAi, 404, openai, "yes"),
            (F::OpenAi, 400, openai, "yes"),
            (F::OpenAi, 404, vllm, "yes"),
            (F::OpenAi, 402, openai, "yes"),
            (F::OpenAi, 404, anthropic, "no"),
            (F::OpenAi, 404, gemini, "no"),
            (F::OpenAiResponses, 404, path, "no"),
            (F::OpenAiResponses, 404, openai, "yes"),
            (F::OpenAiResponses, 404, "404 page not found", "no"),
            (F::OpenAiResponses, 405, "", "no"),
            (F::Anthropic, 404, anthropic, "yes"),
            (F::Anthropic, 404, openai, "no"),
            (F::Anthropic, 404, "<html>model</html>", "no"),
            (F::Gemini, 404, gemini, "yes"),
            (F::Gemini, 404, openai, "no"),
            (F::OpenAi, 401, openai, "key-refused"),
            (F::Anthropic, 403, "", "key-refused"),
            (F::OpenAi, 429, openai, "unclear"),
            (F::OpenAi, 502, "<html>", "unclear"),
            (F::OpenAi, 200, r#"{"choices":[]}"#, "yes"),
            (F::OpenAi, 200, "<html>welcome</html>", "no"),
        ] {
            let mut answer = Response::new(Bytes::from(body));
            *answer.status_mut() = status.try_into().unwrap();
            assert_eq!(judge(format, Ok(&answer)).parts().0, expected, "{format} {status} {body}");
        }
        assert_eq!(judge(F::OpenAi, Err("could not be reached")).parts().0, "unclear");
    }
}
