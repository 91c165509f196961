//! What concerns the whole gateway: the default model and the key.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Command, Effect,
    argument::{KeyReference, WriteArgs},
    changed::Changed,
    error::{Code, CommandError},
    keys,
    text::{Look, Text},
    workspace::Workspace,
};
use crate::config::{
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
/// shown on a terminal only. A key that can be guessed is refused.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct SetKey {
    /// The key by reference: `env:NAME` or `file:PATH`; `none` for no key. A new one if absent
    #[arg(long, value_name = "REFERENCE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<KeyReference>,
    /// Take a key that can be guessed
    #[arg(long)]
    #[serde(default)]
    allow_weak: bool,
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
        let owner = "gateway";
        let handed = workspace.handed.clone();
        let (mut planned, secret) = match &self.key {
            Some(key) => {
                let planned = keys::plan(workspace, owner, key)?;
                let found = planned.reference.as_deref().map(SecretSource::parse);
                let found = found.and_then(|source| workspace.find(&source).ok());
                (planned, found.or(handed))
            }
            None => {
                let secret = generate(&workspace.entropy)?;
                (keys::keep(workspace, owner, secret.clone()), Some(secret))
            }
        };
        let weakness = secret.as_ref().and_then(|secret| strength(secret.expose()).err());
        if let Some(weakness) = weakness.filter(|_| !self.allow_weak) {
            return Err(CommandError::new(Code::WeakKey, weakness)
                .hint("leave `key` out and a strong one is made, or say allow_weak"));
        }
        let reference = planned.reference.clone();
        let changed = workspace.edit(&self.write, |draft, notes| {
            planned.note(notes);
            match &reference {
                Some(reference) => {
                    spelling::put(draft.root(), spelling::MASTER_KEY, reference.as_str());
                    notes.next.push("give clients the new key; the old one stops working".into());
                    Ok(format!("The gateway's key is {reference}."))
                }
                None => {
                    spelling::remove(draft.root(), spelling::MASTER_KEY);
                    Ok("The gateway has no key any more.".to_owned())
                }
            }
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
