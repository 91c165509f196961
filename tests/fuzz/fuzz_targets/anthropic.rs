//! Any bytes as a Messages request, reply and stream: no panic, and what comes out is in order.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llm_router::{
    chat::Event,
    formats::{Framing, codec, hints::Hints},
    protocol::Format,
};

fuzz_target!(|data: &[u8]| {
    let anthropic = codec(Format::Anthropic);
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(request) = anthropic.decode_request(text) {
            for format in Format::ALL {
                let hints = Hints { genuine: true, ..Hints::of_model("claude-opus-4-7") };
                if let Ok(encoded) = codec(format).encode_request(&request, &hints) {
                    let body = std::str::from_utf8(&encoded.body).expect("a body is text");
                    codec(format).decode_request(body).expect("a format reads what it writes");
                }
            }
        }
        if let Ok(reply) = anthropic.decode_reply(text) {
            let again = String::from_utf8(anthropic.encode_reply(&reply)).expect("text");
            anthropic.decode_reply(&again).expect("a format reads what it writes");
        }
    }
    let Some((length, stream)) = data.split_first() else { return };
    let mut decoder = anthropic.stream_decoder(Framing::Sse);
    let mut encoder = anthropic.stream_encoder(Framing::Sse, true);
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
    for piece in stream.chunks(usize::from(*length).max(1)) {
        decoder.feed(piece, &mut see);
    }
    decoder.finish(&mut see);
    assert_eq!((open, ends), (None, 1));
});
