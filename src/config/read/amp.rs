//! `ampRouting`.

use indexmap::IndexMap;

use super::{
    super::{
        AmpRouting,
        fields::{Fields, Found, members, wrong},
        problem::Problem,
    },
    provider,
};

/// Reads the section. Modes, agents and applications match without regard to case, so their keys
/// are lower-cased; models keep theirs.
pub(super) fn read(mut fields: Fields<'_, '_>) -> AmpRouting {
    let mut map = |spellings: &[&'static str], lower_case| {
        let members = fields.members(spellings);
        references(members, lower_case, fields.problems)
    };
    let mode_map = map(&["modeMap", "mode-map", "modes"], true);
    let agent_map = map(&["agentMap", "agent-map", "agents"], true);
    let application_map = map(&["applicationMap", "application-map", "applications"], true);
    let models = &["modelMap", "model-map", "modelMappings", "model-mappings"];
    let model_map = map(models, false);
    let mut agent_mode_map = IndexMap::new();
    for (agent, found) in fields.members(&["agentModeMap", "agent-mode-map", "agentModes"]) {
        if found.value.is_null() {
            continue;
        }
        let modes = members(&found, fields.problems);
        let modes = references(modes, true, fields.problems);
        let agent = agent.trim().to_lowercase();
        insert(&mut agent_mode_map, agent, modes, &found.pointer, fields.problems);
    }
    let amp = AmpRouting {
        enabled: fields.boolean(&["enabled"]).unwrap_or(true),
        fallback_route: fields.text(&["fallbackRoute", "fallback-route"]),
        mode_map,
        agent_map,
        agent_mode_map,
        application_map,
        model_map,
        upstream_url: provider::read_url(&mut fields, &["upstreamUrl", "upstream-url"]),
        upstream_api_key: fields.secret(&["upstreamApiKey", "upstream-api-key"]),
        metadata: fields.any(&["metadata"]),
    };
    fields.finish();
    amp
}

/// A map of references: each a string, or an object with `ref`; `null` is absent.
fn references(
    members: Vec<(&str, Found<'_>)>,
    lower_case: bool,
    problems: &mut Vec<Problem>,
) -> IndexMap<String, String> {
    let mut map = IndexMap::new();
    for (key, found) in members {
        let key = if lower_case { key.trim().to_lowercase() } else { key.trim().to_owned() };
        let reference = match found.value.as_str().or_else(|| found.value.get("ref")?.as_str()) {
            Some(reference) => reference.trim().to_owned(),
            None if found.value.is_null() => continue,
            None => {
                problems.push(wrong(&found.pointer, "an alias or `provider/model`", found.value));
                continue;
            }
        };
        insert(&mut map, key, reference, &found.pointer, problems);
    }
    map
}

/// Adds to a map whose keys have been made alike. Of two keys that are the same then, the first
/// counts.
fn insert<T>(
    map: &mut IndexMap<String, T>,
    key: String,
    value: T,
    pointer: &str,
    problems: &mut Vec<Problem>,
) {
    if map.contains_key(&key) {
        let message = format!("means the same as `{key}` above, which is used");
        problems.push(Problem::warning(pointer, message));
    } else {
        map.insert(key, value);
    }
}
