//! Rate-limit buckets through the real gateway.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Running, Upstream, answered_by, header, nobody, provider, provider_with, reply,
};

/// A bucket for `models` whose window ends with the century: no test runs over its end.
fn bucket(id: &str, models: &[&str], requests: u64) -> Value {
    let window = json!({ "unit": "month", "size": 1200 });
    json!({ "id": id, "models": models, "requests": requests, "window": window })
}

const CENTURY_ENDS: u64 = 4_102_444_800;

async fn fine() -> Upstream {
    Upstream::start(|_| reply(200, "{\"id\":1}")).await
}

fn limited(upstream: &Upstream, buckets: &[Value]) -> Value {
    let limits = json!({ "rateLimits": buckets });
    provider_with("p", upstream.address, &["m", "n"], &limits)
}

/// Requests that were counted and the cap.
async fn used(gateway: &Running, name: &str) -> (u64, u64) {
    let bucket = gateway.told("buckets", name).await;
    assert_eq!(bucket["resets"], "2100-01-01T00:00:00Z");
    let number = |key: &str| bucket[key].as_u64().expect("a number");
    (number("used"), number("cap"))
}

#[tokio::test]
async fn a_full_bucket_is_told_in_the_words_of_every_format() {
    let upstream = fine().await;
    let config = json!({ "providers": [limited(&upstream, &[bucket("cap", &["all"], 2)])] });
    let gateway = Running::start(&config).await;
    for _ in 0..2 {
        assert_eq!(gateway.chat("p/m").await.status(), 200);
    }
    let why = "the rate-limit bucket `p/cap` is full (2/2); it resets 2100-01-01T00:00:00Z";
    for (path, body, place, word) in [
        ("/v1/chat/completions", json!({ "model": "p/m" }), "/error/code", "rate_limit_exceeded"),
        (
            "/v1/responses",
            json!({ "model": "p/m", "input": "x" }),
            "/error/code",
            "rate_limit_exceeded",
        ),
        (
            "/v1/messages",
            json!({ "model": "p/m", "stream": true }),
            "/error/type",
            "rate_limit_error",
        ),
        ("/v1beta/models/p/m:generateContent", json!({}), "/error/status", "RESOURCE_EXHAUSTED"),
    ] {
        let before = gateway.gateway.clock.now().seconds();
        let refused = gateway.ask(path, &[], &body).await;
        let after = gateway.gateway.clock.now().seconds();
        assert_eq!(refused.status(), 429, "{path}");
        let wait: u64 = header(&refused, "retry-after").parse().expect("whole seconds");
        let truth = CENTURY_ENDS - after..=CENTURY_ENDS - before;
        assert!(truth.contains(&wait), "{path}: {wait} is not in {truth:?}");
        let decision = gateway.decision(&refused).await;
        let reason = &decision["decision"]["candidates"][0]["reasons"][0];
        assert_eq!(reason["code"], "quota-exhausted", "{path}: {decision}");
        let told: Value =
            serde_json::from_str(&refused.text().await.expect("a body")).expect("JSON");
        assert_eq!(told.pointer(place), Some(&json!(word)), "{path}: {told}");
        let message = told["error"]["message"].as_str().expect("words");
        assert_eq!(message, format!("p/m: {why}"), "{path}");
    }
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(used(&gateway, "p/cap").await, (2, 2));
}

#[tokio::test]
async fn all_buckets_of_a_model_must_have_room() {
    let upstream = fine().await;
    let buckets = [bucket("small", &["m"], 2), bucket("whole", &["all"], 3)];
    let gateway = Running::start(&json!({ "providers": [limited(&upstream, &buckets)] })).await;
    for (model, status, full) in [
        ("p/m", 200, ""),
        ("p/m", 200, ""),
        ("p/m", 429, "`p/small`"),
        ("p/m", 429, "`p/small`"),
        ("p/n", 200, ""),
        ("p/n", 429, "`p/whole`"),
    ] {
        let answer = gateway.chat(model).await;
        assert_eq!(answer.status(), status, "{model}");
        let text = answer.text().await.expect("a body");
        assert!(text.contains(full), "{model}: {text}");
    }
    assert_eq!(used(&gateway, "p/small").await, (2, 2));
    assert_eq!(used(&gateway, "p/whole").await, (3, 3));
    assert_eq!(upstream.seen().len(), 3);
}

#[tokio::test]
async fn what_was_sent_counts_repetitions_too_and_nothing_else() {
    let failing = Upstream::start(|_| reply(503, "{}")).await;
    let limits = json!({ "rateLimits": [bucket("cap", &["all"], 9)] });
    let gateway = Running::start(&json!({
        "providers": [
            provider_with("gone", nobody().await, &["m"], &limits),
            provider_with("down", failing.address, &["m"], &limits),
        ],
        "server": { "retry": { "baseDelayMs": 1 } },
    }))
    .await;
    assert_eq!(gateway.chat("gone/m").await.status(), 502);
    assert_eq!(used(&gateway, "gone/cap").await, (0, 9), "nothing was sent");
    assert_eq!(gateway.chat("down/m").await.status(), 503);
    assert_eq!((used(&gateway, "down/cap").await, failing.seen().len()), ((3, 9), 3));
}

#[tokio::test]
async fn no_repetition_goes_beyond_a_cap() {
    let failing = Upstream::start(|_| reply(503, "{}")).await;
    let gateway = Running::start(&json!({
        "providers": [limited(&failing, &[bucket("cap", &["all"], 2)])],
        "server": { "retry": { "baseDelayMs": 1, "attempts": 9 } },
    }))
    .await;
    let answer = gateway.chat("p/m").await;
    assert_eq!((answer.status().as_u16(), failing.seen().len()), (429, 2));
    assert!(header(&answer, "retry-after").parse::<u64>().is_ok());
}

#[tokio::test]
async fn questions_for_token_counts_are_free() {
    let upstream = fine().await;
    let config = json!({ "providers": [limited(&upstream, &[bucket("cap", &["all"], 1)])] });
    let gateway = Running::start(&config).await;
    let body = json!({ "model": "p/m", "messages": [], "max_tokens": 1 });
    for (path, status, counted) in [
        ("/v1/messages/count_tokens", 200, 0),
        ("/v1beta/models/p/m:countTokens", 200, 0),
        ("/v1/messages", 200, 1),
        ("/v1/messages/count_tokens", 200, 1),
        ("/v1/messages", 429, 1),
    ] {
        assert_eq!(gateway.ask(path, &[], &body).await.status(), status, "{path}");
        assert_eq!(used(&gateway, "p/cap").await.0, counted, "{path}");
    }
}

#[tokio::test]
async fn another_target_takes_over_when_a_bucket_is_full() {
    for strategy in ["ordered", "auto", "quota-aware-weighted-rr"] {
        let (own, other) = (fine().await, fine().await);
        let gateway = Running::start(&json!({
            "providers": [
                limited(&own, &[bucket("cap", &["m"], 2)]), provider("q", other.address, &["m"]),
            ],
            "modelAliases": { "a": { "strategy": strategy, "targets": ["p/m", "q/m"] } },
        }))
        .await;
        for _ in 0..6 {
            let answer = gateway.chat("a").await;
            assert_eq!(answer.status(), 200, "{strategy}");
            assert_eq!(gateway.decision(&answer).await["attempts"], json!([]), "{strategy}");
        }
        assert!(own.seen().len() <= 2, "{strategy}");
        assert_eq!(own.seen().len() + other.seen().len(), 6, "{strategy}");
        if strategy == "ordered" {
            assert_eq!(own.seen().len(), 2);
        }
    }
}

#[tokio::test]
async fn a_full_second_is_waited_for() {
    let upstream = fine().await;
    let second = json!({
        "id": "rps", "models": ["all"], "requests": 1, "window": { "unit": "second", "size": 1 },
    });
    let gateway = Running::start(&json!({ "providers": [limited(&upstream, &[second])] })).await;
    let ask = async || {
        let answer = gateway.chat("p/m").await;
        assert_eq!(answer.status(), 200);
        gateway.decision(&answer).await["waitedMs"].as_u64().expect("a number")
    };
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    // Even if the second ends between two of them, three do not fit into two.
    let longest = first.max(second).max(third);
    assert!((1..=2000).contains(&longest), "{longest}");
    assert_eq!(upstream.seen().len(), 3);
}

#[tokio::test]
async fn a_reload_refills_nothing_and_a_changed_cap_holds_at_once() {
    let upstream = fine().await;
    let config = |cap: u64, notes: &str| {
        let provider = limited(&upstream, &[bucket("cap", &["all"], cap)]);
        json!({ "providers": [provider], "metadata": { "notes": notes } })
    };
    let gateway = Running::start(&config(2, "")).await;
    for (cap, notes, statuses) in [
        (2, "", [200, 200].as_slice()),
        (2, "an unrelated edit", &[429]),
        (3, "", &[200, 429]),
        (1, "", &[429]),
        (5, "", &[200, 200, 429]),
    ] {
        gateway.reload(&config(cap, notes).to_string());
        for status in statuses {
            assert_eq!(gateway.chat("p/m").await.status(), *status, "{cap} {notes}");
        }
    }
    assert_eq!((used(&gateway, "p/cap").await, upstream.seen().len()), ((5, 5), 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_tasks_on_a_bucket_of_a_hundred_get_exactly_a_hundred() {
    let upstream = fine().await;
    let config = json!({ "providers": [limited(&upstream, &[bucket("cap", &["all"], 100)])] });
    let gateway = Running::start(&config).await;
    let task = async || {
        let mut answered = 0;
        for _ in 0..3 {
            let answer = gateway.chat("p/m").await;
            match answer.status().as_u16() {
                200 => answered += 1,
                status => assert_eq!((status, answered_by(&answer).as_str()), (429, "")),
            }
        }
        answered
    };
    let answered: u32 = join_all((0..64).map(|_| task())).await.into_iter().sum();
    assert_eq!((answered, upstream.seen().len()), (100, 100));
    assert_eq!(used(&gateway, "p/cap").await, (100, 100));
}
