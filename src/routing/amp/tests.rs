//! The precedence, as tables.

use serde_json::{Value, json};

use super::*;
use crate::config::read::read;

/// A router of two providers, two aliases, and this `ampRouting`; `null` is none.
fn router(amp: &Value) -> Router {
    let mut document = json!({
        "defaultModel": "a1",
        "providers": [
            { "id": "p", "baseUrl": "https://p.test", "models": ["m", "M", "claude-x"] },
            { "id": "google", "baseUrl": "https://p.test", "models": ["gemini-3-pro"] },
        ],
        "modelAliases": { "a1": { "targets": ["p/m"] }, "a2": { "targets": ["p/M"] } },
    });
    if !amp.is_null() {
        document["ampRouting"] = amp.clone();
    }
    let reading = read(&document);
    assert!(reading.problems.is_empty(), "{:?}", reading.problems);
    let compiled = Router::compile(&reading.config, &|_| Err("none".to_owned()));
    compiled.router.unwrap_or_else(|| panic!("{:#?}", compiled.problems))
}

/// What is decided, in one line.
fn decide(router: &Router, context: &AmpContext) -> String {
    match router.decide_for_amp(context) {
        Decision::Mapped { rule, reference } => format!("{} {reference}", rule.name()),
        Decision::Unchanged(why) => format!("unchanged: {why}"),
    }
}

fn context(fields: [&str; 5]) -> AmpContext {
    let [mode, agent, application, provider, model] =
        fields.map(|field| (!field.is_empty()).then(|| field.to_owned()));
    AmpContext { mode, agent, application, provider, model }
}

/// All subsets of the sections × all states of all fields (absent, mapped, not mapped), against
/// the list of the documentation, read from the top.
#[test]
fn every_combination_is_decided_by_the_first_rule_that_matches() {
    // Each section with its one entry, and what a request must say to meet it: mode, agent,
    // application, provider, model.
    let sections: [(&str, &str, Value, [Option<&str>; 5]); 7] = [
        (
            "agent-mode",
            "agentModeMap",
            json!({ "review": { "deep": "a1" } }),
            [Some("deep"), Some("review"), None, None, None],
        ),
        ("mode", "modeMap", json!({ "deep": "a2" }), [Some("deep"), None, None, None, None]),
        ("agent", "agentMap", json!({ "review": "a1" }), [None, Some("review"), None, None, None]),
        (
            "application",
            "applicationMap",
            json!({ "cli execute mode": "a2" }),
            [None, None, Some("CLI Execute Mode"), None, None],
        ),
        (
            "model",
            "modelMap",
            json!({ "claude-x": "a1" }),
            [None, None, None, None, Some("claude-x")],
        ),
        (
            "provider-model",
            "modelMap",
            json!({ "google/claude-x": "a2" }),
            [None, None, None, Some("google"), Some("claude-x")],
        ),
        ("fallback", "fallbackRoute", json!("a2"), [None; 5]),
    ];
    let values = [
        ["", "deep", "rush"],
        ["", "review", "oracle"],
        ["", "CLI Execute Mode", "VS Code"],
        ["", "google", "openai"],
        ["", "claude-x", "gpt-x"],
    ];
    let mut cases = 0;
    for subset in 0_u32..1 << sections.len() {
        let chosen: Vec<_> =
            sections.iter().enumerate().filter(|(bit, _)| subset >> bit & 1 == 1).collect();
        let mut amp = json!({});
        for (_, (_, key, entry, _)) in &chosen {
            match (&mut amp[key], entry) {
                (Value::Object(there), Value::Object(more)) => there.extend(more.clone()),
                (place, entry) => *place = (*entry).clone(),
            }
        }
        let router = router(&amp);
        for mut number in 0..3_usize.pow(5) {
            let said = values.map(|options| {
                let option = options[number % 3];
                number /= 3;
                option
            });
            let expected = chosen.iter().find(|(_, (.., wanted))| {
                wanted.iter().zip(said).all(|(wanted, said)| wanted.is_none_or(|it| it == said))
            });
            let expected =
                expected.map_or("fallback smart".to_owned(), |(_, (tag, _, entry, _))| {
                    let text = entry.to_string();
                    format!("{tag} {}", if text.contains("a1") { "a1" } else { "a2" })
                });
            assert_eq!(decide(&router, &context(said)), expected, "{amp} {said:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 128 * 243);
}

#[test]
fn cases_of_letters_and_spellings() {
    let amp = json!({
        "modes": { "DEEP": { "ref": "a1" } },
        "agent-map": { "Review": "alias:a2" },
        "applications": { "CLI Execute Mode": "p/m" },
        "agentModes": { "Review": { "Rush": "smart" } },
        "model-mappings": {
            "Claude-X": "a1", "claude-x": "a2", "google/Gemini-3-Pro": "p/M", "gpt-5.3-codex": "p/m",
        },
        "fallback-route": "a2",
    });
    let router = router(&amp);
    for (said, expected) in [
        (["Deep", "", "", "", ""], "mode a1"),
        ([" deep ", "REVIEW", "", "", ""], "mode a1"),
        (["", "reView", "", "", ""], "agent alias:a2"),
        (["RUSH", "review", "", "", ""], "agent-mode smart"),
        (["rush", "", "cli EXECUTE mode", "", ""], "application p/m"),
        // As it is written first, then without regard to case, the first of the config.
        (["", "", "", "", "Claude-X"], "model a1"),
        (["", "", "", "", "claude-x"], "model a2"),
        (["", "", "", "", "CLAUDE-X"], "model a1"),
        (["", "", "", "Google", "gemini-3-pro"], "provider-model p/M"),
        (["", "", "", "google", "Gemini-3-Pro"], "provider-model p/M"),
        (["", "", "", "anthropic", "gemini-3-pro"], "fallback a2"),
        (["", "", "", "", "google/gemini-3-pro"], "model p/M"),
        (["large", "oracle", "IDE", "openai", "gpt-5.3-codex"], "model p/m"),
        // A name of the config is overridden as any other.
        (["", "", "", "", "p/m"], "fallback a2"),
        (["", "", "", "", ""], "fallback a2"),
    ] {
        assert_eq!(decide(&router, &context(said)), expected, "{said:?}");
    }
}

#[test]
fn without_the_section_names_of_the_config_mean_themselves() {
    let own = "unchanged: the config has this name and no `ampRouting`";
    for (amp, model, expected) in [
        (Value::Null, "a1", own),
        (Value::Null, "alias:a1", own),
        (Value::Null, "p/m", own),
        (Value::Null, "smart", "fallback smart"),
        // A bare model is what Amp always sends: it says nothing about what the user wants.
        (Value::Null, "claude-x", "fallback smart"),
        (Value::Null, "gpt-x", "fallback smart"),
        (Value::Null, "p/none", "fallback smart"),
        (Value::Null, "", "fallback smart"),
        (json!({}), "p/m", "fallback smart"),
        (json!({ "enabled": true }), "a1", "fallback smart"),
        (json!({ "enabled": false }), "a1", "unchanged: `ampRouting.enabled` is false"),
        (json!({ "enabled": false }), "gpt-x", "unchanged: `ampRouting.enabled` is false"),
        (
            json!({ "enabled": false, "fallbackRoute": "a1", "modeMap": { "deep": "a2" } }),
            "",
            "unchanged: `ampRouting.enabled` is false",
        ),
    ] {
        let context = context(["deep", "review", "CLI", "google", model]);
        assert_eq!(decide(&router(&amp), &context), expected, "{amp} {model}");
    }
}

#[test]
fn the_trace_says_why_earlier_rules_did_not_match() {
    let amp = json!({
        "agentModeMap": { "review": { "deep": "a1" } },
        "modeMap": { "rush": "a1" },
        "agentMap": { "oracle": "a1" },
        "modelMap": { "gpt-x": "a2" },
    });
    let router = router(&amp);
    let told = |said| -> Vec<String> {
        let trace = router.amp.trace(&context(said));
        trace.iter().map(|(rule, outcome)| format!("{} {outcome}", rule.key())).collect()
    };
    assert_eq!(
        told(["deep", "", "CLI", "openai", "gpt-x"]),
        [
            "agentModeMap needs an agent, which the request does not name",
            "modeMap has no entry for `deep`",
            "agentMap needs an agent, which the request does not name",
            "applicationMap has no entries",
            "modelMap names `a2`",
        ]
    );
    assert_eq!(
        told(["rush", "review", "", "", "other"]),
        ["agentModeMap has no entry for `review/rush`", "modeMap names `a1`"]
    );
    assert_eq!(
        told(["", "painter", "", "google", "other"]),
        [
            "agentModeMap needs a mode, which the request does not name",
            "modeMap needs a mode, which the request does not name",
            "agentMap has no entry for `painter`",
            "applicationMap has no entries",
            "modelMap has no entry for `other`",
            "modelMap has no entry for `google/other`",
            "fallbackRoute has no entries",
        ]
    );
}

#[test]
fn every_target_is_checked_and_told_with_its_place() {
    let document = json!({
        "providers": [{ "id": "p", "baseUrl": "https://p.test", "models": ["m"] }],
        "modelAliases": { "chat.default": { "targets": ["p/m"] } },
        "ampRouting": {
            "fallbackRoute": "p/n",
            "modeMap": { "smart": "chat.defalut", "deep": "smart" },
            "agentMap": { "a/b": "nobody" },
            "agentModeMap": { "review": { "deep": "q/m" } },
            "applicationMap": { "cli": "alias:zzz" },
            "modelMap": { "gpt": "p/m", "google/g": "m" },
            "upstreamApiKey": "env:NONE",
        },
    });
    let compiled = Router::compile(&read(&document).config, &|_| Err("none".to_owned()));
    let told: Vec<String> = compiled.problems.iter().map(ToString::to_string).collect();
    assert!(compiled.router.is_none());
    assert_eq!(
        told,
        [
            "error at /ampRouting/agentMap/a~1b: there is no alias `nobody`",
            "error at /ampRouting/agentModeMap/review/deep: there is no model `q/m` (did you mean `p/m`?)",
            "error at /ampRouting/applicationMap/cli: there is no alias `alias:zzz`",
            "error at /ampRouting/fallbackRoute: there is no model `p/n` (did you mean `p/m`?)",
            "error at /ampRouting/modeMap/smart: there is no alias `chat.defalut` (did you mean `chat.default`?)",
            "error at /ampRouting/modelMap/google~1g: there is no alias `m` (did you mean `p/m`?)",
            "warning at /ampRouting/upstreamApiKey: has no effect without `upstreamUrl`",
        ]
    );
}

#[test]
fn doubtful_upstreams_are_warned_of() {
    let no_key = "warning at /ampRouting/upstreamApiKey: is missing, so Amp's server is asked \
                  without a token (what clients present is this gateway's key and never passed on)";
    let plain = "warning at /ampRouting/upstreamUrl: would send the token without encryption \
                 (use https://)";
    for (amp, expected) in [
        (json!({ "upstreamUrl": "https://ampcode.com" }), vec![no_key]),
        (json!({ "upstream-url": "https://ampcode.com/", "upstream-api-key": "env:T" }), vec![]),
        (json!({ "upstreamUrl": "http://a.test", "upstreamApiKey": "t" }), vec![plain]),
        (json!({ "upstreamUrl": "http://127.0.0.1:9", "upstreamApiKey": "t" }), vec![]),
        (
            json!({ "upstreamUrl": "ampcode.com" }),
            vec![
                "error at /ampRouting/upstreamUrl: is not a URL: relative URL without a base (for example https://api.example.com/v1)",
            ],
        ),
    ] {
        let reading = read(&json!({ "ampRouting": amp }));
        let compiled = Router::compile(&reading.config, &|_| Err("none".to_owned()));
        let problems = reading.problems.iter().chain(&compiled.problems);
        let told: Vec<String> = problems.map(ToString::to_string).collect();
        assert_eq!(told, expected, "{amp}");
    }
}
