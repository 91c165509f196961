//! The paths that Amp adds: `/api/provider/{vendor}/...` for calls of models, `/api/internal` for its
//! own methods, and what only Amp's server knows.

use super::{Asked, Scope, find_below};
use crate::{exchange::amp, protocol::Format};

/// Whether a path is one that Amp adds.
pub(super) fn has(path: &str) -> bool {
    let below = |root| path.strip_prefix(root).is_some_and(|rest: &str| rest.starts_with('/'));
    below("/api") || below("/actors") || path == "/actors"
}

/// Looks such a path up. `None` if it stands for nothing.
pub(super) fn find(path: &str, format: Format) -> Option<(Asked<'_>, Format)> {
    if amp::is_internal(path) {
        return Some((Asked::AmpInternal, Format::OpenAi));
    }
    let Some(rest) = path.strip_prefix("/api/provider") else {
        return Some((Asked::AmpServer, Format::OpenAi));
    };
    let rest = rest.strip_prefix('/')?;
    let below = below_vendor(&rest[rest.find('/')?..]);
    find_below(below, Scope::All, format)
}

/// The SDKs of OpenAI-compatible vendors (Groq) put a segment of their own in front of the version.
fn below_vendor(rest: &str) -> &str {
    rest.strip_prefix("/openai").filter(|rest| rest.starts_with('/')).unwrap_or(rest)
}

/// Gemini's paths on Vertex name a publisher, and may name a project and a location.
pub(super) fn without_publisher(path: &str) -> &str {
    let after = |path: &'_ str, names: &[&str]| -> Option<usize> {
        let mut left = path;
        for name in names {
            left = left.strip_prefix('/')?.strip_prefix(name)?.strip_prefix('/')?;
            left = &left[left.find('/')?..];
        }
        Some(path.len() - left.len())
    };
    let project = after(path, &["projects", "locations"]).unwrap_or_default();
    let rest = &path[project..];
    after(rest, &["publishers"]).map_or(path, |place| &rest[place..])
}

/// The format in which errors below `/api/provider/{vendor}` are told, if the vendor has one.
pub(super) fn format_of_vendor(path: &str) -> Option<Format> {
    match amp::provider(path)?.to_ascii_lowercase().as_str() {
        "anthropic" => Some(Format::Anthropic),
        "google" => Some(Format::Gemini),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::super::{Place, read};

    fn check(method: &str, path: &str) -> String {
        let method: Method = method.parse().unwrap();
        match read(&method, path, &HeaderMap::new()) {
            Ok(Place { asked, format }) => format!("{format} {asked:?}"),
            Err(error) => format!("{:?}", error.kind),
        }
    }

    #[test]
    fn the_paths_of_amp() {
        let call = |format: &str, operation: &str, model: &str| {
            let model =
                if model.is_empty() { "None".to_owned() } else { format!("Some({model:?})") };
            format!("{format} Call {{ operation: {operation}, model: {model} }}")
        };
        let messages = call("anthropic", "Messages", "");
        let gemini = |operation| call("gemini", operation, "gemini-3-pro");
        for (path, expected) in [
            ("anthropic/v1/messages", &messages),
            ("anthropic/messages", &messages),
            ("ANTHROPIC/v1/messages/", &messages),
            ("kimi/v1/messages", &messages),
            ("anthropic/v1/messages/count_tokens", &call("anthropic", "CountTokens", "")),
            ("openai/v1/responses", &call("openai-responses", "Responses", "")),
            ("openai/responses", &call("openai-responses", "Responses", "")),
            ("xai/v1/responses", &call("openai-responses", "Responses", "")),
            ("openai/v1/chat/completions", &call("openai", "ChatCompletions", "")),
            ("fireworks/v1/chat/completions", &call("openai", "ChatCompletions", "")),
            ("groq/openai/v1/chat/completions", &call("openai", "ChatCompletions", "")),
            ("cerebras/chat/completions", &call("openai", "ChatCompletions", "")),
            ("openai/v1/completions", &call("openai", "Completions", "")),
            ("openai/v1/embeddings", &call("openai", "Embeddings", "")),
            ("google/v1/models/gemini-3-pro:generateContent", &gemini("GenerateContent")),
            (
                "google/v1beta/models/gemini-3-pro:streamGenerateContent",
                &gemini("StreamGenerateContent"),
            ),
            ("google/models/gemini-3-pro:countTokens", &gemini("GeminiCountTokens")),
            (
                "google/v1beta1/publishers/google/models/gemini-3-pro:generateContent",
                &gemini("GenerateContent"),
            ),
            (
                "google/v1beta1/publishers/google/models/gemini-3-pro:streamGenerateContent",
                &gemini("StreamGenerateContent"),
            ),
            (
                "google/v1/projects/p/locations/global/publishers/google/models/gemini-3-pro:generateContent",
                &gemini("GenerateContent"),
            ),
        ] {
            assert_eq!(check("POST", &format!("/api/provider/{path}")), *expected, "{path}");
        }
        for (method, path, expected) in [
            ("GET", "/api/provider/openai/models", "openai Models"),
            ("GET", "/api/provider/anthropic/v1/models", "anthropic Models"),
            ("GET", "/api/provider/google/v1beta/models", "gemini Models"),
            ("GET", "/api/provider/google/v1beta1/publishers/google/models", "gemini Models"),
            ("GET", "/api/provider/google/v1/models/m", "gemini Model(\"m\")"),
            ("GET", "/api/provider/anthropic/v1/messages", "MethodNotAllowed"),
            ("POST", "/api/provider/openai/models", "MethodNotAllowed"),
            ("POST", "/api/provider/openai/v1/none", "NotFound"),
            ("POST", "/api/provider/openai", "NotFound"),
            ("POST", "/api/provider/", "NotFound"),
            ("POST", "/api/internal", "openai AmpInternal"),
            ("GET", "/api/internal/github-auth-status", "openai AmpInternal"),
            ("POST", "/api/internals", "openai AmpServer"),
            ("DELETE", "/api/threads/T-1", "openai AmpServer"),
            ("GET", "/actors/gateway/threadActor/websocket/", "openai AmpServer"),
            ("GET", "/actors", "openai AmpServer"),
            ("GET", "/actorsx", "NotFound"),
            ("GET", "/api", "NotFound"),
            // Vertex clients without Amp.
            (
                "POST",
                "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
                &call("gemini", "GenerateContent", "m"),
            ),
        ] {
            assert_eq!(check(method, path), expected, "{method} {path}");
        }
    }
}
