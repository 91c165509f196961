//! Every target of `ampRouting` must stand for something.

use super::Names;
use crate::config::{
    Config,
    problem::{Problem, join},
};

pub(super) fn check(config: &Config, names: &Names<'_>, problems: &mut Vec<Problem>) {
    let Some(amp) = &config.amp_routing else { return };
    let root = "/ampRouting";
    if let Some(reference) = &amp.fallback_route {
        check_one(join(root, "fallbackRoute"), reference, names, problems);
    }
    for (map, entries) in [
        ("modeMap", &amp.mode_map),
        ("agentMap", &amp.agent_map),
        ("applicationMap", &amp.application_map),
        ("modelMap", &amp.model_map),
    ] {
        for (key, reference) in entries {
            check_one(join(&join(root, map), key), reference, names, problems);
        }
    }
    for (agent, modes) in &amp.agent_mode_map {
        let pointer = join(&join(root, "agentModeMap"), agent);
        for (mode, reference) in modes {
            check_one(join(&pointer, mode), reference, names, problems);
        }
    }
}

/// `smart` stands for the default model, here as for clients.
fn check_one(pointer: String, reference: &str, names: &Names<'_>, problems: &mut Vec<Problem>) {
    if reference != "smart" {
        names.check(pointer, reference, problems);
    }
}
