//! Bytes from the provider in, bytes for the client out. The same bytes: the relay only looks.
//!
//! It holds an answer back until it shows content, so that an answer which turns out to be an
//! error, empty or broken can still be replaced by another target's. From then on it lets whole
//! events through as they come, and if the provider breaks off it ends the client's stream with an
//! error instead of an ending that looks normal.

use bytes::Bytes;
use http::HeaderMap;

use super::{call::Call, forward, reply, retry_after, verdict};
use crate::{
    chat::Fault,
    formats::{Codec, Framing, Signal, Watch, codec, sse},
    routing::failure::{Cause, Failure},
};

/// How much of a reply that is not a stream is held back at most. A reply that fits is sent whole
/// or not at all; of a longer one the rest passes as it comes.
const HOLD_WHOLE: usize = 1024 * 1024;
/// How much of a stream without any content is held back at most: preambles echo instructions and
/// tool definitions, which are large, but not this large.
const HOLD_STREAM: usize = 8 * 1024 * 1024;

/// One answer on its way. Feed it what the provider sends, then [`Relay::end`].
pub struct Relay {
    lane: Lane,
    /// What was read but may not be sent yet.
    held: Vec<Bytes>,
    held_bytes: usize,
    committed: bool,
    /// An error that the provider itself has told the client, which needs no second one.
    told: Option<Failure>,
    /// Why what has ended is not whole.
    failure: Option<Failure>,
}

enum Lane {
    /// Server-sent events of the client's format.
    Events { reader: sse::Reader, watch: Box<dyn Watch>, codec: &'static dyn Codec },
    /// A reply in one piece.
    Whole,
    /// Something that cannot be looked into: another framing, or compressed.
    Opaque,
}

/// What became of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Nothing may be sent to the client yet.
    Held,
    /// What was put out may be sent; after the first time there is no way back.
    Flowing,
    /// This answer is none. Only before the first [`Flow::Flowing`].
    Failed(Failure, String),
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The provider closed it.
    Closed,
    /// It broke off.
    Cut(Cut),
}

/// What an answer was cut off by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The connection broke.
    Broken,
    /// The provider was silent for too long.
    Timeout,
}

impl Cut {
    /// The cause of the failure that this is.
    #[must_use]
    pub fn cause(self) -> Cause {
        match self {
            Self::Broken => Cause::Broken,
            Self::Timeout => Cause::Timeout,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Broken => "broke the connection before the reply was complete",
            Self::Timeout => "stopped sending before the reply was complete",
        }
    }
}

impl Relay {
    /// For the answer to `call` with these headers and a 2xx status.
    ///
    /// # Errors
    /// If the headers show already that this is no answer.
    pub fn open(call: &Call, headers: &HeaderMap) -> Result<Self, (Failure, String)> {
        if reply::is_web_page(headers) {
            let message = "answered with a web page instead of a reply; is its base URL right?";
            return Err((Cause::Unusable.into(), message.to_owned()));
        }
        let lane = if headers.contains_key(http::header::CONTENT_ENCODING) {
            // Nobody asked for compression; what comes all the same is passed on as it is.
            Lane::Opaque
        } else if reply::is_event_stream(headers) {
            if forward::may_stream(call.operation) {
                let codec = codec(call.format());
                Lane::Events { reader: sse::Reader::default(), watch: codec.watch(), codec }
            } else {
                Lane::Opaque
            }
        } else if call.streams && call.framing == Framing::JsonArray {
            Lane::Opaque
        } else {
            Lane::Whole
        };
        Ok(Self {
            lane,
            held: Vec::new(),
            held_bytes: 0,
            committed: false,
            told: None,
            failure: None,
        })
    }

    /// Whether this passes a stream of events, between which a keep-alive may be put.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        matches!(self.lane, Lane::Events { .. })
    }

    /// What may be sent to show the client that the stream is alive. Everything that was put out
    /// ends with a whole event, so this may always follow it.
    #[must_use]
    pub fn keep_alive(&self) -> Option<&'static [u8]> {
        match &self.lane {
            Lane::Events { codec, .. } => {
                Some(codec.keep_alive()).filter(|bytes| !bytes.is_empty())
            }
            Lane::Whole | Lane::Opaque => None,
        }
    }

    /// Takes a piece, and puts out what may be sent.
    pub fn feed(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Flow {
        if chunk.is_empty() {
            return if self.committed { Flow::Flowing } else { Flow::Held };
        }
        match &mut self.lane {
            Lane::Events { .. } => self.feed_events(chunk, out),
            Lane::Whole => {
                self.hold(chunk);
                if self.committed || self.held_bytes > HOLD_WHOLE {
                    self.release(out)
                } else {
                    Flow::Held
                }
            }
            Lane::Opaque => {
                self.hold(chunk);
                self.release(out)
            }
        }
    }

    fn feed_events(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Flow {
        let Lane::Events { reader, watch, .. } = &mut self.lane else { return Flow::Held };
        let mut content = false;
        let mut fault = None;
        let mut told = None;
        let mut complete_up_to = 0;
        reader.feed(&chunk, &mut |event, behind| {
            complete_up_to = behind;
            match watch.see(&event) {
                Signal::Content => content = true,
                Signal::Fault(message) => {
                    told = Some(fault_cause(&message));
                    if !content && fault.is_none() {
                        fault = Some(message);
                    }
                }
                Signal::Preamble | Signal::End => {}
            }
        });
        if reader.at_boundary() {
            complete_up_to = chunk.len();
        }
        if !self.committed {
            if let Some(message) = fault {
                return Flow::Failed(fault_cause(&message), fault_text(&message));
            }
            if !content && self.held_bytes + chunk.len() <= HOLD_STREAM {
                self.hold(chunk);
                return Flow::Held;
            }
        }
        // Only whole events go out: the rest waits for its end, so that whatever has to be put
        // behind them (a keep-alive, an error) stands between two events.
        let rest = chunk.slice(complete_up_to..);
        if complete_up_to > 0 {
            self.hold(chunk.slice(..complete_up_to));
            out.append(&mut self.held);
            self.held_bytes = 0;
        }
        self.hold(rest);
        self.committed = true;
        self.told = self.told.or(told);
        Flow::Flowing
    }

    /// The provider has nothing more to send. Puts out what is left; `fault` makes the words for
    /// the client if the stream broke off after content.
    pub fn end(
        &mut self,
        end: End,
        fault: impl FnOnce(String) -> Fault,
        out: &mut Vec<Bytes>,
    ) -> Flow {
        let flow = self.end_lane(end, fault, out);
        self.failure = match &flow {
            Flow::Failed(failure, _) => Some(*failure),
            Flow::Flowing => self.lack(end),
            Flow::Held => None,
        };
        flow
    }

    /// Why an answer that has begun and ended is not whole, if it is not.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// What a stream that ended like this lacks. One whose last event has come is whole, however the
    /// connection ends.
    fn lack(&self, end: End) -> Option<Failure> {
        let Lane::Events { watch, .. } = &self.lane else { return None };
        let cause = match end {
            End::Closed => Cause::Broken,
            End::Cut(cut) => cut.cause(),
        };
        self.told.or_else(|| (!watch.complete()).then(|| cause.into()))
    }

    fn end_lane(
        &mut self,
        end: End,
        fault: impl FnOnce(String) -> Fault,
        out: &mut Vec<Bytes>,
    ) -> Flow {
        match &mut self.lane {
            Lane::Events { .. } => self.end_events(end, fault, out),
            Lane::Whole => self.end_whole(end, out),
            Lane::Opaque => match end {
                End::Closed if self.committed => Flow::Flowing,
                End::Closed => {
                    Flow::Failed(Cause::Unusable.into(), "answered with nothing".to_owned())
                }
                End::Cut(cut) => Flow::Failed(cut.cause().into(), cut.text().to_owned()),
            },
        }
    }

    fn end_events(
        &mut self,
        end: End,
        fault: impl FnOnce(String) -> Fault,
        out: &mut Vec<Bytes>,
    ) -> Flow {
        let Lane::Events { reader, watch, .. } = &mut self.lane else { return Flow::Held };
        let mut content = false;
        let mut failure = None;
        if end == End::Closed {
            reader.finish(&mut |event| match watch.see(&event) {
                Signal::Content => content = true,
                Signal::Fault(message) => failure = Some(message),
                Signal::Preamble | Signal::End => {}
            });
        }
        if !self.committed && !content {
            return match (failure, end) {
                (Some(message), _) => Flow::Failed(fault_cause(&message), fault_text(&message)),
                (None, End::Cut(cut)) => Flow::Failed(cut.cause().into(), cut.text().to_owned()),
                (None, End::Closed) => {
                    let message = "answered with a stream without any content";
                    Flow::Failed(Cause::Unusable.into(), message.to_owned())
                }
            };
        }
        self.committed = true;
        if end == End::Closed {
            out.append(&mut self.held);
        }
        if !watch.complete() && self.told.is_none() {
            let mut tail = Vec::new();
            if end == End::Closed && !reader.at_boundary() {
                // The last event lacks the blank line that ends it.
                tail.extend_from_slice(b"\n\n");
            }
            let how = match end {
                End::Closed => "ended its stream before the reply was complete",
                End::Cut(cut) => cut.text(),
            };
            watch.fail(&fault(how.to_owned()), &mut tail);
            out.push(tail.into());
        }
        Flow::Flowing
    }

    fn end_whole(&mut self, end: End, out: &mut Vec<Bytes>) -> Flow {
        if let End::Cut(cut) = end {
            return Flow::Failed(cut.cause().into(), cut.text().to_owned());
        }
        if !self.committed {
            if self.held.iter().all(|piece| piece.iter().all(u8::is_ascii_whitespace)) {
                let message = "answered with nothing";
                return Flow::Failed(Cause::Unusable.into(), message.to_owned());
            }
            if let [only] = self.held.as_slice()
                && let Some(message) = hidden_error(only)
            {
                return Flow::Failed(fault_cause(&message), fault_text(&message));
            }
        }
        self.release(out)
    }

    fn hold(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.held_bytes += chunk.len();
            self.held.push(chunk);
        }
    }

    fn release(&mut self, out: &mut Vec<Bytes>) -> Flow {
        out.append(&mut self.held);
        self.held_bytes = 0;
        self.committed = true;
        Flow::Flowing
    }
}

/// The message of an error that came with status 200: `{"error": …}` and nothing else. Such bodies
/// are short, so long ones are not looked into.
fn hidden_error(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: Option<&'a serde_json::value::RawValue>,
        // What every real reply has, one or the other.
        id: Option<serde::de::IgnoredAny>,
        choices: Option<serde::de::IgnoredAny>,
        candidates: Option<serde::de::IgnoredAny>,
        data: Option<serde::de::IgnoredAny>,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        message: String,
    }
    if body.len() > 8 * 1024 {
        return None;
    }
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let error = body.error?;
    let is_reply = body.id.is_some()
        || body.choices.is_some()
        || body.candidates.is_some()
        || body.data.is_some();
    if is_reply || error.get() == "null" {
        return None;
    }
    let message = serde_json::from_str::<Error>(error.get()).map(|error| error.message);
    Some(message.unwrap_or_else(|_| error.get().chars().take(300).collect()))
}

/// What an error inside a 200 is: providers hide overload and limits there.
fn fault_cause(message: &str) -> Failure {
    let cause = verdict::cause_of_words(message).unwrap_or(Cause::Transient);
    Failure { cause, retry_after: retry_after::in_words(&message.to_ascii_lowercase()) }
}

fn fault_text(message: &str) -> String {
    format!("answered 200 with an error inside: {message}")
}
