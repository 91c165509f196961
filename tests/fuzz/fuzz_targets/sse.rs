//! Any bytes as a stream, in any pieces. The first byte is the number of chunk lengths that follow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llm_router::{
    formats::{
        codec,
        sse::{Event, Reader},
    },
    protocol::Format,
};

type Owned = (String, String);

fn owned(event: Event<'_>) -> Owned {
    (event.name.to_owned(), event.data.to_owned())
}

/// All events of `stream` in pieces of these lengths, over and over, and whether it then stood
/// between two events.
fn events(stream: &[u8], lengths: &[u8]) -> (Vec<Owned>, bool) {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    let mut rest = stream;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(usize::from(*length).max(1).min(rest.len()));
        let mut last = 0;
        reader.feed(chunk, &mut |event, end| {
            assert!(last < end && end <= chunk.len(), "ends of events go up");
            last = end;
            events.push(owned(event));
        });
        rest = after;
    }
    let at_boundary = reader.at_boundary();
    reader.finish(&mut |event| events.push(owned(event)));
    (events, at_boundary)
}

fuzz_target!(|data: &[u8]| {
    let Some((count, rest)) = data.split_first() else { return };
    let (lengths, stream) = rest.split_at(usize::from(*count % 16).min(rest.len()));
    let lengths = if lengths.is_empty() { &[1] } else { lengths };
    let whole = events(stream, &[u8::MAX]);
    assert_eq!(events(stream, lengths), whole);
    for format in Format::ALL {
        let mut watch = codec(format).watch();
        for (name, data) in &whole.0 {
            let _signal = watch.see(&Event { name, data, truncated: false });
        }
    }
});
