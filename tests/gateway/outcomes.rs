//! What became of a call: told by `status`, by the decision, and by what rests afterwards.

use serde_json::{Value, json};

use super::SAMPLES;
use crate::support::{
    Act, Running, Upstream, answer, answered_by, end, nobody, provider, provider_with, reply,
    stream,
};

async fn fine() -> Upstream {
    let sample = &SAMPLES[2];
    let whole = [sample.preamble, sample.content, sample.ending].concat();
    Upstream::start(move |_| end(stream(&[&whole]))).await
}

/// What is streamed by Anthropic clients here.
fn body(model: &str) -> Value {
    json!({ "model": model, "stream": true, "max_tokens": 5, "messages": [] })
}

#[tokio::test]
async fn every_failure_is_told_with_its_cause() {
    let sample = &SAMPLES[2];
    let code = |code: &str| reply(400, &json!({ "error": { "code": code } }).to_string());
    for (name, acts, cause, status, rests) in [
        ("429", answer(429, "retry-after: 9\r\n", "{}"), "rate-limited", Some(429), "bad/m"),
        ("529", reply(529, "{}"), "overloaded", Some(529), ""),
        (
            "529 with a time",
            answer(529, "retry-after: 9\r\n", "{}"),
            "overloaded",
            Some(529),
            "bad/m",
        ),
        ("500", reply(500, "{}"), "transient", Some(500), ""),
        ("401", reply(401, "{}"), "unauthorized", Some(401), "bad"),
        ("402", reply(402, "{}"), "out-of-credit", Some(402), "bad"),
        ("403", reply(403, "{}"), "forbidden", Some(403), "bad/m"),
        ("404", reply(404, "{}"), "unavailable", Some(404), "bad/m"),
        ("quota", code("insufficient_quota"), "out-of-credit", Some(400), "bad"),
        ("model", code("model_not_found"), "model-not-found", Some(400), "bad/m"),
        ("context", code("context_length_exceeded"), "context-too-long", Some(400), ""),
        ("parameter", code("unsupported_parameter"), "unsupported", Some(400), ""),
        ("memory", reply(500, "CUDA out of memory"), "out-of-memory", Some(500), "bad/m"),
        ("no first byte", vec![Act::Hang], "timeout", None, ""),
        ("no content", [stream(&[sample.preamble]), vec![Act::Hang]].concat(), "timeout", None, ""),
        ("an error event first", end(stream(&[sample.error])), "overloaded", None, ""),
        ("a cut", [stream(&[sample.preamble]), vec![Act::Close]].concat(), "broken", None, ""),
        ("no answer at all", vec![Act::Close], "broken", None, ""),
        ("an empty stream", end(stream(&[])), "unusable", None, ""),
        ("a web page", answer(200, "content-type: text/html\r\n", "<p>"), "unusable", None, ""),
    ] {
        let (bad, good) = (Upstream::start(move |_| acts.clone()).await, fine().await);
        // The provider's own time limits, so that those of the other are the usual ones.
        let short = json!({ "timeouts": { "firstByteMs": 60, "silenceMs": 60 } });
        let gateway = Running::start(&json!({
            "providers": [
                provider_with("bad", bad.address, &["m"], &short),
                provider("good", good.address, &["m"]),
            ],
            "modelAliases": { "a": { "targets": ["bad/m", "good/m"] } },
        }))
        .await;
        let answer = gateway.ask("/v1/messages", &[], &body("a")).await;
        assert_eq!(answered_by(&answer), "good/m", "{name}");
        let decision = gateway.decision(&answer).await;
        let attempt = &decision["attempts"][0];
        let told = (&attempt["target"], &attempt["cause"], &attempt["status"]);
        assert_eq!(told, (&json!("bad/m"), &json!(cause), &json!(status)), "{name}: {decision}");
        assert!(!attempt["message"].as_str().expect("words").is_empty(), "{name}");
        assert_eq!(decision["answeredBy"], "good/m", "{name}");
        assert_eq!(bad.seen().len(), 1, "{name}");
        for (target, counts) in [("bad/m", (0, 1)), ("good/m", (1, 0))] {
            let tally = gateway.told("targets", target).await;
            let found = (&tally["succeeded"], &tally["failed"]);
            assert_eq!(found, (&json!(counts.0), &json!(counts.1)), "{name}: {target}");
        }
        let cooldowns = gateway.status().await["cooldowns"].clone();
        let resting = cooldowns[0]["name"].as_str().unwrap_or_default();
        assert_eq!(resting, rests, "{name}: {cooldowns}");
        if !rests.is_empty() {
            assert_eq!(cooldowns[0]["reason"], cause, "{name}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_rests_from_the_second_time() {
    let good = fine().await;
    let gateway = Running::start(&json!({
        "providers": [
            provider("bad", nobody().await, &["m", "n"]), provider("good", good.address, &["m"]),
        ],
        "modelAliases": {
            "a": { "targets": ["bad/m", "good/m"] }, "b": { "targets": ["bad/n", "good/m"] },
        },
    }))
    .await;
    for (alias, failed) in [("a", true), ("b", true), ("a", false), ("b", false)] {
        let answer = gateway.ask("/v1/messages", &[], &body(alias)).await;
        assert_eq!(answered_by(&answer), "good/m");
        let decision = gateway.decision(&answer).await;
        let cause = if failed { json!("unreachable") } else { Value::Null };
        assert_eq!(decision["attempts"][0]["cause"], cause, "{decision}");
    }
    let rests = gateway.told("cooldowns", "bad").await;
    assert_eq!(rests["reason"], "unreachable");
}

#[tokio::test]
async fn a_reply_that_breaks_off_after_content_counts_as_a_failure() {
    for sample in &SAMPLES {
        let begun = [sample.preamble, sample.content].concat();
        for (name, acts) in [
            ("a cut", [stream(&[&begun]), vec![Act::Close]].concat()),
            ("silence", [stream(&[&begun]), vec![Act::Hang]].concat()),
            ("an end without an ending", end(stream(&[&begun]))),
            ("an error of the provider", end(stream(&[&begun, sample.error]))),
        ] {
            let path = sample.path.replace("MODEL", "p/m");
            let bad = Upstream::start(move |_| acts.clone()).await;
            let short = json!({ "timeouts": { "silenceMs": 60 } });
            let gateway = Running::start(&json!({
                "providers": [provider_with("p", bad.address, &["m"], &short)],
            }))
            .await;
            let answer = gateway.post(&path, &sample.body.replace("MODEL", "p/m")).await;
            let decision = gateway.decision(&answer).await;
            assert_eq!(decision["answeredBy"], "p/m", "{path}: {name}");
            answer.text().await.expect("a stream");
            let tally = gateway.told("targets", "p/m").await;
            let found = (&tally["succeeded"], &tally["failed"]);
            assert_eq!(found, (&json!(1), &json!(1)), "{path}: {name}");
        }
        // Nobody is fooled by a model that begins well and breaks off each time.
        let acts = [stream(&[&begun]), vec![Act::Close]].concat();
        let bad = Upstream::start(move |_| acts.clone()).await;
        let gateway = Running::start(&json!({
            "providers": [provider("p", bad.address, &["m"])],
        }))
        .await;
        for _ in 0..2 {
            assert_eq!(gateway.told("cooldowns", "p/m").await, Value::Null, "{}", sample.path);
            let path = sample.path.replace("MODEL", "p/m");
            let answer = gateway.post(&path, &sample.body.replace("MODEL", "p/m")).await;
            answer.text().await.expect("a stream");
        }
        assert_eq!(gateway.told("cooldowns", "p/m").await["reason"], "broken", "{}", sample.path);
        // A reply that is whole does not.
        let whole = [&begun, sample.ending].concat();
        let good = Upstream::start(move |_| end(stream(&[&whole]))).await;
        let gateway =
            Running::start(&json!({ "providers": [provider("p", good.address, &["m"])] })).await;
        let path = sample.path.replace("MODEL", "p/m");
        let answer = gateway.post(&path, &sample.body.replace("MODEL", "p/m")).await;
        answer.text().await.expect("a stream");
        assert_eq!(gateway.told("targets", "p/m").await["failed"], 0, "{path}");
    }
}

/// An upstream that takes one key.
async fn keyed(key: &'static str) -> Upstream {
    let accepted = format!("authorization: bearer {key}\r\n");
    Upstream::start(move |seen| match seen.head.contains(&accepted) {
        true => reply(200, "{\"id\":1}"),
        false => reply(401, r#"{"error":{"code":"invalid_api_key"}}"#),
    })
    .await
}

#[tokio::test]
async fn a_refused_key_moves_the_traffic_until_the_key_is_another() {
    let upstream = keyed("right").await;
    let secret = tempfile::NamedTempFile::new().expect("a file");
    let path = secret.path().display();
    std::fs::write(secret.path(), "wrong").expect("written");
    let key = format!("file:{path}");
    let first = |more: &Value| {
        let mut entry = json!({ "apiKey": key });
        for (name, value) in more.as_object().expect("an object") {
            entry[name] = value.clone();
        }
        provider_with("one", upstream.address, &["m", "n"], &entry)
    };
    let config = |first: Value, notes: &str| {
        json!({
            "providers": [
                first, provider_with("two", upstream.address, &["m", "n"], &json!({ "apiKey": "right" })),
            ],
            "modelAliases": {
                "a": { "targets": ["one/m", "two/m"] }, "b": { "targets": ["one/n", "two/n"] },
            },
            "metadata": { "notes": notes },
        })
    };
    let plain = first(&json!({}));
    let gateway = Running::start(&config(plain.clone(), "")).await;
    assert_eq!(gateway.target("a").await, "two/m");
    assert_eq!(upstream.seen().len(), 2);
    // All that is asked with this key rests.
    let rests = gateway.told("cooldowns", "one").await;
    assert_eq!(rests["reason"], "unauthorized");
    assert!((590..=600).contains(&rests["seconds_left"].as_u64().expect("a number")), "{rests}");
    assert_eq!(gateway.target("b").await, "two/n");
    assert_eq!(upstream.seen().len(), 3);
    // Edits that concern neither the key nor the address.
    let limit = json!([{ "id": "b", "models": ["all"], "requests": 99, "window": { "unit": "month", "size": 1200 } }]);
    let edits = [
        config(plain.clone(), "an unrelated edit"),
        config(first(&json!({ "models": ["m", "n", "o"] })), ""),
        config(first(&json!({ "name": "One", "rateLimits": limit })), ""),
        config(first(&json!({ "timeouts": { "silenceMs": 99_000 } })), ""),
    ];
    for edit in edits {
        gateway.reload(&edit.to_string());
        assert_eq!(gateway.target("a").await, "two/m", "{edit}");
        assert_eq!(gateway.told("cooldowns", "one").await["reason"], "unauthorized", "{edit}");
    }
    assert_eq!(upstream.seen().len(), 7, "nobody bothered it meanwhile");
    // Another key; that it stands in a file shows only where it is read.
    std::fs::write(secret.path(), "right").expect("written");
    gateway.reload(&config(plain.clone(), "the key was changed").to_string());
    assert_eq!(gateway.told("cooldowns", "one").await, Value::Null);
    assert_eq!(gateway.target("a").await, "one/m");
    assert_eq!(gateway.target("b").await, "one/n");
}

#[tokio::test]
async fn another_key_or_address_is_another_provider() {
    let upstream = keyed("right").await;
    let base = |path: &str| format!("http://{}{path}", upstream.address);
    for (name, more) in [
        ("a literal key", json!({ "apiKey": "right" })),
        ("a variable", json!({ "apiKey": null, "apiKeyEnv": "SET" })),
        ("a header", json!({ "headers": { "authorization": "Bearer right" } })),
        ("an address", json!({ "baseUrl": base("/other") })),
        ("an address of one format", json!({ "baseUrlByFormat": { "openai": base("/chat") } })),
        ("the kind of key", json!({ "auth": { "type": "x-api-key" } })),
    ] {
        let config = |more: &Value| {
            let one = provider_with("one", upstream.address, &["m"], more);
            json!({ "providers": [one, provider("two", upstream.address, &["m"])] })
        };
        let gateway = Running::start(&config(&json!({ "apiKey": "wrong" }))).await;
        assert_eq!(gateway.chat("one/m").await.status(), 401, "{name}");
        assert_eq!(gateway.chat("two/m").await.status(), 401, "{name}");
        let mut more = more;
        if more.get("apiKey").is_none() {
            more["apiKey"] = "wrong".into();
        }
        gateway.reload(&config(&more).to_string());
        assert_eq!(gateway.status().await["config"]["rejected"], Value::Null, "{name}");
        assert_eq!(gateway.told("cooldowns", "one").await, Value::Null, "{name}");
        assert_eq!(gateway.told("cooldowns", "two").await["reason"], "unauthorized", "{name}");
    }
}
