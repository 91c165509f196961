//! One request, from its first byte to its last.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::Response,
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::json;

use super::{
    Admitted, Gateway, admin, amp, body,
    drive::{Answered, Outcome, drive},
    live::Snapshot,
    stream::{self, Driving},
};
use crate::{
    chat::FaultKind,
    exchange::{
        Exchange, Refusal, UpstreamError,
        amp::Amp,
        call::{Call, Envelope, check_media_type},
        debug,
        demo::Answer,
        error::GatewayError,
        guard, listing,
        place::{self, Asked, Place, guess_format},
        reply,
    },
    formats::Framing,
    protocol::Format,
    routing::settings::{Cors, Settings},
};

/// Answers one request. A panic in it ends this request and nothing else.
pub async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = client_request_id(&parts.headers).unwrap_or_else(|| gateway.request_id());
    let format = guess_format(parts.uri.path(), &parts.headers);
    let origin = parts.headers.get(header::ORIGIN).cloned();
    let snapshot = gateway.live.snapshot();
    let asked = Incoming { gateway, peer, snapshot: Arc::clone(&snapshot), request_id };
    let request_id = Arc::clone(&asked.request_id);
    let answer = AssertUnwindSafe(asked.answer(parts, body)).catch_unwind().await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(Refused { error, format })) => {
            tracing::debug!(request = %request_id, "refused: {}", error.message);
            error.response(format, &request_id).map(Body::from)
        }
        Err(_) => {
            tracing::error!(request = %request_id, "a request panicked; please report this");
            GatewayError::new(FaultKind::Internal, "the gateway failed on this request")
                .response(format, &request_id)
                .map(Body::from)
        }
    };
    reply::mark(response.headers_mut(), &request_id);
    if let Some(origin) = origin {
        allow_origin(&snapshot.router.settings, &origin, response.headers_mut());
    }
    response
}

/// An id that the client gave, if it is one that can stand in logs and headers.
fn client_request_id(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let fits = (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    fits.then(|| id.into())
}

/// A refusal, and the format in which it is told.
struct Refused {
    error: GatewayError,
    format: Format,
}

/// One request, and the config that it began with.
struct Incoming {
    gateway: Arc<Gateway>,
    peer: SocketAddr,
    snapshot: Arc<Snapshot>,
    request_id: Arc<str>,
}

impl Incoming {
    async fn answer(self, parts: Parts, body: Body) -> Result<Response, Refused> {
        let settings = &self.snapshot.router.settings;
        let format = guess_format(parts.uri.path(), &parts.headers);
        let refuse = |error| Refused { error, format };
        if parts.method == Method::OPTIONS {
            return preflight(settings, &parts.headers).map_err(refuse);
        }
        let health = parts.uri.path().trim_end_matches('/') == "/health";
        let (client, query) = (self.peer.ip(), parts.uri.query());
        if health {
            guard::check_address(settings, client).map_err(refuse)?;
        } else {
            guard::check(settings, client, &parts.headers, query).map_err(refuse)?;
        }
        let Place { asked, format } =
            place::read(&parts.method, parts.uri.path(), &parts.headers).map_err(refuse)?;
        let refuse = |error| Refused { error, format };
        let detected = Amp::detect(parts.uri.path(), &parts.headers);
        let about = amp::About::of(&self.snapshot, &self.gateway, &self.request_id);
        let watch = about.watch(detected.as_ref(), &parts);
        if matches!(asked, Asked::AmpInternal | Asked::AmpServer) {
            drop(asked);
            return about.answer(&watch, detected.is_some(), parts, body).await.map_err(refuse);
        }
        let (operation, model) = match asked {
            Asked::Call { operation, model } => (Some(operation), model),
            Asked::Unified => (None, None),
            Asked::Models
            | Asked::Model(_)
            | Asked::Health
            | Asked::Root
            | Asked::Admin(_)
            | Asked::AmpInternal
            | Asked::AmpServer => {
                return self.answer_locally(&asked, &parts).map_err(refuse);
            }
        };
        check_media_type(&parts.headers).map_err(refuse)?;
        let admitted = self
            .gateway
            .admit(settings.max_in_flight)
            .ok_or_else(|| refuse(busy(settings.max_in_flight)))?;
        let model = model.map(std::borrow::Cow::into_owned);
        let body =
            body::read(&parts.headers, body, settings.max_body_bytes).await.map_err(refuse)?;
        watch.incoming(&parts, &body);
        let envelope = Envelope {
            operation,
            amp: detected,
            model,
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            request_id: Arc::clone(&self.request_id),
        };
        let call = Call::read(envelope, body).map_err(refuse)?;
        watch.route(&call);
        let (format, notes) = (call.format(), about.debug_headers(&call));
        let router = Arc::clone(&self.snapshot.router);
        let exchange = Exchange::open(router, call).map_err(|mut error| {
            error.headers.extend(notes.clone());
            Refused { error, format }
        })?;
        let mut response = self.exchange(exchange, admitted).await;
        response.headers_mut().extend(notes);
        Ok(response)
    }

    /// Drives the exchange; if a provider has accepted a streaming request but stays silent, the
    /// answer begins with signs of life.
    async fn exchange(self, exchange: Exchange, admitted: Admitted) -> Response {
        let (format, streams) = (exchange.call().format(), exchange.call().streams);
        let events = streams && exchange.call().framing == Framing::Sse;
        let accepted = Arc::new(AtomicBool::new(false));
        let mut driving: Driving =
            Box::pin(drive(Arc::clone(&self.gateway), exchange, Arc::clone(&accepted)));
        let outcome = loop {
            if !events {
                break driving.await;
            }
            match tokio::time::timeout(stream::KEEP_ALIVE, &mut driving).await {
                Ok(outcome) => break outcome,
                Err(_) if accepted.load(Ordering::Relaxed) => {
                    let body =
                        stream::waiting(self.gateway, driving, format, self.request_id, admitted);
                    return event_stream(body);
                }
                Err(_) => {}
            }
        };
        self.respond(outcome, admitted)
    }

    fn respond(self, outcome: Outcome, admitted: Admitted) -> Response {
        let debug = self.snapshot.router.settings.debug_routing;
        match outcome {
            Outcome::Answered(mut answered) => {
                if debug {
                    debug::add(&answered.exchange, &mut answered.headers);
                }
                self.relay(answered, admitted)
            }
            Outcome::Local { answer, estimated, exchange } => {
                let (content_type, body) = match answer {
                    Answer::Whole(whole) => ("application/json", Body::from(whole)),
                    Answer::Stream { content_type, pieces } => {
                        let pieces = pieces.into_iter().map(Ok::<Bytes, std::convert::Infallible>);
                        (content_type, Body::from_stream(futures_util::stream::iter(pieces)))
                    }
                };
                let mut response = Response::new(body);
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
                if let Some(target) = exchange.target() {
                    headers.insert(reply::TARGET, reply::printable(&target.name));
                }
                if estimated {
                    let estimated = HeaderValue::from_static("estimated");
                    headers.insert(reply::TOKEN_COUNT, estimated);
                }
                if debug {
                    debug::add(&exchange, headers);
                }
                response
            }
            Outcome::Refused(Refusal::Local(error), exchange) => {
                let mut response = error.response(exchange.call().format(), &self.request_id);
                if debug {
                    debug::add(&exchange, response.headers_mut());
                }
                response.map(Body::from)
            }
            Outcome::Refused(Refusal::Upstream { target, error }, exchange) => {
                let UpstreamError { status, headers, body } = error;
                let target = &exchange.router().target(target).name;
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = status;
                let mut headers = reply::headers(exchange.call(), target, &headers);
                // The body is what was kept of it, and its length is known.
                headers.remove(header::CONTENT_LENGTH);
                if debug {
                    debug::add(&exchange, &mut headers);
                }
                *response.headers_mut() = headers;
                response
            }
        }
    }

    fn relay(self, mut answered: Box<Answered>, admitted: Admitted) -> Response {
        let status = answered.status;
        let mut headers = std::mem::take(&mut answered.headers);
        let body = if answered.complete && answered.ready.len() == 1 {
            // All of it is here; its length follows from it.
            headers.remove(header::CONTENT_LENGTH);
            Body::from(answered.ready.pop().unwrap_or_default())
        } else {
            if answered.relay.is_stream() {
                // An error may have to be put behind what the provider announced.
                headers.remove(header::CONTENT_LENGTH);
                headers
                    .entry(header::CACHE_CONTROL)
                    .or_insert(HeaderValue::from_static("no-cache"));
            }
            stream::relaying(self.gateway, answered, admitted)
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    fn answer_locally(&self, asked: &Asked<'_>, parts: &Parts) -> Result<Response, GatewayError> {
        let router = &self.snapshot.router;
        let shape = listing::shape(parts.uri.path(), &parts.headers);
        let loaded = self.snapshot.loaded;
        let value = match asked {
            Asked::Models => listing::all(router, shape, loaded),
            Asked::Model(name) => listing::one(router, name, shape, loaded)?,
            Asked::Admin(rest) => {
                // Clients may be let in without a key; what they did is not for everybody.
                if router.settings.key.is_some() {
                    guard::check_key(&router.settings, &parts.headers, parts.uri.query())?;
                }
                return admin::answer(&self.gateway, self.peer.ip(), rest);
            }
            Asked::Root => root(&parts.headers),
            Asked::Health
            | Asked::Unified
            | Asked::Call { .. }
            | Asked::AmpInternal
            | Asked::AmpServer => json!({ "status": "ok" }),
        };
        Ok(json_response(value.to_string()))
    }
}

/// Where to go from here.
fn root(headers: &HeaderMap) -> serde_json::Value {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    json!({
        "name": "llm-router",
        "version": env!("CARGO_PKG_VERSION"),
        "status": "ok",
        "endpoints": {
            "unified": format!("http://{host}/route"),
            "anthropic": format!("http://{host}/anthropic"),
            "openai": format!("http://{host}/openai"),
            "gemini": format!("http://{host}"),
            "models": format!("http://{host}/v1/models"),
        },
    })
}

/// A JSON document as an answer that nobody may keep.
pub(super) fn json_response(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let events = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, events);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

pub(super) fn busy(limit: usize) -> GatewayError {
    let message = format!("{limit} requests are running, which is `server.maxInFlight`");
    GatewayError::new(FaultKind::Overloaded, message).retry_after(Duration::from_secs(1))
}

/// Answers a browser that asks whether a page may call.
fn preflight(settings: &Settings, headers: &HeaderMap) -> Result<Response, GatewayError> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if !origin.is_some_and(|origin| guard::allows(settings, origin)) {
        let message = "this web origin is not in `server.corsOrigins`";
        return Err(GatewayError::new(FaultKind::Permission, message));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let allowed = response.headers_mut();
    allowed.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, OPTIONS"),
    );
    // Browser SDKs send headers of their own: whatever is asked for may be sent.
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        allowed.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    allowed.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Ok(response)
}

fn allow_origin(settings: &Settings, origin: &HeaderValue, headers: &mut HeaderMap) {
    if !origin.to_str().is_ok_and(|origin| guard::allows(settings, origin)) {
        return;
    }
    let value = match settings.cors {
        Cors::Any => HeaderValue::from_static("*"),
        Cors::Only(_) => origin.clone(),
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
