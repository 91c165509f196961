//! A call and a target → the request to the provider.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use super::call::Call;
use crate::{
    formats::head::{self, Spliced},
    protocol::{Format, Operation},
    routing::endpoint::Endpoint,
};

/// A request to a provider, to be posted.
#[derive(Debug)]
pub struct Outgoing {
    pub url: Url,
    pub headers: HeaderMap,
    /// Shares its memory with the client's body.
    pub body: Spliced,
}

/// What clients send that providers act upon, by name. Everything else stays here: keys, cookies,
/// connection headers, and whatever else a client tells about its user's machine.
const FORWARDED: [&str; 20] = [
    "accept",
    "user-agent",
    "idempotency-key",
    "x-request-id",
    "x-client-request-id",
    "x-should-retry",
    "traceparent",
    "tracestate",
    // Codex: who asks, in which conversation.
    "originator",
    "version",
    "session-id",
    "session_id",
    "thread-id",
    "conversation_id",
    // Claude Code, OpenCode.
    "x-app",
    "x-session-id",
    "x-session-affinity",
    // OpenRouter: attribution of apps.
    "http-referer",
    "x-title",
    // Gemini SDKs.
    "x-server-timeout",
];

/// The same, by how the name begins. These sets grow with every release of their vendors.
const FORWARDED_PREFIXES: [&str; 7] =
    ["anthropic-", "openai-", "x-openai-", "x-claude-code-", "x-codex-", "x-stainless-", "x-goog-"];

/// Begins like one of the above, but is a key.
const KEYS: [&str; 1] = ["x-goog-api-key"];

/// Query parameters that present the gateway's key.
const KEY_PARAMETERS: [&str; 3] = ["key", "api_key", "auth_token"];

const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same bytes with the target's model; Gemini names the model in the URL.
pub(super) fn as_it_is(call: &Call, model_json: &Bytes) -> Spliced {
    if call.operation.format() == Format::Gemini {
        Spliced::whole(call.body.clone())
    } else {
        head::replace_model(&call.body, &call.span, model_json)
    }
}

/// The request with this body in the client's own format: the client's headers that concern the
/// provider, its query, and the provider's key.
pub(super) fn same(call: &Call, (endpoint, url): (&Endpoint, &Url), body: Spliced) -> Outgoing {
    let url = with_query(url, call.query.as_deref());
    Outgoing { url, headers: headers(call, endpoint, call.format()), body }
}

/// The request with this body in another format. What the client's own vendor alone understands
/// stays here, the query too.
pub(super) fn translated(
    call: &Call,
    operation: Operation,
    (endpoint, url): (&Endpoint, &Url),
    body: Bytes,
) -> Outgoing {
    let mut headers = headers(call, endpoint, operation.format());
    let streams = call.streams && operation.is_chat();
    let accept = if streams { "text/event-stream" } else { "application/json" };
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    let events = (operation == Operation::StreamGenerateContent).then_some("alt=sse");
    Outgoing { url: with_query(url, events), headers, body: Spliced::whole(body) }
}

fn headers(call: &Call, endpoint: &Endpoint, format: Format) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in &call.headers {
        if is_forwarded(name.as_str()) && concerns(name.as_str(), call.format(), format) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &endpoint.defaults {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    if let Some(betas) = &endpoint.betas {
        add_betas(&mut headers, betas);
    }
    for (name, value) in &endpoint.headers {
        headers.insert(name, value.clone());
    }
    for name in &endpoint.suppressed {
        headers.remove(name);
    }
    if !headers.contains_key(REQUEST_ID)
        && let Ok(id) = HeaderValue::from_str(&call.request_id)
    {
        headers.insert(REQUEST_ID, id);
    }
    headers
}

fn is_forwarded(name: &str) -> bool {
    FORWARDED.contains(&name)
        || FORWARDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !KEYS.contains(&name)
}

/// How the headers begin that one vendor's servers alone understand, and its formats.
const OF_VENDOR: [(&str, &[Format]); 15] = [
    ("anthropic-", &[Format::Anthropic]),
    ("x-claude-code-", &[Format::Anthropic]),
    ("x-app", &[Format::Anthropic]),
    ("openai-", OPENAI),
    ("x-openai-", OPENAI),
    ("x-codex-", OPENAI),
    ("originator", OPENAI),
    ("version", OPENAI),
    ("session-id", OPENAI),
    ("session_id", OPENAI),
    ("thread-id", OPENAI),
    ("conversation_id", OPENAI),
    ("x-client-request-id", OPENAI),
    ("x-goog-", &[Format::Gemini]),
    ("x-server-timeout", &[Format::Gemini]),
];
const OPENAI: &[Format] = &[Format::OpenAi, Format::OpenAiResponses];

/// Whether a header of a client of one format concerns a provider that is asked in another.
fn concerns(name: &str, client: Format, provider: Format) -> bool {
    client == provider
        || OF_VENDOR
            .iter()
            .find(|(begin, _)| name.starts_with(begin))
            .is_none_or(|(_, formats)| formats.contains(&provider))
}

/// Adds the provider's betas to the client's, each once; the client's stay as they are.
fn add_betas(headers: &mut HeaderMap, betas: &HeaderValue) {
    let sent: Vec<&str> =
        headers.get_all(ANTHROPIC_BETA).iter().filter_map(|value| value.to_str().ok()).collect();
    let has = |beta: &str| sent.iter().any(|list| list.split(',').any(|one| one.trim() == beta));
    let missing: Vec<&str> = betas
        .to_str()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|beta| !beta.is_empty() && !has(beta))
        .collect();
    if missing.is_empty() {
        return;
    }
    let all: Vec<&str> = sent.into_iter().chain(missing).collect();
    if let Ok(value) = HeaderValue::from_str(&all.join(",")) {
        headers.insert(ANTHROPIC_BETA, value);
    }
}

/// The URL with the client's query string behind its own, but for the client's key. The config's
/// parameters win over the client's of the same name.
fn with_query(url: &Url, query: Option<&str>) -> Url {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return url.clone() };
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let own: Vec<String> = url.query().unwrap_or_default().split('&').map(name).collect();
    let passed: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = name(pair);
            !name.is_empty() && !KEY_PARAMETERS.contains(&name.as_str()) && !own.contains(&name)
        })
        .collect();
    if passed.is_empty() {
        return url.clone();
    }
    let all: Vec<&str> = url.query().into_iter().chain(passed).collect();
    let mut url = url.clone();
    url.set_query(Some(&all.join("&")));
    url
}

/// Whether the provider's answer to this call may be a stream of events.
#[must_use]
pub fn may_stream(operation: Operation) -> bool {
    operation.is_chat() || operation == Operation::Completions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_passes_without_keys_and_without_overriding() {
        for (url, query, expected) in [
            ("https://a.test/v1/messages", "beta=true", "https://a.test/v1/messages?beta=true"),
            ("https://a.test/v1/x", "key=secret&alt=sse", "https://a.test/v1/x?alt=sse"),
            ("https://a.test/v1/x", "api_key=s&auth_token=t&KEY=u", "https://a.test/v1/x"),
            (
                "https://a.test/v1/x?api-version=1",
                "api-version=2&b=3",
                "https://a.test/v1/x?api-version=1&b=3",
            ),
            ("https://a.test/v1/x", "", "https://a.test/v1/x"),
            ("https://a.test/v1/x", "&&", "https://a.test/v1/x"),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!(with_query(&url, Some(query)).to_string(), expected);
        }
    }

    #[test]
    fn betas_are_added_once() {
        let mut headers = HeaderMap::new();
        headers.insert(ANTHROPIC_BETA, HeaderValue::from_static("a-1,b-2"));
        add_betas(&mut headers, &HeaderValue::from_static("b-2, c-3"));
        assert_eq!(headers[ANTHROPIC_BETA], "a-1,b-2,c-3");
    }

    #[test]
    fn keys_and_cookies_stay_here() {
        for name in [
            "authorization",
            "cookie",
            "x-api-key",
            "x-goog-api-key",
            "host",
            "x-forwarded-for",
            "x-amp-thread-id",
            "proxy-authorization",
        ] {
            assert!(!is_forwarded(name), "{name}");
        }
        for name in [
            "anthropic-beta",
            "openai-organization",
            "x-stainless-lang",
            "x-codex-turn-state",
            "x-claude-code-session-id",
            "x-goog-api-client",
        ] {
            assert!(is_forwarded(name), "{name}");
        }
    }

    #[test]
    fn headers_of_one_vendor_do_not_go_to_another() {
        use Format as F;
        for (name, client, provider, expected) in [
            ("anthropic-beta", F::Anthropic, F::OpenAi, false),
            ("anthropic-beta", F::Anthropic, F::Anthropic, true),
            ("openai-organization", F::OpenAi, F::OpenAiResponses, true),
            ("openai-organization", F::OpenAi, F::OpenAi, true),
            ("openai-organization", F::OpenAi, F::Gemini, false),
            ("session-id", F::OpenAiResponses, F::Anthropic, false),
            ("x-goog-api-client", F::Gemini, F::Anthropic, false),
            ("user-agent", F::Gemini, F::Anthropic, true),
            ("idempotency-key", F::Anthropic, F::OpenAi, true),
            ("x-title", F::Anthropic, F::OpenAi, true),
        ] {
            assert_eq!(concerns(name, client, provider), expected, "{name} {client} {provider}");
        }
    }
}
