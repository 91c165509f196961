//! Who may ask, what may be asked, and how it is told.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Running, Upstream, provider, reply};

/// Sends bytes as they are and gives the whole answer.
async fn raw(gateway: &Running, request: &[u8]) -> String {
    let address = gateway.url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request).await.expect("sent");
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn every_refusal_is_in_the_format_of_the_client() {
    let gateway = Running::start(&json!({ "server": { "maxBodyBytes": 1000 } })).await;
    let long = format!("{{\"model\":\"demo/echo\",\"x\":\"{}\"}}", "y".repeat(2000));
    let websocket = "upgrade: websocket\r\nconnection: upgrade\r\n";
    for (line, headers, body, status, told) in [
        ("POST /v1/messages", JSON, "{", 400, "\"type\":\"error\""),
        ("POST /v1/chat/completions", JSON, "[]", 400, "the body is an array"),
        ("POST /v1/chat/completions", JSON, "{\"model\":7}", 400, "\"param\":\"model\""),
        ("POST /v1/responses", JSON, "{\"model\":\"a\",\"model\":\"b\"}", 400, "`model` twice"),
        (
            "POST /v1beta/models/x:generateContent",
            JSON,
            "nope",
            400,
            "\"status\":\"INVALID_ARGUMENT\"",
        ),
        ("POST /v1beta/models/x:generateContent", JSON, "{}", 404, "\"status\":\"NOT_FOUND\""),
        ("POST /v1/messages", JSON, "{\"model\":\"demo/ecco\"}", 404, "did you mean `demo/echo`"),
        (
            "POST /v1/chat/completions",
            JSON,
            "{\"model\":\"x\"}",
            404,
            "\"code\":\"model_not_found\"",
        ),
        (
            "POST /v1/chat/completions",
            "content-type: text/plain\r\n",
            "{}",
            415,
            "application/json",
        ),
        ("POST /v1/messages", "", "{}", 415, "Content-Type is missing"),
        (
            "POST /v1/messages",
            "content-type: application/json\r\ncontent-encoding: lzma\r\n",
            "{}",
            415,
            "gzip, br, zstd",
        ),
        (
            "POST /v1/messages",
            "content-type: application/json\r\ncontent-encoding: gzip\r\n",
            "{}",
            400,
            "decompress",
        ),
        ("POST /v1/messages", JSON, long.as_str(), 413, "\"type\":\"request_too_large\""),
        ("GET /v1/messages", "", "", 405, "\r\nallow: POST\r\n"),
        ("DELETE /v1/models", "", "", 405, "\r\nallow: GET, HEAD\r\n"),
        ("GET /v1/responses", websocket, "", 426, "websocket"),
        ("GET /v1/responses", "", "", 405, "allow: POST"),
        ("POST /v1/mesages", JSON, "{}", 404, "did you mean `/v1/messages`"),
        ("POST /openai/v1/messages", JSON, "{}", 404, "nothing at"),
        (
            "GET /v1/models/nope",
            "anthropic-version: 2023-06-01\r\n",
            "",
            404,
            "\"not_found_error\"",
        ),
        ("OPTIONS /v1/messages", "origin: https://evil.test\r\n", "", 403, "corsOrigins"),
        (
            "POST /v1/messages",
            "content-type: application/json\r\norigin: https://evil.test\r\n",
            "{}",
            403,
            "evil.test",
        ),
        (
            "POST /v1/messages",
            "content-type: application/json\r\norigin: null\r\n",
            "{}",
            403,
            "origin",
        ),
        ("GET /-/nothing", "", "", 404, "/-/status"),
    ] {
        let answer = raw(&gateway, &request(line, headers, body)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {body}: {answer}");
        assert!(answer.contains(told), "{line} {body}: {answer}");
        assert!(answer.contains("x-llm-router-request-id: "), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused_unless_a_key_is_required() {
    let gateway = Running::start(&json!({})).await;
    for (host, allowed) in [
        ("127.0.0.1:8787", true),
        ("localhost", true),
        ("LOCALHOST:1", true),
        ("[::1]:8787", true),
        ("app.localhost:8787", true),
        ("evil.test", false),
        ("127.0.0.1.evil.test", false),
        ("localhost.evil.test:8787", false),
    ] {
        let line = format!("GET /v1/models HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = raw(&gateway, line.as_bytes()).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200"), allowed, "{host}: {answer}");
    }
    let keyed =
        Running::start(&json!({ "masterKey": "gw-key", "server": { "requireAuth": true } })).await;
    let line = "GET /v1/models HTTP/1.1\r\nhost: router.test\r\nauthorization: bearer gw-key\r\nconnection: close\r\n\r\n";
    assert!(raw(&keyed, line.as_bytes()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn any_right_key_opens_and_no_wrong_one() {
    let config = json!({ "masterKey": "env:SET", "server": { "requireAuth": true } });
    let gateway = Running::start(&config).await;
    for (path, headers, right) in [
        ("/v1/models", "authorization: Bearer from-env\r\n", true),
        ("/v1/models", "Authorization: bEaReR  from-env\r\n", true),
        ("/v1/models", "x-api-key: from-env\r\n", true),
        ("/v1/models", "x-goog-api-key: from-env\r\n", true),
        ("/v1/models?a=b&key=from%2Denv", "", true),
        ("/v1/models", "authorization: Bearer from-env\r\nx-goog-api-key: placeholder\r\n", true),
        ("/v1/models", "", false),
        ("/v1/models", "x-api-key: from-en\r\n", false),
        ("/v1/models", "x-api-key: \r\n", false),
        ("/v1/nothing", "x-api-key: wrong\r\n", false),
        ("/-/status", "", false),
    ] {
        let answer = raw(&gateway, &request(&format!("GET {path}"), headers, "")).await;
        let status = if right { "HTTP/1.1 200 " } else { "HTTP/1.1 401 " };
        assert!(answer.starts_with(status), "{path} {headers}: {answer}");
        assert!(!answer.contains("from-env"), "{answer}");
    }
    let health = raw(&gateway, &request("HEAD /health", "", "")).await;
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
}

#[tokio::test]
async fn a_page_that_is_allowed_may_call() {
    let config = json!({ "server": { "corsOrigins": ["https://app.test"] } });
    let gateway = Running::start(&config).await;
    let headers = "origin: https://app.test\r\naccess-control-request-headers: anthropic-beta\r\n";
    let answer = raw(&gateway, &request("OPTIONS /v1/messages", headers, "")).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    for told in [
        "access-control-allow-origin: https://app.test\r\n",
        "access-control-allow-headers: anthropic-beta\r\n",
        "vary: Origin\r\n",
    ] {
        assert!(answer.contains(told), "{answer}");
    }
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_the_client_aliases_first() {
    let upstream = Upstream::start(|_| reply(200, "{}")).await;
    let gateway = Running::start(&json!({
        "providers": [provider("p", upstream.address, &["vendor/m"])],
        "modelAliases": { "fast": { "targets": ["p/vendor/m"] } },
    }))
    .await;
    let get = async |path: &str, header: &str| -> Value {
        let request = gateway.http.get(format!("{}{path}", gateway.url)).header(header, "1");
        let body = request.send().await.expect("an answer").bytes().await.expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    };
    let openai = get("/v1/models", "x-none").await;
    assert_eq!(openai["object"], "list");
    assert_eq!(openai["data"][0]["id"], "fast");
    assert_eq!(openai["data"][1]["id"], "p/vendor/m");
    let anthropic = get("/v1/models?limit=1000", "anthropic-version").await;
    assert_eq!(anthropic["data"][0]["type"], "model");
    assert_eq!(
        (&anthropic["has_more"], &anthropic["last_id"]),
        (&json!(false), &json!("p/vendor/m"))
    );
    assert_eq!(get("/anthropic/v1/models", "x-none").await["first_id"], "fast");
    assert_eq!(get("/v1beta/models", "x-none").await["models"][0]["name"], "models/fast");
    assert_eq!(get("/v1/models", "x-goog-api-key").await["models"][1]["name"], "models/p/vendor/m");
    assert_eq!(get("/v1/models/p/vendor/m", "x-none").await["id"], "p/vendor/m");
    assert_eq!(get("/v1/models/p%2Fvendor%2Fm", "x-none").await["owned_by"], "p");
    assert_eq!(get("/v1/models/fast", "anthropic-version").await["display_name"], "fast");
}

#[tokio::test]
async fn names_stand_for_what_the_config_says() {
    let upstream = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let mut first = provider("p", upstream.address, &[]);
    first["models"] = json!([{ "id": "m", "aliases": ["mm"] }, "n"]);
    let gateway = Running::start(&json!({
        "providers": [first, provider("q", upstream.address, &["m"])],
        "modelAliases": { "in": { "targets": ["q/m"] }, "out": { "targets": ["alias:in"], "fallbackTargets": ["p/n"] } },
        "defaultModel": "out",
    }))
    .await;
    for (name, target) in [
        ("p/m", "p/m"),
        ("p/mm", "p/m"),
        ("mm", "p/m"),
        ("m", "p/m"),
        ("n", "p/n"),
        ("in", "q/m"),
        ("alias:out", "q/m"),
        ("smart", "q/m"),
        ("", "q/m"),
    ] {
        let response =
            gateway.post("/v1/chat/completions", &json!({ "model": name }).to_string()).await;
        assert_eq!(response.headers()["x-llm-router-target"], target, "{name}");
    }
    let response = gateway.post("/v1/chat/completions", "{}").await;
    assert_eq!(response.headers()["x-llm-router-target"], "q/m");
    assert_eq!(upstream.seen().last().expect("a call").body, br#"{"model":"m"}"#);
}
