//! Another target answers, as long as nothing was shown to the client.

use serde_json::{Value, json};

use super::{SAMPLES, Sample};
use crate::support::{Act, Running, Upstream, answer, end, nobody, provider, reply, stream};

/// A gateway whose alias `a` has the target `bad/m`, then `good/m`; time-outs are short.
async fn two(bad: std::net::SocketAddr, good: std::net::SocketAddr) -> Running {
    Running::start(&json!({
        "providers": [provider("bad", bad, &["m"]), provider("good", good, &["m"])],
        "modelAliases": { "a": { "targets": ["bad/m", "good/m"] } },
        "server": { "timeouts": { "firstByteMs": 300, "silenceMs": 300 }, "retry": { "baseDelayMs": 1 } },
    }))
    .await
}

async fn good(sample: &Sample) -> Upstream {
    let whole = [sample.preamble, sample.content, sample.ending].concat();
    Upstream::start(move |_| end(stream(&[&whole]))).await
}

#[tokio::test]
async fn the_client_never_notices_a_target_that_fails_before_its_first_content() {
    for sample in &SAMPLES {
        let (preamble, error) = (sample.preamble, sample.error);
        let faults: Vec<(&str, Vec<Act>)> = vec![
            ("429", answer(429, "retry-after: 60\r\n", "{}")),
            ("500", reply(500, "{}")),
            ("529", reply(529, "{}")),
            ("401", reply(401, "{}")),
            ("404", reply(404, "{}")),
            ("a code in a 400", reply(400, r#"{"error":{"code":"model_not_found"}}"#)),
            ("a web page", answer(200, "content-type: text/html\r\n", "<html>")),
            ("nothing at all", vec![Act::Close]),
            ("garbage", vec![Act::Send(b"garbage\r\n\r\n".to_vec())]),
            ("half a head", vec![Act::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec())]),
            ("no answer", vec![Act::Hang]),
            ("an empty stream", end(stream(&[]))),
            ("a stream of comments", end(stream(&[": hi\n\n"]))),
            ("a preamble alone", end(stream(&[preamble]))),
            ("an end without content", end(stream(&[preamble, sample.ending]))),
            ("a preamble, then silence", [stream(&[preamble]), vec![Act::Hang]].concat()),
            ("a preamble, then a cut", [stream(&[preamble]), vec![Act::Close]].concat()),
            ("an error first", end(stream(&[error]))),
            ("a preamble, then an error", end(stream(&[preamble, error]))),
        ];
        for (name, acts) in faults {
            let bad = Upstream::start(move |_| acts.clone()).await;
            let good = good(sample).await;
            let gateway = two(bad.address, good.address).await;
            let (path, body) =
                (sample.path.replace("MODEL", "a"), sample.body.replace("MODEL", "a"));
            let response = gateway.post(&path, &body).await;
            assert_eq!(response.status(), 200, "{path}: {name}");
            assert_eq!(response.headers()["x-llm-router-target"], "good/m", "{path}: {name}");
            let whole = [sample.preamble, sample.content, sample.ending].concat();
            assert_eq!(response.text().await.expect("a stream"), whole, "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_passed_over() {
    let good = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let gateway = two(nobody().await, good.address).await;
    let response = gateway.post("/v1/chat/completions", r#"{"model":"a"}"#).await;
    assert_eq!(response.headers()["x-llm-router-target"], "good/m");
    // Whole replies too: empty ones and errors with status 200 are none.
    for bad in ["", "  ", r#"{"error":{"message":"Rate limit exceeded"}}"#] {
        let bad = Upstream::start(move |_| reply(200, bad)).await;
        let gateway = two(bad.address, good.address).await;
        let response = gateway.post("/v1/chat/completions", r#"{"model":"a"}"#).await;
        assert_eq!(response.headers()["x-llm-router-target"], "good/m");
    }
}

#[tokio::test]
async fn after_content_a_break_ends_the_stream_with_an_error() {
    for sample in &SAMPLES {
        let half = &sample.content[..sample.content.len() - 5];
        for (name, rest) in [("cut", Act::Close), ("silence", Act::Hang)] {
            let acts = [stream(&[sample.preamble, sample.content, half]), vec![rest]].concat();
            let bad = Upstream::start(move |_| acts.clone()).await;
            let gateway = two(bad.address, nobody().await).await;
            let (path, body) =
                (sample.path.replace("MODEL", "a"), sample.body.replace("MODEL", "a"));
            let text = gateway.post(&path, &body).await.text().await.expect("a stream");
            let begun = [sample.preamble, sample.content].concat();
            let tail = text.strip_prefix(&begun).unwrap_or_else(|| panic!("{path} {name}: {text}"));
            assert!(tail.contains(sample.broken), "{path} {name}: {tail}");
            assert!(!tail.contains("[DONE]") && tail.ends_with("\n\n"), "{path} {name}: {tail}");
        }
    }
}

#[tokio::test]
async fn an_error_that_the_provider_tells_after_content_passes_alone() {
    for sample in &SAMPLES {
        let whole = [sample.preamble, sample.content, sample.error].concat();
        let sent = whole.clone();
        let bad = Upstream::start(move |_| end(stream(&[&sent]))).await;
        let gateway = two(bad.address, nobody().await).await;
        let (path, body) = (sample.path.replace("MODEL", "a"), sample.body.replace("MODEL", "a"));
        let text = gateway.post(&path, &body).await.text().await.expect("a stream");
        assert_eq!(text, whole, "{path}");
    }
}

#[tokio::test]
async fn an_error_of_the_caller_passes_unchanged_and_stops_the_chain() {
    let error = "{ \"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"safeguards: Extra inputs\",\"details\":{\"a\":1}} }";
    let bad = Upstream::start(move |_| reply(400, error)).await;
    let good = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let gateway = two(bad.address, good.address).await;
    for _ in 0..3 {
        let response = gateway.post("/v1/messages", r#"{"model":"a"}"#).await;
        assert_eq!(response.status(), 400);
        assert_eq!(response.text().await.expect("an error"), error);
    }
    assert!(good.seen().is_empty());
    assert_eq!(bad.seen().len(), 3, "a caller's mistake is no reason to rest a target");
}

#[tokio::test]
async fn the_most_telling_error_is_passed_on_with_its_wait() {
    let limited = r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
    let first = Upstream::start(move |_| {
        answer(429, "retry-after: 77\r\nx-ratelimit-reset-requests: 1s\r\n", limited)
    })
    .await;
    let second = Upstream::start(|_| reply(500, "{}")).await;
    let gateway = two(first.address, second.address).await;
    let response = gateway.post("/v1/chat/completions", r#"{"model":"a"}"#).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "77");
    assert_eq!(response.headers()["x-llm-router-target"], "bad/m");
    assert_eq!(response.text().await.expect("an error"), limited);
    // Without a word about the wait there is still one: Codex gives up without.
    let bare = Upstream::start(|_| reply(429, "{}")).await;
    let gateway = two(bare.address, nobody().await).await;
    let response = gateway.post("/v1/responses", r#"{"model":"bad/m","input":"x"}"#).await;
    assert_eq!(response.headers()["retry-after"], "10");
}

#[tokio::test]
async fn the_last_target_is_tried_again_a_bounded_number_of_times() {
    let upstream = Upstream::start(|_| reply(503, "{}")).await;
    let gateway = two(upstream.address, nobody().await).await;
    let response = gateway.post("/v1/messages", r#"{"model":"bad/m"}"#).await;
    assert_eq!(response.status(), 503);
    assert_eq!(upstream.seen().len(), 3);
    let short = Upstream::start(|seen| match seen.model().as_str() {
        "m" => answer(429, "retry-after-ms: 1\r\n", "{}"),
        _ => reply(200, "{}"),
    })
    .await;
    let gateway = two(short.address, nobody().await).await;
    let response = gateway.post("/v1/messages", r#"{"model":"bad/m"}"#).await;
    assert_eq!((response.status().as_u16(), short.seen().len()), (429, 3));
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_call_along() {
    for sample in &SAMPLES {
        let acts = [stream(&[sample.preamble, sample.content]), vec![Act::Hang]].concat();
        let upstream = Upstream::start(move |_| acts.clone()).await;
        let config = json!({ "providers": [provider("p", upstream.address, &["m"])] });
        let gateway = Running::start(&config).await;
        let (path, body) =
            (sample.path.replace("MODEL", "p/m"), sample.body.replace("MODEL", "p/m"));
        let mut response = gateway.post(&path, &body).await;
        assert!(response.chunk().await.expect("a piece").is_some());
        drop(response);
        let mut left = upstream.left.clone();
        left.wait_for(|count| *count == 1).await.expect("the upstream");
    }
}

#[tokio::test]
async fn a_missing_key_is_told_and_nothing_is_sent_without_it() {
    let upstream = Upstream::start(|_| reply(200, "{}")).await;
    let mut keyless = provider("p", upstream.address, &["m"]);
    keyless["apiKey"] = "env:NOT_SET".into();
    let gateway = Running::start(&json!({ "providers": [keyless] })).await;
    let response = gateway.post("/v1/messages", r#"{"model":"p/m"}"#).await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["x-should-retry"], "false");
    let text = response.text().await.expect("an error");
    assert!(text.contains("provider `p`") && text.contains("NOT_SET"), "{text}");
    assert!(upstream.seen().is_empty());
    let status: Value = gateway
        .http
        .get(format!("{}/-/status", gateway.url))
        .send()
        .await
        .expect("an answer")
        .bytes()
        .await
        .map(|b| serde_json::from_slice(&b).expect("JSON"))
        .expect("a body");
    assert!(status["providers"][0]["missing_key"].as_str().expect("a reason").contains("NOT_SET"));
}

#[tokio::test]
async fn a_format_that_no_target_speaks_is_explained() {
    let upstream = Upstream::start(|_| reply(200, "{}")).await;
    let mut one = provider("p", upstream.address, &["m"]);
    one["formats"] = json!(["anthropic"]);
    let gateway = Running::start(&json!({ "providers": [one] })).await;
    // A turn of a conversation is translated; this cannot be.
    let response = gateway.post("/v1/embeddings", r#"{"model":"m","input":"x"}"#).await;
    assert_eq!(response.status(), 501);
    let text = response.text().await.expect("an error");
    assert!(text.contains("speak only anthropic"), "{text}");
}
