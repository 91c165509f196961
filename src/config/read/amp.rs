//! `ampRouting`.

use indexmap::IndexMap;

use super::super::{
    AmpRouting,
    fields::{Fields, members, references},
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
        let modes = members(&found, fields.problems);
        let modes = references(modes, true, fields.problems);
        agent_mode_map.insert(agent.trim().to_lowercase(), modes);
    }
    let amp = AmpRouting {
        enabled: fields.boolean(&["enabled"]).unwrap_or(true),
        fallback_route: fields.text(&["fallbackRoute", "fallback-route"]),
        mode_map,
        agent_map,
        agent_mode_map,
        application_map,
        model_map,
        metadata: fields.any(&["metadata"]),
    };
    fields.finish();
    amp
}
