//! `explain`: why a request went, or would go, to which target.

pub mod live;
pub mod pages;

use std::sync::Arc;

use clap::Args;
use http::{HeaderMap, HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Command, Effect, NetworkCommand,
    argument::{FormatName, maps::Document},
    error::{Code, CommandError},
    page,
    running::{self, Gateway},
    text::{Look, Text},
    workspace::Workspace,
};
use crate::{
    chat::FaultKind,
    exchange::{
        amp::Amp,
        call::{Call, Envelope},
        error::GatewayError,
        explain,
        record::Explained,
    },
    protocol::{Format, Operation},
};
use live::Live;
use pages::Part;

/// Say why a request went, or would go, to which target
///
/// With a model: what would happen to a request for it now, without sending anything. With `id`:
/// what happened to a request of the running gateway, which remembers the last 256.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Explain {
    /// The name that a client would ask for: an alias, `provider/model`, a model or `smart`
    #[arg(required_unless_present_any = ["id", "request", "amp"], conflicts_with = "id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Explain a request that was made: its `x-llm-router-request-id`
    #[arg(long, value_name = "REQUEST_ID", conflicts_with = "amp")]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The format of the request. That of `request` if absent, else `openai`
    #[arg(long, value_enum, conflicts_with = "id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<FormatName>,
    /// The body of the request, on a command line in a file: its size and contents count
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Document>,
    /// A header of the request, such as `x-claude-code-session-id: abc` (can be repeated)
    #[arg(long, value_name = "NAME: VALUE", conflicts_with = "id")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    header: Vec<String>,
    #[command(flatten)]
    #[serde(flatten)]
    amp: AmpArgs,
    /// How many targets at most
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    limit: Option<u64>,
    /// Where to go on: `next_cursor` of the page before
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[arg(skip)]
    #[serde(skip)]
    learned: Option<Learned>,
}

/// What a request of Amp says about itself.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize, JsonSchema)]
#[group(id = "amp", multiple = true)]
pub struct AmpArgs {
    /// As Amp would ask in this mode
    #[arg(long, value_name = "MODE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    amp_mode: Option<String>,
    /// As this agent of Amp would ask
    #[arg(long, value_name = "AGENT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    amp_agent: Option<String>,
    /// As this application of Amp would ask
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    amp_application: Option<String>,
    /// As Amp would ask on this vendor's path
    #[arg(long, value_name = "VENDOR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    amp_provider: Option<String>,
}

/// What only a running gateway knows.
#[derive(Debug, Clone)]
enum Learned {
    Live(Box<Live>),
    Request(Box<Explained>),
}

/// The explanation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Told {
    #[serde(flatten)]
    explained: Explained,
    /// How many targets there are on all pages
    total: u64,
    /// Where the next page begins; absent on the last
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip)]
    is_past: bool,
    #[serde(skip)]
    part: Part,
}

impl AmpArgs {
    /// The headers that say so, and the path.
    pub(super) fn headers(&self) -> Result<HeaderMap, CommandError> {
        let mut headers = HeaderMap::new();
        if self.is_said() {
            // What tells the gateway that Amp asks; the other headers alone do not.
            headers.insert(header::USER_AGENT, HeaderValue::from_static("amp/0"));
        }
        for (name, value) in [
            ("x-amp-mode", &self.amp_mode),
            ("x-amp-agent", &self.amp_agent),
            ("x-amp-client-application", &self.amp_application),
        ] {
            if let Some(value) = value {
                let value = value.parse().map_err(|_| {
                    CommandError::arguments(format!("what `{name}` says is no header"))
                })?;
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }

    /// The vendor on whose path Amp would ask.
    pub(super) fn vendor(&self) -> Option<&str> {
        self.amp_provider.as_deref()
    }

    pub(super) fn is_said(&self) -> bool {
        self.amp_mode.is_some()
            || self.amp_agent.is_some()
            || self.amp_application.is_some()
            || self.amp_provider.is_some()
    }

    /// What path and headers of such a request would say.
    fn detect(&self, headers: &mut HeaderMap) -> Result<Option<Amp>, CommandError> {
        headers.extend(self.headers()?);
        let path = match &self.amp_provider {
            Some(vendor) => format!("/api/provider/{vendor}/"),
            None => String::new(),
        };
        Ok(Amp::detect(&path, headers))
    }
}

impl Command for Explain {
    const NAME: &'static str = "explain";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"model": "chat"}"#,
        r#"{"model": "spare", "format": "anthropic", "header": ["x-claude-code-session-id: abc"]}"#,
        r#"{"model": "chat", "amp_mode": "smart"}"#,
    ];
    const FILE: Option<&'static str> = Some("request");
    type Output = Told;

    fn run(self, workspace: &mut Workspace) -> Result<Told, CommandError> {
        let live = match &self.learned {
            Some(Learned::Request(explained)) => {
                return self.page(Explained::clone(explained), true);
            }
            Some(Learned::Live(live)) => Some(&**live),
            None => None,
        };
        let asked = Asked {
            model: self.model.as_deref(),
            format: self.format.map(FormatName::format),
            body: self.request.as_ref(),
            headers: &self.header,
            amp: &self.amp,
        };
        let explained = plan(workspace, &asked, live)?;
        self.page(explained, false)
    }

    fn text(output: &Told) -> Text {
        let told = if output.is_past { output.explained.text() } else { output.explained.plan() };
        let mut text = Text::default();
        for line in told.lines() {
            text.line(Look::Plain, line);
        }
        let Part { shown, total, next } = output.part;
        if let Some(next) = next {
            let line = format!("{shown} of {total} targets shown; go on with --cursor {next}");
            text.gap().line(Look::Faint, line);
        }
        text
    }
}

impl Explain {
    /// The page of an explanation that was asked for.
    fn page(&self, mut explained: Explained, is_past: bool) -> Result<Told, CommandError> {
        let start = page::start(self.cursor.as_deref())?;
        let part = pages::cut(&mut explained, start, self.limit, page::LONGEST);
        let next_cursor = part.next.map(|next| next.to_string());
        Ok(Told { explained, total: part.total as u64, next_cursor, is_past, part })
    }
}

impl NetworkCommand for Explain {
    async fn ask(&mut self, workspace: &Workspace) -> Result<(), CommandError> {
        let says_more = self.model.is_some() || self.request.is_some() || self.amp.is_said();
        match &self.id {
            Some(_) if says_more => {
                return Err(CommandError::arguments("`id` stands alone: that request was made"));
            }
            None if !says_more => {
                return Err(CommandError::arguments("names neither a model nor a request"));
            }
            Some(id) => {
                let gateway = running::locate(workspace).ok_or_else(|| {
                    let message = "no gateway runs with this config, so no request is remembered";
                    CommandError::new(Code::NotRunning, message)
                })?;
                let explained = request(&gateway, id).await?;
                self.learned = Some(Learned::Request(Box::new(explained)));
            }
            None => {
                self.learned = Live::of(workspace).await?.map(|live| Learned::Live(Box::new(live)));
            }
        }
        Ok(())
    }
}

/// The request that a plan is made for.
pub(super) struct Asked<'a> {
    pub model: Option<&'a str>,
    pub format: Option<Format>,
    pub body: Option<&'a Document>,
    pub headers: &'a [String],
    pub amp: &'a AmpArgs,
}

/// What would happen to a request now, in the gateway that runs, or in one that is started here.
pub(super) fn plan(
    workspace: &Workspace,
    asked: &Asked<'_>,
    live: Option<&Live>,
) -> Result<Explained, CommandError> {
    let (router, state) = match live {
        Some(live) => (live.router(workspace)?, live.state.clone()),
        None => (workspace.router()?, (workspace.remember)()),
    };
    let call = call(asked)?;
    explain::plan(Arc::new(router), call, state, workspace.now).map_err(|error| refused(&error))
}

fn call(asked: &Asked<'_>) -> Result<Call, CommandError> {
    let body = asked.body.map_or_else(|| "{}".to_owned(), Document::text);
    let mut headers = HeaderMap::new();
    for header in asked.headers {
        let (name, value) = header_of(header)?;
        headers.insert(name, value);
    }
    let operation = match (asked.format, asked.body) {
        (Some(format), _) => Some(operation(format)),
        (None, None) => Some(Operation::ChatCompletions),
        (None, Some(_)) => None,
    };
    let amp = asked.amp.detect(&mut headers)?;
    let request_id = "explain".into();
    let envelope = Envelope { operation, model: None, amp, headers, query: None, request_id };
    let call = Call::read(envelope, body.into()).map_err(|error| refused(&error))?;
    let model = asked.model.map(str::to_owned).or(call.model.clone());
    Ok(Call { model, ..call })
}

fn header_of(text: &str) -> Result<(http::HeaderName, HeaderValue), CommandError> {
    let header = text
        .split_once(':')
        .and_then(|(name, value)| Some((name.trim().parse().ok()?, value.trim().parse().ok()?)));
    // Not repeated: headers hold keys.
    header.ok_or_else(|| CommandError::arguments("a header is written NAME: VALUE"))
}

/// What is asked for by default in a format.
pub(super) fn operation(format: Format) -> Operation {
    match format {
        Format::OpenAi => Operation::ChatCompletions,
        Format::OpenAiResponses => Operation::Responses,
        Format::Anthropic => Operation::Messages,
        Format::Gemini => Operation::GenerateContent,
    }
}

fn refused(error: &GatewayError) -> CommandError {
    let is_unknown = matches!(error.kind, FaultKind::ModelNotFound);
    let code = if is_unknown { Code::UnknownModel } else { Code::InvalidArguments };
    CommandError::new(code, &error.message)
}

/// What may stand in a path as it is: the gateway compares ids as they come.
const IN_PATH: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// What happened to a request of the running gateway.
pub(super) async fn request(gateway: &Gateway, id: &str) -> Result<Explained, CommandError> {
    let encoded = percent_encoding::utf8_percent_encode(id, IN_PATH);
    let answer = gateway.get(&format!("/-/decisions/{encoded}")).await;
    match answer.map_err(CommandError::arguments)? {
        None => {
            let message = "the gateway is gone, and with it what it remembered";
            Err(CommandError::new(Code::NotRunning, message))
        }
        Some(Ok(body)) => serde_json::from_slice(&body).map_err(|error| not_understood(&error)),
        Some(Err(body)) => {
            let told = running::message(&body);
            let told = told.unwrap_or_else(|| "the gateway refuses to say".to_owned());
            Err(CommandError::new(Code::InvalidArguments, told))
        }
    }
}

fn not_understood(error: &serde_json::Error) -> CommandError {
    let message = format!("the gateway's answer is not understood: {error}");
    CommandError::new(Code::Upstream, message)
        .hint("is it of another version? restart it: llm-router stop, llm-router start")
}
