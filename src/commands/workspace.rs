//! What commands work on: the config document and what they need to judge it, in memory.
//!
//! A shell opens a workspace from the disk, runs one command, and saves what is then
//! [`Workspace::pending`].

mod change;
mod judge;

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use serde_json::Value;

use super::{
    error::{Code, CommandError},
    history::Change,
    running::Running,
};
use crate::{
    config::{
        Config, document, edit,
        problem::Problem,
        read,
        secret::{Secret, SecretSource},
    },
    routing::state::State,
    time::Timestamp,
};

/// Finds the values of secrets.
pub type Finder = Arc<dyn Fn(&SecretSource) -> Result<Secret, String> + Send + Sync>;
/// Tells the changes that were made so far, the oldest first.
pub type Recall = Arc<dyn Fn() -> Vec<Change> + Send + Sync>;
/// Tells the state of the last gateway.
pub type Remember = Arc<dyn Fn() -> State + Send + Sync>;
/// Asks the network; an error is why there is no answer.
pub type Fetch = Arc<
    dyn Fn(http::Request<Bytes>) -> Pin<Box<dyn Future<Output = FetchResult> + Send>> + Send + Sync,
>;
/// What [`Fetch`] comes to.
pub type FetchResult = Result<http::Response<Bytes>, String>;

/// See the module's documentation.
pub struct Workspace {
    /// Where the config stands, for people.
    pub path: String,
    /// Who asks: `cli`, `tui`, or the name of an MCP client.
    pub who: String,
    pub now: Timestamp,
    /// The environment of this process. That of the gateway may be another one.
    pub environment: BTreeMap<String, String>,
    /// A secret that a person handed over beside the arguments.
    pub handed: Option<Secret>,
    /// Random bytes, for keys.
    pub entropy: Vec<u8>,
    /// How the network is asked, if it may be.
    pub fetch: Option<Fetch>,
    /// What folder keys are kept in, relative to the config's.
    pub keys_folder: String,
    /// The gateway that left a record beside the config.
    pub running: Option<Running>,
    /// Tells what the last gateway with this config left behind.
    pub remember: Remember,
    find: Finder,
    recall: Recall,
    text: Option<String>,
    document: Result<Value, Problem>,
    pending: Option<Pending>,
}

/// A version of the config that a command comes to.
pub(super) struct Version {
    pub(super) text: Option<String>,
    /// What was done, in one line.
    pub(super) summary: String,
    pub(super) undoes: Option<u64>,
    pub(super) keys: Vec<(String, Secret)>,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The new text of the config; `None` if the file is to go.
    pub text: Option<String>,
    /// What is kept of it in the history.
    pub change: Change,
    /// Files for secrets, to be written first: path relative to the config's folder, and value.
    pub keys: Vec<(String, Secret)>,
}

/// What a workspace is opened with.
pub struct Opening {
    pub path: String,
    pub who: String,
    pub now: Timestamp,
    pub environment: BTreeMap<String, String>,
    pub text: Option<String>,
    pub find: Finder,
    pub recall: Recall,
}

impl Workspace {
    /// Opens a workspace. A text that is no JSON can be looked at and undone, but not edited.
    #[must_use]
    pub fn open(opening: Opening) -> Self {
        let Opening { path, who, now, environment, text, find, recall } = opening;
        let document = match text.as_deref().map(document::parse) {
            None => Ok(Value::Object(serde_json::Map::new())),
            Some(parsed) => parsed.map(|parsed| parsed.value),
        };
        Self {
            path,
            who,
            now,
            environment,
            handed: None,
            entropy: Vec::new(),
            fetch: None,
            keys_folder: ".llm-router.keys".to_owned(),
            running: None,
            remember: Arc::new(State::default),
            find,
            recall,
            text,
            document,
            pending: None,
        }
    }

    /// The text of the config; `None` if there is none.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The revision of the config.
    #[must_use]
    pub fn revision(&self) -> String {
        edit::revision(self.text())
    }

    /// The document as it is written.
    ///
    /// # Errors
    /// If the text is no JSON.
    pub fn document(&self) -> Result<&Value, CommandError> {
        self.document.as_ref().map_err(|problem| {
            CommandError::new(Code::InvalidConfig, format!("{} is not JSON", self.path))
                .problems(vec![problem.clone()])
                .hint("repair it in an editor, or take the last change back: llm-router undo")
        })
    }

    /// What the config says.
    ///
    /// # Errors
    /// If the text is no JSON.
    pub fn config(&self) -> Result<Config, CommandError> {
        Ok(read::read(self.document()?).config)
    }

    /// Finds the value of a secret.
    ///
    /// # Errors
    /// Why it is not to be had.
    pub fn find(&self, source: &SecretSource) -> Result<Secret, String> {
        (self.find)(source)
    }

    /// The changes that were made so far, the oldest first.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        (self.recall)()
    }

    /// What the last command wants to be written.
    #[must_use]
    pub fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// Everything that is wrong with the config as it is, its text included.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        match &self.document {
            Err(problem) => vec![problem.clone()],
            Ok(document) => {
                let told = self.text.as_deref().map(document::parse);
                let mut problems: Vec<Problem> =
                    told.into_iter().flatten().flat_map(|parsed| parsed.problems).collect();
                problems.extend(self.judge(document, &*self.find).1);
                problems.sort();
                problems.dedup();
                problems
            }
        }
    }

    /// The key that the gateway requires of clients, if it has one.
    ///
    /// # Errors
    /// Why it is not to be had.
    pub fn gateway_key(&self) -> Result<Option<Secret>, String> {
        let Ok(document) = &self.document else { return Ok(None) };
        let source = self.in_effect(document).0.master_key;
        source.map(|source| self.find(&source)).transpose()
    }

    /// A text of somebody else's, without the keys that they may have repeated in it.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let Ok(document) = &self.document else { return text.to_owned() };
        let config = self.in_effect(document).0;
        let named = config.providers.iter().filter_map(|provider| {
            let by_name = provider.api_key_env.clone().map(SecretSource::Environment);
            provider.api_key.clone().or(by_name)
        });
        let found = named.chain(config.master_key).filter_map(|source| self.find(&source).ok());
        let mut text = text.to_owned();
        for secret in found.chain(self.handed.clone()) {
            if secret.expose().len() >= SHORTEST_SECRET {
                text = text.replace(secret.expose(), "••••");
            }
        }
        text
    }
}

/// Shorter ones are words, and give nothing away.
const SHORTEST_SECRET: usize = 6;
impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace")
            .field("path", &self.path)
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}
