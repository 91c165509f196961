//! What passes between Amp's client and Amp's own server, and what does not: the gateway's key stays
//! here, the user's token goes there, and nothing is said about the machine in between.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

use crate::{
    config::secret::Secret,
    exchange::{guard::presented_keys, reply},
    routing::amp::AmpUpstream,
};

/// What clients and proxies send that does not concern Amp's server.
const KEPT_HERE: [&str; 22] = [
    "authorization",
    "connection",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "x-api-key",
    "x-client-data",
    "x-client-ip",
    "x-goog-api-key",
    "x-real-ip",
    "origin",
];

/// The same, by how the name begins.
const KEPT_HERE_PREFIXES: [&str; 5] =
    ["cf-", "sec-ch-", "sec-fetch-", "x-forwarded-", "x-llm-router-"];

/// Query parameters that may hold the gateway's key.
const KEY_PARAMETERS: [&str; 3] = ["key", "api_key", "auth_token"];

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Whether a request asks to become a websocket.
#[must_use]
pub fn is_websocket(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The headers for Amp's server. A websocket keeps its subprotocols as they are.
#[must_use]
pub fn request_headers(
    headers: &HeaderMap,
    upstream: &AmpUpstream,
    gateway_key: Option<&Secret>,
) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len() + 2);
    // What `Connection` names belongs to this connection.
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for (name, value) in headers {
        let text = name.as_str();
        let stays = KEPT_HERE.contains(&text)
            || KEPT_HERE_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
            || named.iter().any(|named| named == text)
            || holds(value, gateway_key);
        if !stays {
            passed.append(name, value.clone());
        }
    }
    let websocket = is_websocket(headers);
    if websocket {
        passed.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        passed.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    // Amp's websockets present a token of their own in their subprotocol, and no key.
    let bare = websocket && presented_keys(headers, None).next().is_none();
    if let Some(Ok(key)) = upstream.key.as_ref().filter(|_| !bare) {
        for (name, text) in [
            (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
            (API_KEY, key.expose().to_owned()),
        ] {
            if let Ok(mut value) = HeaderValue::from_str(&text) {
                value.set_sensitive(true);
                passed.insert(name, value);
            }
        }
    }
    passed
}

/// Whether a header holds the gateway's key, wherever a client has put it.
fn holds(value: &HeaderValue, key: Option<&Secret>) -> bool {
    let Some(key) = key.map(Secret::expose).filter(|key| !key.is_empty()) else { return false };
    value.to_str().is_ok_and(|value| value.contains(key))
}

/// Where Amp's server is asked: the same path and query, but for a key of this gateway in it.
#[must_use]
pub fn url(
    upstream: &AmpUpstream,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    gateway_key: Option<&Secret>,
) -> Url {
    let mut url = upstream.base.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}{path}"));
    let ours = |pair: &&str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        KEY_PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
            && (gateway_key.is_some_and(|key| key.matches(&value))
                || presented_keys(headers, None).any(|presented| presented == value))
    };
    let kept: Vec<&str> =
        query.into_iter().flat_map(|query| query.split('&')).filter(|p| !ours(p)).collect();
    url.set_query(query.map(|_| kept.join("&")).as_deref().filter(|query| !query.is_empty()));
    url
}

/// The headers for the client. An answer that switches protocols says so.
#[must_use]
pub fn response_headers(headers: &HeaderMap, switches: bool) -> HeaderMap {
    let mut passed = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        if !reply::is_dropped(name.as_str()) {
            passed.append(name, value.clone());
        }
    }
    if switches {
        passed.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        if let Some(protocol) = headers.get(header::UPGRADE) {
            passed.insert(header::UPGRADE, protocol.clone());
        }
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::settings::Limits;

    fn upstream(base: &str) -> AmpUpstream {
        let key = Some(Ok(Secret::new("sgamp_user")));
        AmpUpstream { base: base.parse().unwrap(), key, limits: Limits::default() }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_gateways_key_stays_and_the_users_token_goes() {
        let sent = headers(&[
            ("authorization", "Bearer gw-key"),
            ("x-api-key", "gw-key"),
            ("x-goog-api-key", "gw-key"),
            ("x-odd", "prefix gw-key"),
            ("cookie", "c=1"),
            ("host", "127.0.0.1:8787"),
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("sec-fetch-mode", "cors"),
            ("cf-ray", "1"),
            ("content-encoding", "gzip"),
            ("content-length", "5"),
            ("x-amp-thread-id", "T-1"),
            ("user-agent", "amp"),
        ]);
        let passed =
            request_headers(&sent, &upstream("https://a.test"), Some(&Secret::new("gw-key")));
        let mut lines: Vec<String> = passed
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "authorization: Bearer sgamp_user",
                "content-encoding: gzip",
                "content-length: 5",
                "user-agent: amp",
                "x-amp-thread-id: T-1",
                "x-api-key: sgamp_user",
            ]
        );
    }

    #[test]
    fn a_websocket_keeps_its_handshake() {
        let protocols = "rivet, rivet_conn_params.%7B%22wsToken%22%3A%22t%22%7D";
        let sent = headers(&[
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "k"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", protocols),
            ("sec-websocket-extensions", "permessage-deflate"),
        ]);
        let passed = request_headers(&sent, &upstream("https://a.test"), None);
        for (name, value) in [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "k"),
            ("sec-websocket-protocol", protocols),
            ("sec-websocket-extensions", "permessage-deflate"),
        ] {
            assert_eq!(passed[name], value);
        }
        assert!(!passed.contains_key("authorization") && !passed.contains_key("x-api-key"));
        let answered = headers(&[("upgrade", "websocket"), ("sec-websocket-accept", "a")]);
        let passed = response_headers(&answered, true);
        assert_eq!(
            (&passed["upgrade"], &passed["connection"]),
            (&"websocket".parse().unwrap(), &"upgrade".parse().unwrap())
        );
        assert_eq!(passed["sec-websocket-accept"], "a");
        assert!(!response_headers(&answered, false).contains_key("upgrade"));
    }

    #[test]
    fn the_url_is_the_clients_on_another_host() {
        let sent = headers(&[("x-api-key", "client")]);
        let key = Secret::new("gw-key");
        for (base, path, query, expected) in [
            ("https://a.test", "/api/threads", None, "https://a.test/api/threads"),
            (
                "https://a.test/",
                "/api/internal",
                Some("getUserInfo"),
                "https://a.test/api/internal?getUserInfo",
            ),
            (
                "https://a.test/base/",
                "/api/x",
                Some("a=1&key=other"),
                "https://a.test/base/api/x?a=1&key=other",
            ),
            ("https://a.test", "/api/x", Some("key=gw-key&b=%20"), "https://a.test/api/x?b=%20"),
            ("https://a.test", "/api/x", Some("auth_token=client"), "https://a.test/api/x"),
            (
                "https://a.test",
                "/api/x",
                Some("API_KEY=gw%2Dkey&rvt-key=T"),
                "https://a.test/api/x?rvt-key=T",
            ),
        ] {
            let url = url(&upstream(base), path, query, &sent, Some(&key));
            assert_eq!(url.as_str(), expected);
        }
    }
}
