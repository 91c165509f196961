//! The network for commands: reqwest behind [`Fetch`], with bounded answers, waiting and progress.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use reqwest::Client;
use tokio::time::Instant;

use super::upstream;
use crate::commands::{
    network::{Arrivals, Manner},
    workspace::{Fetch, FetchResult},
};

/// Tells people who wait what they wait for.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// What takes longer than this is told of.
const NOTICEABLE: Duration = Duration::from_secs(1);
/// The largest answer that is read: lists of models are some hundred kilobytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// How long an answer may take if nobody says.
const PATIENCE: Duration = Duration::from_secs(30);

/// A network for commands. `tell` hears of what takes longer than a second.
#[must_use]
pub fn fetch(tell: Tell) -> Fetch {
    let asking = Arc::new(Asking { began: Instant::now(), clients: Mutex::default(), tell });
    Arc::new(move |request| {
        let asking = Arc::clone(&asking);
        Box::pin(async move { asking.ask(request).await })
    })
}

/// A network that asks without a word.
#[must_use]
pub fn silent() -> Fetch {
    fetch(Arc::new(|_| {}))
}

struct Asking {
    began: Instant,
    /// For this machine, and for all others.
    clients: Mutex<[Option<Client>; 2]>,
    tell: Tell,
}

impl Asking {
    async fn ask(&self, mut request: Request<Bytes>) -> FetchResult {
        let manner = request.extensions_mut().remove::<Manner>();
        let manner = manner.unwrap_or_else(|| Manner::new("ask", PATIENCE));
        let asking = async {
            tokio::time::sleep(manner.after).await;
            let answer = send(self.client(&request)?, request);
            match tokio::time::timeout(manner.patience, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("did not answer within {:?}", manner.patience)),
            }
        };
        tokio::pin!(asking);
        let quiet = NOTICEABLE.saturating_sub(self.began.elapsed());
        if let Ok(answer) = tokio::time::timeout(quiet, &mut asking).await {
            return answer;
        }
        (self.tell)(&manner.about);
        asking.await
    }

    fn client(&self, request: &Request<Bytes>) -> Result<Client, String> {
        let is_local = request.uri().host().is_some_and(is_loopback);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut clients[usize::from(is_local)];
        if let Some(client) = known {
            return Ok(client.clone());
        }
        let made = if is_local { upstream::loopback(CONNECT) } else { upstream::plain(CONNECT) };
        let client = made.map_err(|error| format!("cannot be called: {error}"))?;
        *known = Some(client.clone());
        Ok(client)
    }
}

async fn send(client: Client, request: Request<Bytes>) -> FetchResult {
    let (parts, body) = request.into_parts();
    let url = reqwest::Url::parse(&parts.uri.to_string())
        .map_err(|error| format!("has a bad URL: {error}"))?;
    let mut request = reqwest::Request::new(parts.method, url);
    *request.headers_mut() = parts.headers;
    if !body.is_empty() {
        *request.body_mut() = Some(body.into());
    }
    let began = Instant::now();
    let mut answer = client.execute(request).await.map_err(|error| upstream::explain(error).1)?;
    let mut arrivals = Arrivals { head: began.elapsed(), pieces: Vec::new() };
    let mut read = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| upstream::explain(error).1)? {
        if read.len() + piece.len() > LARGEST {
            return Err(format!("answered with more than {LARGEST} bytes"));
        }
        read.extend_from_slice(&piece);
        arrivals.pieces.push((read.len(), began.elapsed()));
    }
    let mut response = Response::new(read.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    response.extensions_mut().insert(arrivals);
    Ok(response)
}

/// Whether a host of a URL is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
