//! What a running gateway knows and this process does not: its counters, and its environment.

use std::collections::BTreeSet;

use super::not_understood;
use crate::{
    commands::{
        error::CommandError,
        running::{self, Found, Gateway},
        workspace::Workspace,
    },
    config::{HeaderSetting, Provider, secret::SecretSource},
    routing::{router::Router, state::State},
    status::ProviderStatus,
};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Live {
    pub state: State,
    /// The variables that it would need for keys and does not have.
    lacking: BTreeSet<String>,
}

impl Live {
    /// Asks the gateway that runs with the config; `None` if none does.
    ///
    /// # Errors
    /// If its answer is not understood.
    pub async fn of(workspace: &Workspace) -> Result<Option<Self>, CommandError> {
        let Some(gateway) = running::locate(workspace) else { return Ok(None) };
        let state = match gateway.get("/-/state").await.map_err(CommandError::arguments)? {
            Some(Ok(body)) => {
                serde_json::from_slice(&body).map_err(|error| not_understood(&error))?
            }
            Some(Err(_)) | None => return Ok(None),
        };
        let lacking = lacking(workspace, &gateway).await?;
        Ok(Some(Self { state, lacking }))
    }

    /// The router of that gateway, if it uses the config as it is.
    ///
    /// # Errors
    /// Everything that keeps the config from being used.
    pub fn router(&self, workspace: &Workspace) -> Result<Router, CommandError> {
        workspace.router_elsewhere(&|name| self.lacking.contains(name))
    }
}

async fn lacking(
    workspace: &Workspace,
    gateway: &Gateway,
) -> Result<BTreeSet<String>, CommandError> {
    let Ok(Found::Running(status)) = gateway.find().await else { return Ok(BTreeSet::new()) };
    let config = workspace.config()?;
    let known = |id: &str| status.providers.iter().find(|known| known.id == id);
    let lacking =
        config.providers.iter().filter_map(|provider| Some((provider, known(&provider.id)?)));
    Ok(lacking.flat_map(|(provider, status)| unset(provider, status)).collect())
}

/// Which of the variables that a provider needs the gateway says it does not have.
fn unset(provider: &Provider, status: &ProviderStatus) -> Vec<String> {
    let Some(told) = &status.missing_key else { return Vec::new() };
    let variable = |source: &SecretSource| match source {
        SecretSource::Environment(name) => Some(name.clone()),
        SecretSource::File(_) | SecretSource::Literal(_) => None,
    };
    let of_key = provider.api_key.iter().filter_map(variable).chain(provider.api_key_env.clone());
    let of_headers = provider.headers.values().filter_map(|setting| match setting {
        HeaderSetting::Value(source) => Some(source),
        HeaderSetting::Suppress => None,
    });
    let all = of_key.chain(of_headers.filter_map(variable));
    all.filter(|name| told.contains(name.as_str())).collect()
}
