//! Golden captures, and that nothing leaks.

use std::sync::Arc;

use bytes::Bytes;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::{
    config::read::read,
    exchange::{
        amp::Amp,
        call::Envelope,
        place::{self, Asked},
    },
};

const NOW: Timestamp = Timestamp(1_774_000_000_000);

fn router(amp: &Value) -> Router {
    let document = json!({ "defaultModel": "demo/echo", "ampRouting": amp });
    Router::compile(&read(&document).config, &|_| Err(String::new())).router.unwrap()
}

/// All lines about one POST.
fn lines(target: &str, headers: &HeaderMap, body: &str, key: &str) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let bytes = Bytes::from(body.to_owned());
    let key = Secret::new(key);
    let capture = Capture::new("req_1", headers, query, Some(&key));
    let request = (&Method::POST, path, query);
    let mut lines = vec![capture.incoming(NOW, request, headers, &bytes)];
    match place::read(&Method::POST, path, headers).map(|place| place.asked) {
        Ok(Asked::Call { operation, model }) => {
            let envelope = Envelope {
                operation: Some(operation),
                model: model.map(std::borrow::Cow::into_owned),
                headers: headers.clone(),
                query: query.map(str::to_owned),
                amp: Amp::detect(path, headers),
                request_id: Arc::from("req_1"),
            };
            let router = router(&json!({ "modeMap": { "deep": "demo/agent" } }));
            if let Ok(call) = Call::read(envelope, bytes) {
                lines.push(capture.route(NOW, &router, &call));
            }
        }
        Ok(Asked::AmpInternal) => {
            if let Ok(request) = internal::Request::read(path, query, &bytes) {
                lines.push(capture.internal(NOW, &request, &request.answer()));
            }
        }
        _ => {}
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<http::HeaderName>().unwrap(), http::HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

#[test]
fn a_turn_is_captured_in_two_lines() {
    let headers = headers(&[
        ("content-type", "application/json"),
        ("user-agent", "node"),
        ("authorization", "Bearer hunter2"),
        ("x-amp-client-application", "CLI Execute Mode"),
        ("x-amp-mode", "deep"),
        ("x-amp-device-fingerprint", "f1"),
        ("x-amp-thread-id", "T-5928a90d-d53b-488f-a829-4e36442142ee"),
        ("x-other", "hunter2"),
    ]);
    let body = r#"{"model":"gpt-5.3-codex","stream":true,"metadata":{"agentMode":"deep"},
        "input":[{"type":"message","content":"my prompt"}],"tools":[{"name":"secret tool"}]}"#;
    let told = lines("/api/provider/openai/v1/responses", &headers, body, "gw-key");
    expect![[r#"
        [llm-router][amp-capture] {"type":"amp-capture","stage":"incoming","timestamp":"2026-03-20T09:46:40Z","requestId":"req_1","method":"POST","path":"/api/provider/openai/v1/responses","query":null,"contentType":"application/json","userAgent":"node","routeDetected":"amp-provider-route","headers":{"content-type":"application/json","user-agent":"node","x-amp-client-application":"CLI Execute Mode","x-amp-mode":"deep","x-amp-thread-id":"T-5928a90d-d53b-488f-a829-4e36442142ee"},"otherHeaders":["x-other"],"body":{"topLevelKeys":["model","stream","metadata","input","tools"],"interestingFields":{"metadata.agentMode":"deep"},"model":"gpt-5.3-codex","stream":true,"inputItemCount":1,"inputItemTypes":["message"],"toolCount":1}}
        [llm-router][amp-capture] {"type":"amp-capture","stage":"route","timestamp":"2026-03-20T09:46:40Z","requestId":"req_1","sourceFormat":"openai-responses","stream":true,"requestedModel":"gpt-5.3-codex","ampMode":"deep","ampAgent":null,"ampApplication":"CLI Execute Mode","ampProvider":"openai","ampMatchedBy":"mode","ampMatchedRef":"demo/agent","ampResolvedRequestedModel":"demo/agent","trace":["agentModeMap has no entries","modeMap names `demo/agent`"]}
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_method_is_captured_in_two_lines() {
    let body =
        r#"{"method":"uploadThread","params":{"thread":{"id":"T-1","messages":["my prompt"]}}}"#;
    let told = lines("/api/internal?uploadThread", &headers(&[]), body, "gw-key");
    expect![[r#"
        [llm-router][amp-capture] {"type":"amp-capture","stage":"incoming","timestamp":"2026-03-20T09:46:40Z","requestId":"req_1","method":"POST","path":"/api/internal","query":"uploadThread","contentType":null,"userAgent":null,"routeDetected":"amp-internal","headers":{},"otherHeaders":[],"body":{"topLevelKeys":["method","params"],"interestingFields":{},"method":"uploadThread","paramsKeys":["thread"]}}
        [llm-router][amp-capture] {"type":"amp-capture","stage":"amp-internal-response","timestamp":"2026-03-20T09:46:40Z","requestId":"req_1","method":"uploadThread","payloadKeys":["method","params"],"resultKeys":["uploaded","threadId","version"],"ok":true,"code":null}
    "#]]
    .assert_eq(&told);
}

/// Keys as they look in the wild.
fn secret() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "sk-ant-api03-",
        "sk-proj-",
        "sgamp_user_",
        "AIza",
        "ghp_",
        "gsk_",
        "eyJ",
        "hf_",
        "",
    ]);
    (start, "[a-z]{10,14}[0-9]{5,8}[A-Za-z]{8,12}")
        .prop_map(|(start, rest)| format!("{start}{rest}"))
}

/// A body that has secrets and prompts in every place that a string can stand in.
fn body(secret: &str, prompt: &str, hidden: &str) -> Value {
    let text = json!([{ "type": "text", "text": prompt }, { "type": hidden, "text": secret }]);
    json!({
        "model": secret, "method": secret, "mode": secret, "agentMode": hidden, "agent": prompt,
        "id": secret, "system": prompt, "instructions": prompt, "prompt": prompt, "source": hidden,
        "user": secret, "apiKey": secret, "thread": { "id": secret, "title": prompt },
        "metadata": { "mode": hidden, "user_id": secret, "agent": secret, "title": prompt },
        "params": { "thread": { "id": secret, "messages": [prompt] }, "mode": secret, "key": hidden },
        "messages": [{ "role": "user", "content": prompt }, { "role": secret, "content": text.clone() }],
        "input": [{ "type": "message", "content": text.clone() }, { "type": secret }],
        "contents": [{ "role": hidden, "parts": text }],
        "tools": [{ "name": secret, "description": prompt, "input_schema": { secret: prompt } }],
        "tool_choice": { "name": secret }, "stop": [prompt], secret: 1, format!("x {prompt}"): 2,
    })
}

proptest! {
    /// `hidden` is a key without the looks of one: it is known because it is presented.
    #[test]
    fn no_prompt_and_no_secret_is_ever_shown(
        secret in secret(), words in prop::collection::vec("[a-z]{3,9}", 2..6),
        hidden in "[a-z]{9}", gateway in any::<bool>(), place in 0..4_usize,
    ) {
        let prompt = format!("zq{}", words.join(" "));
        let body = body(&secret, &prompt, &hidden);
        let bearer = format!("Bearer {}", if gateway { "wrong" } else { &hidden });
        let headers = headers(&[
            ("authorization", &bearer), ("x-api-key", &secret), ("cookie", &secret),
            ("x-goog-api-key", &hidden), ("proxy-authorization", &secret), ("x-secret", &prompt),
            ("user-agent", &secret), ("x-amp-mode", &secret), ("x-amp-agent", &hidden),
            ("x-amp-token", &prompt), ("x-amp-client-application", &secret), ("x-my", &prompt),
            ("x-amp-feature", &hidden), ("anthropic-beta", &secret), ("content-type", &secret),
            ("x-amp-installation-id", &secret), ("accept", &hidden),
        ]);
        let target = [
            format!("/api/provider/anthropic/v1/messages?key={secret}&{secret}"),
            format!("/api/provider/google/v1beta/models/{secret}:generateContent"),
            format!("/api/internal/{secret}?{hidden}"),
            format!("/api/{secret}/x?method={secret}"),
        ];
        let key = if gateway { hidden.as_str() } else { "gateway-key" };
        let told = lines(&target[place], &headers, &body.to_string(), key);
        prop_assert!(told.lines().count() >= 1);
        for forbidden in [&secret, &hidden, &prompt, "zq"] {
            prop_assert!(!told.contains(forbidden), "{forbidden} in {told}");
        }
        for line in told.lines() {
            let json: Value = serde_json::from_str(line.strip_prefix(PREFIX).unwrap()).unwrap();
            prop_assert_eq!(&json["requestId"], "req_1");
        }
    }

    #[test]
    fn any_body_is_captured(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let capture = Capture::new("r", &HeaderMap::new(), None, None);
        let line = capture.incoming(NOW, (&Method::POST, "/", None), &HeaderMap::new(), &body);
        prop_assert_eq!(line.lines().count(), 1);
    }
}
