//! `test-route`: where a request would go, and, if asked, whether it really works.

use std::time::Duration;

use clap::Args;
use http::{HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bad, Command, Effect, NetworkCommand,
    argument::FormatName,
    error::{Code, CommandError},
    explain::{self, AmpArgs, Asked, pages},
    network::{Arrivals, Manner, fetch, millis},
    running::{self, Gateway},
    text::{Look, Text},
    tiny::{self, Limit},
    workspace::Workspace,
};
use crate::{exchange::record::Explained, formats::codec, protocol::Format};

/// Test where a request for a model goes and, with `live`, whether that works
///
/// Without `live` nothing is sent: it is decided as for a real request, with the counters of the
/// running gateway, and explained. With `live` one tiny request (at
/// most 16 output tokens) takes the real way through the running gateway; it counts in the buckets.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct TestRoute {
    /// The name that a client would ask for: an alias, `provider/model` or a model. The default
    /// model if absent
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Send one tiny request through the running gateway
    #[arg(long)]
    #[serde(default)]
    live: bool,
    /// The format that the client would use. `openai` if absent
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<FormatName>,
    /// Ask for a stream, and tell when its first token came
    #[arg(long)]
    #[serde(default)]
    stream: bool,
    /// How long the live request may take. 60000 if absent
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(100..=600_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 600_000))]
    timeout_ms: Option<u64>,
    #[command(flatten)]
    #[serde(flatten)]
    amp: AmpArgs,
    #[arg(skip)]
    #[serde(skip)]
    running: Option<Box<explain::live::Live>>,
    #[arg(skip)]
    #[serde(skip)]
    result: Option<Live>,
}

/// Where a request goes, and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tested {
    /// In one line
    summary: String,
    /// Whether any target would be called
    routable: bool,
    /// Why none would
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The format of the request
    format: String,
    /// Whether the counters are those of the running gateway, not those that the last one saved
    gateway_running: bool,
    /// The decision, with every candidate and its reasons
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Explained>,
    /// What came of the live request
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Live>,
    /// What it cost, or would cost with `live`
    cost: String,
    /// What to do next
    next: Vec<String>,
}

/// What came of a live request.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Live {
    /// Whether a model answered
    ok: bool,
    /// The status of the answer
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// When all of it was there, in milliseconds
    latency_ms: u64,
    /// When the first token was there, if it was a stream
    #[serde(skip_serializing_if = "Option::is_none")]
    first_token_ms: Option<u64>,
    /// The target that answered
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// The id to ask with: `explain --id`
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Why it did not work
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// How the gateway decided, and every attempt that failed
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Explained>,
}

impl TestRoute {
    fn wire_format(&self) -> Format {
        self.format.map_or(Format::OpenAi, FormatName::format)
    }

    /// Sends the request.
    async fn send(&self, gateway: &Gateway, workspace: &Workspace) -> Result<Live, CommandError> {
        let mut live = self.send_with(gateway, workspace, Limit::MaxTokens).await?;
        if live.status == Some(400)
            && live
                .error
                .as_ref()
                .is_some_and(|error| tiny::wants_other_limit(self.wire_format(), error.as_bytes()))
        {
            live = self.send_with(gateway, workspace, Limit::MaxCompletionTokens).await?;
        }
        if let Some(id) = &live.request_id {
            // A gateway that does not tell has still answered.
            live.trace = explain::request(gateway, id).await.ok();
        }
        Ok(live)
    }

    async fn send_with(
        &self,
        gateway: &Gateway,
        workspace: &Workspace,
        limit: Limit,
    ) -> Result<Live, CommandError> {
        let format = self.wire_format();
        let model = self.model.as_deref().unwrap_or("smart");
        let body = tiny::body(format, model, self.stream, limit);
        let mut request = gateway.request(&self.path(model)).map_err(CommandError::arguments)?;
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.amp.headers()?);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if format == Format::Anthropic {
                headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
            }
        }
        let request = request.method(http::Method::POST).body(body);
        let request = request.map_err(|error| CommandError::arguments(error.to_string()))?;
        let patience = Duration::from_millis(self.timeout_ms.unwrap_or(60_000));
        let about = format!("waiting for an answer of `{model}`");
        let answer = fetch(workspace, request, Manner::new(about, patience)).await;
        Ok(match answer {
            Ok(answer) => {
                let live = self.judge(&answer);
                Live { error: live.error.map(|error| workspace.scrub(&error)), ..live }
            }
            Err(error) => Live {
                ok: false,
                status: None,
                latency_ms: 0,
                first_token_ms: None,
                target: None,
                request_id: None,
                error: Some(format!("the gateway {error}")),
                trace: None,
            },
        })
    }

    fn judge(&self, answer: &http::Response<bytes::Bytes>) -> Live {
        let (format, arrivals) = (self.wire_format(), Arrivals::read(answer));
        let text = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let (mut first, mut error) = (None, None);
        if !answer.status().is_success() {
            let told = running::message(answer.body());
            error = Some(told.unwrap_or_else(|| {
                codec(format).decode_fault(answer.status(), answer.body()).message
            }));
        } else if self.stream {
            match tiny::first_token(format, answer.body(), &arrivals) {
                Ok(when) => first = Some(millis(when)),
                Err(why) => error = Some(why),
            }
        }
        let error = error.map(|error| error.chars().take(LONGEST_ERROR).collect::<String>());
        Live {
            ok: error.is_none(),
            status: Some(answer.status().as_u16()),
            latency_ms: millis(arrivals.end()),
            first_token_ms: first,
            target: text("x-llm-router-target").map(|target| percent_decoded(&target)),
            request_id: text("x-llm-router-request-id"),
            error,
            trace: None,
        }
    }

    fn path(&self, model: &str) -> String {
        let format = self.wire_format();
        let path = match format {
            Format::OpenAi => "/v1/chat/completions".to_owned(),
            Format::OpenAiResponses => "/v1/responses".to_owned(),
            Format::Anthropic => "/v1/messages".to_owned(),
            Format::Gemini => {
                let model = percent_encoding::utf8_percent_encode(model, IN_PATH);
                let ending = tiny::operation(format, self.stream).ending();
                let query = if self.stream { "?alt=sse" } else { "" };
                format!("/v1beta/models/{model}:{ending}{query}")
            }
        };
        match self.amp.vendor() {
            Some(vendor) => {
                let vendor = percent_encoding::utf8_percent_encode(vendor, IN_PATH);
                format!("/api/provider/{vendor}{path}")
            }
            None => path,
        }
    }

    fn next(&self, routable: bool, gateway_running: bool, live: Option<&Live>) -> Vec<String> {
        let name = self.model.as_deref().unwrap_or("smart");
        let mut next = Vec::new();
        if !gateway_running {
            next.push("llm-router start".to_owned());
        }
        match live {
            None if routable => next.push(format!("llm-router test-route {name} --live")),
            None => next.push("llm-router list".to_owned()),
            Some(live) if live.ok => {
                next.push(format!("llm-router client-config CLIENT --model {name}"));
            }
            Some(live) => {
                if let Some(id) = &live.request_id {
                    next.push(format!("llm-router explain --id {id}"));
                }
                let tried = live.trace.iter().flat_map(|trace| &trace.attempts).next();
                if let Some((provider, _)) = tried.and_then(|tried| tried.target.split_once('/')) {
                    next.push(format!("llm-router test-provider {provider}"));
                }
            }
        }
        next
    }
}

/// The longest that a plan may become, in bytes of JSON.
const LONGEST_PLAN: usize = 5000;
/// The same beside what really happened.
const LONGEST_BESIDE: usize = 2000;
/// The longest that the trace of a live request may become.
const LONGEST_TRACE: usize = 3500;
const IN_PATH: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'/')
    .remove(b':');
/// Only so much of what a provider says is repeated.
const LONGEST_ERROR: usize = 300;

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Command for TestRoute {
    const NAME: &'static str = "test-route";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[
        r"{}",
        r#"{"model": "chat"}"#,
        r#"{"model": "spare", "format": "anthropic", "stream": true}"#,
        r#"{"model": "chat", "amp_mode": "smart"}"#,
        r#"{"model": "nothing-like-it"}"#,
    ];
    const BAD: Bad = Bad::Failed;
    type Output = Tested;

    fn run(self, workspace: &mut Workspace) -> Result<Tested, CommandError> {
        let gateway_running = self.running.is_some();
        let asked = Asked {
            model: self.model.as_deref(),
            format: Some(self.wire_format()),
            body: None,
            headers: &[],
            amp: &self.amp,
        };
        let (mut plan, why) = match explain::plan(workspace, &asked, self.running.as_deref()) {
            Ok(plan) => (Some(plan), None),
            Err(error) if error.code == Code::InvalidConfig => return Err(error),
            Err(error) => (None, Some(error.message)),
        };
        let order: Vec<String> = plan.iter().flat_map(Explained::order).collect();
        // Results stay small; `explain` tells of all.
        let mut live = self.result.clone();
        let trace = live.as_mut().and_then(|live| live.trace.as_mut());
        let budget = if trace.is_some() { LONGEST_BESIDE } else { LONGEST_PLAN };
        for (explained, budget) in plan
            .as_mut()
            .map(|plan| (plan, budget))
            .into_iter()
            .chain(trace.map(|trace| (trace, LONGEST_TRACE)))
        {
            pages::cut(explained, 0, None, budget);
        }
        let why = why.or_else(|| {
            order.is_empty().then(|| "every target rests, is full or cannot be asked".to_owned())
        });
        let routable = why.is_none();
        let name = self.model.as_deref().unwrap_or("smart");
        let summary = match (&self.result, &why) {
            (Some(live), _) => live_summary(name, live),
            (None, Some(why)) => format!("`{name}` cannot be answered now: {why}"),
            (None, None) => {
                let first: Vec<&str> = order.iter().take(5).map(String::as_str).collect();
                let more = if order.len() > first.len() { ", ..." } else { "" };
                format!("A request for `{name}` would go to {}{more}.", first.join(", then "))
            }
        };
        let tokens = tiny::OUTPUT_TOKENS;
        let cost = match &self.result {
            Some(_) => format!("one request of about 10 input and at most {tokens} output tokens"),
            None => format!("nothing; with live one request of at most {tokens} output tokens"),
        };
        let next = self.next(routable, gateway_running, self.result.as_ref());
        let format = self.wire_format().name().to_owned();
        Ok(Tested { summary, routable, why, format, gateway_running, plan, live, cost, next })
    }

    fn text(output: &Tested) -> Text {
        let mut text = Text::default();
        let look = if Self::is_good(output) { Look::Good } else { Look::Bad };
        text.wrapped(look, "", "  ", &output.summary);
        let explained = match &output.live {
            Some(live) => live.trace.as_ref().map(Explained::text),
            None => output.plan.as_ref().map(Explained::plan),
        };
        if let Some(explained) = explained {
            text.gap();
            for line in explained.lines() {
                let bare = line.trim_start();
                let indent = " ".repeat(2 + line.len() - bare.len());
                text.wrapped(Look::Plain, &indent, &format!("{indent}  "), bare);
            }
        }
        text.gap().line(Look::Faint, format!("Cost: {}", output.cost));
        if !output.next.is_empty() {
            text.gap().line(Look::Strong, "Next");
            for next in &output.next {
                text.line(Look::Plain, format!("  {next}"));
            }
        }
        text
    }

    fn is_good(output: &Tested) -> bool {
        output.live.as_ref().map_or(output.routable, |live| live.ok)
    }
}

fn live_summary(name: &str, live: &Live) -> String {
    let target = live.target.as_deref().unwrap_or("no target");
    match (&live.error, live.first_token_ms) {
        (None, Some(first)) => format!(
            "`{name}` works: {target} answered in {} ms, its first token came after {first} ms.",
            live.latency_ms
        ),
        (None, None) => format!("`{name}` works: {target} answered in {} ms.", live.latency_ms),
        (Some(error), _) => {
            let status = live.status.map(|status| format!(" ({status})")).unwrap_or_default();
            format!("`{name}` does not work{status}: {error}")
        }
    }
}

impl NetworkCommand for TestRoute {
    async fn ask(&mut self, workspace: &Workspace) -> Result<(), CommandError> {
        if self.live {
            let not_running = || {
                CommandError::new(Code::NotRunning, "no gateway runs with this config")
                    .hint("start one and ask again: llm-router start")
            };
            let gateway = running::locate(workspace).ok_or_else(not_running)?;
            match gateway.find().await {
                Ok(running::Found::Running(_)) => {}
                Ok(running::Found::Gone | running::Found::Nothing) => return Err(not_running()),
                Err(error) => return Err(CommandError::new(Code::Upstream, error)),
            }
            self.result = Some(self.send(&gateway, workspace).await?);
        }
        self.running = explain::live::Live::of(workspace).await?.map(Box::new);
        Ok(())
    }
}
