//! Where a provider is asked, and with which headers: all that does not depend on the request.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::{
    config::{Auth, AuthKind, HeaderSetting, Provider, secret::SecretFinder},
    protocol::{Format, Operation},
};

/// One provider in one format.
#[derive(Debug)]
pub struct Endpoint {
    /// To be set on every request, over what the client sent: key, version, the user's own.
    pub headers: HeaderMap,
    /// To be set only where the client sent nothing.
    pub defaults: HeaderMap,
    /// Not to be sent, whoever set them.
    pub suppressed: Vec<HeaderName>,
    /// `anthropic-beta` values to add to the client's.
    pub betas: Option<HeaderValue>,
    /// Why no request can be sent, if the provider's key is not to be had.
    pub missing_key: Option<Arc<str>>,
}

/// The version of the Messages API that everybody speaks (Anthropic, "API versioning").
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

impl Endpoint {
    /// What a request to `provider` in `format` carries.
    #[must_use]
    pub fn compile(provider: &Provider, format: Format, find: &SecretFinder<'_>) -> Self {
        let mut endpoint = Self {
            headers: HeaderMap::new(),
            defaults: HeaderMap::new(),
            suppressed: Vec::new(),
            betas: None,
            missing_key: None,
        };
        if format == Format::Anthropic {
            endpoint.set_anthropic_defaults(provider);
        }
        let auth = provider.auth_by_format.get(format).or(provider.auth.as_ref());
        endpoint.set_key(provider, auth, format, find);
        for (name, setting) in &provider.headers {
            endpoint.set_header(&provider.id, name, setting, find);
        }
        endpoint
    }

    fn set_anthropic_defaults(&mut self, provider: &Provider) {
        let version = provider.anthropic_version.as_deref().and_then(|v| v.parse().ok());
        self.defaults.insert("anthropic-version", version.unwrap_or(ANTHROPIC_VERSION));
        self.betas = provider.anthropic_beta.as_deref().and_then(|beta| beta.parse().ok());
    }

    fn set_key(
        &mut self,
        provider: &Provider,
        auth: Option<&Auth>,
        format: Format,
        find: &SecretFinder<'_>,
    ) {
        if auth.is_some_and(|auth| auth.kind == AuthKind::None) {
            return;
        }
        let by_name = provider
            .api_key_env
            .as_ref()
            .map(|name| crate::config::secret::SecretSource::Environment(name.clone()));
        let Some(source) = provider.api_key.as_ref().or(by_name.as_ref()) else { return };
        let key = match find(source) {
            Ok(key) => key,
            Err(reason) => {
                self.missing_key = Some(
                    format!("the key of provider `{}` is not to be had: {reason}", provider.id)
                        .into(),
                );
                return;
            }
        };
        let (name, prefix) = auth_header(auth, format);
        let Ok(mut value) = HeaderValue::from_str(&format!("{prefix}{}", key.expose())) else {
            self.missing_key = Some(
                format!(
                    "the key of provider `{}` holds characters that no header may hold; \
                     is there a line break in it?",
                    provider.id
                )
                .into(),
            );
            return;
        };
        value.set_sensitive(true);
        self.headers.insert(name, value);
    }

    fn set_header(
        &mut self,
        provider: &str,
        name: &str,
        setting: &HeaderSetting,
        find: &SecretFinder<'_>,
    ) {
        let Ok(name) = HeaderName::try_from(name.to_ascii_lowercase()) else { return };
        match setting {
            HeaderSetting::Suppress => {
                self.headers.remove(&name);
                self.defaults.remove(&name);
                self.suppressed.push(name);
            }
            HeaderSetting::Value(source) => {
                match find(source) {
                    Ok(value) => {
                        if let Ok(mut value) = HeaderValue::from_str(value.expose()) {
                            value.set_sensitive(true);
                            self.headers.insert(name, value);
                        }
                    }
                    Err(reason) => {
                        self.missing_key = Some(
                        format!("header `{name}` of provider `{provider}` is not to be had: {reason}")
                            .into(),
                    );
                    }
                }
            }
        }
    }
}

/// The header that the key travels in, and what stands in front of it.
fn auth_header(auth: Option<&Auth>, format: Format) -> (HeaderName, &str) {
    let kind = auth.map_or_else(
        || match format {
            Format::Anthropic => AuthKind::XApiKey,
            Format::Gemini => AuthKind::XGoogApiKey,
            Format::OpenAi | Format::OpenAiResponses => AuthKind::Bearer,
        },
        |auth| auth.kind,
    );
    let prefix = auth.and_then(|auth| auth.prefix.as_deref());
    match kind {
        AuthKind::XApiKey => (HeaderName::from_static("x-api-key"), prefix.unwrap_or_default()),
        AuthKind::XGoogApiKey => {
            (HeaderName::from_static("x-goog-api-key"), prefix.unwrap_or_default())
        }
        AuthKind::Header => {
            let name = auth.and_then(|auth| auth.header_name.as_deref());
            let name = name.and_then(|name| HeaderName::try_from(name.to_ascii_lowercase()).ok());
            (name.unwrap_or(header::AUTHORIZATION), prefix.unwrap_or_default())
        }
        AuthKind::Bearer | AuthKind::None => (header::AUTHORIZATION, prefix.unwrap_or("Bearer ")),
    }
}

/// What a path segment must not hold unescaped. A slash is part of many model names and stays.
const SEGMENT: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// The URL to ask for `operation` below `base`, the base's own query string kept.
///
/// A base may be given with or without the version (`https://api.example.com`, `…/v1`,
/// `…/paas/v4`), or with the ending of one of its operations; an `api-version` in the query
/// (Azure) stands for the version in the path.
#[must_use]
pub fn join(base: &Url, operation: Operation, model: &str) -> Url {
    let path = base.path().trim_end_matches('/');
    let versioned_by_query = base.query_pairs().any(|(name, _)| name == "api-version");
    let path = if operation.format() == Format::Gemini {
        let root = path.strip_suffix("/models").unwrap_or(path);
        let version = if has_version(root) { "" } else { "/v1beta" };
        let model = utf8_percent_encode(model.strip_prefix("models/").unwrap_or(model), SEGMENT);
        format!("{root}{version}/models/{model}:{}", operation.ending())
    } else {
        let root = without_ending(path);
        let versioned = versioned_by_query
            || match operation.format() {
                // Anthropic-style endpoints are often mounted below another API's version
                // (`/paas/v4/anthropic`), so only a version at the very end counts.
                Format::Anthropic => root.rsplit('/').next().is_some_and(is_version),
                Format::OpenAi | Format::OpenAiResponses | Format::Gemini => has_version(root),
            };
        let version = if versioned { "" } else { "/v1" };
        format!("{root}{version}/{}", operation.ending())
    };
    let mut url = base.clone();
    url.set_path(&path);
    url
}

/// The path without the ending of an operation, so that a base pasted from a documentation's curl
/// line works for the provider's other operations too.
fn without_ending(path: &str) -> &str {
    Operation::ALL
        .into_iter()
        .filter(|operation| operation.format() != Format::Gemini)
        .filter_map(|operation| path.strip_suffix(operation.ending())?.strip_suffix('/'))
        // The longest ending wins: `chat/completions` before `completions`.
        .min_by_key(|root| root.len())
        .unwrap_or(path)
}

fn has_version(path: &str) -> bool {
    path.split('/').any(is_version)
}

/// `v1`, `v4`, `v1beta`, `v1.5`: a `v`, digits, then letters or further digits.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else { return false };
    rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "it is a table")]
    fn urls_are_joined_as_the_table_says() {
        use Operation as O;
        for (base, operation, expected) in [
            (
                "https://openrouter.ai/api/v1",
                O::ChatCompletions,
                "https://openrouter.ai/api/v1/chat/completions",
            ),
            (
                "https://openrouter.ai/api/v1/",
                O::Responses,
                "https://openrouter.ai/api/v1/responses",
            ),
            (
                "https://api.example.com",
                O::ChatCompletions,
                "https://api.example.com/v1/chat/completions",
            ),
            ("https://api.example.com/", O::Embeddings, "https://api.example.com/v1/embeddings"),
            (
                "https://api.z.ai/api/coding/paas/v4",
                O::ChatCompletions,
                "https://api.z.ai/api/coding/paas/v4/chat/completions",
            ),
            (
                "https://api.z.ai/api/coding/paas/v4",
                O::Responses,
                "https://api.z.ai/api/coding/paas/v4/responses",
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/openai",
                O::ChatCompletions,
                "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
            ),
            (
                "https://x.test/v1/chat/completions",
                O::ChatCompletions,
                "https://x.test/v1/chat/completions",
            ),
            ("https://x.test/v1/chat/completions", O::Responses, "https://x.test/v1/responses"),
            ("https://x.test/v1/chat/completions", O::Completions, "https://x.test/v1/completions"),
            (
                "https://x.test/v1/responses",
                O::ResponsesCompact,
                "https://x.test/v1/responses/compact",
            ),
            (
                "https://x.test/chat/completions",
                O::ChatCompletions,
                "https://x.test/v1/chat/completions",
            ),
            (
                "https://r.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21",
                O::ChatCompletions,
                "https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
            ),
            (
                "https://r.openai.azure.com/openai/v1/?api-version=preview",
                O::Responses,
                "https://r.openai.azure.com/openai/v1/responses?api-version=preview",
            ),
            (
                "https://x.test/v1?tenant=a%20b",
                O::ChatCompletions,
                "https://x.test/v1/chat/completions?tenant=a%20b",
            ),
            ("https://api.anthropic.com", O::Messages, "https://api.anthropic.com/v1/messages"),
            (
                "https://api.anthropic.com/v1",
                O::CountTokens,
                "https://api.anthropic.com/v1/messages/count_tokens",
            ),
            (
                "https://api.anthropic.com/v1/messages",
                O::Messages,
                "https://api.anthropic.com/v1/messages",
            ),
            (
                "https://api.z.ai/api/paas/v4/anthropic",
                O::Messages,
                "https://api.z.ai/api/paas/v4/anthropic/v1/messages",
            ),
            ("http://127.0.0.1:8080/messages", O::Messages, "http://127.0.0.1:8080/v1/messages"),
        ] {
            let joined = join(&base.parse().unwrap(), operation, "m");
            assert_eq!(joined.to_string(), expected, "{base} {operation:?}");
        }
    }

    #[test]
    fn gemini_urls_carry_the_model() {
        use Operation as O;
        for (base, model, operation, expected) in [
            (
                "https://g.test",
                "gemini-3-pro",
                O::GenerateContent,
                "https://g.test/v1beta/models/gemini-3-pro:generateContent",
            ),
            (
                "https://g.test/v1",
                "models/gemini-3-pro",
                O::StreamGenerateContent,
                "https://g.test/v1/models/gemini-3-pro:streamGenerateContent",
            ),
            (
                "https://g.test/v1beta/models",
                "g",
                O::GeminiCountTokens,
                "https://g.test/v1beta/models/g:countTokens",
            ),
            (
                "https://g.test/v1/publishers/google",
                "g",
                O::GenerateContent,
                "https://g.test/v1/publishers/google/models/g:generateContent",
            ),
            (
                "https://g.test/p",
                "a b?c#d%e",
                O::GenerateContent,
                "https://g.test/p/v1beta/models/a%20b%3Fc%23d%25e:generateContent",
            ),
        ] {
            let joined = join(&base.parse().unwrap(), operation, model);
            assert_eq!(joined.to_string(), expected, "{base} {model}");
        }
    }

    #[test]
    fn versions_are_told_from_other_segments() {
        for segment in ["v1", "v4", "v1beta", "v1beta1", "v2.5"] {
            assert!(is_version(segment), "{segment}");
        }
        for segment in ["", "v", "vision", "version1", "1", "v1-x", "x1"] {
            assert!(!is_version(segment), "{segment}");
        }
    }
}
