//! Finding out what a provider speaks: formats, how it takes its key, and which models it has.
//!
//! A format is found by a request for a model that does not exist: who speaks the format refuses it
//! in that format's own words, and no model answers, so nothing is spent. Only the models that are
//! named are really asked, each with one tiny request per format.

pub mod listing;
pub mod verdict;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use url::Url;

use super::{
    network::{Arrivals, Manner, fetch, millis},
    tiny::{self, Limit},
    workspace::Workspace,
};
use crate::{
    config::{Auth, AuthKind, Provider, presets},
    exchange::retry_after,
    formats::codec,
    protocol::Format,
    routing::endpoint::{self, Endpoint},
};
use verdict::Answer;

/// How many requests a minute go to a provider, unless somebody says otherwise.
pub const PACE: u64 = 120;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest wait that a provider may ask for before it is left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How often a provider that asks for patience is asked again.
const REPEATS: u32 = 2;
/// The model that nobody has.
pub const NO_MODEL: &str = "llm-router-probe-no-such-model";

/// One provider, being asked.
pub struct Probe<'w> {
    workspace: &'w Workspace,
    provider: &'w Provider,
    interval: Duration,
    /// How many requests were sent.
    pub sent: u64,
}

/// One request: a `GET` without a body, else a `POST`.
#[derive(Debug, Clone)]
struct Asked {
    url: Url,
    format: Format,
    auth: AuthKind,
    body: Option<Bytes>,
}

/// One format, as far as it was found out.
#[derive(Debug, Clone)]
pub struct Spoken {
    pub format: Format,
    pub base: Url,
    /// How the key was presented.
    pub auth: AuthKind,
    pub answer: Answer,
}

/// What a named model did.
#[derive(Debug, Clone)]
pub struct Tried {
    pub model: String,
    pub format: Format,
    pub status: Option<u16>,
    pub latency_ms: u64,
    pub error: Option<String>,
}

impl<'w> Probe<'w> {
    /// A probe of a provider, which need not be in the config yet.
    #[must_use]
    pub fn new(workspace: &'w Workspace, provider: &'w Provider, pace: Option<u64>) -> Self {
        let pace = pace.unwrap_or(PACE).max(1);
        let is_local = Format::ALL.into_iter().any(|format| {
            bases(provider, format).first().and_then(Url::host_str).is_some_and(is_this_machine)
        });
        let interval = if is_local { Duration::ZERO } else { Duration::from_millis(60_000 / pace) };
        Self { workspace, provider, interval, sent: 0 }
    }

    /// Asks in every format that has a URL.
    pub async fn formats(&mut self) -> Vec<Spoken> {
        let mut found = Vec::new();
        for format in Format::ALL {
            let mut best: Option<Spoken> = None;
            for base in bases(self.provider, format) {
                let spoken = self.format(format, base).await;
                let is_better =
                    best.as_ref().is_none_or(|best| spoken.answer.rank() > best.answer.rank());
                if is_better {
                    best = Some(spoken);
                }
                if best.as_ref().is_some_and(|best| best.answer.is_yes()) {
                    break;
                }
            }
            found.extend(best);
        }
        found
    }

    /// Asks in one format at one place, with the key in every header that it may travel in.
    async fn format(&mut self, format: Format, base: Url) -> Spoken {
        let mut last = None;
        for auth in self.auths(format) {
            let body = tiny::body(format, NO_MODEL, false, Limit::MaxTokens);
            let about = format!("{}: does it speak {format}?", self.provider.id);
            let url = endpoint::join(&base, tiny::operation(format, false), NO_MODEL);
            let answer = self.ask(Asked { url, format, auth, body: Some(body) }, about).await;
            let answer = verdict::judge(format, answer.as_ref().map_err(String::as_str));
            let is_refused = matches!(answer, Answer::KeyRefused { .. });
            last = Some(Spoken { format, base: base.clone(), auth, answer });
            if !is_refused {
                break;
            }
        }
        last.expect("there is always a way to present a key")
    }

    /// The headers in which the key may travel: the one that is configured, or all, the usual
    /// first.
    fn auths(&self, format: Format) -> Vec<AuthKind> {
        let configured = self.provider.auth_by_format.get(format).or(self.provider.auth.as_ref());
        if let Some(auth) = configured {
            return vec![auth.kind];
        }
        if self.provider.api_key.is_none() && self.provider.api_key_env.is_none() {
            return vec![AuthKind::None];
        }
        let known = presets_of(self.provider).flat_map(|preset| &preset.more);
        let known = known.filter(|more| more.format == format && more.auth.is_some());
        let mut auths: Vec<AuthKind> = known.map(|_| AuthKind::Bearer).collect();
        auths.extend(match format {
            Format::OpenAi | Format::OpenAiResponses => [AuthKind::Bearer, AuthKind::XApiKey],
            Format::Anthropic => [AuthKind::XApiKey, AuthKind::Bearer],
            Format::Gemini => [AuthKind::XGoogApiKey, AuthKind::Bearer],
        });
        auths.dedup();
        auths
    }

    /// What a provider says, without its key: one that is only being added is not in the config.
    fn scrub(&self, text: &str) -> String {
        let text = self.workspace.scrub(text);
        match self.provider.api_key.as_ref().map(|source| self.workspace.find(source)) {
            Some(Ok(secret)) if secret.expose().len() >= 6 => text.replace(secret.expose(), "••••"),
            Some(Ok(_) | Err(_)) | None => text,
        }
    }

    /// Really asks a model.
    pub async fn model(&mut self, spoken: &Spoken, model: &str) -> Tried {
        let format = spoken.format;
        let url = endpoint::join(&spoken.base, tiny::operation(format, false), model);
        let mut tried =
            Tried { model: model.to_owned(), format, status: None, latency_ms: 0, error: None };
        for limit in [Limit::MaxTokens, Limit::MaxCompletionTokens] {
            let body = tiny::body(format, model, false, limit);
            let about = format!("{}: does {model} answer in {format}?", self.provider.id);
            let (url, auth) = (url.clone(), spoken.auth);
            match self.ask(Asked { url, format, auth, body: Some(body) }, about).await {
                Err(error) => {
                    tried.error = Some(error);
                    break;
                }
                Ok(answer) => {
                    let status = answer.status();
                    tried.status = Some(status.as_u16());
                    tried.latency_ms = millis(Arrivals::read(&answer).end());
                    tried.error = (!status.is_success()).then(|| {
                        let told = super::running::message(answer.body());
                        let fault = || codec(format).decode_fault(status, answer.body()).message;
                        verdict::short(&self.scrub(&told.unwrap_or_else(fault)))
                    });
                    if status.as_u16() != 400 || !tiny::wants_other_limit(format, answer.body()) {
                        break;
                    }
                }
            }
        }
        tried
    }

    /// Asks once, at the pace; again where the provider asks for a little patience.
    async fn ask(&mut self, asked: Asked, about: String) -> Result<Response<Bytes>, String> {
        let mut after = if self.sent == 0 { Duration::ZERO } else { self.interval };
        let mut repeats = 0;
        loop {
            let request = self.request(asked.clone())?;
            let manner = Manner { about: about.clone(), after, patience: PATIENCE };
            self.sent += 1;
            let answer = fetch(self.workspace, request, manner).await?;
            let wait = retry_after::read(answer.headers(), answer.body(), self.workspace.now, true);
            let wait = wait.unwrap_or(Duration::from_secs(1));
            if answer.status().as_u16() != 429 || repeats == REPEATS || wait > LONGEST_WAIT {
                return Ok(answer);
            }
            repeats += 1;
            after = wait.max(self.interval);
        }
    }

    fn request(&self, asked: Asked) -> Result<Request<Bytes>, String> {
        let Asked { url, format, auth, body } = asked;
        let mut provider = self.provider.clone();
        let configured = provider.auth_by_format.get(format).or(provider.auth.as_ref());
        if configured.is_none() {
            provider.auth = Some(Auth { kind: auth, header_name: None, prefix: None });
        }
        let endpoint = Endpoint::compile(&provider, format, &|source| self.workspace.find(source));
        if let Some(missing) = endpoint.missing_key {
            return Err(missing.to_string());
        }
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(url.as_str());
        if let Some(headers) = request.headers_mut() {
            headers.extend(endpoint.defaults);
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            if body.is_some() {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            for (name, value) in &endpoint.headers {
                headers.insert(name, value.clone());
            }
        }
        request.body(body.unwrap_or_default()).map_err(|error| error.to_string())
    }
}

fn presets_of(provider: &Provider) -> impl Iterator<Item = &'static presets::Preset> {
    provider.base_url.as_deref().and_then(presets::preset_for).into_iter()
}

/// Where a format may be spoken: where the config says, else below the provider's URL and where the
/// vendor is known to speak it.
#[must_use]
pub fn bases(provider: &Provider, format: Format) -> Vec<Url> {
    let by_format = &provider.base_url_by_format;
    if let Some(url) = by_format.get(format) {
        return Url::parse(url).into_iter().collect();
    }
    let shared = match format {
        Format::OpenAiResponses => by_format.openai.as_deref(),
        Format::OpenAi => by_format.openai_responses.as_deref(),
        Format::Anthropic | Format::Gemini => None,
    };
    let known = presets_of(provider)
        .flat_map(|preset| &preset.more)
        .filter(|more| more.format == format)
        .filter_map(|more| more.base_url.as_deref());
    let all = known.chain(shared).chain(provider.base_url.as_deref());
    let mut urls: Vec<Url> = all.filter_map(|url| Url::parse(url).ok()).collect();
    urls.dedup();
    urls
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
