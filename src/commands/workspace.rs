//! What commands work on: the config document and what they need to judge it, in memory.
//!
//! A shell opens a workspace from the disk, runs one command, and saves what is then
//! [`Workspace::pending`].

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use serde_json::Value;

use super::{
    argument::WriteArgs,
    changed::{Changed, Notes, bounded_lines},
    error::{Code, CommandError},
    history::Change,
    routes,
    running::Running,
};
use crate::{
    config::{
        Config, document, edit,
        edit::draft::Draft,
        environment,
        problem::{Problem, Severity},
        read,
        secret::{Secret, SecretFinder, SecretSource},
    },
    routing::{router::Router, state::State},
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

    /// What a document says, with what the environment says over it.
    #[must_use]
    pub fn in_effect(&self, document: &Value) -> (Config, Vec<Problem>) {
        let reading = read::read(document);
        let (mut config, mut problems) = (reading.config, reading.problems);
        let mut server = config.server.take().unwrap_or_default();
        problems.extend(environment::overlay(
            &mut server,
            &mut config.master_key,
            &self.environment,
        ));
        config.server = Some(server);
        (config, problems)
    }

    /// The router of the config as gateways would use it.
    ///
    /// # Errors
    /// Everything that keeps it from being used.
    pub fn router(&self) -> Result<Router, CommandError> {
        let (router, problems) = self.judge(self.document()?, &*self.find);
        router.ok_or_else(|| {
            let errors = problems.into_iter().filter(Problem::is_error).collect();
            CommandError::new(Code::InvalidConfig, "the config cannot be used").problems(errors)
        })
    }

    /// The router of a document, if it holds, and everything that is wrong with it.
    #[must_use]
    pub fn judge(
        &self,
        document: &Value,
        find: &SecretFinder<'_>,
    ) -> (Option<Router>, Vec<Problem>) {
        let (config, mut problems) = self.in_effect(document);
        let compiled = Router::compile(&config, find);
        problems.extend(compiled.problems);
        problems.sort();
        problems.dedup();
        let holds = !problems.iter().any(Problem::is_error);
        (compiled.router.filter(|_| holds), problems)
    }

    /// Finds secrets as the gateway will. `keys` are in files that are not written yet; what this
    /// process does not have in its environment may well be in that of the gateway.
    fn elsewhere<'w>(
        &'w self,
        keys: &'w [(String, Secret)],
    ) -> impl Fn(&SecretSource) -> Result<Secret, String> + 'w {
        move |source| match source {
            SecretSource::File(file) => {
                let unwritten = keys.iter().find(|(path, _)| path == file);
                unwritten.map_or_else(|| self.find(source), |(_, secret)| Ok(secret.clone()))
            }
            SecretSource::Environment(_) => {
                Ok(self.find(source).unwrap_or_else(|_| Secret::new(SOME_KEY)))
            }
            SecretSource::Literal(_) => self.find(source),
        }
    }

    /// Refuses if the config is not the one that the caller knows.
    ///
    /// # Errors
    /// The revision that it has.
    pub fn expect_revision(&self, write: &WriteArgs) -> Result<(), CommandError> {
        let revision = self.revision();
        match &write.expected_revision {
            Some(expected) if *expected != revision => {
                let message = format!("the config has revision {revision}, not the expected one");
                Err(CommandError::new(Code::Conflict, message)
                    .hint("it was changed since; look at it again and decide anew"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Changes the document. `change` returns what it did, in one line.
    ///
    /// An edit is refused only for errors that it brings in: a config that is broken elsewhere can
    /// be mended step by step.
    ///
    /// # Errors
    /// What `change` says, or the errors that it brings in. Then nothing has changed.
    pub fn edit(
        &mut self,
        write: &WriteArgs,
        change: impl FnOnce(&mut Draft, &mut Notes) -> Result<String, CommandError>,
    ) -> Result<Changed, CommandError> {
        let before = self.document()?.clone();
        self.expect_revision(write)?;
        let (mut draft, mut notes) = (Draft::new(before.clone()), Notes::default());
        let summary = change(&mut draft, &mut notes)?;
        let is_first = self.text().is_none_or(|text| text.trim().is_empty());
        if is_first && draft.document() != before {
            draft.begin();
        }
        let after = draft.document();
        let (old_router, old_problems) = self.judge(&before, &self.elsewhere(&[]));
        let (new_router, new_problems) = self.judge(&after, &self.elsewhere(&notes.keys));
        let (errors, warnings): (Vec<Problem>, Vec<Problem>) =
            brought_in(&old_problems, new_problems).into_iter().partition(Problem::is_error);
        if !errors.is_empty() {
            let message = "the change would break the config";
            return Err(CommandError::new(Code::InvalidConfig, message)
                .problems(errors)
                .hint("nothing was changed"));
        }
        let text = match &self.text {
            old if before == after => old.clone(),
            old => Some(edit::text::overlay(old.as_deref().unwrap_or_default(), &after)),
        };
        let mut told: Vec<String> = notes.warnings.clone();
        told.extend(warnings.iter().map(ToString::to_string));
        let still = old_problems.iter().filter(|problem| problem.is_error()).count();
        if still > 0 && new_router.is_none() {
            told.push("the config has errors that were there before: llm-router validate".into());
        }
        let routing = routes::changes(old_router.as_ref(), new_router.as_ref());
        let version = Version { text, summary, undoes: None, keys: notes.keys };
        let mut changed = self.adopt(write, version);
        changed.warnings = bounded_lines(told, LONGEST_LIST);
        changed.routing = routing;
        changed.removed_references = bounded_lines(notes.removed_references, LONGEST_LIST);
        changed.next = notes.next;
        Ok(changed)
    }

    /// Takes `text` as the new config, or only tells what would be.
    pub(super) fn adopt(&mut self, write: &WriteArgs, new: Version) -> Changed {
        let Version { text, summary, undoes, keys } = new;
        let revision = edit::revision(text.as_deref());
        let changed = text != self.text;
        let diff = edit::diff::unified(&shown(self.text()), &shown(text.as_deref()));
        let mut result = Changed {
            summary: if changed { summary } else { "Nothing to change.".to_owned() },
            changed,
            dry_run: write.dry_run,
            revision: revision.clone(),
            diff: super::changed::bounded(&diff),
            ..Changed::default()
        };
        if !changed || write.dry_run {
            return result;
        }
        let id = self.changes().last().map_or(1, |last| last.id + 1);
        result.undo = Some(id);
        self.pending = Some(Pending {
            text: text.clone(),
            change: Change {
                id,
                at: self.now.to_string(),
                by: self.who.clone(),
                summary: result.summary.clone(),
                diff: result.diff.clone(),
                revision_before: self.revision(),
                revision_after: revision,
                undoes,
                before: self.text.clone(),
            },
            keys,
        });
        self.document = match text.as_deref().map(document::parse) {
            None => Ok(Value::Object(serde_json::Map::new())),
            Some(parsed) => parsed.map(|parsed| parsed.value),
        };
        self.text = text;
        result
    }
}

/// Stands for a key that only the gateway can know: strong enough for every check, and never sent.
const SOME_KEY: &str = "Unknown-Here-0123-Abcd-4567-Efgh";

/// Shorter ones are words, and give nothing away.
const SHORTEST_SECRET: usize = 6;
/// Results stay small: models read them.
const LONGEST_LIST: usize = 1000;

/// The text with its secrets masked; nothing of a text that cannot be understood.
fn shown(text: Option<&str>) -> String {
    let Some(text) = text else { return String::new() };
    match document::parse(text) {
        Ok(parsed) => edit::text::overlay(text, &edit::redact::redacted(&parsed.value)),
        Err(_) => format!("({} bytes that are not JSON)\n", text.len()),
    }
}

/// The problems of `new` that `old` has not. Places in lists move when something before them goes,
/// so indices do not count.
fn brought_in(old: &[Problem], new: Vec<Problem>) -> Vec<Problem> {
    let essence = |problem: &Problem| -> (Severity, String, String) {
        let steps = problem.pointer.split('/').map(|step| match step.parse::<usize>() {
            Ok(_) => "*",
            Err(_) => step,
        });
        (problem.severity, steps.collect::<Vec<_>>().join("/"), problem.message.clone())
    };
    let mut known: Vec<_> = old.iter().map(essence).collect();
    new.into_iter()
        .filter(|problem| {
            let essence = essence(problem);
            match known.iter().position(|known| *known == essence) {
                Some(place) => {
                    known.swap_remove(place);
                    false
                }
                None => true,
            }
        })
        .collect()
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace")
            .field("path", &self.path)
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}
