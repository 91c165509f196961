//! The same questions in the words of every client.

use llm_router::protocol::Format;
use serde_json::{Value, json};

/// What a request asks for besides a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Ask {
    Plain,
    /// Offers a tool, and has called it twice at once.
    Tools,
    /// Shows a picture.
    Image,
    /// Wants JSON of a schema.
    Structured,
    /// Wants the model to think.
    Thinking,
}

impl Ask {
    pub(in crate::gateway) const ALL: [Self; 5] =
        [Self::Plain, Self::Tools, Self::Image, Self::Structured, Self::Thinking];
}

/// Where a client of `format` asks.
pub(super) fn path(format: Format, model: &str, streams: bool) -> String {
    match (format, streams) {
        (Format::OpenAi, _) => "/openai/v1/chat/completions".to_owned(),
        (Format::OpenAiResponses, _) => "/openai/v1/responses".to_owned(),
        (Format::Anthropic, _) => "/anthropic/v1/messages?beta=true".to_owned(),
        (Format::Gemini, false) => format!("/v1beta/models/{model}:generateContent"),
        (Format::Gemini, true) => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
    }
}

/// A picture of one pixel.
pub(super) const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn schema() -> Value {
    json!({
        "type": "object", "properties": { "city": { "type": "string", "description": "Wo? ä" } },
        "required": ["city"], "additionalProperties": false,
    })
}

/// The body of a request.
pub(in crate::gateway) fn body(format: Format, ask: Ask, model: &str, streams: bool) -> Value {
    let mut body = match format {
        Format::OpenAi => chat(ask),
        Format::OpenAiResponses => responses(ask),
        Format::Anthropic => anthropic(ask),
        Format::Gemini => gemini(ask),
    };
    if format != Format::Gemini {
        body["model"] = model.into();
        if streams {
            body["stream"] = true.into();
        }
    }
    if format == Format::OpenAi && streams {
        body["stream_options"] = json!({ "include_usage": true });
    }
    body
}

fn chat(ask: Ask) -> Value {
    let mut messages = vec![json!({ "role": "developer", "content": "Be short." })];
    let mut body = json!({ "max_completion_tokens": 5000 });
    let user = |content: Value| json!({ "role": "user", "content": content });
    match ask {
        Ask::Plain => messages.push(user("Hi ä".into())),
        Ask::Tools => {
            let call = |id: &str, city: &str| {
                json!({ "id": id, "type": "function", "function": {
                    "name": "get_weather", "arguments": json!({ "city": city }).to_string() } })
            };
            messages.push(user("Weather?".into()));
            messages.push(json!({ "role": "assistant", "content": "I look.",
                "tool_calls": [call("call_1", "Oslo"), call("call_2", "Rome")] }));
            messages.push(json!({ "role": "tool", "tool_call_id": "call_1", "content": "4 degrees" }));
            messages.push(json!({ "role": "tool", "tool_call_id": "call_2", "content": "20 degrees" }));
            body["tools"] = json!([{ "type": "function", "function": {
                "name": "get_weather", "description": "Tells.", "parameters": schema() } }]);
        }
        Ask::Image => messages.push(user(json!([
            { "type": "text", "text": "What is it?" },
            { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PIXEL}") } },
        ]))),
        Ask::Structured => {
            messages.push(user("Where?".into()));
            body["response_format"] = json!({ "type": "json_schema",
                "json_schema": { "name": "place", "schema": schema(), "strict": true } });
        }
        Ask::Thinking => {
            messages.push(user("Think.".into()));
            body["reasoning_effort"] = "high".into();
        }
    }
    body["messages"] = messages.into();
    body
}

fn responses(ask: Ask) -> Value {
    let mut body = json!({ "instructions": "Be short.", "max_output_tokens": 5000 });
    let user = |content: Value| json!({ "type": "message", "role": "user", "content": content });
    let said = |text: &str| user(json!([{ "type": "input_text", "text": text }]));
    body["input"] = match ask {
        Ask::Plain => "Hi ä".into(),
        Ask::Tools => {
            body["tools"] = json!([{ "type": "function", "name": "get_weather",
                "description": "Tells.", "parameters": schema(), "strict": false }]);
            let call = |id: &str, city: &str| {
                json!({ "type": "function_call", "id": format!("fc_{id}"), "call_id": id,
                    "name": "get_weather", "arguments": json!({ "city": city }).to_string() })
            };
            let output = |id: &str, text: &str| json!({ "type": "function_call_output", "call_id": id, "output": text });
            let look = json!({ "type": "message", "role": "assistant", "id": "msg_1",
                "content": [{ "type": "output_text", "text": "I look.", "annotations": [] }] });
            json!([
                said("Weather?"),
                look,
                call("call_1", "Oslo"),
                call("call_2", "Rome"),
                output("call_1", "4 degrees"),
                output("call_2", "20 degrees"),
            ])
        }
        Ask::Image => json!([user(json!([
            { "type": "input_text", "text": "What is it?" },
            { "type": "input_image", "image_url": format!("data:image/png;base64,{PIXEL}") },
        ]))]),
        Ask::Structured => {
            body["text"] = json!({ "format": { "type": "json_schema", "name": "place",
                "schema": schema(), "strict": true } });
            json!([said("Where?")])
        }
        Ask::Thinking => {
            body["reasoning"] = json!({ "effort": "high", "summary": "auto" });
            body["include"] = json!(["reasoning.encrypted_content"]);
            json!([said("Think.")])
        }
    };
    body
}

fn anthropic(ask: Ask) -> Value {
    let mut body = json!({
        "max_tokens": 5000, "metadata": { "user_id": "u" },
        "system": [{ "type": "text", "text": "Be short.", "cache_control": { "type": "ephemeral" } }],
    });
    let user = |content: Value| json!({ "role": "user", "content": content });
    body["messages"] = match ask {
        Ask::Plain => json!([user("Hi ä".into())]),
        Ask::Tools => {
            body["tools"] = json!([{ "name": "get_weather", "description": "Tells.",
                "input_schema": schema() }]);
            let call = |id: &str, city: &str| {
                json!({ "type": "tool_use", "id": id, "name": "get_weather",
                    "input": { "city": city } })
            };
            let result = |id: &str, text: &str| json!({ "type": "tool_result", "tool_use_id": id, "content": text });
            let look = json!({ "type": "text", "text": "I look." });
            json!([
                user("Weather?".into()),
                { "role": "assistant", "content": [look, call("call_1", "Oslo"), call("call_2", "Rome")] },
                user(json!([result("call_1", "4 degrees"), result("call_2", "20 degrees")])),
            ])
        }
        Ask::Image => json!([user(json!([
            { "type": "text", "text": "What is it?" },
            { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PIXEL } },
        ]))]),
        Ask::Structured => {
            body["output_config"] =
                json!({ "format": { "type": "json_schema", "schema": schema() } });
            json!([user("Where?".into())])
        }
        Ask::Thinking => {
            body["thinking"] = json!({ "type": "enabled", "budget_tokens": 4000 });
            json!([user("Think.".into())])
        }
    };
    body
}

fn gemini(ask: Ask) -> Value {
    let mut body = json!({
        "systemInstruction": { "parts": [{ "text": "Be short." }] },
        "generationConfig": { "maxOutputTokens": 5000 },
    });
    let user = |parts: Value| json!({ "role": "user", "parts": parts });
    body["contents"] = match ask {
        Ask::Plain => json!([user(json!([{ "text": "Hi ä" }]))]),
        Ask::Tools => {
            body["tools"] = json!([{ "functionDeclarations": [{ "name": "get_weather",
                "description": "Tells.", "parametersJsonSchema": schema() }] }]);
            let call = |city: &str| json!({ "functionCall": { "name": "get_weather", "args": { "city": city } } });
            let result = |text: &str| json!({ "functionResponse": { "name": "get_weather", "response": { "output": text } } });
            json!([
                user(json!([{ "text": "Weather?" }])),
                { "role": "model", "parts": [{ "text": "I look." }, call("Oslo"), call("Rome")] },
                user(json!([result("4 degrees"), result("20 degrees")])),
            ])
        }
        Ask::Image => json!([user(json!([
            { "text": "What is it?" },
            { "inlineData": { "mimeType": "image/png", "data": PIXEL } },
        ]))]),
        Ask::Structured => {
            body["generationConfig"]["responseMimeType"] = "application/json".into();
            body["generationConfig"]["responseJsonSchema"] = schema();
            json!([user(json!([{ "text": "Where?" }]))])
        }
        Ask::Thinking => {
            body["generationConfig"]["thinkingConfig"] =
                json!({ "thinkingBudget": 4000, "includeThoughts": true });
            json!([user(json!([{ "text": "Think." }]))])
        }
    };
    body
}

/// What the provider must have been told, somewhere in its body, in whatever words.
pub(in crate::gateway) fn must_contain(ask: Ask) -> &'static [&'static str] {
    match ask {
        Ask::Plain => &["Be short.", "Hi ä"],
        Ask::Tools => &["Be short.", "I look.", "Oslo", "Rome", "4 degrees", "20 degrees", "Wo? ä"],
        Ask::Image => &["What is it?", PIXEL],
        Ask::Structured => &["Where?", "Wo? ä"],
        Ask::Thinking => &["Think."],
    }
}

/// Whether the provider was told that the model is to think.
pub(super) fn thinks(format: Format, body: &Value) -> bool {
    match format {
        Format::OpenAi => body["reasoning_effort"].is_string(),
        Format::OpenAiResponses => body["reasoning"]["effort"].is_string(),
        Format::Anthropic => {
            body["thinking"]["type"].is_string() || body["output_config"]["effort"].is_string()
        }
        Format::Gemini => body["generationConfig"]["thinkingConfig"].is_object(),
    }
}
