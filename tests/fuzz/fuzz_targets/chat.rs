//! OpenAI Chat Completions: any bytes as a request, as a whole reply, and as a stream in any pieces.
//! The first byte is the number of chunk lengths that follow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llm_router::{
    chat::Event,
    formats::{
        Framing, codec,
        hints::{Hints, Quirk, Quirks},
    },
    protocol::Format,
};
use serde_json::Value;

const FORMAT: Format = Format::OpenAi;

/// A request that is read is written for the vendor and for others, as JSON that is read again.
fn request(body: &str) {
    let Ok(request) = codec(FORMAT).decode_request(body) else { return };
    let marks = Quirks::default().with(Quirk::CacheMarks).with(Quirk::ReasoningBack);
    for (genuine, quirks) in [(true, Quirks::default()), (false, Quirks::default()), (false, marks)] {
        let hints = Hints { genuine, quirks, ..Hints::of_model("gpt-5.4") };
        let Ok(encoded) = codec(FORMAT).encode_request(&request, &hints) else { continue };
        let body = std::str::from_utf8(&encoded.body).expect("text");
        serde_json::from_str::<Value>(body).expect("JSON");
        codec(FORMAT).decode_request(body).expect("what is written is read");
    }
}

fn reply(body: &str) {
    let Ok(reply) = codec(FORMAT).decode_reply(body) else { return };
    if reply.fault.is_none() {
        let body = String::from_utf8(codec(FORMAT).encode_reply(&reply)).expect("text");
        codec(FORMAT).decode_reply(&body).expect("what is written is read");
    }
}

/// The events of `stream` in pieces of these lengths, over and over; written again for a client.
fn events(stream: &[u8], lengths: &[u8]) -> String {
    let mut decoder = codec(FORMAT).stream_decoder(Framing::Sse);
    let mut encoder = codec(FORMAT).stream_encoder(Framing::Sse, true);
    let (mut starts, mut ends, mut out) = (0, 0, Vec::new());
    let mut note = |event: Event<'_>| {
        assert_eq!(ends, 0, "nothing follows the end");
        starts += usize::from(matches!(event, Event::Start(_)));
        ends += usize::from(matches!(event, Event::Stop(_) | Event::Fault(_)));
        encoder.encode(&event, &mut out);
    };
    let mut rest = stream;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at(usize::from(*length).max(1).min(rest.len()));
        decoder.feed(chunk, &mut note);
        rest = after;
    }
    decoder.finish(&mut note);
    assert_eq!((starts, ends), (1, 1), "one start, one end");
    String::from_utf8(out).expect("text")
}

fuzz_target!(|data: &[u8]| {
    if let Ok(body) = std::str::from_utf8(data)
        && serde_json::from_str::<Value>(body).is_ok()
    {
        request(body);
        reply(body);
    }
    let Some((count, rest)) = data.split_first() else { return };
    let (lengths, stream) = rest.split_at(usize::from(*count % 16).min(rest.len()));
    let lengths = if lengths.is_empty() { &[1] } else { lengths };
    assert_eq!(events(stream, lengths), events(stream, &[u8::MAX]));
});
