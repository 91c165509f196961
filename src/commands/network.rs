//! How commands ask the network: one request at a time, through [`Workspace::fetch`], with what the
//! shell must know about it beside. Commands neither wait nor look at a clock; the shell does both.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use super::{
    error::{Code, CommandError},
    workspace::{FetchResult, Workspace},
};

/// How a request is to be made. Travels in the extensions of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// What it is for, in a few words, for people who wait.
    pub about: String,
    /// How long to wait before it is sent.
    pub after: Duration,
    /// How long its answer may take, to the end.
    pub patience: Duration,
}

impl Manner {
    /// A request that is sent at once.
    pub fn new(about: impl Into<String>, patience: Duration) -> Self {
        Self { about: about.into(), after: Duration::ZERO, patience }
    }
}

/// When an answer came, counted from when its request was sent. Travels in the extensions of the
/// answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals {
    pub head: Duration,
    /// How much of the body was there, and when.
    pub pieces: Vec<(usize, Duration)>,
}

impl Arrivals {
    /// When the byte at `place` of the body was there.
    #[must_use]
    pub fn of(&self, place: usize) -> Duration {
        let piece = self.pieces.iter().find(|(there, _)| *there > place);
        piece.map_or_else(|| self.end(), |(_, when)| *when)
    }

    /// When all was there.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.pieces.last().map_or(self.head, |(_, when)| *when)
    }

    /// Those of an answer; zeros if the shell does not tell.
    #[must_use]
    pub fn read(answer: &Response<Bytes>) -> Self {
        answer.extensions().get::<Self>().cloned().unwrap_or_default()
    }
}

/// Makes a request.
///
/// # Errors
/// Why there is no answer; for want of a network too.
pub async fn fetch(
    workspace: &Workspace,
    mut request: Request<Bytes>,
    manner: Manner,
) -> FetchResult {
    let Some(fetch) = workspace.fetch.clone() else {
        return Err("there is no network here".to_owned());
    };
    request.extensions_mut().insert(manner);
    fetch(request).await
}

/// Whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is not to be had because of the network.
pub fn unreachable(what: impl Into<String>) -> CommandError {
    CommandError::new(Code::Upstream, what)
}
