//! `ampRouting` → [`AmpTable`]. Every target of its maps must stand for something.

use std::sync::Arc;

use indexmap::IndexMap;
use url::Url;

use super::Names;
use crate::{
    config::{
        AmpRouting, Config,
        problem::{Problem, join},
        secret::SecretFinder,
    },
    routing::{
        amp::{AmpTable, AmpUpstream, ModelMap, References},
        settings::Limits,
    },
};

const ROOT: &str = "/ampRouting";

pub(super) fn compile(
    config: &Config,
    names: &Names<'_>,
    find: &SecretFinder<'_>,
    problems: &mut Vec<Problem>,
) -> AmpTable {
    let Some(amp) = &config.amp_routing else { return AmpTable::default() };
    let upstream = upstream(config, amp, find, problems);
    let mut reader = Reader { names, problems };
    let fallback = amp.fallback_route.as_deref();
    let fallback = fallback.map(|name| reader.reference(join(ROOT, "fallbackRoute"), name));
    let agent_modes = amp.agent_mode_map.iter().map(|(agent, modes)| {
        let pointer = join(&join(ROOT, "agentModeMap"), agent);
        (agent.to_lowercase().into(), reader.map(&pointer, modes))
    });
    AmpTable {
        configured: true,
        enabled: amp.enabled,
        agent_modes: agent_modes.collect(),
        modes: reader.map(&join(ROOT, "modeMap"), &amp.mode_map),
        agents: reader.map(&join(ROOT, "agentMap"), &amp.agent_map),
        applications: reader.map(&join(ROOT, "applicationMap"), &amp.application_map),
        models: reader.models(&join(ROOT, "modelMap"), &amp.model_map),
        fallback,
        upstream,
    }
}

struct Reader<'a> {
    names: &'a Names<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// `smart` stands for the default model, here as for clients.
    fn reference(&mut self, pointer: String, reference: &str) -> Arc<str> {
        if reference != "smart" {
            self.names.check(pointer, reference, self.problems);
        }
        reference.into()
    }

    fn map(&mut self, pointer: &str, map: &IndexMap<String, String>) -> References {
        map.iter()
            .map(|(key, name)| {
                (key.to_lowercase().into(), self.reference(join(pointer, key), name))
            })
            .collect()
    }

    fn models(&mut self, pointer: &str, map: &IndexMap<String, String>) -> ModelMap {
        let entries = map
            .iter()
            .map(|(model, name)| (model.as_str(), self.reference(join(pointer, model), name)));
        ModelMap::new(entries)
    }
}

/// Amp's own server. Its key is looked for now; if it is not to be had, requests say so.
fn upstream(
    config: &Config,
    amp: &AmpRouting,
    find: &SecretFinder<'_>,
    problems: &mut Vec<Problem>,
) -> Option<AmpUpstream> {
    let key = join(ROOT, "upstreamApiKey");
    let Some(text) = amp.upstream_url.as_deref() else {
        if amp.upstream_api_key.is_some() {
            problems.push(Problem::warning(key, "has no effect without `upstreamUrl`"));
        }
        return None;
    };
    // What is wrong with the URL itself was said when it was read.
    let mut base = Url::parse(text).ok()?;
    base.set_query(None);
    if base.scheme() == "http" && amp.upstream_api_key.is_some() && !is_loopback(&base) {
        let message = "would send the token without encryption";
        problems.push(Problem::warning(join(ROOT, "upstreamUrl"), message).hint("use https://"));
    }
    if amp.upstream_api_key.is_none() {
        problems.push(
            Problem::warning(key, "is missing, so Amp's server is asked without a token")
                .hint("what clients present is this gateway's key and never passed on"),
        );
    }
    let limits = Limits::default();
    let limits = limits.with(config.server.as_ref().and_then(|server| server.timeouts.as_ref()));
    let key = amp.upstream_api_key.as_ref().map(|source| {
        find(source).map_err(|reason| {
            format!("`ampRouting.upstreamApiKey` is not to be had: {reason}").into()
        })
    });
    Some(AmpUpstream { base, key, limits })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
