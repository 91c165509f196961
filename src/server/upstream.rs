//! Calls to providers.

use std::{
    collections::HashMap,
    error::Error,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Client, Method, Response};

use crate::{
    exchange::forward::Outgoing,
    formats::head::Spliced,
    routing::{
        failure::{Cause, Failure},
        settings::Limits,
    },
};

/// Whether a connection may become something else than HTTP, which only HTTP/1 can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Upgrades {
    Never,
    Possible,
}

/// The pools of connections to providers. One for each connect time-out that the config names
/// (commonly one), and apart for plain HTTP, which then does not have to load certificates.
#[derive(Default)]
pub struct Upstream {
    clients: Mutex<HashMap<(Duration, bool, Upgrades), Client>>,
}

impl Upstream {
    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// If no answer came: the cause, and words for people that hold no URL (it may hold a key).
    pub async fn send(
        &self,
        outgoing: Outgoing,
        limits: &Limits,
        patience: Duration,
    ) -> Result<Response, (Failure, String)> {
        let Outgoing { url, headers, body } = outgoing;
        let mut request = reqwest::Request::new(Method::POST, url);
        *request.headers_mut() = headers;
        *request.body_mut() = Some(reqwest::Body::wrap(Pieces::from(body)));
        self.pass_on(request, limits.connect, patience, Upgrades::Never).await
    }

    /// Sends a request that is complete.
    ///
    /// # Errors
    /// As [`Upstream::send`].
    pub async fn pass_on(
        &self,
        request: reqwest::Request,
        connect: Duration,
        patience: Duration,
        upgrades: Upgrades,
    ) -> Result<Response, (Failure, String)> {
        let client = self.client(connect, request.url().scheme() == "https", upgrades)?;
        match tokio::time::timeout(patience, client.execute(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(explain(error)),
            Err(_) => {
                let message = format!("did not answer within {} s", patience.as_secs_f32());
                Err((Cause::Timeout.into(), message))
            }
        }
    }

    fn client(
        &self,
        connect: Duration,
        secure: bool,
        upgrades: Upgrades,
    ) -> Result<Client, (Failure, String)> {
        let key = (connect, secure, upgrades);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = build(connect, secure, upgrades).map_err(|error| {
            (Cause::Unusable.into(), format!("cannot be called: {}", innermost(&error)))
        })?;
        clients.insert(key, client.clone());
        Ok(client)
    }
}

fn build(connect: Duration, secure: bool, upgrades: Upgrades) -> reqwest::Result<Client> {
    let builder = match upgrades {
        Upgrades::Never => Client::builder(),
        Upgrades::Possible => Client::builder().http1_only(),
    };
    let builder = builder
        .connect_timeout(connect)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(90))
        // What was sent may be billed: only the exchange decides about repetitions.
        .retry(reqwest::retry::never());
    if secure {
        // The client takes its cryptography from the process. That somebody has chosen already is fine.
        drop(rustls::crypto::ring::default_provider().install_default());
        return builder.build();
    }
    match plain_tls() {
        Some(tls) => builder.tls_backend_preconfigured(tls).build(),
        None => builder.build(),
    }
}

/// TLS that trusts nobody, for clients that are only used without TLS: loading the system's
/// certificates would double the time of a cold start.
fn plain_tls() -> Option<rustls::ClientConfig> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    Some(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// Why a call or an answer broke off.
#[must_use]
pub fn explain(error: reqwest::Error) -> (Failure, String) {
    let error = error.without_url();
    let (cause, what) = if error.is_connect() {
        (Cause::Unreachable, "could not be reached")
    } else if error.is_timeout() {
        (Cause::Timeout, "did not answer in time")
    } else {
        (Cause::Broken, "broke the connection")
    };
    (cause.into(), format!("{what}: {}", innermost(&error)))
}

/// The last error of a chain: the one that says what happened rather than where.
fn innermost(error: &dyn Error) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A body of known length that is sent in pieces, none of them copied.
struct Pieces {
    pieces: std::collections::VecDeque<Bytes>,
    left: u64,
}

impl From<Spliced> for Pieces {
    fn from(body: Spliced) -> Self {
        let left = u64::try_from(body.len()).unwrap_or(u64::MAX);
        Self { pieces: body.into_pieces().collect(), left }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.pieces.pop_front();
        if let Some(piece) = &piece {
            self.left -= u64::try_from(piece.len()).unwrap_or(self.left).min(self.left);
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A client for asking a provider as calls to it are made.
///
/// # Errors
/// If it cannot be made.
pub fn plain(connect: Duration) -> reqwest::Result<Client> {
    build(connect, true, Upgrades::Never)
}

/// A client for asking a gateway on this machine: no proxy, no certificates.
///
/// # Errors
/// If it cannot be made.
pub fn loopback(connect: Duration) -> reqwest::Result<Client> {
    let tls = plain_tls();
    let builder = Client::builder()
        .no_proxy()
        .connect_timeout(connect)
        .redirect(reqwest::redirect::Policy::none());
    match tls {
        Some(tls) => builder.tls_backend_preconfigured(tls).build(),
        None => builder.build(),
    }
}
