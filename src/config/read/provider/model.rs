//! `providers[].models`.

use super::super::super::{
    Capabilities, Model,
    fields::{Fields, Found},
    problem::{Problem, join},
};

/// Reads the list: ids, or objects with one.
pub(super) fn read_all(fields: &mut Fields<'_, '_>) -> Vec<Model> {
    let found = fields.list(&["models"], true);
    found.iter().filter_map(|found| read(found, fields.problems)).collect()
}

fn read(found: &Found<'_>, problems: &mut Vec<Problem>) -> Option<Model> {
    if let Some(id) = found.value.as_str() {
        return Some(Model::named(id.trim()));
    }
    let mut fields = Fields::open(found, problems)?;
    let id = fields.text(&["id", "name", "model"]);
    if id.is_none() {
        let problem = Problem::error(join(&found.pointer, "id"), "is missing");
        fields.problems.push(problem.hint("the model's name at the provider"));
    }
    let spellings =
        &["fallbackModels", "fallback-models", "silentFallbacks", "silent-fallbacks", "fallbacks"];
    let model = Model {
        id: id.unwrap_or_default(),
        aliases: fields.texts(&["aliases", "alias"], true),
        formats: fields.formats(&["formats", "format"]),
        enabled: fields.boolean(&["enabled"]).unwrap_or(true),
        context_window: fields.whole(&["contextWindow", "context-window"], 1..=u64::MAX),
        max_output_tokens: fields.whole(&["maxOutputTokens", "max-output-tokens"], 1..=u64::MAX),
        quirks: fields.quirks(&["quirks"]),
        cost: fields.any(&["cost"]),
        capabilities: read_capabilities(&mut fields),
        fallback_models: fields.texts(spellings, true),
        metadata: fields.any(&["metadata"]),
    };
    fields.unsupported(&["variant"]);
    fields.finish();
    (!model.id.is_empty()).then_some(model)
}

/// `capabilities`, with the names that the original gave to the same.
fn read_capabilities(fields: &mut Fields<'_, '_>) -> Capabilities {
    let Some(found) = fields.find(&["capabilities"]) else { return Capabilities::default() };
    let Some(mut own) = Fields::open(&found, fields.problems) else {
        return Capabilities::default();
    };
    let reasoning = own.boolean(&["supportsReasoning"]);
    let capabilities = Capabilities {
        tools: own.boolean(&["tools", "supportsTools"]),
        images: own.boolean(&["images", "vision", "supportsImages", "supportsVision"]),
        // Two switches for one ability, by the format of the provider.
        thinking: own.boolean(&["thinking", "supportsThinking"]).or(reasoning),
        structured_output: own.boolean(&["structuredOutput", "supportsResponseFormat"]),
    };
    own.unsupported(&[
        "supportsLogprobs",
        "supportsServiceTier",
        "supportsPrediction",
        "supportsStreamOptions",
    ]);
    own.finish();
    capabilities
}
