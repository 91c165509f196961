//! What the vendors refuse, as far as a gateway can get it wrong: unknown members, the order of
//! blocks, results without calls and calls without results, ids, names, empty texts, foreign seals.

use std::collections::BTreeSet;

use llm_router::protocol::Format;
use serde_json::Value;

type Checked = Result<(), String>;

/// Refuses what the vendor of `format` would.
pub(super) fn check(format: Format, body: &Value, streams: bool) -> Checked {
    match format {
        Format::OpenAi => chat(body),
        Format::OpenAiResponses => responses(body),
        Format::Anthropic => anthropic(body),
        Format::Gemini => gemini(body, streams),
    }
}

fn known(place: &str, value: &Value, keys: &str) -> Checked {
    let known: BTreeSet<&str> = keys.split_whitespace().collect();
    let object = value.as_object().ok_or_else(|| format!("{place} is not an object: {value}"))?;
    match object.keys().find(|key| !known.contains(key.as_str())) {
        Some(key) => Err(format!("{place}.{key}: Extra inputs are not permitted")),
        None => Ok(()),
    }
}

fn must(holds: bool, why: impl Fn() -> String) -> Checked {
    if holds { Ok(()) } else { Err(why()) }
}

fn list<'v>(value: &'v Value, place: &str) -> Result<&'v Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{place} must be a list, not {value}"))
}

fn text<'v>(value: &'v Value, place: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("{place} must be a string, not {value}"))
}

fn name(value: &Value, place: &str) -> Checked {
    let name = text(value, place)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    must((1..=64).contains(&name.len()) && name.chars().all(plain), || format!("{place}: {name}"))
}

fn anthropic(body: &Value) -> Checked {
    known(
        "body",
        body,
        "model max_tokens messages system tools tool_choice stream temperature top_p top_k \
         stop_sequences thinking output_config metadata service_tier cache_control",
    )?;
    let limit = body["max_tokens"].as_u64().ok_or("max_tokens: Field required")?;
    let thinking = &body["thinking"];
    if thinking["type"] == "enabled" {
        let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
        must((1024..limit).contains(&budget), || format!("budget {budget} of {limit}"))?;
        must(body["temperature"].is_null() || body["temperature"] == 1, || "temperature".into())?;
        let choice = &body["tool_choice"]["type"];
        must(choice != "any" && choice != "tool", || "thinking with a forced choice".into())?;
    }
    must(body["temperature"].as_f64().unwrap_or(1.0) <= 1.0, || "temperature > 1".into())?;
    for tool in body["tools"].as_array().into_iter().flatten() {
        known("tool", tool, "name description input_schema cache_control strict type")?;
        name(&tool["name"], "tool.name")?;
        must(tool["input_schema"]["type"] == "object", || format!("input_schema: {tool}"))?;
    }
    let messages = list(&body["messages"], "messages")?;
    must(messages.first().is_some_and(|m| m["role"] == "user"), || "first role".into())?;
    let mut open: Vec<&str> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let place = format!("messages.{place}");
        known(&place, message, "role content")?;
        let role = text(&message["role"], "role")?;
        must(["user", "assistant", "system"].contains(&role), || format!("{place}.role {role}"))?;
        let mut rest = std::mem::take(&mut open);
        let mut other = false;
        for block in blocks(&message["content"]) {
            match text(&block["type"], "type")? {
                "tool_result" => {
                    let id = text(&block["tool_use_id"], "tool_use_id")?;
                    let at = rest.iter().position(|open| *open == id);
                    must(at.is_some() && !other, || format!("{place}: result {id} out of place"))?;
                    rest.remove(at.unwrap_or_default());
                    known("tool_result", block, "type tool_use_id content is_error cache_control")?;
                }
                kind => {
                    other = true;
                    anthropic_block(&place, kind, role, block)?;
                    if kind == "tool_use" {
                        open.push(text(&block["id"], "id")?);
                    }
                }
            }
        }
        must(rest.is_empty(), || format!("{place}: no result for {rest:?}"))?;
    }
    must(open.is_empty(), || format!("no result for {open:?}"))
}

fn blocks(content: &Value) -> impl Iterator<Item = &Value> {
    content.as_array().into_iter().flatten()
}

fn anthropic_block(place: &str, kind: &str, role: &str, block: &Value) -> Checked {
    match kind {
        "text" => {
            known(place, block, "type text cache_control citations")?;
            let empty = block["text"].as_str().is_none_or(str::is_empty);
            must(!empty, || format!("{place}: text content blocks must be non-empty"))
        }
        "image" => {
            known(place, block, "type source cache_control")?;
            let source = &block["source"];
            match text(&source["type"], "source.type")? {
                "base64" => known("source", source, "type media_type data"),
                "url" => known("source", source, "type url"),
                other => Err(format!("source {other}")),
            }
        }
        "tool_use" => {
            known(place, block, "type id name input cache_control")?;
            name(&block["name"], "tool_use.name")?;
            let id = text(&block["id"], "tool_use.id")?;
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
            must(id.chars().all(plain), || format!("tool_use.id {id}"))?;
            must(block["input"].is_object() && role == "assistant", || format!("{block}"))
        }
        "thinking" => {
            known(place, block, "type thinking signature")?;
            let genuine = block["signature"] == "anthropic-seal";
            must(genuine, || format!("{place}: Invalid `signature` in `thinking` block"))
        }
        other => Err(format!("{place}: block {other}")),
    }
}

fn chat(body: &Value) -> Checked {
    known(
        "body",
        body,
        "model messages tools tool_choice stream stream_options temperature top_p max_tokens \
         max_completion_tokens stop response_format reasoning_effort parallel_tool_calls user \
         safety_identifier prompt_cache_key verbosity metadata service_tier seed store n",
    )?;
    let both = body["max_tokens"].is_u64() && body["max_completion_tokens"].is_u64();
    must(!both, || "max_tokens and max_completion_tokens cannot both be specified".into())?;
    let options = body["stream_options"].is_null() || body["stream"] == true;
    must(options, || "stream_options without stream".into())?;
    for tool in body["tools"].as_array().into_iter().flatten() {
        known("tool", tool, "type function")?;
        known("function", &tool["function"], "name description parameters strict")?;
        name(&tool["function"]["name"], "function.name")?;
    }
    let mut open: Vec<&str> = Vec::new();
    for (place, message) in list(&body["messages"], "messages")?.iter().enumerate() {
        let role = text(&message["role"], "role")?;
        let place = format!("messages[{place}]");
        if role == "tool" {
            known(&place, message, "role tool_call_id content")?;
            let id = text(&message["tool_call_id"], "tool_call_id")?;
            let at = open.iter().position(|open| *open == id);
            open.remove(at.ok_or_else(|| format!("{place}: result {id} without a call"))?);
            continue;
        }
        must(open.is_empty(), || format!("{place}: no result for {open:?}"))?;
        match role {
            "assistant" => {
                known(&place, message, "role content tool_calls refusal")?;
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    known("call", call, "id type function")?;
                    let arguments = text(&call["function"]["arguments"], "arguments")?;
                    let object = serde_json::from_str::<Value>(arguments).is_ok();
                    must(object, || format!("{place}: arguments {arguments}"))?;
                    name(&call["function"]["name"], "call.name")?;
                    open.push(text(&call["id"], "call.id")?);
                }
                must(!message["content"].is_null() || !open.is_empty(), || format!("{message}"))?;
            }
            "system" | "developer" | "user" => known(&place, message, "role content name")?,
            other => return Err(format!("{place}: role {other}")),
        }
        for part in blocks(&message["content"]) {
            match text(&part["type"], "type")? {
                "text" => known(&place, part, "type text")?,
                "image_url" if role == "user" => known("image", &part["image_url"], "url detail")?,
                other => return Err(format!("{place}: part {other}")),
            }
        }
    }
    must(open.is_empty(), || format!("no result for {open:?}"))
}

fn responses(body: &Value) -> Checked {
    known(
        "body",
        body,
        "model input instructions tools tool_choice stream temperature top_p max_output_tokens \
         text reasoning parallel_tool_calls user safety_identifier prompt_cache_key store include \
         metadata service_tier truncation prompt_cache_retention",
    )?;
    let limit = body["max_output_tokens"].as_u64().unwrap_or(16);
    must(limit >= 16, || format!("max_output_tokens: {limit} is below 16"))?;
    for tool in body["tools"].as_array().into_iter().flatten() {
        known("tool", tool, "type name description parameters strict")?;
        name(&tool["name"], "tool.name")?;
    }
    if body["input"].is_string() {
        return Ok(());
    }
    let mut calls: BTreeSet<&str> = BTreeSet::new();
    for item in list(&body["input"], "input")? {
        match item["type"].as_str().unwrap_or("message") {
            "message" => responses_message(item)?,
            "function_call" => {
                known("call", item, "type id call_id name arguments status")?;
                text(&item["arguments"], "arguments")?;
                calls.insert(text(&item["call_id"], "call_id")?);
            }
            "function_call_output" => {
                known("output", item, "type id call_id output status")?;
                let id = text(&item["call_id"], "call_id")?;
                must(calls.remove(id), || format!("No tool call found for {id}"))?;
            }
            "reasoning" => {
                known("reasoning", item, "type id summary content encrypted_content status")?;
                let genuine = item["encrypted_content"] == "responses-seal";
                must(genuine, || "The encrypted content could not be verified".into())?;
            }
            other => return Err(format!("item {other}")),
        }
    }
    must(calls.is_empty(), || format!("No tool output found for {calls:?}"))
}

fn responses_message(item: &Value) -> Checked {
    known("message", item, "type role content id status phase")?;
    let role = text(&item["role"], "role")?;
    for part in blocks(&item["content"]) {
        let fits = match text(&part["type"], "type")? {
            "output_text" | "refusal" => role == "assistant",
            "input_text" => role != "assistant",
            "input_image" => role == "user",
            _ => false,
        };
        must(fits, || format!("{role} cannot hold {part}"))?;
    }
    Ok(())
}

fn gemini(body: &Value, streams: bool) -> Checked {
    known(
        "body",
        body,
        "contents systemInstruction tools toolConfig generationConfig safetySettings labels",
    )?;
    let _ = streams;
    known_config(&body["generationConfig"])?;
    for tool in body["tools"].as_array().into_iter().flatten() {
        known("tool", tool, "functionDeclarations")?;
        for function in list(&tool["functionDeclarations"], "functionDeclarations")? {
            known("function", function, "name description parameters parametersJsonSchema")?;
            name(&function["name"], "function.name")?;
            schema(&function["parameters"])?;
        }
    }
    let contents = list(&body["contents"], "contents")?;
    must(contents.first().is_some_and(|c| c["role"] == "user"), || "first role".into())?;
    let mut open: Vec<&str> = Vec::new();
    for content in contents {
        known("content", content, "role parts")?;
        let role = text(&content["role"], "role")?;
        must(["user", "model"].contains(&role), || format!("role {role}"))?;
        let mut rest = std::mem::take(&mut open);
        let parts = list(&content["parts"], "parts")?;
        must(!parts.is_empty(), || "parts must not be empty".into())?;
        for part in parts {
            gemini_part(part)?;
            if let Some(call) = part.get("functionCall") {
                open.push(text(&call["name"], "functionCall.name")?);
            }
            if let Some(response) = part.get("functionResponse") {
                let name = text(&response["name"], "functionResponse.name")?;
                let at = rest.iter().position(|open| *open == name);
                rest.remove(at.ok_or_else(|| format!("a response without a call: {name}"))?);
            }
        }
        must(rest.is_empty(), || {
            format!("the number of function response parts differs from the calls: {rest:?}")
        })?;
    }
    must(open.is_empty(), || format!("no response for {open:?}"))
}

fn known_config(config: &Value) -> Checked {
    if config.is_null() {
        return Ok(());
    }
    known(
        "generationConfig",
        config,
        "temperature topP topK maxOutputTokens stopSequences responseMimeType responseSchema \
         responseJsonSchema thinkingConfig seed candidateCount presencePenalty frequencyPenalty",
    )
}

fn gemini_part(part: &Value) -> Checked {
    known(
        "part",
        part,
        "text thought thoughtSignature functionCall functionResponse inlineData fileData",
    )?;
    let data = ["text", "functionCall", "functionResponse", "inlineData", "fileData"];
    let data = data.into_iter().filter(|key| part.get(key).is_some()).count();
    must(data == 1, || format!("a part holds one thing: {part}"))?;
    if let Some(signature) = part.get("thoughtSignature") {
        // The second one is what Google documents for histories of other models.
        let genuine = signature == "Z2VtaW5pLXNlYWw="
            || signature == "skip_thought_signature_validator"
            || signature == "context_engineering_is_the_way_to_go";
        must(genuine, || format!("Corrupted thought signature: {signature}"))?;
    }
    if let Some(response) = part.get("functionResponse") {
        must(response["response"].is_object(), || format!("{response}"))?;
    }
    Ok(())
}

/// Gemini's own language for schemas knows only some of JSON Schema.
fn schema(value: &Value) -> Checked {
    let Some(object) = value.as_object() else { return Ok(()) };
    for key in ["$schema", "additionalProperties", "const", "$ref", "oneOf", "allOf"] {
        must(!object.contains_key(key), || format!("Unknown name \"{key}\""))?;
    }
    object
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .try_for_each(|(_, inner)| schema(inner))?;
    object.get("items").map_or(Ok(()), schema)
}
