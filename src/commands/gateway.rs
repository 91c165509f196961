//! What concerns the whole gateway: the default model and the key.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Command, Effect,
    argument::{WriteArgs, key::KeyReference},
    changed::Changed,
    error::{Code, CommandError},
    keys,
    text::{Look, Text},
    workspace::Workspace,
};
use crate::config::{
    Config,
    edit::{redact::fingerprint, spelling},
    secret::{Secret, SecretSource, strength},
};

/// Set the model that answers when a client names none, or asks for `smart`
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct SetDefaultModel {
    /// An alias or `provider/model`
    model: String,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for SetDefaultModel {
    const NAME: &'static str = "set-default-model";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[r#"{"model": "chat"}"#];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let model = self.model.trim();
        if model.is_empty() {
            return Err(CommandError::arguments("names no model"));
        }
        // Whether it stands for something is for the compiler to say, as for every reference.
        workspace.edit(&self.write, |draft, _| {
            spelling::put(draft.root(), spelling::DEFAULT_MODEL, model);
            Ok(format!("The default model is `{model}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

/// Set the key that clients present to the gateway
///
/// Without `key` a strong one is made. It is kept in a file that only this user may read, and is
/// shown on a terminal only. A key that can be guessed is refused. Clients on this machine need none
/// until it is `required`; others always do.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct SetKey {
    /// The key by reference: `env:NAME` or `file:PATH`; `none` for no key. A new one if absent, unless
    /// there is one and only `required` is given
    #[arg(long, value_name = "REFERENCE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<KeyReference>,
    /// Take a key that can be guessed
    #[arg(long)]
    #[serde(default)]
    allow_weak: bool,
    /// Whether clients on this machine must present it too
    #[arg(long, value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

/// The result of `set-gateway-key`. The key itself is not in it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KeyChanged {
    /// Where the key is: `env:NAME` or `file:PATH`, relative to the folder of the config
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Tells this key from another one
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(flatten)]
    changed: Changed,
}

impl Command for SetKey {
    const NAME: &'static str = "set-gateway-key";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] =
        &[r"{}", r#"{"key": "env:GATEWAY_KEY"}"#, r#"{"key": "none", "dry_run": true}"#];
    const OTHER_NAMES: &'static [&'static str] = &["set-master-key"];
    const SECRET: Option<&'static str> = Some("key");
    type Output = KeyChanged;

    fn run(self, workspace: &mut Workspace) -> Result<KeyChanged, CommandError> {
        let present = workspace.in_effect(workspace.document()?).0.master_key;
        let stays = present.is_some() && self.key.is_none() && self.required.is_some();
        let (mut planned, secret) =
            if stays { (keys::none(), None) } else { self.planned(workspace)? };
        let weakness = secret.as_ref().and_then(|secret| strength(secret.expose()).err());
        if let Some(weakness) = weakness.filter(|_| !self.allow_weak) {
            return Err(CommandError::new(Code::WeakKey, weakness)
                .hint("leave `key` out and a strong one is made, or say allow_weak"));
        }
        let reference = planned.reference.clone();
        let changed = workspace.edit(&self.write, |draft, notes| {
            planned.note(notes);
            let summary = match &reference {
                _ if stays => "The gateway's key stays.".to_owned(),
                Some(reference) => {
                    spelling::put(draft.root(), spelling::MASTER_KEY, reference.as_str());
                    format!("The gateway's key is {reference}.")
                }
                None => {
                    spelling::remove(draft.root(), spelling::MASTER_KEY);
                    "The gateway has no key any more.".to_owned()
                }
            };
            if let Some(required) = self.required {
                let server = draft.root().entry("server").or_insert_with(|| json!({}));
                if let Some(server) = server.as_object_mut() {
                    server.insert("requireAuth".to_owned(), required.into());
                }
            }
            if stays || reference.is_some() {
                notes.next.push(next(&draft.config()).to_owned());
            }
            Ok(summary)
        })?;
        let fingerprint = secret.map(|secret| fingerprint(secret.expose()));
        Ok(KeyChanged { reference, fingerprint, changed })
    }

    fn text(output: &KeyChanged) -> Text {
        output.changed.text_with(|text| {
            if let Some(fingerprint) = &output.fingerprint {
                text.gap().line(Look::Faint, format!("Fingerprint of the key: {fingerprint}"));
            }
        })
    }

    fn take_secret(&mut self) -> Option<Secret> {
        self.key.as_mut().and_then(KeyReference::take)
    }
}

impl SetKey {
    /// Which key it will be, and the key itself if it is to be had here.
    fn planned(
        &self,
        workspace: &mut Workspace,
    ) -> Result<(keys::Planned, Option<Secret>), CommandError> {
        let owner = "gateway";
        let Some(key) = &self.key else {
            let secret = generate(&workspace.entropy)?;
            return Ok((keys::keep(workspace, owner, secret.clone()), Some(secret)));
        };
        let handed = workspace.handed.clone();
        let planned = keys::plan(workspace, owner, key)?;
        let found = planned.reference.as_deref().map(SecretSource::parse);
        let found = found.and_then(|source| workspace.find(&source).ok());
        Ok((planned, found.or(handed)))
    }
}

/// What a key means for clients.
fn next(config: &Config) -> &'static str {
    if is_required(config) {
        "give clients the key: nobody is let in without it"
    } else {
        "clients on this machine may ask without it, until: llm-router set-gateway-key --required true"
    }
}

/// Whether a client on this machine must present the key.
fn is_required(config: &Config) -> bool {
    let server = config.server.as_ref();
    let is_local = server.and_then(|server| server.host.as_deref()).is_none_or(is_loopback);
    server.and_then(|server| server.require_auth).unwrap_or(!is_local)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim();
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// 40 characters out of 62: 238 bits.
const LENGTH: usize = 40;

/// A key out of random bytes.
fn generate(entropy: &[u8]) -> Result<Secret, CommandError> {
    // Bytes beyond the last whole multiple would favour the first letters.
    let letters = entropy
        .iter()
        .filter(|byte| **byte < 248)
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    let letters: Vec<char> = letters.collect();
    let keys = letters
        .chunks_exact(LENGTH)
        .map(|key| Secret::new(format!("gw_{}", key.iter().collect::<String>())));
    // A key out of pure chance may hold a guessable word; then the next one is taken.
    keys.into_iter()
        .find(|key| strength(key.expose()).is_ok())
        .ok_or_else(|| CommandError::new(Code::Io, "there is no randomness to make a key of"))
}
