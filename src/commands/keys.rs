//! Where keys go: the config gets a reference, a key that a person handed over gets a file of its
//! own that only this user may read.

use super::{
    argument::key::KeyReference,
    changed::Notes,
    error::{Code, CommandError},
    workspace::Workspace,
};
use crate::config::{
    edit::redact::fingerprint,
    secret::{Secret, SecretSource},
};

/// What to write for a key.
#[derive(Debug)]
pub struct Planned {
    /// The reference for the config; `None` if there shall be no key.
    pub reference: Option<String>,
    key: Option<(String, Secret)>,
    warning: Option<String>,
}

/// Decides what to write for a key of `owner`.
///
/// # Errors
/// If a secret was said to be handed over, and none was.
pub fn plan(
    workspace: &mut Workspace,
    owner: &str,
    key: &KeyReference,
) -> Result<Planned, CommandError> {
    match key {
        KeyReference::None => Ok(none()),
        KeyReference::Reference(reference) => {
            let missing = workspace.find(&SecretSource::parse(reference)).err();
            let warning = missing.map(|why| {
                format!("{why} here; what counts is that it is there where the gateway runs")
            });
            Ok(Planned { reference: Some(reference.clone()), key: None, warning })
        }
        KeyReference::Handed | KeyReference::Typed(_) => {
            let secret = workspace.handed.take().ok_or_else(|| {
                CommandError::new(Code::LiteralSecret, "no key was handed over")
                    .hint("write env:NAME or file:PATH")
            })?;
            Ok(keep(workspace, owner, secret))
        }
    }
}

/// Plans that there is no key, or nothing about it.
pub fn none() -> Planned {
    Planned { reference: None, key: None, warning: None }
}

/// Plans a file for a secret. Its name has a fingerprint, so that an older key stays where an undo
/// will look for it.
pub fn keep(workspace: &Workspace, owner: &str, secret: Secret) -> Planned {
    let path = format!("{}/{owner}-{}", workspace.keys_folder, fingerprint(secret.expose()));
    let reference = Some(format!("file:{path}"));
    Planned { reference, key: Some((path, secret)), warning: None }
}

impl Planned {
    /// Hands the file and the warning on to the edit.
    pub fn note(&mut self, notes: &mut Notes) {
        notes.keys.extend(self.key.take());
        notes.warnings.extend(self.warning.take());
    }
}
