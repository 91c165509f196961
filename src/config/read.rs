//! A raw document → a [`Config`], and everything that is wrong with its shape, all at once.
//!
//! Takes every spelling of the seed era; pointers name the spelling that was found. Reading never
//! changes the document: what is not understood is reported and kept.

mod alias;
mod amp;
mod provider;
mod server;

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    Config,
    fields::{Fields, Found},
    problem::Problem,
};

/// What a document says.
#[derive(Debug)]
pub struct Reading {
    pub config: Config,
    pub problems: Vec<Problem>,
}

/// The newest version of the layout.
const LATEST: u32 = 2;

/// Reads a document.
#[must_use]
pub fn read(document: &Value) -> Reading {
    let mut problems = Vec::new();
    let root = Found { value: document, pointer: String::new() };
    let config = Fields::open(&root, &mut problems).map(read_config).unwrap_or_default();
    Reading { config, problems }
}

fn read_config(mut fields: Fields<'_, '_>) -> Config {
    let version = fields.whole::<u32>(&["version"], 1..=u64::from(u32::MAX));
    if version.is_some_and(|version| version > LATEST) {
        let message = format!("is newer than {LATEST}, the newest that is known here");
        fields.problems.push(Problem::warning("/version", message));
    }
    let mut config = Config {
        version,
        master_key: fields.secret(&["masterKey", "master-key"]),
        default_model: fields.text(&["defaultModel", "default-model"]),
        providers: read_providers(&mut fields),
        model_aliases: read_aliases(&mut fields),
        amp_routing: None,
        server: None,
        metadata: fields.any(&["metadata"]),
    };
    if let Some(found) = fields.find(&["ampRouting", "amp-routing"]) {
        config.amp_routing = Fields::open(&found, fields.problems).map(amp::read);
    }
    if let Some(found) = fields.find(&["server"]) {
        config.server = Fields::open(&found, fields.problems).map(server::read);
    }
    for later in [
        &["amp", "ampcode", "amp-code"][..],
        &["webSearch", "web-search"],
        &["claudeCode", "claude-code"],
        &["ollama"],
    ] {
        fields.unsupported(later);
    }
    fields.finish();
    config.version = config.version.or(Some(inferred_version(&config)));
    config
}

/// A document that uses nothing of version 2 is of version 1.
fn inferred_version(config: &Config) -> u32 {
    let buckets = config.providers.iter().any(|provider| !provider.rate_limits.is_empty());
    if buckets || !config.model_aliases.is_empty() || config.amp_routing.is_some() { 2 } else { 1 }
}

fn read_providers(fields: &mut Fields<'_, '_>) -> Vec<super::Provider> {
    let found = fields.list(&["providers"], true);
    let mut providers = Vec::with_capacity(found.len());
    for (index, found) in found.into_iter().enumerate() {
        if let Some(fields) = Fields::open(&found, fields.problems) {
            providers.push(provider::read(fields, index));
        }
    }
    providers
}

fn read_aliases(fields: &mut Fields<'_, '_>) -> IndexMap<String, super::Alias> {
    let mut aliases = IndexMap::new();
    for (key, found) in fields.members(&["modelAliases", "model-aliases"]) {
        if found.value.is_null() {
            continue;
        }
        let id = key.trim();
        let Some(alias) =
            Fields::open(&found, fields.problems).map(|fields| alias::read(fields, id))
        else {
            continue;
        };
        if aliases.insert(id.to_owned(), alias).is_some() {
            fields
                .problems
                .push(Problem::error(found.pointer, format!("two aliases are named `{id}`")));
        }
    }
    aliases
}

#[cfg(test)]
mod tests;
