//! Any bytes as a generateContent request, reply and stream, in both framings: no panic, and what comes out is in order.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llm_router::{
    chat::Event,
    formats::{Framing, codec, hints::Hints},
    protocol::Format,
};

fuzz_target!(|data: &[u8]| {
    let gemini = codec(Format::Gemini);
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(request) = gemini.decode_request(text) {
            for format in Format::ALL {
                let hints = Hints { genuine: data.len() % 2 == 0, ..Hints::of_model("gemini-3-flash") };
                if let Ok(encoded) = codec(format).encode_request(&request, &hints) {
                    let body = std::str::from_utf8(&encoded.body).expect("a body is text");
                    codec(format).decode_request(body).expect("a format reads what it writes");
                }
            }
        }
        if let Ok(reply) = gemini.decode_reply(text) {
            let again = String::from_utf8(gemini.encode_reply(&reply)).expect("text");
            gemini.decode_reply(&again).expect("a format reads what it writes");
        }
    }
    let Some((length, stream)) = data.split_first() else { return };
    for framing in [Framing::Sse, Framing::JsonArray] {
        check_stream(framing, usize::from(*length).max(1), stream);
    }
});

fn check_stream(framing: Framing, length: usize, stream: &[u8]) {
    let gemini = codec(Format::Gemini);
    let mut decoder = gemini.stream_decoder(framing);
    let mut encoder = gemini.stream_encoder(framing, true);
    let (mut out, mut open, mut ends) = (Vec::new(), None, 0);
    let mut see = |event: Event<'_>| {
        assert_eq!(ends, 0, "something comes behind the end");
        match &event {
            Event::Open { index, .. } => assert_eq!(open.replace(*index), None),
            Event::Close { index } => assert_eq!(open.take(), Some(*index)),
            Event::Stop(_) | Event::Fault(_) => ends += 1,
            _ => {}
        }
        encoder.encode(&event, &mut out);
    };
    for piece in stream.chunks(length) {
        decoder.feed(piece, &mut see);
    }
    decoder.finish(&mut see);
    assert_eq!((open, ends), (None, 1));
}
