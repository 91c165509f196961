//! `explain`: why a request went, or would go, to which target.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Args;
use http::HeaderMap;

use super::{ConfigArgs, block_on, exit::Exit, print};
use crate::{
    config::problem::Problem,
    exchange::{
        amp::Amp,
        call::{Call, Envelope},
        explain,
        record::Explained,
    },
    protocol::{Format, Operation},
    routing::{router::Router, state::State},
    server::{
        client::{Gateway, get, locate},
        clock::Clock,
    },
    store::{ConfigFile, Environment, state::StateFile},
};

/// The flags of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    config: ConfigArgs,
    /// The name that a client would ask for: an alias, `provider/model`, a model or `smart`
    #[arg(required_unless_present_any = ["id", "request", "amp"], conflicts_with = "id")]
    model: Option<String>,
    /// Explain a request that was made: its `x-llm-router-request-id`
    #[arg(long, value_name = "REQUEST_ID")]
    id: Option<String>,
    /// The format of the request [default: that of the request file, else `openai`]
    #[arg(long, conflicts_with = "id")]
    format: Option<Format>,
    /// A file with the body of the request: its size and contents count in the decision
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    request: Option<PathBuf>,
    /// A header of the request, such as `x-claude-code-session-id: abc` (can be repeated)
    #[arg(long, value_name = "NAME: VALUE", conflicts_with = "id")]
    header: Vec<String>,
    #[command(flatten)]
    amp: AmpFlags,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a request of Amp says about itself.
#[derive(Debug, Args)]
#[group(id = "amp", multiple = true, conflicts_with = "id")]
struct AmpFlags {
    /// As Amp would ask in this mode
    #[arg(long, value_name = "MODE")]
    amp_mode: Option<String>,
    /// As this agent of Amp would ask
    #[arg(long, value_name = "AGENT")]
    amp_agent: Option<String>,
    /// As this application of Amp would ask
    #[arg(long, value_name = "NAME")]
    amp_application: Option<String>,
    /// As Amp would ask on this vendor's path
    #[arg(long, value_name = "VENDOR")]
    amp_provider: Option<String>,
}

impl AmpFlags {
    /// What path and headers of such a request would say.
    fn detect(&self, headers: &mut HeaderMap) -> anyhow::Result<Option<Amp>> {
        let said = [
            ("x-amp-mode", &self.amp_mode),
            ("x-amp-agent", &self.amp_agent),
            ("x-amp-client-application", &self.amp_application),
        ];
        let is_amp = said.iter().any(|(_, value)| value.is_some());
        for (name, value) in said {
            if let Some(value) = value {
                headers.insert(name, value.parse().context("read a flag of Amp")?);
            }
        }
        let path = match &self.amp_provider {
            Some(vendor) => format!("/api/provider/{vendor}/"),
            None if is_amp => "/api/internal".to_owned(),
            None => String::new(),
        };
        Ok(Amp::detect(&path, headers))
    }
}

impl Explain {
    /// Prints the explanation. Exits with 2 if the name or the id stands for nothing.
    ///
    /// # Errors
    /// If the config or the request cannot be read.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        let file = self.config.locate(environment)?;
        let explained = match &self.id {
            Some(id) => block_on(after(&file, id))?,
            None => self.before(&file)?,
        };
        match explained {
            Ok(explained) => {
                let text = if self.json {
                    serde_json::to_string_pretty(&explained)? + "\n"
                } else if self.id.is_some() {
                    explained.text()
                } else {
                    explained.plan()
                };
                print(&text)?;
                Ok(Exit::Done)
            }
            Err(message) => {
                super::complain(&format!("llm-router: {message}\n"));
                Ok(Exit::Invalid)
            }
        }
    }

    /// What would happen now: with the state of the running gateway, or else with the saved one.
    fn before(&self, file: &ConfigFile) -> anyhow::Result<Result<Explained, String>> {
        let router = match compile(file)? {
            Ok(router) => router,
            Err(problems) => return Ok(Err(problems)),
        };
        let state = match block_on(running_state(file))? {
            Some(state) => state,
            None => saved_state(file),
        };
        let call = match self.call()? {
            Ok(call) => call,
            Err(message) => return Ok(Err(message)),
        };
        let planned = explain::plan(Arc::new(router), call, state, Clock::default().now());
        Ok(planned.map_err(|error| error.message))
    }

    fn call(&self) -> anyhow::Result<Result<Call, String>> {
        let body = match &self.request {
            Some(path) => {
                std::fs::read(path).with_context(|| format!("read {}", path.display()))?
            }
            None => b"{}".to_vec(),
        };
        let mut headers = HeaderMap::new();
        for header in &self.header {
            let (name, value) =
                header.split_once(':').with_context(|| format!("`{header}` is not NAME: VALUE"))?;
            let name: http::HeaderName = name.trim().parse().context("read a header's name")?;
            headers.insert(name, value.trim().parse().context("read a header's value")?);
        }
        let operation = match (self.format, &self.request) {
            (Some(format), _) => Some(operation(format)),
            (None, None) => Some(Operation::ChatCompletions),
            (None, Some(_)) => None,
        };
        let amp = self.amp.detect(&mut headers)?;
        let request_id = "explain".into();
        let envelope = Envelope { operation, model: None, amp, headers, query: None, request_id };
        Ok(Call::read(envelope, body.into())
            .map(|call| Call { model: self.model.clone().or(call.model.clone()), ..call })
            .map_err(|error| error.message))
    }
}

fn operation(format: Format) -> Operation {
    match format {
        Format::OpenAi => Operation::ChatCompletions,
        Format::OpenAiResponses => Operation::Responses,
        Format::Anthropic => Operation::Messages,
        Format::Gemini => Operation::GenerateContent,
    }
}

/// What happened to a request of the running gateway.
async fn after(file: &ConfigFile, id: &str) -> anyhow::Result<Result<Explained, String>> {
    let Some(gateway) = locate(file)? else {
        return Ok(Err("no gateway runs with this config, so no request is remembered".to_owned()));
    };
    let encoded = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    let answer = get(&gateway, &format!("/-/decisions/{encoded}")).await?;
    match answer {
        None => Ok(Err("the gateway is gone, and with it what it remembered".to_owned())),
        Some(Ok(body)) => Ok(Ok(serde_json::from_slice(&body).context("understand the answer")?)),
        Some(Err(body)) => {
            let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let message = told["error"]["message"].as_str().unwrap_or("the gateway refuses to say");
            Ok(Err(message.to_owned()))
        }
    }
}

async fn running_state(file: &ConfigFile) -> anyhow::Result<Option<State>> {
    let Some(gateway): Option<Gateway> = locate(file)? else { return Ok(None) };
    match get(&gateway, "/-/state").await? {
        Some(Ok(body)) => Ok(Some(serde_json::from_slice(&body).context("understand the state")?)),
        Some(Err(_)) | None => Ok(None),
    }
}

/// What the last run left behind; nothing, if that cannot be understood.
fn saved_state(file: &ConfigFile) -> State {
    let saved = StateFile::locate(file);
    saved.and_then(|saved| saved.load().ok()).unwrap_or_default()
}

fn compile(file: &ConfigFile) -> anyhow::Result<Result<Router, String>> {
    let loaded = file.load()?;
    let compiled = Router::compile(&loaded.config, &|source| file.secret(source));
    let problems = loaded.problems.iter().chain(&compiled.problems);
    let errors: Vec<String> =
        problems.filter(|problem| Problem::is_error(problem)).map(ToString::to_string).collect();
    match compiled.router {
        Some(router) if errors.is_empty() => Ok(Ok(router)),
        Some(_) | None => Ok(Err(format!("the config cannot be used:\n  {}", errors.join("\n  ")))),
    }
}
