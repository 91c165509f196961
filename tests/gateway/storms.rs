//! Many requests at once while providers fail: bounded calls, every request ends, nothing stays broken.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::waits::recovering;
use crate::support::{Act, Running, Upstream, answer, answered_by, provider, reply};

async fn two(strategy: &str, first: &Upstream, second: &Upstream) -> Running {
    Running::start(&json!({
        "providers": [
            provider("one", first.address, &["m"]), provider("two", second.address, &["m"]),
        ],
        "modelAliases": { "a": { "strategy": strategy, "targets": ["one/m", "two/m"] } },
        "server": { "retry": { "baseDelayMs": 1, "maxDelayMs": 4, "attempts": 6 } },
    }))
    .await
}

/// The statuses of `count` requests that are made at once.
async fn storm(gateway: &Running, count: usize) -> Vec<(u16, String)> {
    let ask = async || {
        let answer = gateway.chat("a").await;
        (answer.status().as_u16(), answered_by(&answer))
    };
    join_all((0..count).map(|_| ask())).await
}

#[tokio::test]
async fn a_target_that_is_always_overloaded_costs_a_bounded_number_of_calls() {
    for strategy in ["ordered", "round-robin", "auto"] {
        let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let bad = Upstream::start(move |_| reply(529, body)).await;
        let good = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
        let gateway = two(strategy, &bad, &good).await;
        for answer in storm(&gateway, 30).await {
            assert_eq!(answer, (200, "two/m".to_owned()), "{strategy}");
        }
        let calls = bad.seen().len();
        assert!((1..=30).contains(&calls), "{strategy}: {calls}");
        let rests = gateway.told("cooldowns", "one/m").await;
        assert_eq!(rests["reason"], "overloaded", "{strategy}");
        // Now that it is known, nobody calls it.
        for answer in storm(&gateway, 30).await {
            assert_eq!(answer.0, 200, "{strategy}");
        }
        assert_eq!((bad.seen().len(), good.seen().len()), (calls, 60), "{strategy}");
        let tally = gateway.told("targets", "one/m").await;
        assert_eq!(tally["failed"], calls, "{strategy}");
    }
}

#[tokio::test]
async fn one_after_the_other_an_overloaded_target_is_called_twice() {
    let bad = Upstream::start(|_| reply(529, "{}")).await;
    let good = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let gateway = two("ordered", &bad, &good).await;
    for _ in 0..10 {
        assert_eq!(gateway.target("a").await, "two/m");
    }
    assert_eq!(bad.seen().len(), 2);
    // With a word about the time, once.
    let bad = Upstream::start(|_| answer(529, "retry-after: 30\r\n", "{}")).await;
    let gateway = two("ordered", &bad, &good).await;
    for _ in 0..10 {
        assert_eq!(gateway.target("a").await, "two/m");
    }
    assert_eq!(bad.seen().len(), 1);
}

#[tokio::test]
async fn when_all_targets_storm_every_request_ends_and_recovery_is_noticed_at_once() {
    let (first, second) = (
        recovering(usize::MAX, reply(529, "{}")).await,
        recovering(usize::MAX, reply(529, "{}")).await,
    );
    let gateway = two("ordered", &first, &second).await;
    let answers = storm(&gateway, 30).await;
    assert!(answers.iter().all(|(status, _)| *status == 529), "{answers:?}");
    let calls = first.seen().len() + second.seen().len();
    // Each target once, then repetitions up to the limit of attempts.
    assert!(calls <= 30 * 7, "{calls}");

    let (first, second) =
        (recovering(20, reply(529, "{}")).await, recovering(20, reply(529, "{}")).await);
    let gateway = two("ordered", &first, &second).await;
    let answers = storm(&gateway, 30).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    // And nothing rests any more that has answered since.
    for answer in storm(&gateway, 10).await {
        assert_eq!(answer.0, 200);
    }
    let status = gateway.status().await;
    let answered = |name: &str| {
        let targets = status["targets"].as_array().expect("a list");
        let target = targets.iter().find(|target| target["name"] == name);
        target.is_some_and(|target| target["succeeded"] != 0)
    };
    for rest in status["cooldowns"].as_array().expect("a list") {
        let name = rest["name"].as_str().expect("a name");
        assert!(!answered(name), "{name} has recovered: {status}");
    }
}

#[tokio::test]
async fn a_target_that_came_to_rest_meanwhile_is_still_the_last_resort() {
    // `one` fails for good, and `two` is put to rest by others while this request waits for `one`.
    let gate = Arc::new(Semaphore::new(0));
    let held = vec![Act::Wait(Arc::clone(&gate))];
    let first = Upstream::start(move |seen| {
        let slow = seen.head.contains("x-request-id: slow");
        [if slow { held.clone() } else { Vec::new() }, reply(401, "{}")].concat()
    })
    .await;
    let second = recovering(2, reply(500, "{}")).await;
    let gateway = Running::start(&json!({
        "providers": [
            provider("one", first.address, &["m"]), provider("two", second.address, &["m"]),
        ],
        "modelAliases": { "a": { "targets": ["one/m", "two/m"] } },
        "server": { "retry": { "attempts": 1 } },
    }))
    .await;
    let body = json!({ "model": "a", "messages": [] });
    let slow = gateway.ask("/v1/chat/completions", &[("x-request-id", "slow")], &body);
    let others = async {
        while first.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            assert_eq!(gateway.chat("two/m").await.status(), 500);
        }
        assert_eq!(gateway.told("cooldowns", "two/m").await["reason"], "transient");
        gate.add_permits(1);
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!((slow.status().as_u16(), answered_by(&slow).as_str()), (200, "two/m"));
    assert_eq!(gateway.told("cooldowns", "two/m").await, Value::Null);
}
