//! The lines for each tool, as its own documentation has them; `tests/clients/` drives the tools.

use serde_json::{Value, json};

use super::{Client, File, Key, Told, Variable};
use crate::routing::router::Router;

/// Fills in what `client` is to be told.
pub(super) fn write(client: Client, key: &Key, router: &Router, told: &mut Told) {
    match client {
        Client::ClaudeCode => claude_code(key, router, told),
        Client::Codex => codex(key, told),
        Client::GeminiCli => gemini_cli(key, told),
        Client::OpenCode => opencode(key, told),
        Client::Amp => amp(key, told),
        Client::Droid => droid(key, told),
        Client::Aider => aider(key, told),
        Client::OpenaiSdk => openai_sdk(key, told),
        Client::AnthropicSdk => anthropic_sdk(key, told),
    }
}

fn file(path: &str, format: &str, snippet: String) -> File {
    File { path: path.to_owned(), format: format.to_owned(), snippet }
}

fn variable(name: &str, value: impl Into<String>) -> Variable {
    Variable { name: name.to_owned(), value: value.into() }
}

fn json_file(path: &str, document: &Value) -> File {
    file(path, "json", format!("{document:#}"))
}

/// Its three sizes are aliases of those names, where there are some.
fn claude_code(key: &Key, router: &Router, told: &mut Told) {
    let size = |name: &str| {
        let is_alias = router.alias(name).is_some();
        if is_alias { name.to_owned() } else { told.model.clone() }
    };
    let mut env = json!({
        "ANTHROPIC_BASE_URL": told.endpoint,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": size("opus"),
        "ANTHROPIC_DEFAULT_SONNET_MODEL": size("sonnet"),
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": size("haiku"),
    });
    let settings = if *key == Key::Any {
        env["ANTHROPIC_AUTH_TOKEN"] = key.in_shell().into();
        json!({ "env": env })
    } else {
        json!({ "apiKeyHelper": key.printed(), "env": env })
    };
    told.files.push(json_file("~/.claude/settings.json", &settings));
    told.notes.push("the base URL has no /v1; all requests of Claude Code go there".to_owned());
}

fn codex(key: &Key, told: &mut Told) {
    let (model, endpoint) = (&told.model, &told.endpoint);
    let name = key.variable();
    let snippet = format!(
        "model = \"{model}\"\nmodel_provider = \"llm-router\"\n\n\
         [model_providers.llm-router]\nname = \"llm-router\"\nbase_url = \"{endpoint}/v1\"\n\
         env_key = \"{name}\"\nwire_api = \"responses\"\n"
    );
    told.files.push(file("~/.codex/config.toml", "toml", snippet));
    if !matches!(key, Key::Variable(_)) {
        told.env.push(variable(name, key_value(key)));
    }
    told.notes.push("OPENAI_BASE_URL is not read by Codex: only the file counts".to_owned());
}

/// What goes into `LLM_ROUTER_KEY`.
fn key_value(key: &Key) -> String {
    match key {
        Key::Literal => "(the gateway's key)".to_owned(),
        Key::Any | Key::Variable(_) | Key::File(_) => key.in_shell(),
    }
}

fn gemini_cli(key: &Key, told: &mut Told) {
    let settings = json!({ "security": { "auth": { "selectedType": "gemini-api-key" } } });
    told.files.push(json_file("~/.gemini/settings.json", &settings));
    told.env.push(variable("GOOGLE_GEMINI_BASE_URL", told.endpoint.as_str()));
    told.env.push(variable("GEMINI_API_KEY", key.in_shell()));
    told.commands.push(format!("gemini -m {}", told.model));
}

fn opencode(key: &Key, told: &mut Told) {
    let api_key = match key {
        Key::Any => key.in_shell(),
        Key::File(path) => format!("{{file:{path}}}"),
        Key::Variable(_) | Key::Literal => format!("{{env:{}}}", key.variable()),
    };
    let mut models = serde_json::Map::new();
    models.insert(told.model.clone(), json!({}));
    let config = json!({
        "$schema": "https://opencode.ai/config.json",
        "provider": { "llm-router": {
            "npm": "@ai-sdk/openai-compatible",
            "options": { "baseURL": format!("{}/v1", told.endpoint), "apiKey": api_key },
            "models": models,
        } },
        "model": format!("llm-router/{}", told.model),
        "small_model": format!("llm-router/{}", told.model),
    });
    told.files.push(json_file("~/.config/opencode/opencode.json", &config));
}

fn amp(key: &Key, told: &mut Told) {
    told.env.push(variable("AMP_URL", told.endpoint.as_str()));
    told.env.push(variable("AMP_API_KEY", key.in_shell()));
    told.check =
        vec!["llm-router test-route --amp-mode smart --format anthropic --live".to_owned()];
    told.notes.push(
        "`llm-router set-amp-routing` says which model answers which mode, agent or model of Amp"
            .to_owned(),
    );
    told.notes.push("clients since July 2026 infer on Amp's servers and cannot be mapped".into());
}

fn droid(key: &Key, told: &mut Told) {
    let api_key = match key {
        Key::Any => key.in_shell(),
        Key::Variable(_) | Key::File(_) | Key::Literal => "(the gateway's key)".to_owned(),
    };
    let config = json!({ "custom_models": [{
        "model_display_name": told.model,
        "model": told.model,
        "base_url": format!("{}/v1", told.endpoint),
        "api_key": api_key,
        "provider": "generic-chat-completion-api",
        "max_tokens": 32000,
    }] });
    told.files.push(json_file("~/.factory/config.json", &config));
    if *key != Key::Any {
        let told_how =
            format!("this file takes no references; the key is what `{}` prints", key.printed());
        told.notes.push(told_how);
    }
}

fn aider(key: &Key, told: &mut Told) {
    told.env.push(variable("OPENAI_API_BASE", format!("{}/v1", told.endpoint)));
    told.env.push(variable("OPENAI_API_KEY", key.in_shell()));
    told.commands.push(format!("aider --model openai/{}", told.model));
}

fn openai_sdk(key: &Key, told: &mut Told) {
    told.env.push(variable("OPENAI_BASE_URL", format!("{}/v1", told.endpoint)));
    told.env.push(variable("OPENAI_API_KEY", key.in_shell()));
    told.commands.push(format!(
        "# Python\nclient = openai.OpenAI()\nclient.chat.completions.create(model=\"{}\", messages=[...])",
        told.model
    ));
}

fn anthropic_sdk(key: &Key, told: &mut Told) {
    told.env.push(variable("ANTHROPIC_BASE_URL", told.endpoint.as_str()));
    told.env.push(variable("ANTHROPIC_API_KEY", key.in_shell()));
    told.commands.push(format!(
        "# Python\nclient = anthropic.Anthropic()\nclient.messages.create(model=\"{}\", max_tokens=1024, messages=[...])",
        told.model
    ));
}
