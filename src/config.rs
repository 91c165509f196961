//! What the user wrote in `~/.llm-router.json`, and nothing else.
//!
//! [`read::read`] turns a raw document into a [`Config`] and tells everything that is wrong with
//! its shape; what the parts mean together (references, cycles) is for
//! [`crate::routing::compile`] to say. Reading never changes the document.

pub mod document;
pub mod edit;
pub mod environment;
pub mod fields;
pub mod presets;
pub mod problem;
pub mod read;
pub mod schema;
pub mod secret;

use std::num::{NonZeroU32, NonZeroU64};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::protocol::{Format, quirk::Quirk};
use secret::SecretSource;

/// The config file of llm-router, version 2
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The version of this layout: 1 or 2. Inferred if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The key that clients present to the gateway: a literal, `env:NAME` or `file:PATH`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key: Option<SecretSource>,
    /// The alias or `provider/model` that answers when a client asks for `smart` or names no model
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
    /// The services that requests are sent to
    pub providers: Vec<Provider>,
    /// Names that stand for one or more models, by id
    pub model_aliases: IndexMap<String, Alias>,
    /// Which models answer the requests of the Amp CLI
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amp_routing: Option<AmpRouting>,
    /// How the gateway listens, waits and retries
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// Notes of your own; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// One service that requests are sent to
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// The first half of `provider/model`: letters, digits, `.`, `_` and `-`; case matters
    pub id: String,
    /// A name for people
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `demo` for the built-in demo provider, `ollama` for a local Ollama; absent for all others
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether requests are sent to it
    pub enabled: bool,
    /// Where it answers, with or without the version (`https://api.example.com/v1`)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where it answers in each format, if that differs
    #[serde(skip_serializing_if = "FormatMap::is_empty")]
    pub base_url_by_format: FormatMap<String>,
    /// Its key: a literal, `env:NAME` or `file:PATH`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretSource>,
    /// The environment variable that holds its key; `apiKey` wins
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// The format that it speaks best
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// All formats that it speaks
    pub formats: Vec<Format>,
    /// How its key is presented
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How its key is presented in each format, if that differs
    #[serde(skip_serializing_if = "FormatMap::is_empty")]
    pub auth_by_format: FormatMap<Auth>,
    /// Headers to add to every request; `false` or `null` suppresses one
    pub headers: IndexMap<String, HeaderSetting>,
    /// The `anthropic-version` to send when the client sends none
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anthropic_version: Option<String>,
    /// `anthropic-beta` values to add to those of the client
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anthropic_beta: Option<String>,
    /// The vendor whose API this is, if its URL does not tell: an id of a preset (`openai`,
    /// `anthropic`, `gemini`, `mistral`, ...)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// How it differs from the vendor of the format that it speaks, besides what is known of it
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quirks: Vec<Quirk>,
    /// What happens to requests that cannot be translated without a loss
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_loss: Option<OnLoss>,
    /// Its models
    pub models: Vec<Model>,
    /// How many requests it may get in a time window
    pub rate_limits: Vec<Bucket>,
    /// Time limits for this provider
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// Notes of your own; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// What the last probe of this provider found; written by the probe
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_probe: Option<Value>,
}

/// One value per format, for those formats that have one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FormatMap<T> {
    /// For OpenAI Chat Completions
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openai: Option<T>,
    /// For OpenAI Responses
    #[serde(rename = "openai-responses", skip_serializing_if = "Option::is_none")]
    pub openai_responses: Option<T>,
    /// For Anthropic Messages; `claude` is read as the same
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anthropic: Option<T>,
    /// For Gemini
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gemini: Option<T>,
}

impl<T> Default for FormatMap<T> {
    fn default() -> Self {
        Self { openai: None, openai_responses: None, anthropic: None, gemini: None }
    }
}

impl<T> FormatMap<T> {
    /// The value for `format`.
    #[must_use]
    pub fn get(&self, format: Format) -> Option<&T> {
        match format {
            Format::OpenAi => self.openai.as_ref(),
            Format::OpenAiResponses => self.openai_responses.as_ref(),
            Format::Anthropic => self.anthropic.as_ref(),
            Format::Gemini => self.gemini.as_ref(),
        }
    }

    /// The place of the value for `format`.
    pub fn slot(&mut self, format: Format) -> &mut Option<T> {
        match format {
            Format::OpenAi => &mut self.openai,
            Format::OpenAiResponses => &mut self.openai_responses,
            Format::Anthropic => &mut self.anthropic,
            Format::Gemini => &mut self.gemini,
        }
    }

    /// Whether no format has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Format::ALL.into_iter().all(|format| self.get(format).is_none())
    }
}

/// How a provider's key is presented
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// The kind of header
    #[serde(rename = "type")]
    pub kind: AuthKind,
    /// The header's name, for `header`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_name: Option<String>,
    /// What stands in front of the key; for `bearer` this replaces `Bearer `
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// The kinds of headers that keys travel in
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthKind {
    /// `Authorization: Bearer KEY`
    Bearer,
    /// `x-api-key: KEY`
    XApiKey,
    /// `x-goog-api-key: KEY`
    XGoogApiKey,
    /// A header of another name
    Header,
    /// No key
    None,
}

/// A header's value, or that the header is not to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderSetting {
    /// Send this value. Header values may be secrets: they are never shown.
    Value(SecretSource),
    /// Do not send this header, not even the client's own or a default.
    Suppress,
}

/// As the config writes it, but that no value is shown.
impl Serialize for HeaderSetting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(source) => source.serialize(serializer),
            Self::Suppress => serializer.serialize_bool(false),
        }
    }
}

impl JsonSchema for HeaderSetting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderSetting".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number", "boolean", "null"],
            "description": "A header's value (also `env:NAME` or `file:PATH`); false, null or \"\" suppresses the header",
        })
    }
}

/// One model of a provider
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// The model's name at the provider
    pub id: String,
    /// Other names of it at this provider
    pub aliases: Vec<String>,
    /// The formats in which it works, if not all of its provider's
    pub formats: Vec<Format>,
    /// Whether requests are sent to it
    pub enabled: bool,
    /// How many tokens fit, input and output together
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// How many tokens it can say at once
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// How it differs, besides its provider's `quirks`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quirks: Vec<Quirk>,
    /// What it costs; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Value>,
    /// What it can and cannot do. A request that needs what a model lacks goes to others first
    #[serde(skip_serializing_if = "Capabilities::is_empty")]
    pub capabilities: Capabilities,
    /// Models that silently take over when it fails, as `provider/model`
    pub fallback_models: Vec<String>,
    /// Notes of your own; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

impl Model {
    /// A model of which nothing but its id is known.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            aliases: Vec::new(),
            formats: Vec::new(),
            enabled: true,
            context_window: None,
            max_output_tokens: None,
            quirks: Vec::new(),
            cost: None,
            capabilities: Capabilities::default(),
            fallback_models: Vec::new(),
            metadata: None,
        }
    }
}

/// What happens to requests that cannot be translated into a target's format without a loss
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnLoss {
    /// They are sent without what is lost
    Allow,
    /// They are sent, and the log tells what is lost
    #[default]
    Warn,
    /// They go to other targets; with none left they are refused, with a list of what would be lost
    Refuse,
}

/// What a model can and cannot do. What is absent is not known, and tried
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Whether it calls tools
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// Whether it sees images
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<bool>,
    /// Whether it thinks before it answers when it is asked to
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<bool>,
    /// Whether it answers in JSON of a given schema
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<bool>,
}

impl Capabilities {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How many requests may be made in a time window
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// Its id, unique within the provider
    pub id: String,
    /// A name for people
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The models that share it: `["all"]`, or model ids
    pub models: Vec<String>,
    /// How many requests
    pub requests: NonZeroU64,
    /// In which time
    pub window: Window,
    /// Notes of your own; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// A time window, aligned to UTC
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Window {
    /// The unit
    pub unit: WindowUnit,
    /// How many units
    pub size: NonZeroU32,
}

/// The unit of a time window
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowUnit {
    Second,
    Minute,
    Hour,
    Day,
    /// ISO weeks, from Monday
    Week,
    /// Calendar months
    Month,
}

/// A name that stands for one or more models
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// How requests are spread over the targets
    pub strategy: Strategy,
    /// The models, in order
    pub targets: Vec<AliasTarget>,
    /// Models that are tried only when no target is left
    pub fallback_targets: Vec<AliasTarget>,
    /// What happens to requests that cannot be translated without a loss, if it is not up to the
    /// providers
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_loss: Option<OnLoss>,
    /// Notes of your own; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// How requests are spread over the targets of an alias
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Quota-aware, with pacing, affinity and fit: recommended
    Auto,
    /// The first target that is available, in the order of the config
    #[default]
    Ordered,
    /// One after the other
    RoundRobin,
    /// One after the other, in proportion to the weights
    WeightedRr,
    /// The same, with weights scaled by health and remaining quota
    QuotaAwareWeightedRr,
}

impl Strategy {
    /// The name used in config, flags, JSON and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ordered => "ordered",
            Self::RoundRobin => "round-robin",
            Self::WeightedRr => "weighted-rr",
            Self::QuotaAwareWeightedRr => "quota-aware-weighted-rr",
        }
    }
}

/// One model of an alias
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AliasTarget {
    /// `provider/model`, or another alias
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its share in the weighted strategies; 0 means only when nothing else is left. 1 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Notes of your own; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// Which models answer the requests of the Amp CLI
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmpRouting {
    /// Whether Amp's requests are mapped at all
    pub enabled: bool,
    /// The alias or `provider/model` for requests that no map names
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_route: Option<String>,
    /// By mode
    pub mode_map: IndexMap<String, String>,
    /// By agent
    pub agent_map: IndexMap<String, String>,
    /// By agent, then mode
    pub agent_mode_map: IndexMap<String, IndexMap<String, String>>,
    /// By application
    pub application_map: IndexMap<String, String>,
    /// By the requested model, with or without its provider
    pub model_map: IndexMap<String, String>,
    /// Amp's own server (`https://ampcode.com`), for what is no call of a model: account, threads,
    /// and all that the newest clients do. Absent: this stays on this machine, and no account is
    /// needed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_url: Option<String>,
    /// The user's token for Amp's server: `env:NAME`, `file:PATH` or a literal
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_api_key: Option<SecretSource>,
    /// Notes of your own; not interpreted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// How the gateway listens, waits and retries
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// The address to listen on. 127.0.0.1 if absent; beyond loopback a strong `masterKey` is needed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The port to listen on. 8787 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether clients must present the `masterKey`. True if absent and `host` is not loopback
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_auth: Option<bool>,
    /// Client addresses that are let in, as addresses or CIDR ranges. All if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_ips: Option<Vec<String>>,
    /// Web origins that may call from a browser; `*` for any. None if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origins: Option<Vec<String>>,
    /// The largest request body in bytes, after decompression. 64 MiB if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<NonZeroU64>,
    /// How many requests may run at once. 1024 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<NonZeroU32>,
    /// What happens to a model name that nobody configured. `error` if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_models: Option<UnknownModels>,
    /// Whether answers carry `x-llm-router-*` headers that tell how they were routed. False if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug_routing: Option<bool>,
    /// Time limits for calls to providers
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// How failed calls are repeated
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// What happens to a model name that nobody configured
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownModels {
    /// The client gets 404 with the nearest names
    #[default]
    Error,
    /// `defaultModel` answers
    Default,
}

/// Time limits for calls to a provider, in milliseconds
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// Until a connection stands. 10 s if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<NonZeroU64>,
    /// Until the first byte of a stream. 120 s if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<NonZeroU64>,
    /// Until the first byte of a reply that is not a stream. 600 s if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_reply_ms: Option<NonZeroU64>,
    /// Between two pieces of a reply. 120 s if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<NonZeroU64>,
}

/// How failed calls are repeated
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// The longest that a request waits for a provider to recover, in milliseconds. 5000 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience_ms: Option<u64>,
    /// How often the last target is tried. 3 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<NonZeroU32>,
    /// The pause before the first repetition, in milliseconds; it doubles. 250 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_delay_ms: Option<u64>,
    /// The longest pause, in milliseconds. 3000 if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delay_ms: Option<u64>,
}
