//! How long a provider wants to be left alone, in every way that it may say so.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{Act, Running, Upstream, answer, answered_by, header, provider, reply};

/// A limit that is told in one way: headers, body.
type Told = (&'static str, String, String);

/// Every way to say that it takes `millis`. Dates name whole seconds.
fn ways(now: llm_router::time::Timestamp, millis: u64) -> Vec<Told> {
    let wait = Duration::from_millis(millis);
    let at = now.after(wait);
    let seconds = wait.as_secs_f64();
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at.0));
    let rfc3339 = {
        let whole = llm_router::time::Timestamp(at.0 / 1000 * 1000).to_string();
        whole.replace('Z', &format!(".{:03}Z", at.0 % 1000))
    };
    let none = String::new;
    let gemini = json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
        { "@type": "type.googleapis.com/google.rpc.Help" },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s") },
    ] } });
    let words = format!("Rate limit reached for gpt-5. Please try again in {seconds}s. Visit us.");
    vec![
        ("seconds", format!("retry-after: {seconds}\r\n"), none()),
        ("an HTTP date", format!("retry-after: {date}\r\n"), none()),
        ("milliseconds", format!("retry-after-ms: {millis}\r\n"), none()),
        (
            "milliseconds beside a round number of seconds",
            format!("retry-after: 999\r\nretry-after-ms: {millis}\r\n"),
            none(),
        ),
        (
            "the OpenAI limit that is used up",
            format!(
                "x-ratelimit-remaining-requests: 59\r\nx-ratelimit-reset-requests: 1ms\r\n\
                 x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: {seconds}s\r\n"
            ),
            none(),
        ),
        ("a moment since the epoch", format!("x-ratelimit-reset: {}\r\n", at.0), none()),
        (
            "the Anthropic limit that is used up",
            format!(
                "anthropic-ratelimit-requests-remaining: 0\r\n\
                 anthropic-ratelimit-requests-reset: {rfc3339}\r\n"
            ),
            none(),
        ),
        ("Gemini's retryDelay", none(), gemini.to_string()),
        ("words", none(), json!({ "error": { "message": words } }).to_string()),
        ("a field", none(), json!({ "error": { "resets_in_seconds": seconds } }).to_string()),
    ]
}

/// A gateway with the alias `a` for `bad/m`, then `good/m`.
async fn two(bad: &Upstream, good: &Upstream) -> Running {
    Running::start(&json!({
        "providers": [provider("bad", bad.address, &["m"]), provider("good", good.address, &["m"])],
        "modelAliases": { "a": { "targets": ["bad/m", "good/m"] } },
    }))
    .await
}

async fn fine() -> Upstream {
    Upstream::start(|_| reply(200, "{\"id\":1}")).await
}

fn clock() -> llm_router::time::Timestamp {
    llm_router::server::clock::Clock::default().now()
}

#[tokio::test]
async fn a_long_limit_is_told_truly_and_another_target_answers_at_once() {
    for (way, headers, body) in ways(clock(), 76_500) {
        let bad = Upstream::start(move |_| answer(429, &headers, &body)).await;
        let good = fine().await;
        let gateway = two(&bad, &good).await;
        let first = gateway.chat("a").await;
        assert_eq!(
            (first.status().as_u16(), answered_by(&first).as_str()),
            (200, "good/m"),
            "{way}"
        );
        let decision = gateway.decision(&first).await;
        assert_eq!(decision["waitedMs"], 0, "{way}");
        // It rests for as long as it said, and nobody bothers it.
        let rests = gateway.told("cooldowns", "bad/m").await;
        assert_eq!(rests["reason"], "rate-limited", "{way}: {rests}");
        let left = rests["seconds_left"].as_u64().expect("a number");
        assert!((70..=77).contains(&left), "{way}: {left}");
        assert_eq!(gateway.target("a").await, "good/m", "{way}");
        assert_eq!(bad.seen().len(), 1, "{way}");
        // Who wants this one and no other is told when to come back, in whole seconds.
        let refused = gateway.chat("bad/m").await;
        assert_eq!(refused.status(), 429, "{way}");
        let seconds: u64 = header(&refused, "retry-after").parse().unwrap_or_default();
        assert!((70..=77).contains(&seconds), "{way}: {:?}", refused.headers());
        assert_eq!(bad.seen().len(), 2, "{way}: a try beats a refusal, but not twice");
    }
}

#[tokio::test]
async fn a_short_limit_is_waited_for() {
    for (way, _, _) in ways(clock(), 40) {
        if way == "an HTTP date" {
            // It has no room for less than a second.
            continue;
        }
        let bad = Upstream::counting(move |count, _| match count {
            0 => {
                // The moment counts from when the provider says so.
                let told = ways(clock(), 40).into_iter().find(|(name, ..)| *name == way);
                let (_, headers, body) = told.expect("a way");
                answer(429, &headers, &body)
            }
            _ => reply(200, "{\"id\":1}"),
        })
        .await;
        let good = fine().await;
        let gateway = two(&bad, &good).await;
        let response = gateway.chat("bad/m").await;
        assert_eq!(response.status(), 200, "{way}");
        let decision = gateway.decision(&response).await;
        assert_eq!(decision["attempts"][0]["cause"], "rate-limited", "{way}");
        assert_eq!(decision["attempts"][0]["status"], 429, "{way}");
        let waited = decision["waitedMs"].as_u64().expect("a number");
        assert!((1..=40).contains(&waited), "{way}: {waited}");
        assert_eq!((bad.seen().len(), good.seen().len()), (2, 0), "{way}");
        assert_eq!(gateway.told("cooldowns", "bad/m").await, Value::Null, "{way}");
    }
}

#[tokio::test]
async fn what_clients_cannot_read_is_put_in_whole_seconds() {
    for (headers, expected) in [
        ("", 10),
        ("retry-after: soon\r\n", 10),
        ("retry-after: -5\r\n", 1),
        ("retry-after: 0\r\n", 1),
        ("retry-after: 6.2\r\n", 7),
        ("retry-after: 7\r\n", 7),
        ("retry-after: Sun, 01 Mar 2020 12:06:00 GMT\r\n", 1),
        ("retry-after: 9\r\nretry-after: 8\r\n", 9),
    ] {
        let upstream = Upstream::start(move |_| answer(429, headers, "{}")).await;
        let gateway = Running::start(&json!({
            "providers": [provider("p", upstream.address, &["m"])],
            "server": { "retry": { "baseDelayMs": 1 } },
        }))
        .await;
        let refused = gateway.chat("p/m").await;
        assert_eq!(refused.status(), 429, "{headers}");
        let told: Vec<_> = refused.headers().get_all("retry-after").iter().collect();
        assert_eq!(told, [expected.to_string().as_str()], "{headers}");
    }
}

#[tokio::test]
async fn of_several_limits_the_first_to_end_is_told() {
    let limited = |seconds: u32| {
        Upstream::start(move |_| answer(429, &format!("retry-after: {seconds}\r\n"), "{}"))
    };
    for (first, second) in [(50, 3600), (3600, 50)] {
        let (bad, worse) = (limited(first).await, limited(second).await);
        let gateway = two(&bad, &worse).await;
        let refused = gateway.chat("a").await;
        assert_eq!(
            (refused.status().as_u16(), header(&refused, "retry-after").as_str()),
            (429, "50")
        );
    }
}

#[tokio::test]
async fn limits_with_room_say_nothing_about_other_failures() {
    // Providers send these with every answer.
    let headers = "anthropic-ratelimit-requests-remaining: 49\r\n\
                   anthropic-ratelimit-requests-reset: 2100-01-01T00:00:00Z\r\n\
                   anthropic-ratelimit-unified-5h-reset: 4102444800\r\n";
    for status in [500, 529] {
        let upstream = Upstream::counting(move |count, _| match count {
            0 => answer(status, headers, "{}"),
            _ => reply(200, "{\"id\":1}"),
        })
        .await;
        let gateway = Running::start(&json!({
            "providers": [provider("p", upstream.address, &["m"])],
            "server": { "retry": { "baseDelayMs": 1 } },
        }))
        .await;
        assert_eq!(gateway.chat("p/m").await.status(), 200, "{status}");
        assert_eq!(gateway.told("cooldowns", "p/m").await, Value::Null, "{status}");
    }
}

#[tokio::test]
async fn a_rate_limit_never_hides_what_the_provider_said() {
    let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#;
    let upstream = Upstream::start(move |_| answer(429, "retry-after: 90\r\n", body)).await;
    let gateway = Running::start(&json!({
        "providers": [provider("p", upstream.address, &["m"])],
    }))
    .await;
    for stream in [false, true] {
        let body_sent = json!({ "model": "p/m", "stream": stream, "messages": [] });
        let refused = gateway.ask("/v1/messages", &[], &body_sent).await;
        assert_eq!(header(&refused, "retry-after"), "90");
        assert_eq!(refused.text().await.expect("an error"), body);
    }
}

/// A provider that says nothing but this, until it recovers after `calls` calls.
pub(super) async fn recovering(calls: usize, storm: Vec<Act>) -> Upstream {
    Upstream::counting(
        move |count, _| {
            if count < calls { storm.clone() } else { reply(200, "{\"id\":1}") }
        },
    )
    .await
}
