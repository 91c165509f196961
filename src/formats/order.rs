//! The order of events that every reader of a reply may rely on, whatever a provider sends: one
//! start, blocks that never overlap, one end. What breaks off is not closed.

use crate::chat::{Event, Fault, FaultKind, Start};

use super::{EventDecoder, Malformed, StreamDecoder, sse};

/// Puts events in order. The indexes of what goes in only tell blocks apart; those of what comes
/// out count up from 0.
///
/// A block that opens while another is open closes that one, and so does the end of a reply, but not
/// a fault: what is open then has broken off. Pieces of blocks that are not open, and everything after
/// the end, are ignored; a start is made up if there was none.
#[derive(Debug, Default)]
pub struct Order {
    begun: bool,
    ended: bool,
    /// The index of the open block as it came in.
    open: Option<u32>,
    /// How many blocks have been opened.
    blocks: u32,
}

impl Order {
    /// Passes `event` on at its place.
    pub fn push(&mut self, event: Event<'_>, on_event: &mut dyn FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        if !self.begun {
            self.begun = true;
            if !matches!(event, Event::Start(_)) {
                on_event(Event::Start(Start::default()));
            }
        } else if matches!(event, Event::Start(_)) {
            return;
        }
        match event {
            Event::Open { index, block } => {
                self.close(on_event);
                self.open = Some(index);
                self.blocks += 1;
                on_event(Event::Open { index: self.blocks - 1, block });
            }
            Event::Delta { index, text } => {
                if let Some(index) = self.inside(index)
                    && !text.is_empty()
                {
                    on_event(Event::Delta { index, text });
                }
            }
            Event::Citation { index, citation } => {
                if let Some(index) = self.inside(index) {
                    on_event(Event::Citation { index, citation });
                }
            }
            Event::Seal { index, seal } => {
                if let Some(index) = self.inside(index) {
                    on_event(Event::Seal { index, seal });
                }
            }
            Event::Logprobs { index, tokens } => {
                if let Some(index) = self.inside(index) {
                    on_event(Event::Logprobs { index, tokens });
                }
            }
            Event::Close { index } => {
                if self.open == Some(index) {
                    self.close(on_event);
                }
            }
            Event::Stop(_) => {
                self.close(on_event);
                self.ended = true;
                on_event(event);
            }
            Event::Fault(_) => {
                self.ended = true;
                on_event(event);
            }
            Event::Start(_) | Event::Usage(_) => on_event(event),
        }
    }

    /// The bytes have ended: without an end of the reply before, it broke off.
    pub fn finish(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        if !self.ended {
            let message = "the provider's stream ended before it was complete";
            self.push(Event::Fault(Fault::new(FaultKind::BadGateway, message)), on_event);
        }
    }

    /// Whether the end has gone out.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The index that goes out for pieces of the block `index`, if that is the open one.
    fn inside(&self, index: u32) -> Option<u32> {
        (self.open == Some(index)).then(|| self.blocks.saturating_sub(1))
    }

    fn close(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        if self.open.take().is_some() {
            on_event(Event::Close { index: self.blocks - 1 });
        }
    }
}

/// Decodes a stream of server-sent events: splits the bytes, has `D` read the events, and puts what
/// it says in order.
#[derive(Debug, Default)]
pub struct SseDecoder<D> {
    reader: sse::Reader,
    decoder: D,
    order: Order,
}

impl<D: EventDecoder> SseDecoder<D> {
    /// A decoder whose events are read by `decoder`.
    #[must_use]
    pub fn new(decoder: D) -> Self {
        Self { reader: sse::Reader::default(), decoder, order: Order::default() }
    }
}

impl<D: EventDecoder> StreamDecoder for SseDecoder<D> {
    fn feed(&mut self, chunk: &[u8], on_event: &mut dyn FnMut(Event<'_>)) {
        let Self { reader, decoder, order } = self;
        reader.feed(chunk, &mut |event, _| read(decoder, order, &event, on_event));
    }

    fn finish(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        let Self { reader, decoder, order } = self;
        reader.finish(&mut |event| read(decoder, order, &event, on_event));
        decoder.end(&mut |event| order.push(event, on_event));
        order.finish(on_event);
    }
}

fn read<D: EventDecoder>(
    decoder: &mut D,
    order: &mut Order,
    event: &sse::Event<'_>,
    on_event: &mut dyn FnMut(Event<'_>),
) {
    if order.ended() {
        return;
    }
    if let Err(malformed) = decoder.event(event, &mut |event| order.push(event, on_event)) {
        order.push(Event::Fault(unreadable(&malformed)), on_event);
    }
}

/// What the provider sent makes no sense.
pub(super) fn unreadable(malformed: &Malformed) -> Fault {
    Fault::new(FaultKind::BadGateway, format!("the provider's answer is unreadable: {malformed}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Opening, StopReason};

    fn ordered(events: Vec<Event<'static>>) -> Vec<String> {
        let mut order = Order::default();
        let mut seen = Vec::new();
        let mut note = |event: Event<'_>| {
            seen.push(match event {
                Event::Start(_) => "start".to_owned(),
                Event::Open { index, .. } => format!("open {index}"),
                Event::Delta { index, text } => format!("{index} {text}"),
                Event::Close { index } => format!("close {index}"),
                Event::Stop(_) => "stop".to_owned(),
                Event::Fault(_) => "fault".to_owned(),
                Event::Citation { .. }
                | Event::Seal { .. }
                | Event::Logprobs { .. }
                | Event::Usage(_) => "other".to_owned(),
            });
        };
        for event in events {
            order.push(event, &mut note);
        }
        order.finish(&mut note);
        seen
    }

    #[test]
    fn whatever_comes_in_comes_out_in_order() {
        let open = |index| Event::Open { index, block: Opening::Text };
        let delta = |index, text: &'static str| Event::Delta { index, text: text.into() };
        let stop = || Event::Stop(StopReason::End.into());
        let start = || Event::Start(Start::default());
        for (events, expected) in [
            (vec![], "start, fault"),
            (vec![stop(), stop(), open(0)], "start, stop"),
            (vec![start(), start(), stop()], "start, stop"),
            (
                vec![open(7), delta(7, "a"), open(9), delta(7, "lost"), delta(9, "b"), stop()],
                "start, open 0, 0 a, close 0, open 1, 1 b, close 1, stop",
            ),
            (
                vec![start(), open(0), Event::Close { index: 0 }, Event::Close { index: 0 }],
                "start, open 0, close 0, fault",
            ),
            (vec![start(), open(0), delta(0, "")], "start, open 0, fault"),
        ] {
            assert_eq!(ordered(events).join(", "), expected);
        }
    }
}
