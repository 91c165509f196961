//! What the real binary remembers from one run to the next.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    binary::{Home, eventually},
    support::{Upstream, answer, provider, provider_with, reply},
};

const FILE: &str = ".llm-router.state.json";

/// One provider that answers and has a bucket, and one that is limited for ten minutes.
async fn upstreams() -> (Upstream, Upstream, Value) {
    let good = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let limited = Upstream::start(|_| answer(429, "retry-after: 600\r\n", "{}")).await;
    let window = json!({ "unit": "month", "size": 1200 });
    let limit = json!({ "rateLimits": [{ "id": "b", "models": ["all"], "requests": 9, "window": window }] });
    let config = json!({
        "providers": [
            provider_with("good", good.address, &["m"], &limit),
            provider("limited", limited.address, &["m"]),
        ],
        "modelAliases": { "a": { "targets": ["limited/m", "good/m"] } },
    });
    (good, limited, config)
}

fn used(state: &Value) -> u64 {
    state["state"]["limits"]["good/b"]["used"].as_u64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_loses_no_more_than_the_last_second() {
    let (_good, limited, config) = upstreams().await;
    let home = Home::new(&config);
    let mut expected = 0;
    for run in 0..2 {
        let mut gateway = home.start(&format!("run-{run}")).await;
        let bucket = gateway.status().await["buckets"][0].clone();
        assert_eq!(bucket["used"], expected, "run {run} goes on where the last one was killed");
        for _ in 0..2 {
            assert_eq!(gateway.chat("a").await.0, 200);
            expected += 1;
        }
        let begun = tokio::time::Instant::now();
        eventually("the count is saved", || (used(&home.saved()) == expected).then_some(())).await;
        // A second, and what a busy machine takes to write a file.
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        gateway.kill();
        assert_eq!(used(&home.saved()), expected);
    }
    assert_eq!(limited.seen().len(), 1, "its rest outlives the runs");
    let gateway = home.start("last").await;
    let rests = gateway.status().await["cooldowns"][0].clone();
    assert_eq!((&rests["name"], &rests["reason"]), (&json!("limited/m"), &json!("rate-limited")));
    assert!(rests["seconds_left"].as_u64().expect("a number") > 500, "{rests}");
    let mode = fs::metadata(home.file(FILE)).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_writing_leaves_a_whole_file() {
    let (_good, _limited, mut config) = upstreams().await;
    config["providers"][0]["rateLimits"][0]["requests"] = 100_000.into();
    let home = Home::new(&config);
    let mut counted = 0;
    for run in 0..3 {
        let mut gateway = home.start(&format!("run-{run}")).await;
        // Requests until the file has changed, so that the kill comes right behind a write.
        let before = home.saved();
        while home.saved() == before {
            assert_eq!(gateway.chat("good/m").await.0, 200);
        }
        gateway.kill();
        let now = used(&home.saved());
        assert!(now > counted, "run {run}: {now} after {counted}");
        counted = now;
        assert!(!gateway.log().contains("cannot be understood"), "{}", gateway.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_understood_is_set_aside_and_told() {
    let (_good, _limited, config) = upstreams().await;
    let whole = json!({ "version": 2, "savedAt": 1, "state": {} }).to_string();
    for (name, bytes) in [
        ("cut off", whole.as_bytes()[..whole.len() - 3].to_vec()),
        ("empty", Vec::new()),
        ("garbage", b"\xff\xfe\x00garbage".to_vec()),
        ("of another layout", br#"{"version":2,"state":{"models":[1,2]}}"#.to_vec()),
        ("of a later version", br#"{"version":99,"state":{}}"#.to_vec()),
        ("of another program", br#"{"buckets":{},"health":{}}"#.to_vec()),
    ] {
        let home = Home::new(&config);
        fs::write(home.file(FILE), &bytes).expect("written");
        let gateway = home.start("log").await;
        assert_eq!(gateway.chat("good/m").await.0, 200, "{name}");
        let log = gateway.log();
        assert!(
            log.contains("cannot be understood") && log.contains("begin anew"),
            "{name}: {log}"
        );
        let aside = fs::read(home.file(&format!("{FILE}.unreadable"))).unwrap_or_default();
        assert_eq!(aside, bytes, "{name}: nothing of it is lost");
        drop(gateway);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_gateways_one_owns_the_file_and_the_other_takes_it_over() {
    let (_good, _limited, config) = upstreams().await;
    let home = Home::new(&config);
    let mut first = home.start("first").await;
    assert_eq!(first.chat("good/m").await.0, 200);
    eventually("the first saves", || (used(&home.saved()) == 1).then_some(())).await;
    let second = home.start("second").await;
    assert!(second.log().contains("another gateway with this config"), "{}", second.log());
    // It begins with what the first one knew.
    assert_eq!(second.status().await["buckets"][0]["used"], 1);
    for _ in 0..3 {
        assert_eq!(second.chat("good/m").await.0, 200);
    }
    assert_eq!(first.chat("good/m").await.0, 200);
    eventually("the first saves", || (used(&home.saved()) == 2).then_some(())).await;
    let status = loop {
        let status = second.status().await;
        if status["state"]["problem"] != Value::Null {
            break status;
        }
        tokio::task::yield_now().await;
    };
    let problem = status["state"]["problem"].as_str().expect("words");
    assert!(problem.contains("another gateway"), "{problem}");
    assert_eq!(used(&home.saved()), 2, "the second one wrote nothing");
    first.kill();
    eventually("the second takes the file over", || (used(&home.saved()) == 4).then_some(())).await;
    let healed = loop {
        let status = second.status().await;
        if status["state"]["problem"] == Value::Null {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert!(healed["state"]["path"].as_str().expect("a path").ends_with(FILE));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_says_where_the_state_is_kept() {
    let (_good, _limited, config) = upstreams().await;
    let mut home = Home::new(&config);
    home.set("LLM_ROUTER_STATE_BACKEND", "memory");
    let gateway = home.start("memory").await;
    assert_eq!(gateway.chat("good/m").await.0, 200);
    assert_eq!(gateway.status().await["state"], json!({ "path": null, "problem": null }));
    assert_eq!(stop(&home), 0);
    assert!(!home.file(FILE).exists());

    let mut home = Home::new(&config);
    let elsewhere = home.file("elsewhere.json");
    home.set("LLM_ROUTER_STATE_FILE_PATH", elsewhere.to_str().expect("UTF-8"));
    let gateway = home.start("elsewhere").await;
    assert_eq!(gateway.chat("good/m").await.0, 200);
    // A gateway that is told to stop saves what it knows.
    assert_eq!(stop(&home), 0);
    drop(gateway);
    assert!(!home.file(FILE).exists());
    let saved: Value =
        serde_json::from_slice(&fs::read(&elsewhere).expect("a file")).expect("JSON");
    assert_eq!(used(&saved), 1);
}

fn stop(home: &Home) -> i32 {
    home.run(&["stop"]).0
}
