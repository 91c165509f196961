//! A config that holds: every reference resolves, every URL parses. Immutable; requests share it by
//! `Arc`, and a reload replaces it whole.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use thiserror::Error;
use url::Url;

use super::{
    amp::AmpTable,
    endpoint::Endpoint,
    plan::Plan,
    settings::{Limits, Settings},
    window::Span,
};
use crate::{
    config::{Capabilities, OnLoss, Strategy, Window},
    names::{ModelRef, did_you_mean},
    protocol::{
        Format, Operation,
        quirk::{Quirk, Quirks},
    },
    time::Timestamp,
};

/// An index into the targets of one [`Router`]. It never outlives a request: what lasts longer is
/// keyed by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TargetId(pub(super) u16);

/// An index into the buckets of one [`Router`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BucketId(pub(super) u16);

/// How many requests a provider may get in a time window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// `provider/bucket`, which its counter is kept under.
    pub name: Arc<str>,
    /// How many requests fit into a window.
    pub cap: u64,
    pub window: Window,
}

impl Bucket {
    /// The window at `now`.
    #[must_use]
    pub fn span(&self, now: Timestamp) -> Span {
        Span::of(self.window, now)
    }
}

/// One model of one provider, ready to be called.
#[derive(Debug)]
pub struct Target {
    /// `provider/model`, shared with the state that is kept under this name.
    pub name: Arc<str>,
    pub reference: ModelRef,
    /// The provider's id, shared with the state that is kept under it.
    pub provider: Arc<str>,
    /// The buckets that every request to it counts against.
    pub(super) buckets: Box<[BucketId]>,
    /// The model's name as a JSON string, quotes included: what replaces the client's in a body.
    pub model_json: Bytes,
    pub kind: TargetKind,
    /// Time limits of its provider.
    pub limits: Limits,
    /// How many tokens fit, if the config says so.
    pub context_window: Option<u64>,
    /// How many tokens it can say at once, if the config or its name tells.
    pub max_output: Option<u64>,
    /// How it differs from the vendor of the format that it is asked in.
    pub quirks: Quirks,
    /// What its provider's entry says about losses of translation.
    pub on_loss: OnLoss,
    /// What the config says that the model can and cannot do.
    pub capabilities: Capabilities,
    /// The targets that silently take over when this one fails.
    pub(super) fallbacks: Vec<TargetId>,
}

/// Where a target's answers come from.
#[derive(Debug)]
pub enum TargetKind {
    /// The built-in demo provider.
    Demo,
    /// A service behind a URL.
    Upstream(Lanes),
}

/// The ways to reach one model, by format and operation.
#[derive(Debug)]
pub struct Lanes {
    pub(super) endpoints: [Option<Arc<Endpoint>>; 4],
    /// By [`Operation::index`]; shared between the models of a provider but for Gemini's.
    pub(super) urls: Arc<[Option<Url>]>,
    /// The formats that are the provider's own, by [`Format::index`].
    pub(super) genuine: [bool; 4],
}

/// How a target is asked for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In the client's own format.
    Same,
    /// In this one.
    Translated(Format),
    /// Not at all: how many tokens a request has is estimated here.
    Estimated,
}

impl Lanes {
    /// Where and with which headers to ask for `operation`, if this model's provider speaks its
    /// format.
    #[must_use]
    pub fn lane(&self, operation: Operation) -> Option<(&Endpoint, &Url)> {
        let endpoint = self.endpoints[operation.format().index()].as_deref()?;
        let url = self.urls[operation.index()].as_ref()?;
        Some((endpoint, url))
    }

    /// How this model's provider is asked for `operation`: best in the client's own format, else in
    /// the one that can say most of it. Only turns of a conversation are translated, and questions
    /// for their size where the provider is the vendor, who has an answer.
    #[must_use]
    pub fn way(&self, operation: Operation) -> Option<Way> {
        if self.lane(operation).is_some() {
            return Some(Way::Same);
        }
        let chat = |format| self.lane(Operation::chat(format, false)).map(|_| format);
        let other = operation.format().nearest().into_iter().find_map(chat);
        if operation.is_chat() {
            return other.map(Way::Translated);
        }
        if !operation.counts_tokens() {
            return None;
        }
        let format = other.or_else(|| chat(operation.format()))?;
        let asked = Operation::token_count(format).filter(|_| self.is_genuine(format));
        let asked = asked.filter(|operation| self.lane(*operation).is_some());
        Some(if asked.is_some() { Way::Translated(format) } else { Way::Estimated })
    }

    /// Whether `format` is the provider's own.
    #[must_use]
    pub fn is_genuine(&self, format: Format) -> bool {
        self.genuine[format.index()]
    }

    /// Why no request can be sent, if a key is not to be had.
    #[must_use]
    pub fn missing_key(&self) -> Option<&str> {
        self.endpoints.iter().flatten().find_map(|endpoint| endpoint.missing_key.as_deref())
    }

    /// The formats that this model's provider speaks.
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        Format::ALL.into_iter().filter(|format| self.endpoints[format.index()].is_some())
    }
}

impl Target {
    /// Whether the config says of anything that the model cannot do it.
    #[must_use]
    pub fn lacks_something(&self) -> bool {
        let Capabilities { tools, images, thinking, structured_output } = self.capabilities;
        [tools, images, thinking, structured_output].contains(&Some(false))
    }

    /// Why no request can be sent to it, if its provider's key is not to be had.
    #[must_use]
    pub fn missing_key(&self) -> Option<&str> {
        match &self.kind {
            TargetKind::Demo => None,
            TargetKind::Upstream(lanes) => lanes.missing_key(),
        }
    }

    /// How this target is asked for `operation`, if it can be.
    #[must_use]
    pub fn way(&self, operation: Operation) -> Option<Way> {
        let way = match &self.kind {
            TargetKind::Demo => {
                (operation.is_chat() || operation.counts_tokens()).then_some(Way::Same)
            }
            TargetKind::Upstream(lanes) => lanes.way(operation),
        };
        let counts = operation.counts_tokens() && !self.quirks.has(Quirk::NoTokenCount);
        way.map(|way| if counts || !operation.counts_tokens() { way } else { Way::Estimated })
    }

    /// Whether this target can be asked for `operation`, translated or not.
    #[must_use]
    pub fn speaks(&self, operation: Operation) -> bool {
        self.way(operation).is_some()
    }
}

/// What a model name stands for.
#[derive(Debug)]
pub struct Route {
    pub kind: RouteKind,
    /// The alias id, or `provider/model`, or the bare model.
    pub name: Arc<str>,
    pub group: Arc<Group>,
    /// What an alias says about losses of translation; else it is up to the providers.
    pub on_loss: Option<OnLoss>,
    /// The group, laid out for deciding.
    pub plan: Plan,
}

/// How a name was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    Alias,
    /// `provider/model`
    Direct,
    /// A model id without its provider: every provider that has it.
    Bare,
}

impl RouteKind {
    /// A word for headers and traces.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Alias => "alias",
            Self::Direct => "direct",
            Self::Bare => "bare-model",
        }
    }
}

/// Targets that are balanced together.
#[derive(Debug)]
pub struct Group {
    /// The name that state of this group is kept under.
    pub name: Arc<str>,
    pub strategy: Strategy,
    pub targets: Vec<Member>,
    /// Tried only when no target is left.
    pub fallback_targets: Vec<Member>,
}

/// One of a group, with its share.
#[derive(Debug, Clone)]
pub struct Member {
    pub node: Node,
    /// 0 or more; 0 means only when nothing else is left.
    pub weight: f64,
}

/// A target, or a group that counts as one target of the outer group.
#[derive(Debug, Clone)]
pub enum Node {
    Target(TargetId),
    Group(Arc<Group>),
}

/// A name in the list of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What a client asks for.
    pub id: Arc<str>,
    /// What people read.
    pub display_name: String,
    /// `llm-router` for aliases, else the provider.
    pub owner: String,
    /// The smallest context window among its targets, if all of them are known.
    pub context_window: Option<u64>,
}

/// A name that stands for nothing, in words that help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnknownModel {
    #[error("the model `{name}` is not configured{hint} (GET /v1/models lists all)")]
    Unknown { name: String, hint: String },
    #[error(
        "the request names no model and the config has no `defaultModel`; name one of: {known} (GET /v1/models lists all)"
    )]
    NoDefault { known: String },
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Router {
    pub(super) targets: Vec<Target>,
    pub(super) buckets: Vec<Bucket>,
    pub(super) routes: HashMap<Box<str>, Arc<Route>>,
    pub(super) default: Option<Arc<Route>>,
    pub(super) listed: Vec<Listed>,
    /// Whether the built-in demo provider stands in because no provider is configured.
    pub demo: bool,
    pub settings: Settings,
    /// Which models answer Amp.
    pub amp: AmpTable,
}

impl Router {
    /// The target that `id` stands for.
    ///
    /// # Panics
    /// If `id` comes from another router, which its visibility rules out within a request.
    #[must_use]
    pub fn target(&self, id: TargetId) -> &Target {
        &self.targets[usize::from(id.0)]
    }

    /// The bucket that `id` stands for.
    ///
    /// # Panics
    /// If `id` comes from another router, which its visibility rules out within a request.
    #[must_use]
    pub fn bucket(&self, id: BucketId) -> &Bucket {
        &self.buckets[usize::from(id.0)]
    }

    /// All buckets, in config order.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter()
    }

    /// The buckets that every request to `target` counts against.
    pub fn buckets_of(&self, target: &Target) -> impl Iterator<Item = &Bucket> + Clone {
        target.buckets.iter().map(|id| self.bucket(*id))
    }

    /// All targets, in config order.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter()
    }

    /// The route that `name` stands for: an alias, `provider/model`, a bare model, or `smart`.
    ///
    /// # Errors
    /// If it stands for nothing, with the nearest names.
    pub fn resolve(&self, name: Option<&str>) -> Result<&Arc<Route>, UnknownModel> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        match name {
            Some(name) => match self.routes.get(name) {
                Some(route) => Ok(route),
                None if name == "smart" => self.default_route(),
                None if self.settings.unknown_models_to_default => {
                    self.default.as_ref().ok_or_else(|| self.unknown(name))
                }
                None => Err(self.unknown(name)),
            },
            None => self.default_route(),
        }
    }

    /// The route of exactly this name, if the config has it.
    pub(super) fn named(&self, name: &str) -> Option<&Route> {
        self.routes.get(name).map(|route| &**route)
    }

    fn default_route(&self) -> Result<&Arc<Route>, UnknownModel> {
        self.default.as_ref().ok_or_else(|| {
            let known: Vec<&str> = self.listed.iter().take(5).map(|listed| &*listed.id).collect();
            UnknownModel::NoDefault { known: known.join(", ") }
        })
    }

    fn unknown(&self, name: &str) -> UnknownModel {
        // Names come from strangers: only so much of one is repeated.
        let shown: String = name.chars().take(200).collect();
        let hint = did_you_mean(name, self.listed.iter().map(|listed| &*listed.id));
        let hint = if hint.is_empty() {
            let some: Vec<String> =
                self.listed.iter().take(5).map(|listed| format!("`{}`", listed.id)).collect();
            format!("; configured are, among others: {}", some.join(", "))
        } else {
            hint
        };
        UnknownModel::Unknown { name: shown, hint }
    }

    /// What clients may ask for: aliases first, then every `provider/model`.
    #[must_use]
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// The group behind an alias.
    #[must_use]
    pub fn alias(&self, id: &str) -> Option<&Group> {
        let route = self.routes.get(id)?;
        (route.kind == RouteKind::Alias).then_some(&*route.group)
    }

    /// The name that answers when a client names no model.
    #[must_use]
    pub fn default_name(&self) -> Option<&str> {
        self.default.as_deref().map(|route| &*route.name)
    }
}
