//! What a translation loses: told, weighed, and refused where the config says so.

use llm_router::protocol::Format;
use serde_json::{Value, json};

use super::{
    Shape, answers,
    asks::{Ask, body, path},
    model,
    speech::{Say, whole},
    vendor,
};
use crate::support::{Running, Upstream, reply};

const SAYS: [Say; 1] = [Say::Text("hi")];

#[tokio::test]
async fn losses_are_told_and_can_be_refused() {
    let chat = Upstream::start(|seen| answers(seen, &SAYS, Shape::Asked)).await;
    let own = Upstream::start(|_| reply(200, &whole(Format::Anthropic, &SAYS).to_string())).await;
    let start = |provider: &str, alias: Option<&str>| {
        let mut chat = vendor("c", Format::OpenAiResponses, chat.address);
        chat["onLoss"] = provider.into();
        let mut aliases = json!({
            "a": { "targets": ["c/gpt-5.1", "o/claude-sonnet-4-5"] }, "c": { "targets": ["c/gpt-5.1"] },
        });
        if let Some(alias) = alias {
            aliases["c"]["onLoss"] = alias.into();
        }
        json!({
            "providers": [chat, vendor("o", Format::Anthropic, own.address)],
            "modelAliases": aliases, "server": { "debugRouting": true },
        })
    };
    let mut request = body(Format::Anthropic, Ask::Plain, "a", false);
    request["top_k"] = 5.into();
    let post = async |config: Value, model: &str| {
        let gateway = Running::start(&config).await;
        let mut request = request.clone();
        request["model"] = model.into();
        let response = gateway.post("/v1/messages", &request.to_string()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.text().await.expect("an answer"))
    };
    // Sent, and told.
    for choice in ["allow", "warn"] {
        let (status, headers, text) = post(start(choice, None), "a").await;
        assert_eq!(
            (status, &headers["x-llm-router-target"]),
            (200, &"c/gpt-5.1".parse().expect("")),
            "{text}"
        );
        let dropped = headers["x-llm-router-dropped"].to_str().expect("text");
        assert!(dropped.contains("/top_k ("), "{dropped}");
        assert_eq!(headers["x-llm-router-translated"], "anthropic>openai-responses");
    }
    // Passed over, and refused when nothing is left.
    let (status, headers, _) = post(start("refuse", None), "a").await;
    assert_eq!(
        (status, &headers["x-llm-router-target"]),
        (200, &"o/claude-sonnet-4-5".parse().expect(""))
    );
    assert!(!headers.contains_key("x-llm-router-dropped"));
    let (status, _, text) = post(start("refuse", None), "c").await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("/top_k (") && text.contains("onLoss"), "{text}");
    // The alias wins.
    assert_eq!(post(start("refuse", Some("allow")), "c").await.0, 200);
    assert_eq!(post(start("allow", Some("refuse")), "c").await.0, 400);
}

/// Requests of agents as they were captured.
fn captured(case: &str, client: Format) -> Value {
    let path = format!("tests/translations/{case}/in.{client}.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("a case")).expect("JSON")
}

#[tokio::test]
async fn agents_are_not_refused_for_hints_and_wording() {
    for (case, client, provider) in [
        ("10-claude-code-turn", Format::Anthropic, Format::OpenAiResponses),
        ("36-claude-code-to-chat", Format::Anthropic, Format::OpenAi),
        ("82-claude-code-to-gemini", Format::Anthropic, Format::Gemini),
        ("51-codex-additional-tools", Format::OpenAiResponses, Format::Anthropic),
        ("84-codex-to-gemini", Format::OpenAiResponses, Format::Gemini),
    ] {
        let whole = whole(provider, &SAYS).to_string();
        let upstream = Upstream::start(move |_| reply(200, &whole)).await;
        let mut target = vendor("p", provider, upstream.address);
        target["onLoss"] = "refuse".into();
        let config = json!({ "providers": [target], "server": { "debugRouting": true } });
        let gateway = Running::start(&config).await;
        let mut request = captured(case, client);
        let name = format!("p/{}", model(provider));
        request["model"] = name.as_str().into();
        request["stream"] = false.into();
        let response = gateway.post(&path(client, &name, false), &request.to_string()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("an answer");
        assert_eq!(status, 200, "{case} to {provider}: {text}");
        assert!(headers.contains_key("x-llm-router-dropped"), "{case}: {headers:?}");
        // One wish more that changes the answer, and it is.
        if client == Format::Anthropic && provider == Format::OpenAiResponses {
            request["stop_sequences"] = json!(["END"]);
            let response = gateway.post(&path(client, &name, false), &request.to_string()).await;
            assert_eq!(response.status(), 400, "{case}");
            let text = response.text().await.expect("an error");
            assert!(
                text.contains("/stop_sequences (") && !text.contains("cache_control"),
                "{text}"
            );
        }
    }
}
