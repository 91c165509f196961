//! Live reload, limits and the end.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::SAMPLES;
use crate::support::{Act, Running, Upstream, end, provider, reply, stream};

#[tokio::test]
async fn the_next_request_uses_the_new_config_and_a_running_one_keeps_its_own() {
    let sample = &SAMPLES[0];
    let acts = [stream(&[sample.content]), vec![Act::Hang]].concat();
    let old = Upstream::start(move |_| acts.clone()).await;
    let new = Upstream::start(|_| reply(200, "{\"id\":1}")).await;
    let config = |upstream: &Upstream| {
        let providers = json!([provider("p", upstream.address, &["m"])]);
        json!({ "providers": providers }).to_string()
    };
    let gateway = Running::start(&serde_json::from_str(&config(&old)).expect("JSON")).await;
    let mut running = gateway.post(sample.path, &sample.body.replace("MODEL", "p/m")).await;
    assert!(running.chunk().await.expect("a piece").is_some());
    gateway.reload(&config(&new));
    let next = gateway.post("/v1/chat/completions", r#"{"model":"p/m"}"#).await;
    assert_eq!(next.status(), 200);
    assert_eq!(new.seen().len(), 1);
    // The stream of before still stands.
    assert_eq!(*old.left.borrow(), 0);
    drop(running);
    old.left.clone().wait_for(|count| *count == 1).await.expect("the upstream");
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_is_explained() {
    let gateway = Running::start(&json!({})).await;
    gateway.reload("{\"providers\": [{\"id\": \"p\", \"models\": [\"m\"]}]}");
    let ask = async || {
        gateway.post("/v1/messages", r#"{"model":"demo/echo","messages":[]}"#).await.status()
    };
    assert_eq!(ask().await, 200);
    let status = async || -> Value {
        let answer =
            gateway.http.get(format!("{}/-/status", gateway.url)).send().await.expect("an answer");
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    };
    let told = status().await["config"]["rejected"]["problems"].to_string();
    assert!(told.contains("/providers/0/baseUrl") && told.contains("is missing"), "{told}");
    gateway.reload("{");
    assert!(status().await["config"]["rejected"].to_string().contains("not valid JSON"));
    gateway.reload("{\"defaultModel\": \"demo/agent\"}");
    let status = status().await;
    assert_eq!(status["config"]["rejected"], Value::Null);
    assert_eq!(
        (&status["config"]["reloads"], &status["default_model"]),
        (&json!(1), &json!("demo/agent"))
    );
}

#[tokio::test]
async fn too_many_requests_at_once_are_turned_away() {
    let sample = &SAMPLES[0];
    let acts = [stream(&[sample.content]), vec![Act::Hang]].concat();
    let upstream = Upstream::start(move |_| acts.clone()).await;
    let gateway = Running::start(&json!({
        "providers": [provider("p", upstream.address, &["m"])],
        "server": { "maxInFlight": 1 },
    }))
    .await;
    let body = sample.body.replace("MODEL", "p/m");
    let running = gateway.post(sample.path, &body).await;
    let refused = gateway.post(sample.path, &body).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    drop(running);
    upstream.left.clone().wait_for(|count| *count == 1).await.expect("the upstream");
}

#[tokio::test]
async fn a_stream_that_runs_finishes_after_the_stop() {
    let sample = &SAMPLES[2];
    // The answer is held until the gateway has been told to stop.
    let gate = Arc::new(Semaphore::new(0));
    let mut acts = vec![Act::Wait(Arc::clone(&gate))];
    acts.extend(end(stream(&[sample.preamble, sample.content, sample.ending])));
    let upstream = Upstream::start(move |_| acts.clone()).await;
    let config = json!({ "providers": [provider("p", upstream.address, &["m"])] });
    let mut gateway = Running::start(&config).await;
    let serving = gateway.serving.take().expect("it serves");
    let body = sample.body.replace("MODEL", "p/m");
    let stop = async {
        while upstream.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        let ended = serving.stop();
        gate.add_permits(1);
        ended.await.expect("no panic").expect("a clean end");
    };
    let ask = async { gateway.post(sample.path, &body).await.text().await.expect("a stream") };
    let (text, ()) = tokio::join!(ask, stop);
    assert_eq!(text, [sample.preamble, sample.content, sample.ending].concat());
}
