//! Bytes from the provider in, bytes for the client out. Where both speak the same format these are
//! the same bytes, and the relay only looks; else it translates.
//!
//! It holds an answer back until it shows content, so that an answer which turns out to be an
//! error, empty or broken can still be replaced by another target's. From then on it lets whole
//! events through as they come, and if the provider breaks off it ends the client's stream with an
//! error instead of an ending that looks normal.

mod translated;

use bytes::Bytes;
use http::HeaderMap;
use memchr::memmem;

use super::{
    count, reply, retry_after,
    translate::{Answering, Translator},
    usage::{Counted, Tap},
    verdict,
};
use crate::{
    chat::Fault,
    formats::{Framing, Signal, Watch, codec, sse},
    protocol::Format,
    routing::failure::{Cause, Failure},
};

/// How much of a reply that is not a stream is held back at most. A reply that fits is sent whole
/// or not at all; of a longer one the rest passes as it comes.
const HOLD_WHOLE: usize = 1024 * 1024;
/// How much of a stream without any content is held back at most: preambles echo instructions and
/// tool definitions, which are large, but not this large.
const HOLD_STREAM: usize = 8 * 1024 * 1024;
/// The largest reply that is translated in one piece.
const LARGEST_WHOLE: usize = 64 * 1024 * 1024;

/// One answer on its way. Feed it what the provider sends, then [`Relay::end`].
pub struct Relay {
    lane: Lane,
    /// What was read but may not be sent yet.
    held: Vec<Bytes>,
    held_bytes: usize,
    committed: bool,
    /// What may be sent between two events to show that the stream is alive.
    sign: Option<&'static [u8]>,
    tap: Tap,
    /// The last piece of a whole reply, where its cost stands.
    tail: Option<Bytes>,
    /// An error that the provider itself has told the client, which needs no second one.
    told: Option<Failure>,
    /// Why what has ended is not whole.
    failure: Option<Failure>,
}

enum Lane {
    /// Server-sent events of the client's format.
    Events { reader: sse::Reader, watch: Box<dyn Watch> },
    /// A reply in one piece.
    Whole,
    /// An answer of another format, or one that streams although the client does not, or the
    /// reverse.
    Translated(Box<Translator>),
    /// The answer of another format to the question for the size of the request.
    Count { client: Format, body: Vec<u8> },
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
    /// For the answer with these headers and a 2xx status.
    ///
    /// # Errors
    /// If the headers show already that this is no answer.
    pub fn open(answering: &Answering<'_>, headers: &HeaderMap) -> Result<Self, (Failure, String)> {
        if reply::is_web_page(headers) {
            let message = "answered with a web page instead of a reply; is its base URL right?";
            return Err((Cause::Unusable.into(), message.to_owned()));
        }
        let lane = Lane::of(answering, headers)?;
        let client = answering.call.format();
        let alive = match &lane {
            Lane::Events { .. } => true,
            Lane::Translated(translator) => {
                translator.streams() && answering.call.framing == Framing::Sse
            }
            Lane::Whole | Lane::Count { .. } | Lane::Opaque => false,
        };
        let sign = alive.then(|| codec(client).keep_alive()).filter(|sign| !sign.is_empty());
        Ok(Self {
            lane,
            held: Vec::new(),
            held_bytes: 0,
            committed: false,
            told: None,
            failure: None,
            sign,
            tap: Tap::default(),
            tail: None,
        })
    }

    /// Whether this passes a stream of events, between which a keep-alive may be put.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        match &self.lane {
            Lane::Events { .. } => true,
            Lane::Translated(translator) => translator.streams(),
            Lane::Whole | Lane::Count { .. } | Lane::Opaque => false,
        }
    }

    /// The media type of what is put out, if it is not what the provider announced.
    #[must_use]
    pub fn media_type(&self) -> Option<&'static str> {
        match &self.lane {
            Lane::Events { .. } | Lane::Whole | Lane::Opaque => None,
            Lane::Translated(translator) => Some(translator.media_type()),
            Lane::Count { .. } => Some("application/json"),
        }
    }

    /// What may be sent to show the client that the stream is alive. Everything that was put out
    /// ends with a whole event, so this may always follow it.
    #[must_use]
    pub fn keep_alive(&self) -> Option<&'static [u8]> {
        self.sign
    }

    /// What the provider said that it cost, as far as it has been read.
    pub fn usage(&mut self) -> Option<Counted> {
        if let Lane::Translated(translator) = &self.lane {
            return translator.usage();
        }
        if let Some(tail) = self.tail.take() {
            self.tap.see(&tail);
        }
        self.tap.told()
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
            Lane::Translated(_) => self.feed_translated(&chunk, out),
            Lane::Count { body, .. } => {
                body.extend_from_slice(&chunk);
                if body.len() > HOLD_WHOLE {
                    return Flow::Failed(Cause::Unusable.into(), NO_NUMBER.to_owned());
                }
                Flow::Held
            }
            Lane::Opaque => {
                self.hold(chunk);
                self.release(out)
            }
        }
    }

    fn feed_events(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Flow {
        let Self { lane: Lane::Events { reader, watch }, tap, .. } = self else {
            return Flow::Held;
        };
        let mut content = false;
        let mut fault = None;
        let mut told = None;
        let mut complete_up_to = 0;
        reader.feed(&chunk, &mut |event, behind| {
            complete_up_to = behind;
            tap.see(event.data.as_bytes());
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
        let watch = match &self.lane {
            Lane::Events { watch, .. } => watch,
            Lane::Translated(translator) => {
                return self
                    .told
                    .or_else(|| translator.state.fault.as_ref().map(translated::failure));
            }
            Lane::Whole | Lane::Count { .. } | Lane::Opaque => return None,
        };
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
            Lane::Translated(_) => self.end_translated(end, fault, out),
            Lane::Count { client, body } => match (end, count::answer(body)) {
                (End::Cut(cut), _) => Flow::Failed(cut.cause().into(), cut.text().to_owned()),
                (End::Closed, Some(tokens)) => {
                    out.push(count::tell(*client, tokens).into());
                    Flow::Flowing
                }
                (End::Closed, None) => Flow::Failed(Cause::Unusable.into(), NO_NUMBER.to_owned()),
            },
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
        let Self { lane: Lane::Events { reader, watch }, tap, .. } = self else {
            return Flow::Held;
        };
        let mut content = false;
        let mut failure = None;
        if end == End::Closed {
            reader.finish(&mut |event| {
                tap.see(event.data.as_bytes());
                match watch.see(&event) {
                    Signal::Content => content = true,
                    Signal::Fault(message) => failure = Some(message),
                    Signal::Preamble | Signal::End => {}
                }
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
        self.tail = self.held.last().cloned();
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

const NO_NUMBER: &str = "answered the question for the number of tokens with something else";

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
    if body.len() > 8 * 1024 || memmem::find(body, b"\"error\"").is_none() {
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
