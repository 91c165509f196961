//! A reply as one JSON array whose elements come one by one (`streamGenerateContent` without
//! `alt=sse`): the bytes → its elements, in pieces of any size.

use super::decode::Decoder;
use crate::{
    chat::Event,
    formats::{
        EventDecoder, StreamDecoder,
        order::{Order, unreadable},
        sse,
    },
};

/// Decodes such a stream.
#[derive(Debug, Default)]
pub(in super::super) struct ArrayDecoder {
    elements: Elements,
    decoder: Decoder,
    order: Order,
}

impl StreamDecoder for ArrayDecoder {
    fn feed(&mut self, chunk: &[u8], on_event: &mut dyn FnMut(Event<'_>)) {
        let Self { elements, decoder, order } = self;
        elements.feed(chunk, &mut |data, truncated| {
            if order.ended() {
                return;
            }
            let event = sse::Event { name: "", data, truncated };
            let read = decoder.event(&event, &mut |event| order.push(event, on_event));
            if let Err(malformed) = read {
                order.push(Event::Fault(unreadable(&malformed)), on_event);
            }
        });
    }

    fn finish(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        let Self { decoder, order, .. } = self;
        decoder.end(&mut |event| order.push(event, on_event));
        order.finish(on_event);
    }
}

/// Splits an array into its elements: everything between the brackets of an object. Keeps at most
/// one element.
#[derive(Debug, Default)]
struct Elements {
    /// The element so far; empty between two of them.
    element: Vec<u8>,
    /// How many brackets of it are open.
    depth: u32,
    in_string: bool,
    /// Whether the last byte was a backslash inside of a string.
    escaped: bool,
    truncated: bool,
}

impl Elements {
    fn feed(&mut self, chunk: &[u8], on_element: &mut dyn FnMut(&str, bool)) {
        let mut from = 0;
        for (at, byte) in chunk.iter().enumerate() {
            if self.depth == 0 {
                if *byte != b'{' {
                    continue;
                }
                from = at;
            }
            if self.step(*byte) {
                self.keep(&chunk[from..=at]);
                let whole = std::mem::take(&mut self.element);
                on_element(&String::from_utf8_lossy(&whole), self.truncated);
                self.truncated = false;
                // The buffer is used again, unless it has grown large.
                if whole.capacity() <= 64 * 1024 {
                    self.element = whole;
                    self.element.clear();
                }
            }
        }
        if self.depth > 0 {
            self.keep(&chunk[from..]);
        }
    }

    /// Takes a byte of an element; true if it is its last.
    fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    fn keep(&mut self, part: &[u8]) {
        let room = sse::MAX_EVENT_BYTES.saturating_sub(self.element.len());
        self.truncated |= part.len() > room;
        self.element.extend_from_slice(&part[..part.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<String> {
        let mut elements = Elements::default();
        let mut found = Vec::new();
        for piece in pieces {
            elements.feed(piece, &mut |element, _| found.push(element.to_owned()));
        }
        found
    }

    #[test]
    fn elements_are_found_wherever_the_bytes_are_cut() {
        let stream = "[{\"a\":\"}]\\\"{ä\\\\\"}\n,\r\n{\"b\":[{},[1]]} , {}]";
        let expected = ["{\"a\":\"}]\\\"{ä\\\\\"}", "{\"b\":[{},[1]]}", "{}"];
        let bytes = stream.as_bytes();
        assert_eq!(elements([bytes]), expected);
        for cut in 0..bytes.len() {
            for other in cut..bytes.len() {
                let pieces = [&bytes[..cut], &bytes[cut..other], &bytes[other..]];
                assert_eq!(elements(pieces), expected, "{cut} {other}");
            }
        }
        assert_eq!(elements(bytes.chunks(1)), expected);
        assert_eq!(elements([&b"{\"error\":{}}"[..]]), ["{\"error\":{}}"]);
        assert!(elements([&b"]]}} , ["[..]]).is_empty());
    }
}
