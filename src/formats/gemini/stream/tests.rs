//! Streams of Gemini, as events and as an array, cut at every place.

use crate::{
    chat::{Event, Opening},
    formats::{Codec, EventDecoder, Framing, gemini::Gemini, sse},
};

/// The events of a stream in a few letters: `text 'a' +sig`.
fn read<'p>(framing: Framing, pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut decoder = Gemini.stream_decoder(framing);
    let mut seen = String::new();
    let mut note = |event: Event<'_>| match event {
        Event::Start(start) => seen.push_str(&start.id),
        Event::Open { block, .. } => seen.push_str(&match block {
            Opening::Text => " text ".to_owned(),
            Opening::Reasoning => " thought ".to_owned(),
            Opening::Refusal => " refusal ".to_owned(),
            Opening::ToolCall { name, .. } => format!(" call {name} "),
            Opening::Hosted(hosted) => format!(" hosted {:?} ", hosted.tool),
            Opening::Image { media_type } => format!(" {media_type} "),
            Opening::FreeformCall { .. } => " freeform ".to_owned(),
        }),
        Event::Delta { text, .. } => seen.push_str(&text),
        Event::Seal { seal, .. } => seen.push_str(&format!(" +{}", seal.data)),
        Event::Citation { citation, .. } => {
            let (url, range) = (citation.url.unwrap_or_default(), citation.range);
            seen.push_str(&format!(" [{url} {range:?}]"));
        }
        Event::Logprobs { .. } => seen.push_str(" probabilities"),
        Event::Close { .. } => seen.push(';'),
        Event::Usage(usage) => seen.push_str(&format!(" {}/{}", usage.input, usage.output)),
        Event::Stop(stop) => seen.push_str(&format!(" {:?}", stop.reason)),
        Event::Fault(fault) => seen.push_str(&format!(" {:?}: {}", fault.kind, fault.message)),
    };
    for piece in pieces {
        decoder.feed(piece, &mut note);
    }
    decoder.finish(&mut note);
    seen
}

/// A chunk with these parts and members beside them.
fn chunk(parts: &str, beside: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}{beside}}}],"responseId":"r"}}"#)
}

fn cases() -> Vec<(Vec<String>, &'static str)> {
    let stop = r#","finishReason":"STOP""#;
    let text = |text: &str| format!(r#"{{"text":"{text}"}}"#);
    vec![
        // A reason with every chunk, as earlier models give it.
        (
            vec![chunk(&text("ä€"), stop), chunk(&text("😀"), stop)],
            "r text ä€😀; End",
        ),
        (
            vec![
                chunk(r#"{"text":"a","thought":true},{"text":"b"}"#, ""),
                chunk(r#"{"text":"","thoughtSignature":"S"}"#, ""),
                chunk(&text("c"), stop),
            ],
            "r thought a; text b +S; text c; End",
        ),
        (
            vec![
                chunk(r#"{"functionCall":{"name":"f","args":{"x":[1]}},"thoughtSignature":"S"}"#, ""),
                chunk(r#"{"functionCall":{"name":"g"}},{"text":"","thoughtSignature":"T"}"#, stop),
            ],
            r#"r call f  +S{"x":[1]}; call g ; text  +T; ToolCalls"#,
        ),
        (
            vec![
                chunk(r#"{"inlineData":{"mimeType":"image/png","data":"iVBO"}}"#, ""),
                chunk(r#"{"executableCode":{"code":"1"}},{"inlineData":{"mimeType":"audio/wav","data":"UklG"}}"#, stop),
            ],
            "r image/png iVBO; hosted CodeExecution ; hosted Other ; End",
        ),
        (
            vec![
                chunk(&text("€ sky"), ""),
                chunk(r#"{"text":""}"#, r#","groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"startIndex":4,"endIndex":7},"groundingChunkIndices":[0]}]},"finishReason":"MAX_TOKENS""#),
            ],
            "r text € sky [u Some((2, 5))]; MaxTokens",
        ),
        (
            vec![
                r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":5,"totalTokenCount":9,"thoughtsTokenCount":1}}"#.to_owned(),
                r#"{"usageMetadata":{"promptTokenCount":5,"toolUsePromptTokenCount":2,"candidatesTokenCount":4,"thoughtsTokenCount":3},"candidates":[{"finishReason":"STOP"}]}"#.to_owned(),
            ],
            " 5/4 text a 7/7; End",
        ),
        (vec![chunk(&text("a"), "")], "r text a BadGateway: the provider's stream ended before it was complete"),
        (vec![chunk("", r#","finishReason":"SAFETY""#)], "r refusal The reply was blocked (SAFETY).; ContentFilter"),
        (vec![chunk(&text("a"), r#","finishReason":"SAFETY""#)], "r text a; ContentFilter"),
        (vec![chunk(&text("a"), r#","finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"m""#)], "r text a BadGateway: m"),
        (
            vec![chunk(&text("a"), ""), r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#.to_owned()],
            "r text a RateLimit: m",
        ),
        (
            vec![r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"no"}]}},{"index":0,"content":{"parts":[{"text":"yes"}]},"finishReason":"STOP"}],"responseId":"r"}"#.to_owned()],
            "r text yes; End",
        ),
    ]
}

#[test]
fn streams_are_read_alike_in_both_framings_and_at_every_cut() {
    for (chunks, expected) in cases() {
        let events: String = chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect();
        let array = format!("[{}\n]", chunks.join("\n,\r\n"));
        for (framing, stream) in [(Framing::Sse, events), (Framing::JsonArray, array)] {
            let bytes = stream.as_bytes();
            assert_eq!(read(framing, [bytes]), expected, "{stream}");
            assert_eq!(read(framing, bytes.chunks(1)), expected, "{stream}");
            for cut in 0..bytes.len() {
                let pieces = [&bytes[..cut], &bytes[cut..]];
                assert_eq!(read(framing, pieces), expected, "{stream} at {cut}");
            }
        }
    }
}

#[test]
fn what_is_no_chunk_is_an_error() {
    for (framing, stream) in [
        (Framing::Sse, "data: {\"candidates\":7}\n\n"),
        (Framing::JsonArray, "[{\"candidates\":7}]"),
    ] {
        let seen = read(framing, [stream.as_bytes()]);
        assert!(seen.contains("BadGateway: the provider's answer is unreadable"), "{seen}");
    }
    let done = "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\ndata: [DONE]\n\n";
    assert_eq!(read(Framing::Sse, [done.as_bytes()]), " End");
}

#[test]
fn an_array_is_written_as_one_whatever_happens() {
    use crate::chat::{Fault, FaultKind, Start, StopReason};
    let start = Event::Start(Start { id: "r".into(), ..Start::default() });
    let open = Event::Open { index: 0, block: Opening::Text };
    let delta = Event::Delta { index: 0, text: "a".into() };
    let close = Event::Close { index: 0 };
    let fault = Event::Fault(Fault::new(FaultKind::Overloaded, "m"));
    let stop = Event::Stop(StopReason::End.into());
    for (events, expected) in [
        (vec![&start, &open, &delta, &close, &stop], "r text a; 0/0 End"),
        (vec![&fault], " Overloaded: m"),
        (vec![&start, &open, &delta, &fault, &fault], "r text a Overloaded: m"),
    ] {
        let mut encoder = Gemini.stream_encoder(Framing::JsonArray, true);
        let mut out = Vec::new();
        for event in events {
            encoder.encode(event, &mut out);
        }
        let list: Vec<serde_json::Value> = serde_json::from_slice(&out).unwrap();
        assert!(!list.is_empty());
        assert_eq!(read(Framing::JsonArray, [&out[..]]), expected.replace(" 0/0", ""));
    }
}

#[test]
fn an_endless_stream_takes_no_endless_memory() {
    let mut decoder = super::decode::Decoder::default();
    let piece = "some text ".repeat(100);
    let chunks = [
        chunk(&format!(r#"{{"text":"{piece}"}}"#), ""),
        chunk(&format!(r#"{{"text":"{piece}","thought":true}}"#), ""),
        chunk(r#"{"functionCall":{"name":"f","args":{}},"thoughtSignature":"S"}"#, ""),
    ];
    let mut feed = |rounds: usize| {
        for data in chunks.iter().cycle().take(rounds * chunks.len()) {
            let event = sse::Event { name: "", data, truncated: false };
            decoder.event(&event, &mut |_| {}).unwrap();
        }
        format!("{decoder:?}").len()
    };
    // As much of the text as is needed to find citations in it, and no more.
    let full = feed(1100);
    assert!(full < 2 * 1024 * 1024, "{full}");
    // Numbers of calls and blocks may grow by a figure each.
    assert!(feed(1100) <= full + 8);
}
