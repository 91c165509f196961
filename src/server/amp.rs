//! Amp's own paths: answered here, or carried to Amp's own server where the config names one, without
//! looking into them and without holding anything back. And the lines of the capture.

use std::{io::Write, sync::Arc};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request::Parts};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::{
    Gateway,
    answer::{busy, json_response},
    body,
    live::Snapshot,
    upstream::Upgrades,
};
use crate::{
    chat::FaultKind,
    exchange::{
        amp::{self, Amp, capture::Capture, internal, upstream},
        call::{Call, check_media_type},
        error::GatewayError,
    },
    routing::{
        amp::AmpUpstream,
        failure::{Cause, Failure},
        router::Router,
    },
};

/// One request, as far as Amp is concerned.
pub(super) struct About<'a> {
    snapshot: &'a Snapshot,
    gateway: &'a Arc<Gateway>,
    request_id: &'a str,
}

/// The capture of one request, if it is of Amp and wanted.
pub(super) struct Watch<'a> {
    capture: Option<Capture<'a>>,
    gateway: &'a Gateway,
    router: &'a Router,
}

impl Watch<'_> {
    pub(super) fn incoming(&self, parts: &Parts, body: &[u8]) {
        let request = (&parts.method, parts.uri.path(), parts.uri.query());
        self.tell(|capture| {
            capture.incoming(self.gateway.clock.now(), request, &parts.headers, body)
        });
    }

    pub(super) fn route(&self, call: &Call) {
        self.tell(|capture| capture.route(self.gateway.clock.now(), self.router, call));
    }

    fn tell(&self, line: impl FnOnce(&Capture<'_>) -> String) {
        if let Some(capture) = &self.capture {
            let mut line = line(capture);
            line.push('\n');
            // In one piece, so that lines of other requests do not get in between. With stderr
            // closed there is nobody to tell.
            drop(std::io::stderr().lock().write_all(line.as_bytes()));
        }
    }
}

impl<'a> About<'a> {
    pub(super) fn of(
        snapshot: &'a Snapshot,
        gateway: &'a Arc<Gateway>,
        request_id: &'a str,
    ) -> Self {
        Self { snapshot, gateway, request_id }
    }

    pub(super) fn watch(&self, amp: Option<&Amp>, parts: &Parts) -> Watch<'a> {
        let router = &self.snapshot.router;
        let wanted = self.gateway.live.switches.amp_capture
            && (amp.is_some() || parts.uri.path().starts_with("/actors"));
        let capture = wanted.then(|| {
            let key = router.settings.key.as_ref();
            Capture::new(self.request_id, &parts.headers, parts.uri.query(), key)
        });
        Watch { capture, gateway: self.gateway, router }
    }

    /// The debug headers about a call, if they are wanted.
    pub(super) fn debug_headers(&self, call: &Call) -> HeaderMap {
        if !self.snapshot.router.settings.debug_routing {
            return HeaderMap::new();
        }
        amp::debug_headers(&self.snapshot.router, call)
    }

    /// Answers a request for one of Amp's own paths. Of the paths below `/api` only what is surely
    /// Amp's is carried away: other programs have such paths too.
    ///
    /// # Errors
    /// 404 for what nobody here can answer, and what is wrong with the request or with Amp's server.
    pub(super) async fn answer(
        &self,
        watch: &Watch<'_>,
        detected: bool,
        parts: Parts,
        body: Body,
    ) -> Result<Response, GatewayError> {
        let path = parts.uri.path();
        let is_internal = amp::is_internal(path);
        let sure = detected || path.starts_with("/actors");
        let mut response = match &self.snapshot.router.amp.upstream {
            Some(upstream) if sure => self.carry(watch, upstream, parts, body).await?,
            None if is_internal => self.answer_method(watch, parts, body).await?,
            // What the client tells about its use goes nowhere.
            None if sure && path == "/api/telemetry" => json_response("{}".to_owned()),
            Some(_) | None => return Err(nowhere(path, sure)),
        };
        if self.snapshot.router.settings.debug_routing {
            response.headers_mut().insert(DETECTED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    async fn answer_method(
        &self,
        watch: &Watch<'_>,
        parts: Parts,
        body: Body,
    ) -> Result<Response, GatewayError> {
        if parts.method != Method::GET
            && parts.method != Method::POST
            && parts.method != Method::HEAD
        {
            let message = format!("{} is not allowed on this path; use POST", parts.method);
            return Err(
                GatewayError::new(FaultKind::MethodNotAllowed, message).allow("GET, HEAD, POST")
            );
        }
        let body = if body.is_end_stream() {
            Bytes::new()
        } else {
            check_media_type(&parts.headers)?;
            let limit = self.snapshot.router.settings.max_body_bytes;
            body::read(&parts.headers, body, limit).await?
        };
        watch.incoming(&parts, &body);
        let request = internal::Request::read(parts.uri.path(), parts.uri.query(), &body)?;
        let outcome = request.answer();
        let now = self.gateway.clock.now();
        watch.tell(|capture| capture.internal(now, &request, &outcome));
        Ok(json_response(request.envelope(&outcome).to_string()))
    }

    /// Carries a request to Amp's server and its answer back, piece by piece.
    async fn carry(
        &self,
        watch: &Watch<'_>,
        upstream: &AmpUpstream,
        mut parts: Parts,
        body: Body,
    ) -> Result<Response, GatewayError> {
        watch.incoming(&parts, &[]);
        let settings = &self.snapshot.router.settings;
        let admitted = self
            .gateway
            .admit(settings.max_in_flight)
            .ok_or_else(|| busy(settings.max_in_flight))?;
        if let Some(Err(reason)) = &upstream.key {
            let error = GatewayError::new(FaultKind::Internal, reason.to_string());
            return Err(error.final_for_clients());
        }
        let key = settings.key.as_ref();
        let (path, query) = (parts.uri.path(), parts.uri.query());
        let url = upstream::url(upstream, path, query, &parts.headers, key);
        let mut request = reqwest::Request::new(parts.method.clone(), url);
        *request.headers_mut() = upstream::request_headers(&parts.headers, upstream, key);
        if !body.is_end_stream() {
            *request.body_mut() = Some(reqwest::Body::wrap_stream(body.into_data_stream()));
        }
        let upgrade = upstream::is_websocket(&parts.headers)
            .then(|| parts.extensions.remove::<OnUpgrade>())
            .flatten();
        let upgrades = if upgrade.is_some() { Upgrades::Possible } else { Upgrades::Never };
        let limits = &upstream.limits;
        let sent =
            self.gateway.upstream.pass_on(request, limits.connect, limits.whole_reply, upgrades);
        let answered = sent.await.map_err(|(failure, message)| unreachable(failure, &message))?;
        let status = answered.status();
        watch.tell(|capture| capture.upstream(self.gateway.clock.now(), status.as_u16()));
        let switches = status == StatusCode::SWITCHING_PROTOCOLS;
        let headers = upstream::response_headers(answered.headers(), switches);
        let body = match upgrade {
            Some(upgrade) if switches => {
                tunnel(upgrade, answered);
                Body::empty()
            }
            Some(_) | None => {
                let pieces = futures_util::StreamExt::map(answered.bytes_stream(), move |piece| {
                    // Counted as running until its last piece is through.
                    let _running = &admitted;
                    piece
                });
                Body::from_stream(pieces)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

const DETECTED: HeaderName = HeaderName::from_static("x-llm-router-amp-detected");

/// Joins two connections that have switched protocols, until one side closes.
fn tunnel(client: OnUpgrade, server: reqwest::Response) {
    let joined = async move {
        let (client, server) = tokio::join!(client, server.upgrade());
        let (Ok(client), Ok(mut server)) = (client, server) else {
            tracing::debug!("a websocket to Amp's server did not come about");
            return;
        };
        let mut client = TokioIo::new(client);
        if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
            tracing::debug!("a websocket to Amp's server broke off: {error}");
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a connection switches protocols only after its request is answered"
    )]
    tokio::spawn(joined);
}

/// What nobody here can answer.
fn nowhere(path: &str, is_amp: bool) -> GatewayError {
    let shown: String = path.chars().take(120).collect();
    let message = if is_amp {
        format!(
            "{shown} is a matter of Amp's own server, which this llm-router is not connected to \
             (`ampRouting.upstreamUrl`); clients of Amp since July 2026 need it for everything"
        )
    } else {
        format!("there is nothing at {shown} (GET / lists the endpoints)")
    };
    GatewayError::new(FaultKind::NotFound, message).final_for_clients()
}

fn unreachable(failure: Failure, message: &str) -> GatewayError {
    let kind =
        if failure.cause == Cause::Timeout { FaultKind::Timeout } else { FaultKind::BadGateway };
    GatewayError::new(kind, format!("Amp's server {message}"))
}
