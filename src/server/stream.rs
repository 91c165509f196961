//! The body of an answer: what the provider sends, as it comes, and signs of life in between.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;

use super::{
    Admitted, Gateway,
    drive::{self, Answered, Outcome, broken_off},
};
use crate::{
    chat::Fault,
    exchange::{
        Refusal,
        demo::Answer,
        relay::{Cut, End, Flow},
    },
    formats::codec,
    protocol::Format,
};

/// A streaming client that has heard nothing for this long gets a sign of life. Claude Code gives up
/// after 300 s without a byte, proxies in between often after 60.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A body that goes on with what the provider sends.
pub fn relaying(gateway: Arc<Gateway>, answered: Box<Answered>, admitted: Admitted) -> Body {
    let relaying = Relaying::new(gateway, answered, admitted);
    Body::from_stream(stream::unfold(relaying, |mut relaying| async move {
        let piece = relaying.next().await?;
        Some((piece, relaying))
    }))
}

/// A relayed answer. Dropping it, because the client left, drops the call to the provider.
struct Relaying {
    gateway: Arc<Gateway>,
    answered: Box<Answered>,
    queue: VecDeque<Bytes>,
    ended: bool,
    /// A reply that is not a stream cannot be ended with an error: its connection is broken.
    broken: bool,
    _admitted: Admitted,
}

impl Relaying {
    fn new(gateway: Arc<Gateway>, mut answered: Box<Answered>, admitted: Admitted) -> Self {
        let queue = std::mem::take(&mut answered.ready).into();
        let ended = answered.complete;
        Self { gateway, answered, queue, ended, broken: false, _admitted: admitted }
    }

    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        let began = Instant::now();
        let mut deadline = began + self.answered.limits.silence;
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Some(Ok(piece));
            }
            if self.broken {
                self.broken = false;
                return Some(Err(std::io::Error::other("the provider broke the connection")));
            }
            if self.ended {
                return None;
            }
            let sign = self.answered.relay.keep_alive();
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            // What the provider sends may come to nothing for the client: its pings do, in
            // another format.
            let quiet = (began + KEEP_ALIVE).saturating_duration_since(now);
            let wait = if sign.is_some() { left.min(quiet) } else { left };
            match tokio::time::timeout(wait, self.answered.response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    self.feed(chunk);
                    deadline = Instant::now() + self.answered.limits.silence;
                }
                Ok(Ok(None)) => self.end(End::Closed),
                Ok(Err(_)) => self.end(End::Cut(Cut::Broken)),
                Err(_) if wait == left => self.end(End::Cut(Cut::Timeout)),
                Err(_) => return sign.map(|sign| Ok(Bytes::from_static(sign))),
            }
        }
    }

    fn feed(&mut self, chunk: Bytes) {
        let mut out = Vec::new();
        self.answered.relay.feed(chunk, &mut out);
        self.queue.extend(out);
    }

    fn end(&mut self, end: End) {
        let mut out = Vec::new();
        let Answered { relay, exchange, .. } = &mut *self.answered;
        let flow = relay.end(end, |how| broken_off(exchange, &how), &mut out);
        self.broken = matches!(flow, Flow::Failed(..));
        drive::account(&self.gateway, exchange, relay);
        self.queue.extend(out);
        self.ended = true;
        drive::ended(&self.gateway, exchange, relay);
    }
}

/// A request that is still being driven.
pub type Driving = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A body that begins with signs of life while no target has shown content yet, and goes on with
/// the answer, or with an error in the client's format.
pub fn waiting(
    gateway: Arc<Gateway>,
    driving: Driving,
    format: Format,
    request_id: Arc<str>,
    admitted: Admitted,
) -> Body {
    let waiting = Waiting::Driving { driving, admitted };
    let sign = codec(format).keep_alive();
    Body::from_stream(stream::unfold(waiting, move |mut waiting| {
        let (gateway, request_id) = (Arc::clone(&gateway), Arc::clone(&request_id));
        async move {
            loop {
                waiting = match waiting {
                    Waiting::Driving { mut driving, admitted } => {
                        match tokio::time::timeout(KEEP_ALIVE, &mut driving).await {
                            Err(_) => {
                                let piece = Ok(Bytes::from_static(sign));
                                return Some((piece, Waiting::Driving { driving, admitted }));
                            }
                            Ok(outcome) => {
                                Waiting::after(outcome, &gateway, format, &request_id, admitted)
                            }
                        }
                    }
                    Waiting::Relaying(mut relaying) => {
                        let piece = relaying.next().await?;
                        return Some((piece, Waiting::Relaying(relaying)));
                    }
                    Waiting::Rest(mut pieces) => {
                        let piece = pieces.pop_front()?;
                        return Some((Ok(piece), Waiting::Rest(pieces)));
                    }
                };
            }
        }
    }))
}

enum Waiting {
    Driving { driving: Driving, admitted: Admitted },
    Relaying(Relaying),
    Rest(VecDeque<Bytes>),
}

impl Waiting {
    fn after(
        outcome: Outcome,
        gateway: &Arc<Gateway>,
        format: Format,
        request_id: &str,
        admitted: Admitted,
    ) -> Self {
        let refusal = match outcome {
            Outcome::Answered(answered) => {
                return Self::Relaying(Relaying::new(Arc::clone(gateway), answered, admitted));
            }
            Outcome::Local { answer: Answer::Whole(whole), .. } => {
                return Self::Rest(VecDeque::from([whole]));
            }
            Outcome::Local { answer: Answer::Stream { pieces, .. }, .. } => {
                return Self::Rest(pieces.into());
            }
            Outcome::Refused(refusal, _) => refusal,
        };
        let mut tail = Vec::new();
        codec(format).watch().fail(&fault(&refusal, format, request_id), &mut tail);
        Self::Rest(VecDeque::from([tail.into()]))
    }
}

/// A refusal in words, for a client whose stream has begun with nothing but signs of life.
fn fault(refusal: &Refusal, format: Format, request_id: &str) -> Fault {
    match refusal {
        Refusal::Local(error) => error.fault(request_id),
        Refusal::Upstream { error, .. } => {
            // In the client's format already, wherever it came from.
            codec(format).decode_fault(error.status, &error.body).of_request(request_id)
        }
    }
}
