//! Providers and their models → targets, and the names that these go by.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use indexmap::IndexMap;
use url::Url;

use super::at;
use crate::{
    config::{
        Config, Model, OnLoss, Provider,
        presets::{self, Preset},
        problem::{Problem, join},
        secret::SecretFinder,
    },
    names::{ModelRef, ProviderId, did_you_mean},
    protocol::{
        Format, Operation,
        quirk::{Quirk, Quirks},
    },
    routing::{
        endpoint::{self, Endpoint},
        router::{Lanes, Target, TargetId, TargetKind},
        settings::Limits,
    },
};

/// All targets, and every name that leads to one.
#[derive(Default)]
pub(super) struct Providers {
    pub(super) targets: Vec<Target>,
    /// What holds for providers that say nothing of their own.
    limits: Limits,
    /// `provider/model` and `provider/model-alias`.
    pub(super) by_name: IndexMap<Arc<str>, TargetId>,
    /// Model ids without their provider.
    pub(super) bare: IndexMap<Arc<str>, Vec<TargetId>>,
    /// Models' own aliases without their provider.
    pub(super) bare_aliases: IndexMap<Arc<str>, Vec<TargetId>>,
    /// `provider/model` of what is switched off, with the reason.
    pub(super) unreachable: HashMap<String, String>,
    /// Providers that are switched off or not supported, with the reason.
    pub(super) unreachable_providers: HashMap<String, String>,
}

/// Kinds of providers of later releases of the original, which need another vendor's login or a
/// process of its own.
const UNSUPPORTED_KINDS: [&str; 2] = ["subscription", "local-runtime"];

impl Providers {
    pub(super) fn compile(
        config: &Config,
        find: &SecretFinder<'_>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let general = config.server.as_ref().and_then(|server| server.timeouts.as_ref());
        let limits = Limits::default().with(general);
        let mut providers = Self { limits, ..Self::default() };
        check_ids(config, problems);
        for (index, provider) in config.providers.iter().enumerate() {
            let pointer = at("/providers", index);
            if !provider.enabled {
                let why = format!("provider `{}` is switched off", provider.id);
                providers.unreachable_providers.insert(provider.id.clone(), why);
            } else if provider.kind.as_deref().is_some_and(|k| UNSUPPORTED_KINDS.contains(&k)) {
                let why = format!("provider `{}` is of a kind that is not supported", provider.id);
                providers.unreachable_providers.insert(provider.id.clone(), why);
            } else {
                providers.add(provider, &pointer, find, problems);
            }
        }
        if config.providers.is_empty() {
            providers.add_demo("demo", &[]);
        }
        providers.link_fallbacks(config, problems);
        if providers.targets.len() > usize::from(u16::MAX) {
            problems.push(Problem::error("/providers", "more than 65535 models are too many"));
        }
        providers
    }

    fn add(
        &mut self,
        provider: &Provider,
        pointer: &str,
        find: &SecretFinder<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let Ok(id) = provider.id.parse::<ProviderId>() else { return };
        if provider.kind.as_deref() == Some("demo") {
            self.add_demo(id.as_str(), &provider.models);
            return;
        }
        let Some(base) = Base::compile(provider, pointer, self.limits, find, problems) else {
            return;
        };
        if provider.models.is_empty() {
            problems.push(
                Problem::warning(
                    join(pointer, "models"),
                    "without models nothing can be routed here",
                )
                .hint("list the ids of the provider's models"),
            );
        }
        let shared = base.urls("");
        for (index, model) in provider.models.iter().enumerate() {
            let pointer = at(&join(pointer, "models"), index);
            if !model.enabled {
                let why = format!("model `{}` is switched off", model.id);
                self.unreachable.insert(format!("{id}/{}", model.id), why);
                continue;
            }
            if model.id.is_empty() || model.id.contains(char::is_whitespace) {
                let message = format!("`{}` is not a model id: no spaces, not empty", model.id);
                problems.push(Problem::error(join(&pointer, "id"), message));
                continue;
            }
            let lanes = base.lanes(model, &shared);
            if lanes.formats().next().is_none() {
                let message = "its formats are none of its provider's";
                let spoken: Vec<_> = base.formats.iter().map(|format| format.name()).collect();
                problems.push(
                    Problem::warning(join(&pointer, "formats"), message)
                        .hint(format!("the provider speaks {}", spoken.join(", "))),
                );
            }
            let mut target = target(&id, model, TargetKind::Upstream(lanes), base.limits);
            let quirks = base.quirks.iter().chain(&model.quirks).copied();
            target.quirks = quirks.collect();
            target.on_loss = provider.on_loss.unwrap_or_default();
            if !self.push(target, &model.aliases) {
                let message = format!("`{}` is listed twice", model.id);
                problems.push(Problem::error(join(&pointer, "id"), message));
            }
        }
    }

    /// Adds the built-in demo provider under `id`; its models may be limited to `models`.
    fn add_demo(&mut self, id: &str, models: &[Model]) {
        let Ok(id) = id.parse::<ProviderId>() else { return };
        for name in ["echo", "agent"] {
            let listed = models.iter().find(|model| model.id == name);
            if models.is_empty() || listed.is_some_and(|model| model.enabled) {
                let model = listed.cloned().unwrap_or_else(|| Model::named(name));
                let target = target(&id, &model, TargetKind::Demo, Limits::default());
                self.push(target, &model.aliases);
            }
        }
    }

    /// Adds `target` under all its names; false if it is there already.
    fn push(&mut self, target: Target, aliases: &[String]) -> bool {
        let Ok(place) = u16::try_from(self.targets.len()) else { return true };
        let id = TargetId(place);
        if self.by_name.contains_key(&target.name) {
            return false;
        }
        self.by_name.insert(Arc::clone(&target.name), id);
        self.bare.entry(target.reference.model().into()).or_default().push(id);
        for alias in aliases {
            let name = format!("{}/{alias}", target.reference.provider());
            self.by_name.entry(name.into()).or_insert(id);
            self.bare_aliases.entry(alias.as_str().into()).or_default().push(id);
        }
        self.targets.push(target);
        true
    }

    /// Resolves the silent fallbacks, now that every model is known.
    fn link_fallbacks(&mut self, config: &Config, problems: &mut Vec<Problem>) {
        for (index, provider) in config.providers.iter().enumerate() {
            for (place, model) in provider.models.iter().enumerate() {
                let pointer = at(&join(&at("/providers", index), "models"), place);
                let pointer = join(&pointer, "fallbackModels");
                let own = self.by_name.get(format!("{}/{}", provider.id, model.id).as_str());
                let own = own.copied();
                let mut fallbacks = Vec::new();
                for (position, reference) in model.fallback_models.iter().enumerate() {
                    match self.fallback(reference) {
                        Ok(Some(target)) if Some(target) != own => fallbacks.push(target),
                        Ok(_) => {}
                        Err(hint) => problems.push(
                            Problem::error(
                                at(&pointer, position),
                                format!("there is no model `{reference}`"),
                            )
                            .hint(hint),
                        ),
                    }
                }
                if let Some(own) = own {
                    self.targets[usize::from(own.0)].fallbacks = fallbacks;
                }
            }
        }
    }

    /// The target of a silent fallback; `None` if it is switched off.
    fn fallback(&self, reference: &str) -> Result<Option<TargetId>, String> {
        if let Some(&target) = self.by_name.get(reference) {
            return Ok(Some(target));
        }
        let provider = reference.split_once('/').map_or(reference, |(provider, _)| provider);
        if self.unreachable.contains_key(reference)
            || self.unreachable_providers.contains_key(provider)
        {
            return Ok(None);
        }
        let hint = did_you_mean(reference, self.by_name.keys().map(|name| &**name));
        Err(hint.trim_start_matches("; ").to_owned())
    }
}

/// Ids must be names, and must not be shared or differ only in case.
fn check_ids(config: &Config, problems: &mut Vec<Problem>) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (index, provider) in config.providers.iter().enumerate() {
        let pointer = join(&at("/providers", index), "id");
        if let Err(error) = provider.id.parse::<ProviderId>() {
            problems.push(Problem::error(pointer, error.to_string()));
            continue;
        }
        match seen.insert(provider.id.to_lowercase(), &provider.id) {
            Some(other) if other == provider.id => {
                problems
                    .push(Problem::error(pointer, format!("two providers are named `{other}`")));
            }
            Some(other) => problems.push(Problem::error(
                pointer,
                format!("`{}` differs from `{other}` only in case", provider.id),
            )),
            None => {}
        }
    }
}

fn target(provider: &ProviderId, model: &Model, kind: TargetKind, limits: Limits) -> Target {
    let reference = ModelRef::new(provider, &model.id);
    let json = serde_json::Value::from(model.id.as_str()).to_string();
    Target {
        name: reference.as_str().into(),
        provider: provider.as_str().into(),
        buckets: Box::default(),
        reference,
        model_json: Bytes::from(json),
        kind,
        limits,
        context_window: model.context_window,
        max_output: model.max_output_tokens.or_else(|| presets::max_output_tokens(&model.id)),
        quirks: Quirks::default(),
        on_loss: OnLoss::default(),
        capabilities: model.capabilities,
        fallbacks: Vec::new(),
    }
}

/// What the models of one provider share.
struct Base {
    formats: Vec<Format>,
    /// Formats that the config did not name, but that the vendor is known to speak.
    implied: Vec<Format>,
    urls: [Option<Url>; 4],
    endpoints: [Option<Arc<Endpoint>>; 4],
    /// By [`Format::index`].
    genuine: [bool; 4],
    quirks: Vec<Quirk>,
    limits: Limits,
}

impl Base {
    fn compile(
        provider: &Provider,
        pointer: &str,
        limits: Limits,
        find: &SecretFinder<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let named = provider.vendor.as_deref().and_then(presets::named);
        let preset = named.or_else(|| any_url(provider).and_then(presets::preset_for));
        let (formats, implied) = formats(provider, preset);
        let mut base = Self {
            urls: Default::default(),
            endpoints: Default::default(),
            genuine: Format::ALL
                .map(|format| preset.is_some_and(|preset| preset.genuine.contains(&format))),
            quirks: preset
                .iter()
                .flat_map(|preset| &preset.quirks)
                .chain(&provider.quirks)
                .copied()
                .collect(),
            limits: limits.with(provider.timeouts.as_ref()),
            formats,
            implied,
        };
        for &format in &base.formats {
            let Some(text) = url_for(provider, format) else {
                problems.push(
                    Problem::error(join(pointer, "baseUrl"), format!("is missing (for {format})"))
                        .hint("the provider's URL, for example https://api.example.com/v1"),
                );
                return None;
            };
            // What is wrong with a URL itself was said when it was read.
            base.urls[format.index()] = Some(Url::parse(text).ok()?);
            let endpoint = Endpoint::compile(provider, format, find);
            base.endpoints[format.index()] = Some(Arc::new(endpoint));
        }
        Some(base)
    }

    /// The URL of every operation that the provider's formats have.
    fn urls(&self, model: &str) -> Arc<[Option<Url>]> {
        let url = |operation: Operation| {
            let base = self.urls[operation.format().index()].as_ref()?;
            Some(endpoint::join(base, operation, model))
        };
        Operation::ALL.into_iter().map(url).collect()
    }

    fn lanes(&self, model: &Model, shared: &Arc<[Option<Url>]>) -> Lanes {
        let endpoints = Format::ALL.map(|format| {
            let suits = model.formats.is_empty()
                || model.formats.contains(&format)
                || self.implied.contains(&format) && model.formats.contains(&Format::OpenAi);
            self.endpoints[format.index()].clone().filter(|_| suits)
        });
        let urls = if self.urls[Format::Gemini.index()].is_some() {
            self.urls(&model.id)
        } else {
            Arc::clone(shared)
        };
        Lanes { endpoints, urls, genuine: self.genuine }
    }
}

fn any_url(provider: &Provider) -> Option<&str> {
    Format::ALL.into_iter().find_map(|format| url_for(provider, format))
}

/// The base URL for `format`: its own, or that of the formats that commonly share one, or the
/// provider's.
fn url_for(provider: &Provider, format: Format) -> Option<&str> {
    let by_format = &provider.base_url_by_format;
    let shared = match format {
        Format::OpenAiResponses => by_format.openai.as_deref(),
        Format::OpenAi => by_format.openai_responses.as_deref(),
        Format::Anthropic | Format::Gemini => None,
    };
    by_format
        .get(format)
        .map(String::as_str)
        .or(shared)
        .or(provider.base_url.as_deref())
        .or((provider.kind.as_deref() == Some("ollama")).then_some("http://localhost:11434/v1"))
}

/// The formats that a provider speaks, and which of them are implied: the legacy `openai` means
/// Chat alone, unless the vendor is known to have Responses too.
fn formats(provider: &Provider, preset: Option<&Preset>) -> (Vec<Format>, Vec<Format>) {
    let mut formats: Vec<Format> = provider.format.into_iter().collect();
    let named = provider.formats.iter().copied();
    let with_url =
        Format::ALL.into_iter().filter(|format| provider.base_url_by_format.get(*format).is_some());
    for format in named.chain(with_url) {
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    let known = preset.map(|preset| preset.formats.as_slice()).unwrap_or_default();
    if formats.is_empty() {
        let formats = if known.is_empty() { vec![Format::OpenAi] } else { known.to_vec() };
        return (formats, Vec::new());
    }
    let responses = Format::OpenAiResponses;
    let implied = formats.contains(&Format::OpenAi)
        && known.contains(&responses)
        && !formats.contains(&responses);
    if implied {
        formats.push(responses);
        return (formats, vec![responses]);
    }
    (formats, Vec::new())
}
