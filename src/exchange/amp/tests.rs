//! Detection, and what a request says.

use http::HeaderValue;
use serde_json::json;

use super::*;
use crate::config::read::read;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
    };
    pairs.iter().map(pair).collect()
}

#[test]
fn amp_is_told_by_path_header_or_product() {
    for (path, pairs, expected) in [
        ("/v1/messages", &[][..], false),
        ("/api/internal", &[], true),
        ("/api/internal/x", &[], true),
        ("/api/internals", &[], false),
        ("/api/provider/openai/v1/responses", &[], true),
        ("/api/provider/", &[], false),
        ("/v1/messages", &[("x-amp-client-type", "cli")], true),
        ("/v1/messages", &[("x-amp-client-bundle", "b")], true),
        ("/v1/messages", &[("x-amp-client-application", "CLI")], true),
        ("/v1/messages", &[("x-amp-installation-id", "i")], true),
        ("/v1/messages", &[("x-amp-client-type", " ")], false),
        ("/v1/messages", &[("x-amp-mode", "deep")], false),
        ("/v1/messages", &[("user-agent", "amp/1.0")], true),
        ("/v1/messages", &[("user-agent", "node AmpCode/2 (linux)")], true),
        ("/v1/messages", &[("user-agent", "Mozilla (amp/1; x)")], true),
        ("/v1/messages", &[("user-agent", "sample/1.0 example/2 gramps/3")], false),
        ("/v1/messages", &[("user-agent", "amp")], false),
        ("/v1/messages", &[("user-agent", "my-amp/1 x.amp/2 champ/3")], false),
    ] {
        assert_eq!(Amp::detect(path, &headers(pairs)).is_some(), expected, "{path} {pairs:?}");
    }
}

/// mode, agent, application, provider, model of one request.
fn context(path: &str, pairs: &[(&str, &str)], body: &str, table: &serde_json::Value) -> String {
    let mut all = vec![("x-amp-client-type", "cli")];
    all.extend(pairs);
    let amp = Amp::detect(path, &headers(&all)).unwrap();
    let (amp, _) = amp.read(Bytes::from(body.to_owned()), None);
    let document = json!({ "defaultModel": "demo/echo", "ampRouting": table });
    let compiled = Router::compile(&read(&document).config, &|_| Err(String::new()));
    let router = compiled.router.unwrap();
    let AmpContext { mode, agent, application, provider, model } =
        amp.context(&router.amp, Some(" m "));
    let show = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [mode, agent, application, provider, model].map(show).join("|")
}

#[test]
fn what_a_request_says() {
    let none = json!({});
    let known =
        json!({ "modeMap": { "deep": "smart" }, "agentModeMap": { "a": { "rush": "smart" } } });
    for (path, pairs, body, table, expected) in [
        ("/route", &[][..], "{}", &none, "-|-|-|-|m"),
        ("/api/provider/Google/v1/x", &[], "{}", &none, "-|-|-|google|m"),
        ("/route", &[("x-amp-mode", "Large")], "{}", &none, "large|-|-|-|m"),
        ("/route", &[("x-amp-mode", ""), ("x-amp-agent-mode", "r")], "{}", &none, "r|-|-|-|m"),
        ("/route", &[("x-amp-mode", "h")], r#"{"mode":"b"}"#, &none, "b|-|-|-|m"),
        ("/route", &[("x-amp-mode", "h")], r#"{"mode":" "}"#, &none, "h|-|-|-|m"),
        // Of several modes one that the maps name.
        ("/route", &[("x-amp-mode", "deep")], r#"{"mode":"json"}"#, &known, "deep|-|-|-|m"),
        ("/route", &[("x-amp-mode", "x")], r#"{"params":{"mode":"RUSH"}}"#, &known, "rush|-|-|-|m"),
        ("/route", &[("x-amp-mode", "x")], r#"{"mode":"y"}"#, &known, "y|-|-|-|m"),
        // Agents: named, or else a feature that is not the main conversation.
        ("/route", &[("x-amp-feature", "amp.review")], "{}", &none, "-|review|-|-|m"),
        ("/route", &[("x-amp-feature", "amp.chat")], "{}", &none, "-|-|-|-|m"),
        ("/route", &[("x-amp-feature", "chat")], "{}", &none, "-|-|-|-|m"),
        ("/route", &[("x-amp-feature", "amp.")], "{}", &none, "-|-|-|-|m"),
        ("/route", &[("x-amp-feature", "Painter")], "{}", &none, "-|painter|-|-|m"),
        (
            "/route",
            &[
                ("x-amp-feature", "amp.review"),
                ("x-amp-agent", "oracle"),
                ("x-amp-agent-type", "t"),
            ],
            "{}",
            &none,
            "-|oracle|-|-|m",
        ),
        ("/route", &[("x-amp-agent-type", "t")], "{}", &none, "-|t|-|-|m"),
        (
            "/route",
            &[("x-amp-agent", "oracle")],
            r#"{"metadata":{"agent":"finder"}}"#,
            &none,
            "-|finder|-|-|m",
        ),
        (
            "/route",
            &[("x-amp-client-application", "CLI Execute Mode")],
            "{}",
            &none,
            "-|-|CLI Execute Mode|-|m",
        ),
    ] {
        assert_eq!(context(path, pairs, body, table), expected, "{pairs:?} {body}");
    }
}
