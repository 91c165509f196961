//! The loop around an exchange: ask, send, wait, until one target answers or none is left.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::Response;

use super::{Gateway, upstream};
use crate::{
    chat::{Fault, FaultKind},
    config::OnLoss,
    exchange::{
        Exchange, Refusal, Step, UpstreamError,
        demo::{self, Answer},
        relay::{Cut, End, Flow, Relay},
        reply, verdict,
    },
    formats::codec,
    routing::{failure::Failure, router::TargetId, settings::Limits},
};

/// How a request came out.
pub enum Outcome {
    /// The demo provider answers, or the gateway itself with an estimate.
    Local { answer: Answer, estimated: bool, exchange: Box<Exchange> },
    /// A provider answers: its first content is here.
    Answered(Box<Answered>),
    /// Nobody answers.
    Refused(Refusal, Box<Exchange>),
}

/// An answer that is on its way to the client.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// What may be sent at once.
    pub ready: Vec<Bytes>,
    /// Whether that is all of it.
    pub complete: bool,
    pub relay: Relay,
    pub response: Response,
    pub limits: Limits,
    pub target: Arc<str>,
    pub exchange: Exchange,
}

/// As much of an upstream error as is kept: enough for every vendor's, bounded for the rest.
const LARGEST_ERROR: usize = 256 * 1024;

/// Drives `exchange` to its outcome. `accepted` is true while a provider has taken the request but
/// has not shown any content yet.
pub async fn drive(
    gateway: Arc<Gateway>,
    mut exchange: Exchange,
    accepted: Arc<AtomicBool>,
) -> Outcome {
    loop {
        match exchange.step() {
            Step::Ask(op) => {
                let (answer, now) = gateway.apply(&op);
                exchange.told(answer, now);
            }
            Step::Wait(pause) => tokio::time::sleep(pause).await,
            Step::Refuse(refusal) => {
                gateway.decisions.keep(exchange.record());
                return Outcome::Refused(refusal, Box::new(exchange));
            }
            Step::Demo(id) => return demo(&gateway, exchange, id),
            Step::Count(tokens) => {
                answered(&gateway, &mut exchange);
                let body = codec(exchange.call().format()).encode_token_count(tokens);
                let (answer, exchange) = (Answer::Whole(body.into()), Box::new(exchange));
                return Outcome::Local { answer, estimated: true, exchange };
            }
            Step::Send(outgoing, limits) => {
                let streams = exchange.call().streams;
                let patience = if streams { limits.first_byte } else { limits.whole_reply };
                match gateway.upstream.send(*outgoing, &limits, patience).await {
                    Err((failure, message)) => fail(&mut exchange, failure, None, message),
                    Ok(response) if response.status().is_success() => {
                        let attempt = Attempt { exchange, limits, accepted: &accepted };
                        match attempt.hold_back(&gateway, response).await {
                            Ok(answered) => return Outcome::Answered(Box::new(answered)),
                            Err(unanswered) => exchange = unanswered,
                        }
                        accepted.store(false, Ordering::Relaxed);
                    }
                    Ok(response) => refused(&gateway, &mut exchange, response, &limits).await,
                }
            }
        }
    }
}

fn demo(gateway: &Gateway, mut exchange: Exchange, id: TargetId) -> Outcome {
    let target = exchange.router().target(id);
    match demo::answer(exchange.call(), target, gateway.clock.now()) {
        Ok(answer) => {
            answered(gateway, &mut exchange);
            Outcome::Local { answer, estimated: false, exchange: Box::new(exchange) }
        }
        Err(error) => Outcome::Refused(Refusal::Local(error), Box::new(exchange)),
    }
}

/// A target answers: the state and the log are told.
fn answered(gateway: &Gateway, exchange: &mut Exchange) {
    if let Some(op) = exchange.answered() {
        gateway.apply(&op);
    }
    for op in exchange.lessons_learned() {
        gateway.apply(&op);
    }
    losses(gateway, exchange);
    gateway.decisions.keep(exchange.record());
}

/// Tells what a target was not told, once for each target and kind of loss.
fn losses(gateway: &Gateway, exchange: &Exchange) {
    let (Some(target), dropped) = (exchange.target(), exchange.dropped()) else { return };
    if dropped.is_empty() || exchange.on_loss(target) != OnLoss::Warn {
        return;
    }
    let fresh: Vec<String> = dropped
        .iter()
        .filter(|loss| gateway.is_news(&target.name, loss))
        .map(|loss| format!("{} ({})", loss.path, loss.reason))
        .collect();
    if !fresh.is_empty() {
        tracing::warn!(
            request = %exchange.call().request_id,
            "{} cannot be told: {}",
            target.name,
            fresh.join(", "),
        );
    }
}

/// What an answer has cost, as far as it says so, for the state.
pub fn account(gateway: &Gateway, exchange: &Exchange, relay: &mut Relay) {
    if let Some(op) = relay.usage().and_then(|counted| exchange.used(counted)) {
        gateway.apply(&op);
    }
}

/// An answer has ended: the state is told, and the log if it is not whole.
pub fn ended(gateway: &Gateway, exchange: &Exchange, relay: &Relay) {
    let failure = relay.failure();
    if let Some(op) = exchange.ended(failure) {
        gateway.apply(&op);
    }
    let Some(failure) = failure else { return };
    let target = exchange.target().map_or("?", |target| &target.name);
    tracing::info!(
        request = %exchange.call().request_id,
        target,
        cause = failure.cause.word(),
        "{target}: the reply broke off after it had begun",
    );
}

/// The provider answered with an error: read it, judge it, go on.
async fn refused(
    gateway: &Gateway,
    exchange: &mut Exchange,
    mut response: Response,
    limits: &Limits,
) {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    while body.len() < LARGEST_ERROR {
        match tokio::time::timeout(limits.silence, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            // What has come is what there is.
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.truncate(LARGEST_ERROR);
    let failure = verdict::judge(status, &headers, &body, gateway.clock.now());
    let message = format!("answered {status}");
    let error = UpstreamError { status, headers, body: body.into() };
    fail(exchange, failure, Some(error), message);
}

fn fail(exchange: &mut Exchange, failure: Failure, answer: Option<UpstreamError>, message: String) {
    let target = exchange.target().map_or("?", |target| &target.name);
    tracing::info!(
        request = %exchange.call().request_id,
        target,
        cause = failure.cause.word(),
        "{target}: {message}",
    );
    exchange.failed(failure, answer, message);
}

/// One attempt whose provider said yes.
struct Attempt<'a> {
    exchange: Exchange,
    limits: Limits,
    accepted: &'a AtomicBool,
}

impl Attempt<'_> {
    /// Holds the answer back until it shows content.
    ///
    /// # Errors
    /// The exchange, told of the failure, if it turned out to be no answer.
    async fn hold_back(
        mut self,
        gateway: &Gateway,
        mut response: Response,
    ) -> Result<Answered, Exchange> {
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut relay = match self.exchange.relay(&headers) {
            Ok(relay) => relay,
            Err((failure, message)) => {
                fail(&mut self.exchange, failure, None, message);
                return Err(self.exchange);
            }
        };
        self.accepted.store(relay.is_stream(), Ordering::Relaxed);
        let streams = self.exchange.call().streams;
        let mut patience = if streams { self.limits.first_byte } else { self.limits.whole_reply };
        let mut ready = Vec::new();
        loop {
            let (flow, complete) = match tokio::time::timeout(patience, response.chunk()).await {
                Ok(Ok(Some(chunk))) => (relay.feed(chunk, &mut ready), false),
                Ok(Ok(None)) => (self.end(&mut relay, End::Closed, &mut ready), true),
                Ok(Err(error)) => {
                    tracing::debug!("the reply broke off: {}", upstream::explain(error).1);
                    (self.end(&mut relay, End::Cut(Cut::Broken), &mut ready), true)
                }
                Err(_) => (self.end(&mut relay, End::Cut(Cut::Timeout), &mut ready), true),
            };
            patience = self.limits.silence;
            match flow {
                Flow::Held => {}
                Flow::Failed(failure, message) => {
                    fail(&mut self.exchange, failure, None, message);
                    return Err(self.exchange);
                }
                Flow::Flowing => {
                    let target = self.exchange.target().map(|target| Arc::clone(&target.name));
                    let target = target.unwrap_or_else(|| "?".into());
                    answered(gateway, &mut self.exchange);
                    if complete {
                        account(gateway, &self.exchange, &mut relay);
                        ended(gateway, &self.exchange, &relay);
                    }
                    let mut headers = reply::headers(self.exchange.call(), &target, &headers);
                    if let Some(media_type) = relay.media_type() {
                        headers.remove(header::CONTENT_LENGTH);
                        let media_type = HeaderValue::from_static(media_type);
                        headers.insert(header::CONTENT_TYPE, media_type);
                    }
                    let (exchange, limits) = (self.exchange, self.limits);
                    return Ok(Answered {
                        status,
                        headers,
                        ready,
                        complete,
                        relay,
                        response,
                        limits,
                        target,
                        exchange,
                    });
                }
            }
        }
    }

    fn end(&self, relay: &mut Relay, end: End, ready: &mut Vec<Bytes>) -> Flow {
        relay.end(end, |how| broken_off(&self.exchange, &how), ready)
    }
}

/// The words for a client whose stream broke off after its first content.
#[must_use]
pub fn broken_off(exchange: &Exchange, how: &str) -> Fault {
    let target = exchange.target().map_or("the provider", |target| &target.name);
    Fault::new(FaultKind::BadGateway, format!("{target} {how}"))
        .of_request(&*exchange.call().request_id)
}
