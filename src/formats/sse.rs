//! Server-sent events, in pieces of any size.
//!
//! Follows the event-stream rules of the HTML standard: lines end with LF, CRLF or CR; fields are
//! `event` and `data`, with or without a space behind the colon; a line that begins with a colon is
//! a comment; a blank line ends an event, and an event without data is none.

use std::borrow::Cow;

use memchr::memchr2;

/// One event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field; empty if there is none.
    pub name: &'a str,
    /// The `data:` fields, joined by line feeds.
    pub data: &'a str,
    /// Whether the event was longer than [`MAX_EVENT_BYTES`] and `data` is only its beginning.
    pub truncated: bool,
}

/// The longest event that is read whole. Longer ones pass, but are not looked into.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// Splits a stream into events. Linear in the bytes fed, whatever the pieces; keeps at most one
/// event.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact about the bytes so far")]
pub struct Reader {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    truncated: bool,
    /// Whether a field of the event under construction has been read.
    open: bool,
    /// Whether the last byte was a CR, whose LF may follow.
    after_cr: bool,
    /// Whether the first line, which may begin with a byte order mark, has been read.
    begun: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Reader {
    /// Takes a piece of the stream. `on_event` is given each event that it completes, and how many
    /// bytes of the piece lie before the end of it.
    pub fn feed(&mut self, chunk: &[u8], on_event: &mut dyn FnMut(Event<'_>, usize)) {
        let mut from = 0;
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            from = usize::from(chunk[0] == b'\n');
        }
        while let Some(length) = memchr2(b'\n', b'\r', &chunk[from..]) {
            let line = &chunk[from..from + length];
            let end = from + length;
            from = end + 1;
            if chunk[end] == b'\r' {
                match chunk.get(from) {
                    Some(b'\n') => from += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            let complete = if self.line.is_empty() {
                self.take_line(line)
            } else {
                self.keep(line);
                let whole = std::mem::take(&mut self.line);
                let complete = self.take_line(&whole);
                // The buffer is used again, unless it has grown large.
                if whole.capacity() <= 64 * 1024 {
                    self.line = whole;
                    self.line.clear();
                }
                complete
            };
            if complete {
                self.dispatch(&mut |event| on_event(event, from));
            }
        }
        self.keep(&chunk[from..]);
    }

    /// The stream has ended: gives the last event if only its blank line is missing, as with some
    /// providers.
    pub fn finish(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.take_line(&line);
        }
        self.dispatch(on_event);
    }

    /// Whether the stream stands between two events, so that something may be put there.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        !self.open && self.line.is_empty()
    }

    /// Buffers a part of a line, as far as it is of interest.
    fn keep(&mut self, part: &[u8]) {
        let room = MAX_EVENT_BYTES.saturating_sub(self.line.len() + self.data.len());
        if part.len() > room {
            self.truncated = true;
        }
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// Reads a line; true if it ends an event.
    fn take_line(&mut self, line: &[u8]) -> bool {
        let line = if self.begun {
            line
        } else {
            self.begun = true;
            line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
        };
        if line.is_empty() {
            return true;
        }
        let colon = memchr::memchr(b':', line);
        let (field, value) = match colon {
            // A comment.
            Some(0) => return false,
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        self.open = true;
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                let room = MAX_EVENT_BYTES.saturating_sub(self.data.len());
                let text = text(value);
                if text.len() <= room {
                    self.data.push_str(&text);
                } else {
                    self.truncated = true;
                    let fits = |end: &usize| text.is_char_boundary(*end);
                    let end = (0..=room).rev().find(fits).unwrap_or_default();
                    self.data.push_str(&text[..end]);
                }
            }
            b"event" => {
                self.name.clear();
                self.name.push_str(&text(value));
            }
            _ => {}
        }
        false
    }

    fn dispatch(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        if self.has_data {
            let Self { name, data, truncated, .. } = self;
            on_event(Event { name, data, truncated: *truncated });
        }
        self.name.clear();
        if self.data.capacity() > 64 * 1024 {
            self.data = String::new();
        } else {
            self.data.clear();
        }
        self.has_data = false;
        self.truncated = false;
        self.open = false;
    }
}

/// The bytes as text; what is not UTF-8 becomes a replacement character.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `pieces` and gives each event as `name|data`.
    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut reader = Reader::default();
        let mut events = Vec::new();
        for piece in pieces {
            reader
                .feed(piece, &mut |event, _| events.push(format!("{}|{}", event.name, event.data)));
        }
        reader.finish(&mut |event| events.push(format!("{}|{} (unended)", event.name, event.data)));
        events
    }

    #[test]
    fn the_rules_of_the_standard_hold() {
        for (stream, expected) in [
            ("data: a\n\n", vec!["|a"]),
            ("data:a\n\n", vec!["|a"]),
            ("data:  a\n\n", vec!["| a"]),
            ("event: x\ndata: a\n\n", vec!["x|a"]),
            ("data: a\r\n\r\ndata: b\r\rdata: c\n\n", vec!["|a", "|b", "|c"]),
            ("data: a\ndata: b\n\n", vec!["|a\nb"]),
            ("data\n\n", vec!["|"]),
            (": comment\n\ndata: a\n\n", vec!["|a"]),
            (": comment\ndata: a\n: more\n\n", vec!["|a"]),
            ("event: x\n\ndata: a\n\n", vec!["|a"]),
            ("\u{feff}data: a\n\n", vec!["|a"]),
            ("id: 1\nretry: 5\ndata: a\n\n", vec!["|a"]),
            ("data: {\"a\": \"b: c\"}\n\n", vec!["|{\"a\": \"b: c\"}"]),
            ("data: a", vec!["|a (unended)"]),
            ("data: a\n", vec!["|a (unended)"]),
            ("", vec![]),
            ("\n\n\n", vec![]),
        ] {
            assert_eq!(events([stream.as_bytes()]), expected, "{stream:?}");
        }
    }

    #[test]
    fn a_stream_stands_between_events_only_where_it_does() {
        for (stream, expected) in [
            ("", true),
            ("data: a\n\n", true),
            ("data: a\n", false),
            ("data: a", false),
            (": comment\n", true),
            (": comm", false),
            ("event: x\n", false),
            ("data: a\r\n\r", true),
        ] {
            let mut reader = Reader::default();
            reader.feed(stream.as_bytes(), &mut |_, _| {});
            assert_eq!(reader.at_boundary(), expected, "{stream:?}");
        }
    }

    #[test]
    fn an_endless_event_takes_no_endless_memory() {
        let mut reader = Reader::default();
        let piece = vec![b'x'; 1024 * 1024];
        reader.feed(b"data: ", &mut |_, _| {});
        for _ in 0..40 {
            reader.feed(&piece, &mut |_, _| {});
            assert!(reader.line.len() <= MAX_EVENT_BYTES);
        }
        let mut seen = 0;
        reader.feed(b"\n\ndata: next\n\n", &mut |event, _| {
            seen += 1;
            assert_eq!(event.truncated, seen == 1);
        });
        assert_eq!(seen, 2);
    }

    #[test]
    fn the_end_of_an_event_is_told_in_bytes_of_the_piece() {
        let mut reader = Reader::default();
        let mut ends = Vec::new();
        reader.feed(b"data: a\n", &mut |_, end| ends.push(end));
        reader.feed(b"\ndata: b\r\n\r\ndata: c", &mut |_, end| ends.push(end));
        assert_eq!(ends, [1, 12]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            lines in prop::collection::vec(
                prop_oneof![
                    Just("data: ä€😀"), Just("data:x"), Just("event: e"), Just(""), Just(": c"),
                    Just("data: a:b"), Just("junk"), Just("data: \u{fffd}"),
                ],
                0..12,
            ),
            ending in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            cuts in prop::collection::vec(0usize..400, 0..12),
        ) {
            let stream: String = lines.iter().flat_map(|line| [*line, ending]).collect();
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(events(pieces), events([bytes]));
        }
    }
}
