//! Same format in and out: the same bytes but for the model.

use std::io::Write;

use serde_json::json;

use super::SAMPLES;
use crate::support::{Running, Upstream, answer, end, provider, reply, stream};

#[tokio::test]
async fn streams_pass_byte_for_byte() {
    for sample in &SAMPLES {
        let whole = [sample.preamble, sample.content, sample.content, sample.ending].concat();
        let sent = whole.clone();
        let upstream = Upstream::start(move |_| {
            let pieces: Vec<&str> = sent.split_inclusive("e").collect();
            end(stream(&pieces))
        })
        .await;
        let gateway =
            Running::start(&json!({ "providers": [provider("p", upstream.address, &["m/x"])] }))
                .await;
        let (path, body) =
            (sample.path.replace("MODEL", "p/m/x"), sample.body.replace("MODEL", "p/m/x"));
        let response = gateway.post(&path, &body).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["x-llm-router-target"], "p/m/x");
        assert_eq!(response.text().await.expect("a stream"), whole, "{path}");
        let seen = &upstream.seen()[0];
        assert_eq!(
            String::from_utf8_lossy(&seen.body),
            sample.body.replace("MODEL", "m/x"),
            "{path}"
        );
        assert!(!seen.head.contains("transfer-encoding"), "{}", seen.head);
    }
}

#[tokio::test]
async fn other_operations_and_whole_replies_pass() {
    let upstream = Upstream::start(|_| reply(200, "{ \"id\": 1 }")).await;
    let gateway =
        Running::start(&json!({ "providers": [provider("p", upstream.address, &["m"])] })).await;
    for (path, expected) in [
        ("/v1/messages/count_tokens?beta=true", "post /v1/messages/count_tokens?beta=true "),
        ("/anthropic", "post /v1/messages "),
        ("/openai/embeddings", "post /v1/embeddings "),
        ("/v1/completions", "post /v1/completions "),
        ("/v1/v1/responses/", "post /v1/responses "),
        ("/responses/compact", "post /v1/responses/compact "),
        ("/route", "post /v1/chat/completions "),
        ("/v1/models/p/m:countTokens", "post /v1beta/models/m:counttokens "),
        (
            "/v1beta/models/p%2Fm:generateContent?key=secret",
            "post /v1beta/models/m:generatecontent ",
        ),
    ] {
        let response = gateway.post(path, r#"{"model":"p/m","n":1}"#).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.text().await.expect("a reply"), "{ \"id\": 1 }", "{path}");
        let head = upstream.seen().last().expect("a call").head.clone();
        assert!(head.starts_with(expected), "{path}: {head}");
    }
}

#[tokio::test]
async fn headers_that_concern_the_provider_pass_and_no_others() {
    let upstream = Upstream::start(|_| {
        let headers = "content-type: application/json\r\nset-cookie: a=b\r\nserver: x\r\n\
                       request-id: req_up\r\nopenai-model: other\r\nx-codex-turn-state: t\r\n";
        answer(200, headers, "{\"id\":1}")
    })
    .await;
    let gateway =
        Running::start(&json!({ "providers": [provider("p", upstream.address, &["m"])] })).await;
    let request =
        gateway.http.post(format!("{}/v1/messages", gateway.url)).body(r#"{"model":"p/m"}"#);
    let response = request
        .header("content-type", "application/json")
        .header("authorization", "Bearer client-key")
        .header("x-api-key", "client-key")
        .header("cookie", "c=client-key")
        .header("anthropic-beta", "a,b")
        .header("x-claude-code-session-id", "s1")
        .header("x-stainless-lang", "js")
        .header("x-codex-turn-state", "turn")
        .header("x-request-id", "mine-1")
        .send()
        .await
        .expect("an answer");
    let headers = response.headers();
    for gone in ["set-cookie", "server", "openai-model"] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    for (name, value) in [
        ("request-id", "req_up"),
        ("x-codex-turn-state", "t"),
        ("x-request-id", "mine-1"),
        ("x-llm-router-request-id", "mine-1"),
    ] {
        assert_eq!(headers[name], value);
    }
    let head = &upstream.seen()[0].head;
    for passed in [
        "x-api-key: provider-key\r\n",
        "anthropic-version: 2023-06-01\r\n",
        "anthropic-beta: a,b\r\n",
        "x-claude-code-session-id: s1\r\n",
        "x-stainless-lang: js\r\n",
        "x-codex-turn-state: turn\r\n",
        "x-request-id: mine-1\r\n",
        "content-length: 13\r\n",
    ] {
        assert!(head.contains(passed), "{passed:?} in {head}");
    }
    assert!(!head.contains("client-key") && !head.contains("cookie"), "{head}");
}

#[tokio::test]
async fn compressed_bodies_are_understood() {
    let upstream = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let gateway =
        Running::start(&json!({ "providers": [provider("p", upstream.address, &["m"])] })).await;
    let body = br#"{"model":"p/m"}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body).expect("memory");
    let zstd =
        ruzstd::encoding::compress_to_vec(&body[..], ruzstd::encoding::CompressionLevel::Fastest);
    // The same text, as the `br` of another implementation wrote it.
    let brotli = b"\x0b\x07\x80{\"model\":\"p/m\"}\x03".to_vec();
    for (encoding, bytes) in
        [("gzip", gzip.finish().expect("memory")), ("zstd", zstd), ("br", brotli)]
    {
        let request = gateway.http.post(format!("{}/v1/chat/completions", gateway.url)).body(bytes);
        let response = request
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{encoding}");
        let seen = upstream.seen().last().expect("a call").clone();
        assert_eq!(seen.body, br#"{"model":"m"}"#);
        assert!(!seen.head.contains("content-encoding"));
    }
}

#[tokio::test]
async fn azure_style_urls_keep_their_query() {
    let upstream = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let base = format!("http://{}/openai/deployments/d?api-version=2024-10-21", upstream.address);
    let gateway = Running::start(&json!({ "providers": [{
        "id": "azure", "baseUrl": base, "apiKey": "env:SET", "models": ["gpt"],
        "auth": { "type": "header", "headerName": "api-key" },
    }] }))
    .await;
    gateway.post("/v1/chat/completions?x=1", r#"{"model":"azure/gpt"}"#).await;
    let head = &upstream.seen()[0].head;
    let line =
        "post /openai/deployments/d/chat/completions?api-version=2024-10-21&x=1 http/1.1\r\n";
    assert!(head.starts_with(line), "{head}");
    assert!(head.contains("api-key: from-env\r\n"), "{head}");
}
