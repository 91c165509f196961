//! The gateway that runs with a config: asked on its admin surface, on this machine.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};

use super::{
    network::Manner,
    workspace::{Fetch, Workspace},
};
use crate::{config::secret::Secret, status::Status};

/// How long a gateway on the same machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where a gateway said that it listens, and who it said it is. Whoever reads it asks: it may be
/// gone, and something else may listen there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// `http://HOST:PORT`
    pub url: String,
    /// Tells one run of a gateway from another.
    pub instance: String,
}

/// A gateway that may run, and what to ask it with.
#[derive(Clone)]
pub struct Gateway {
    pub at: Running,
    /// The key may have been changed since; then the answer is a 401, which says so.
    pub key: Option<Secret>,
    pub fetch: Fetch,
}

/// What is known of the gateway of a config.
#[derive(Debug)]
pub enum Found {
    /// It answers.
    Running(Box<Status>),
    /// It left a record, but nobody answers for it.
    Gone,
    /// There is no record of it, or no network to ask it.
    Nothing,
}

/// The gateway of a workspace.
#[must_use]
pub fn locate(workspace: &Workspace) -> Option<Gateway> {
    let key = workspace.gateway_key().ok().flatten();
    Some(Gateway { at: workspace.running.clone()?, key, fetch: workspace.fetch.clone()? })
}

/// Looks for the gateway of a workspace.
///
/// # Errors
/// If something answers that is not understood.
pub async fn find(workspace: &Workspace) -> Result<Found, String> {
    match locate(workspace) {
        Some(gateway) => gateway.find().await,
        None => Ok(Found::Nothing),
    }
}

impl Gateway {
    /// A request to it, with its key.
    ///
    /// # Errors
    /// If the path is none.
    pub fn request(&self, path: &str) -> Result<http::request::Builder, String> {
        let uri: http::Uri =
            format!("{}{path}", self.at.url).parse().map_err(|_| format!("`{path}` is no path"))?;
        let mut request = Request::builder().uri(uri);
        if let Some(key) = &self.key
            && let Ok(mut value) = http::HeaderValue::from_str(&format!("Bearer {}", key.expose()))
        {
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// The body of what it answers, good or bad; `None` if nobody does.
    ///
    /// # Errors
    /// If it cannot be asked for this.
    pub async fn get(&self, path: &str) -> Result<Option<Result<Bytes, Bytes>>, String> {
        let request = self.request(path)?.extension(Manner::new("ask the gateway", PATIENCE));
        let request = request.body(Bytes::new()).map_err(|error| error.to_string())?;
        let Ok(answer) = (self.fetch)(request).await else { return Ok(None) };
        let is_good = answer.status().is_success();
        let body = answer.into_body();
        Ok(Some(if is_good { Ok(body) } else { Err(body) }))
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// If something answers that is not understood.
    pub async fn find(&self) -> Result<Found, String> {
        let url = &self.at.url;
        let body = match self.get("/-/status").await? {
            None => return Ok(Found::Gone),
            Some(Ok(body)) => body,
            Some(Err(body)) => {
                let told = message(&body).unwrap_or_else(|| "it refuses to say".to_owned());
                return Err(format!("the gateway at {url} answers: {told}"));
            }
        };
        let status: Status = serde_json::from_slice(&body)
            .map_err(|error| format!("the answer of {url} is not understood: {error}"))?;
        // Something else may listen there by now.
        let is_it = status.instance == self.at.instance;
        Ok(if is_it { Found::Running(Box::new(status)) } else { Found::Gone })
    }
}

/// The message of an error in any of the formats.
#[must_use]
pub fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error").unwrap_or(&body);
    let text = error.get("message").or(error.get("detail")).unwrap_or(error).as_str()?;
    Some(text.chars().take(LONGEST_MESSAGE).collect())
}

/// Only so much of what others say is repeated.
const LONGEST_MESSAGE: usize = 300;
