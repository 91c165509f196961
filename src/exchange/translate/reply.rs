//! A provider's answer → the client's, event by event: the reading of one format, the names that
//! the client knows, the writing of the other. Either side may stream or not.

use std::sync::Arc;

use super::{Translation, unasked::Without, wants_usage};
use crate::{
    chat::{Event, Fault, Opening, Reply, Stop, StopReason, Usage},
    exchange::{call::Call, usage::Counted},
    formats::{Framing, StreamDecoder, StreamEncoder, codec, names::Restore},
    protocol::Format,
    time::Timestamp,
};

/// What an answer is read with, besides the answer itself.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    pub call: &'a Call,
    pub translation: Option<&'a Arc<Translation>>,
    /// What the reply calls the model, if the client named none.
    pub target: &'a str,
    pub now: Timestamp,
}

/// See the module's documentation.
pub struct Translator {
    source: Source,
    between: Between,
    sink: Sink,
    client: Format,
    /// The provider's format.
    format: Format,
    head: Head,
    /// How many bytes have come.
    read: usize,
    pub(in crate::exchange) state: Told,
}

/// What the answer has shown so far.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Told {
    /// Something that the user sees, or an ending that tells something.
    pub(in crate::exchange) content: bool,
    /// The reply has ended, well or not.
    pub(in crate::exchange) ended: bool,
    /// What broke it.
    pub(in crate::exchange) fault: Option<Fault>,
    usage: Option<Usage>,
}

/// What the client reads at the beginning of a reply.
struct Head {
    id: String,
    model: String,
    created: u64,
    request_id: Arc<str>,
}

/// What happens to events on their way.
struct Between {
    /// Takes out what the client did not ask for.
    without: Option<Without>,
    restore: Restore,
}

enum Source {
    /// Nothing has come yet that tells.
    Unknown,
    Events(Box<dyn StreamDecoder>),
    Whole(Vec<u8>),
}

impl Source {
    fn new(format: Format, events: bool) -> Self {
        if events {
            Self::Events(codec(format).stream_decoder(Framing::Sse))
        } else {
            Self::Whole(Vec::new())
        }
    }
}

enum Sink {
    Events { encoder: Box<dyn StreamEncoder>, framing: Framing, out: Vec<u8> },
    Whole(Box<Reply>),
}

impl Translator {
    /// For an answer that is a stream of events, or not; `None` if its bytes must tell.
    pub(in crate::exchange) fn new(answering: &Answering<'_>, events: Option<bool>) -> Self {
        let Answering { call, translation, target, now } = *answering;
        let client = call.format();
        let format = translation.map_or(client, |translation| translation.format);
        let names = translation.map(|translation| translation.names.clone()).unwrap_or_default();
        let source = events.map_or(Source::Unknown, |events| Source::new(format, events));
        let sink = if call.streams {
            let usage_wanted = translation.map(|translation| translation.usage_wanted);
            let usage_wanted = usage_wanted.unwrap_or_else(|| wants_usage(call));
            let encoder = codec(client).stream_encoder(call.framing, usage_wanted);
            Sink::Events { encoder, framing: call.framing, out: Vec::new() }
        } else {
            Sink::Whole(Box::default())
        };
        let head = Head {
            id: call.request_id.trim_start_matches("req_").to_owned(),
            model: call.model.clone().unwrap_or_else(|| target.to_owned()),
            created: now.seconds(),
            request_id: Arc::clone(&call.request_id),
        };
        let unasked = translation.is_some_and(|translation| translation.unasked);
        let without = unasked.then(Without::default);
        let between = Between { without, restore: Restore::new(names) };
        let state = Told::default();
        Self { source, between, sink, client, format, head, read: 0, state }
    }

    /// Whether the client gets a stream.
    pub(in crate::exchange) fn streams(&self) -> bool {
        matches!(self.sink, Sink::Events { .. })
    }

    /// Whether nothing can go out before the answer is complete.
    pub(in crate::exchange) fn is_whole(&self) -> bool {
        !self.streams() || matches!(self.source, Source::Whole(_))
    }

    /// Whether an error came before anything could go out.
    pub(in crate::exchange) fn is_over(&self) -> bool {
        self.state.fault.is_some() && (!self.state.content || self.is_whole())
    }

    /// The media type of what goes out.
    pub(in crate::exchange) fn media_type(&self) -> &'static str {
        match &self.sink {
            Sink::Events { framing: Framing::Sse, .. } => "text/event-stream; charset=utf-8",
            Sink::Events { framing: Framing::JsonArray, .. } | Sink::Whole(_) => "application/json",
        }
    }

    /// How many bytes are held.
    pub(in crate::exchange) fn held(&self) -> usize {
        match (&self.source, &self.sink) {
            (Source::Events(_), Sink::Events { out, .. }) => out.len(),
            (Source::Unknown | Source::Whole(_) | Source::Events(_), _) => self.read,
        }
    }

    /// Takes a piece of the answer.
    pub(in crate::exchange) fn feed(&mut self, chunk: &[u8]) {
        self.read += chunk.len();
        let Self { source, between, sink, head, state, format, .. } = self;
        if matches!(source, Source::Unknown)
            && let Some(first) = chunk.trim_ascii_start().first()
        {
            *source = Source::new(*format, !b"{[".contains(first));
        }
        match source {
            // White space in front of the first event, or of the reply.
            Source::Unknown => {}
            Source::Events(decoder) => {
                decoder.feed(chunk, &mut |event| state.take(event, head, between, sink));
            }
            Source::Whole(body) => body.extend_from_slice(chunk),
        }
    }

    /// The provider has said everything.
    ///
    /// # Errors
    /// What is wrong, if it is no reply.
    pub(in crate::exchange) fn finish(&mut self) -> Result<(), Unreadable> {
        let Self { source, between, sink, head, state, format, .. } = self;
        match source {
            Source::Unknown => Err(Unreadable("answered with nothing".to_owned())),
            Source::Events(decoder) => {
                decoder.finish(&mut |event| state.take(event, head, between, sink));
                Ok(())
            }
            Source::Whole(body) => {
                let text = String::from_utf8_lossy(body);
                if text.trim().is_empty() {
                    return Err(Unreadable("answered with nothing".to_owned()));
                }
                let mut reply = codec(*format).decode_reply(&text).map_err(|bad| {
                    Unreadable(format!("answered with something that is no reply: {bad}"))
                })?;
                complete(&mut reply);
                reply.unfold(&mut |event| state.take(event, head, between, sink));
                Ok(())
            }
        }
    }

    /// The body so far, if the answer is no stream.
    pub(in crate::exchange) fn whole(&self) -> Option<&[u8]> {
        if let Source::Whole(body) = &self.source { Some(body) } else { None }
    }

    /// What may be sent of the answer: events as they came up, a reply in one piece at its end.
    pub(in crate::exchange) fn written(&mut self) -> Vec<u8> {
        match &mut self.sink {
            Sink::Events { out, .. } => std::mem::take(out),
            Sink::Whole(reply) => codec(self.client).encode_reply(reply),
        }
    }

    /// Ends the client's stream with an error.
    pub(in crate::exchange) fn fail(&mut self, fault: &Fault) {
        if let Sink::Events { encoder, out, .. } = &mut self.sink {
            encoder.fail(fault, out);
        }
        self.state.ended = true;
    }

    /// What the provider says it cost.
    pub(in crate::exchange) fn usage(&self) -> Option<Counted> {
        self.state.usage.map(Counted::from)
    }
}

/// Why an answer is none.
pub(in crate::exchange) struct Unreadable(pub(in crate::exchange) String);

/// Some local servers leave the reason out; a body that has ended is complete all the same.
fn complete(reply: &mut Reply) {
    if reply.stop.is_none() && reply.fault.is_none() {
        let calls = reply.blocks.iter().any(|block| {
            matches!(block.opening, Opening::ToolCall { .. } | Opening::FreeformCall { .. })
        });
        let reason = if calls { StopReason::ToolCalls } else { StopReason::End };
        reply.stop = Some(Stop::from(reason));
    }
}

impl Told {
    fn take(&mut self, event: Event<'_>, head: &Head, between: &mut Between, sink: &mut Sink) {
        let event = self.note(event, head);
        let Between { without, restore } = between;
        let event = match without {
            Some(without) => without.pass(event),
            None => Some(event),
        };
        let Some(event) = event else { return };
        restore.event(event, &mut |event| match sink {
            Sink::Events { encoder, out, .. } => encoder.encode(&event, out),
            Sink::Whole(reply) => reply.absorb(&event),
        });
    }

    /// Notes what the event means for the life of the answer, and fills in what only the gateway
    /// knows. What counts as content is what the watchers of passing streams take for it.
    fn note<'e>(&mut self, mut event: Event<'e>, head: &Head) -> Event<'e> {
        match &mut event {
            Event::Start(start) => {
                start.model.clone_from(&head.model);
                if start.id.is_empty() {
                    start.id.clone_from(&head.id);
                }
                if start.created == 0 {
                    start.created = head.created;
                }
            }
            // A tool call begins: its name is something to act upon.
            Event::Open { block, .. } => {
                self.content |= !matches!(
                    block,
                    Opening::Text | Opening::Reasoning | Opening::Refusal | Opening::Image { .. }
                );
            }
            Event::Delta { text, .. } => self.content |= !text.is_empty(),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Stop(stop) => {
                // Any other reason tells the client something, even without content.
                self.content |= stop.reason != StopReason::End;
                self.ended = true;
            }
            Event::Fault(fault) => {
                fault.request_id = head.request_id.to_string();
                self.fault = Some(fault.clone());
                self.ended = true;
            }
            Event::Citation { .. }
            | Event::Seal { .. }
            | Event::Logprobs { .. }
            | Event::Close { .. } => {}
        }
        event
    }
}
