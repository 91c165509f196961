//! Which format a body is in, where the path does not say (`/route`).

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::protocol::Format;

/// What tells formats apart. Everything else is skipped.
#[derive(Deserialize)]
struct Signs<'a> {
    #[serde(borrow, alias = "anthropicVersion")]
    anthropic_version: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow)]
    contents: Option<&'a RawValue>,
    #[serde(borrow)]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a RawValue>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    n: Option<&'a RawValue>,
    #[serde(default)]
    tools: Value,
    #[serde(default)]
    tool_choice: Value,
    #[serde(default)]
    messages: Vec<MessageSigns>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct MessageSigns {
    #[serde(default)]
    role: Value,
    #[serde(default)]
    tool_call_id: Value,
    #[serde(default)]
    tool_calls: Value,
    #[serde(default)]
    content: Value,
}

/// The format of a body. The first rule that says something decides:
///
/// | # | sign | format |
/// |---|---|---|
/// | 1 | header `anthropic-version`, or `anthropic_version` | Anthropic |
/// | 2 | `contents` | Gemini |
/// | 3 | `input` or `instructions` | Responses |
/// | 4 | `max_completion_tokens`, `response_format`, `stream_options`, `n` | Chat |
/// | 5 | the first telling tool: `input_schema` | Anthropic |
/// |   | `type: "function"` or `function` | Chat |
/// | 6 | `tool_choice`: `required`, `none`, or an object of type `function` | Chat |
/// |   | an object of type `auto`, `any`, `tool` or `none` | Anthropic |
/// | 7 | the first telling message: role `tool` or `developer`, `tool_calls`, `image_url` | Chat |
/// |   | a block `tool_use`, `tool_result`, `thinking`, `redacted_thinking`, or an image with a `source` | Anthropic |
/// | 8 | `system` | Anthropic |
/// | 9 | a first message of role `system` | Chat |
/// | 10 | nothing of all this | Anthropic |
#[must_use]
pub fn detect(body: &str, has_anthropic_version: bool) -> Format {
    if has_anthropic_version {
        return Format::Anthropic;
    }
    // What does not even have the outline of a request is judged by the codec that reads it.
    let Ok(signs) = serde_json::from_str::<Signs<'_>>(body) else { return Format::Anthropic };
    if signs.anthropic_version.is_some() {
        Format::Anthropic
    } else if signs.contents.is_some() {
        Format::Gemini
    } else if signs.input.is_some() || signs.instructions.is_some() {
        Format::OpenAiResponses
    } else if signs.max_completion_tokens.is_some()
        || signs.response_format.is_some()
        || signs.stream_options.is_some()
        || signs.n.is_some()
    {
        Format::OpenAi
    } else {
        by_tools(&signs.tools)
            .or_else(|| by_tool_choice(&signs.tool_choice))
            .or_else(|| signs.messages.iter().find_map(by_message))
            .unwrap_or_else(|| by_system(&signs))
    }
}

fn by_tools(tools: &Value) -> Option<Format> {
    tools.as_array()?.iter().find_map(|tool| {
        if tool.get("input_schema").is_some() {
            Some(Format::Anthropic)
        } else if tool["type"] == "function" || tool.get("function").is_some() {
            Some(Format::OpenAi)
        } else {
            None
        }
    })
}

fn by_tool_choice(choice: &Value) -> Option<Format> {
    match (choice.as_str(), choice["type"].as_str()) {
        (Some("required" | "none"), _) | (_, Some("function")) => Some(Format::OpenAi),
        (_, Some("auto" | "any" | "tool" | "none")) => Some(Format::Anthropic),
        _ => None,
    }
}

fn by_message(message: &MessageSigns) -> Option<Format> {
    let role = message.role.as_str().unwrap_or_default();
    if role == "tool"
        || role == "developer"
        || message.tool_call_id.is_string()
        || message.tool_calls.is_array()
    {
        return Some(Format::OpenAi);
    }
    message.content.as_array()?.iter().find_map(|block| match block["type"].as_str()? {
        "tool_use" | "tool_result" | "thinking" | "redacted_thinking" => Some(Format::Anthropic),
        "image_url" | "input_text" | "input_image" | "input_audio" => Some(Format::OpenAi),
        "image" | "document" if block.get("source").is_some() => Some(Format::Anthropic),
        _ => None,
    })
}

fn by_system(signs: &Signs<'_>) -> Format {
    let first = signs.messages.first();
    if signs.system.is_none() && first.is_some_and(|message| message.role == "system") {
        Format::OpenAi
    } else {
        Format::Anthropic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_tells_its_format() {
        use Format::{Anthropic, Gemini, OpenAi, OpenAiResponses};
        for (body, expected) in [
            (r#"{"anthropic_version":"x","n":1}"#, Anthropic),
            (r#"{"contents":[]}"#, Gemini),
            (r#"{"input":"hi"}"#, OpenAiResponses),
            (r#"{"instructions":"be brief","messages":[]}"#, OpenAiResponses),
            (r#"{"messages":[],"max_completion_tokens":1}"#, OpenAi),
            (r#"{"messages":[],"stream_options":{}}"#, OpenAi),
            (r#"{"messages":[],"n":1}"#, OpenAi),
            (r#"{"tools":[{"type":"x"},{"name":"a","input_schema":{}}]}"#, Anthropic),
            (r#"{"tools":[{"type":"function","function":{}}]}"#, OpenAi),
            (r#"{"tool_choice":"required"}"#, OpenAi),
            (r#"{"tool_choice":{"type":"any"}}"#, Anthropic),
            (r#"{"tool_choice":{"type":"function"}}"#, OpenAi),
            (r#"{"messages":[{"role":"tool","content":"x"}]}"#, OpenAi),
            (r#"{"messages":[{"role":"developer","content":"x"}]}"#, OpenAi),
            (r#"{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#, Anthropic),
            (r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#, OpenAi),
            (
                r#"{"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]}"#,
                Anthropic,
            ),
            (r#"{"system":"x","messages":[{"role":"user","content":"hi"}]}"#, Anthropic),
            (r#"{"messages":[{"role":"system","content":"x"}]}"#, OpenAi),
            (
                r#"{"messages":[{"role":"user","content":"a"},{"role":"system","content":"x"}]}"#,
                Anthropic,
            ),
            (r#"{"messages":[{"role":"user","content":"hi"}]}"#, Anthropic),
            (r#"{"messages":7}"#, Anthropic),
            ("{}", Anthropic),
        ] {
            assert_eq!(detect(body, false), expected, "{body}");
        }
        assert_eq!(detect(r#"{"input":"hi"}"#, true), Anthropic);
    }
}
