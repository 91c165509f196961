//! What a config would mean to a gateway: its router, and everything that is wrong with it.

use serde_json::Value;

use super::Workspace;
use crate::{
    commands::error::{Code, CommandError},
    config::{
        Config, environment,
        problem::Problem,
        secret::{Secret, SecretFinder, SecretSource},
    },
    routing::router::Router,
};

/// Stands for a key that only the gateway can know: strong enough for every check, and never sent.
const SOME_KEY: &str = "Unknown-Here-0123-Abcd-4567-Efgh";

impl Workspace {
    /// What a document says, with what the environment says over it.
    #[must_use]
    pub fn in_effect(&self, document: &Value) -> (Config, Vec<Problem>) {
        let reading = environment::in_effect(document, &self.environment);
        (reading.config, reading.problems)
    }

    /// The router of the config as gateways would use it.
    ///
    /// # Errors
    /// Everything that keeps it from being used.
    pub fn router(&self) -> Result<Router, CommandError> {
        self.router_with(&*self.find)
    }

    /// The router of a gateway with an environment of its own: it has what this process lacks, but
    /// for the variables that `lacks` names.
    ///
    /// # Errors
    /// Everything that keeps the config from being used.
    pub fn router_elsewhere(&self, lacks: &dyn Fn(&str) -> bool) -> Result<Router, CommandError> {
        let elsewhere = self.elsewhere(&[]);
        self.router_with(&|source| match source {
            SecretSource::Environment(name) if lacks(name) => {
                Err(format!("the environment variable {name} is not set where the gateway runs"))
            }
            SecretSource::Environment(_) | SecretSource::File(_) | SecretSource::Literal(_) => {
                elsewhere(source)
            }
        })
    }

    fn router_with(&self, find: &SecretFinder<'_>) -> Result<Router, CommandError> {
        let (router, problems) = self.judge(self.document()?, find);
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
    pub(super) fn elsewhere<'w>(
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
}
