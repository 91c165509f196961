//! A call and a target → the request to the provider.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::call::Call;
use crate::{
    formats::head::{self, Spliced},
    protocol::{Format, Operation},
    routing::{
        endpoint::Endpoint,
        router::{Lanes, Router, TargetId},
    },
};

/// A request to a provider. The body shares its memory with the client's.
pub type Outgoing = Request<Spliced>;

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

/// The request to `target`: the client's bytes with the target's model, the client's headers that
/// concern the provider, and the provider's key.
///
/// # Errors
/// Why nothing can be sent: the provider's key is not to be had.
pub(super) fn outgoing(
    call: &Call,
    target: TargetId,
    router: &Router,
    lanes: &Lanes,
) -> Result<Outgoing, String> {
    let Some((endpoint, url)) = lanes.lane(call.operation) else {
        return Err(format!("does not speak {}", call.format()));
    };
    if let Some(reason) = &endpoint.missing_key {
        return Err(reason.to_string());
    }
    let target = router.target(target);
    let body = body(call, &target.model_json);
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = with_query(url, call.query.as_deref());
    *request.headers_mut() = headers(call, endpoint);
    Ok(request)
}

/// The body with the target's model. Gemini names the model in the URL.
fn body(call: &Call, model_json: &Bytes) -> Spliced {
    if call.operation.format() == Format::Gemini {
        Spliced::whole(call.body.clone())
    } else {
        head::replace_model(&call.body, &call.span, model_json)
    }
}

fn headers(call: &Call, endpoint: &Endpoint) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in &call.headers {
        if is_forwarded(name.as_str()) {
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
fn with_query(url: &Uri, query: Option<&str>) -> Uri {
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
    let joint = if url.query().is_some() { '&' } else { '?' };
    format!("{url}{joint}{}", passed.join("&")).parse().unwrap_or_else(|_| url.clone())
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
            let url: Uri = url.parse().unwrap();
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
}
