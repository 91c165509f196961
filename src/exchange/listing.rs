//! The list of models, in the shape that the client knows.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::{
    exchange::amp,
    protocol::Format,
    routing::router::{Listed, Router, UnknownModel},
    time::Timestamp,
};

/// The shape that a client wants: its path and headers tell its vendor.
#[must_use]
pub fn shape(path: &str, headers: &HeaderMap) -> Format {
    if let Some(vendor) = amp::provider(path) {
        match vendor.to_ascii_lowercase().as_str() {
            "anthropic" => Format::Anthropic,
            "google" => Format::Gemini,
            _ => Format::OpenAi,
        }
    } else if path.starts_with("/anthropic") || headers.contains_key("anthropic-version") {
        Format::Anthropic
    } else if path.starts_with("/v1beta")
        || path.starts_with("/v1alpha")
        || headers.contains_key("x-goog-api-key")
        || headers.contains_key("x-goog-api-client")
    {
        Format::Gemini
    } else {
        Format::OpenAi
    }
}

/// All models, aliases first. Always one page: `has_more` is false whatever limit was asked for.
#[must_use]
pub fn all(router: &Router, shape: Format, loaded: Timestamp) -> Value {
    let rows: Vec<Value> =
        router.listed().iter().map(|listed| row(listed, shape, loaded)).collect();
    match shape {
        Format::Anthropic => {
            let id = |row: Option<&Value>| row.map_or(Value::Null, |row| row["id"].clone());
            let (first, last) = (id(rows.first()), id(rows.last()));
            json!({ "data": rows, "has_more": false, "first_id": first, "last_id": last })
        }
        Format::Gemini => json!({ "models": rows }),
        Format::OpenAi | Format::OpenAiResponses => json!({ "object": "list", "data": rows }),
    }
}

/// One model, by any name that a request may use.
///
/// # Errors
/// If nothing goes by that name, with the nearest ones.
pub fn one(
    router: &Router,
    name: &str,
    shape: Format,
    loaded: Timestamp,
) -> Result<Value, UnknownModel> {
    let route = router.resolve(Some(name))?;
    let listed = router.listed().iter().find(|listed| listed.id == route.name);
    let listed = listed.cloned().unwrap_or_else(|| Listed {
        id: name.into(),
        display_name: name.to_owned(),
        owner: "llm-router".to_owned(),
        context_window: None,
    });
    Ok(row(&listed, shape, loaded))
}

fn row(listed: &Listed, shape: Format, loaded: Timestamp) -> Value {
    let id = &*listed.id;
    let mut row = match shape {
        // Anthropic, "List Models".
        Format::Anthropic => json!({
            "type": "model",
            "id": id,
            "display_name": listed.display_name,
            "created_at": loaded.to_string(),
        }),
        // Gemini, `models.list`.
        Format::Gemini => json!({
            "name": format!("models/{id}"),
            "version": "1",
            "displayName": listed.display_name,
            "supportedGenerationMethods":
                ["generateContent", "streamGenerateContent", "countTokens"],
        }),
        // OpenAI, "List models"; `created` in seconds.
        Format::OpenAi | Format::OpenAiResponses => json!({
            "id": id,
            "object": "model",
            "created": loaded.seconds(),
            "owned_by": listed.owner,
        }),
    };
    if let Some(window) = listed.context_window {
        let key = match shape {
            Format::Gemini => "inputTokenLimit",
            Format::Anthropic => "max_input_tokens",
            Format::OpenAi | Format::OpenAiResponses => "context_window",
        };
        row[key] = window.into();
    }
    row
}
