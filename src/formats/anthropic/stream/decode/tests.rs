//! Streams as providers send them, well and badly, at every split.

use super::*;
use crate::formats::{StreamDecoder, order::SseDecoder};

/// The events of `stream` in short, in pieces cut at `cut`.
fn events(stream: &[u8], cut: usize) -> String {
    let mut decoder = SseDecoder::new(Decoder::default());
    let mut seen: Vec<String> = Vec::new();
    let mut note = |event: Event<'_>| match event {
        Event::Start(start) => seen.push(format!("start {}", start.id)),
        Event::Open { index, block } => seen.push(match block {
            Opening::Text => format!("{index} text"),
            Opening::Reasoning => format!("{index} reasoning"),
            Opening::ToolCall { id, name, .. } => format!("{index} call {id} {name}"),
            Opening::Hosted(hosted) => {
                format!("{index} {:?} {}", hosted.tool, hosted.query.unwrap_or_default())
            }
            Opening::Refusal | Opening::FreeformCall { .. } | Opening::Image { .. } => {
                unreachable!("Messages has none")
            }
        }),
        Event::Delta { text, .. } => seen.push(format!("`{text}`")),
        Event::Citation { citation, .. } => seen.push(format!("cites {:?}", citation.url)),
        Event::Seal { seal, .. } => seen.push(format!("{:?} {}", seal.kind, seal.data)),
        Event::Close { .. } => seen.push("close".to_owned()),
        Event::Usage(usage) => seen.push(format!("{} in {} out", usage.input, usage.output)),
        Event::Stop(stop) => seen.push(format!("{:?}", stop.reason)),
        Event::Fault(fault) => seen.push(format!("{:?} {}", fault.kind, fault.message)),
        Event::Logprobs { .. } => unreachable!("Messages has none"),
    };
    let (one, other) = stream.split_at(cut);
    decoder.feed(one, &mut note);
    decoder.feed(other, &mut note);
    decoder.finish(&mut note);
    seen.join(", ")
}

/// A stream of these events, written as `type|the other members`.
fn stream(lines: &[&str]) -> String {
    let event = |line: &&str| {
        let (kind, members) = line.split_once('|').unwrap_or((line, ""));
        let comma = if members.is_empty() { "" } else { "," };
        format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{comma}{members}}}\n\n")
    };
    lines.iter().map(event).collect()
}

const START: &str = r#"message_start|"message":{"id":"msg_1","model":"m","usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}}"#;
const TEXT: &str = r#"content_block_start|"index":0,"content_block":{"type":"text","text":""}"#;
const A: &str = r#"content_block_delta|"index":0,"delta":{"type":"text_delta","text":"ä€"}"#;
const CLOSE: &str = r#"content_block_stop|"index":0"#;
const CALL: &str = r#"content_block_start|"index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}"#;
const END: &str = r#"message_delta|"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}"#;

/// What providers send, and what it says.
const ROWS: &[(&[&str], &str)] = &[
    (
        &[START, "ping", TEXT, A, CLOSE, END, "message_stop"],
        "start 1, 7 in 1 out, 0 text, `ä€`, close, 7 in 9 out, End",
    ),
    // `message_stop` is missing: the end was told before.
    (&[START, TEXT, A, CLOSE, END], "start 1, 7 in 1 out, 0 text, `ä€`, close, 7 in 9 out, End"),
    // The end of the reply is told nowhere.
    (
        &[START, TEXT, A, CLOSE],
        "start 1, 7 in 1 out, 0 text, `ä€`, close, BadGateway the provider's stream ended before it was complete",
    ),
    // No reason for the end, but an end.
    (&[START, TEXT, A, CLOSE, "message_stop"], "start 1, 7 in 1 out, 0 text, `ä€`, close, End"),
    // A block without a start, and without a stop.
    (&[START, A, END, "message_stop"], "start 1, 7 in 1 out, 0 text, `ä€`, close, 7 in 9 out, End"),
    // Thinking inside of a text block.
    (
        &[
            START,
            TEXT,
            r#"content_block_delta|"index":0,"delta":{"type":"thinking_delta","thinking":"t"}"#,
            A,
            END,
        ],
        "start 1, 7 in 1 out, 0 text, close, 1 reasoning, `t`, close, 2 text, `ä€`, close, 7 in 9 out, End",
    ),
    // Empty input, told and not told.
    (
        &[
            START,
            CALL,
            r#"content_block_delta|"index":0,"delta":{"type":"input_json_delta","partial_json":""}"#,
            CLOSE,
            END,
        ],
        "start 1, 7 in 1 out, 0 call t f, `{}`, close, 7 in 9 out, ToolCalls",
    ),
    (&[CALL, END], "start , 0 call t f, `{}`, close, 0 in 9 out, ToolCalls"),
    // The whole input at the start of the block.
    (
        &[
            START,
            r#"content_block_start|"index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"a": 1}}"#,
            CLOSE,
            END,
        ],
        "start 1, 7 in 1 out, 0 call t f, `{\"a\": 1}`, close, 7 in 9 out, ToolCalls",
    ),
    // Input for a block that is not open must not go to another.
    (
        &[
            START,
            CALL,
            r#"content_block_delta|"index":5,"delta":{"type":"input_json_delta","partial_json":"{}"}"#,
        ],
        "start 1, 7 in 1 out, 0 call t f, BadGateway the provider's answer is unreadable: a piece of a tool's input outside of its block",
    ),
    // A signature in pieces, and reasoning that may not be read.
    (
        &[
            START,
            r#"content_block_start|"index":0,"content_block":{"type":"thinking","thinking":"","signature":""}"#,
            r#"content_block_delta|"index":0,"delta":{"type":"signature_delta","signature":"Eq"}"#,
            r#"content_block_delta|"index":0,"delta":{"type":"signature_delta","signature":"QB"}"#,
            CLOSE,
            r#"content_block_start|"index":1,"content_block":{"type":"redacted_thinking","data":"Em"}"#,
            END,
        ],
        "start 1, 7 in 1 out, 0 reasoning, Signature EqQB, close, 1 reasoning, Redacted Em, close, 7 in 9 out, End",
    ),
    // A tool of the vendor, its question in pieces.
    (
        &[
            START,
            r#"content_block_start|"index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#,
            r#"content_block_delta|"index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":"}"#,
            r#"content_block_delta|"index":0,"delta":{"type":"input_json_delta","partial_json":"\"q\"}"}"#,
            CLOSE,
            END,
        ],
        "start 1, 7 in 1 out, 0 WebSearch q, close, 7 in 9 out, End",
    ),
    // What nobody knows yet.
    (
        &[
            START,
            r#"content_block_start|"index":0,"content_block":{"type":"dance"}"#,
            CLOSE,
            "news",
            TEXT,
            A,
            END,
        ],
        "start 1, 7 in 1 out, 0 text, `ä€`, close, 7 in 9 out, End",
    ),
    (
        &[START, TEXT, r#"error|"error":{"type":"rate_limit_error","message":"slow"}"#, A, END],
        "start 1, 7 in 1 out, 0 text, RateLimit slow",
    ),
    // Later counts of nothing do not undo earlier ones; a reason may come before its counts.
    (
        &[
            START,
            r#"message_delta|"delta":{"stop_reason":"pause_turn"},"usage":{"input_tokens":0}"#,
            r#"message_delta|"delta":{},"usage":{"output_tokens":5}"#,
            "message_stop",
        ],
        "start 1, 7 in 1 out, 7 in 1 out, 7 in 5 out, Pause",
    ),
];

#[test]
fn every_stream_is_read_alike_at_every_split() {
    for (lines, expected) in ROWS {
        let stream = stream(lines);
        for cut in 0..=stream.len() {
            assert_eq!(events(stream.as_bytes(), cut), *expected, "cut at {cut}");
        }
        // Without `event:` lines the type inside tells as much.
        let bare: String =
            stream.split_inclusive('\n').filter(|line| !line.starts_with("event:")).collect();
        assert_eq!(events(bare.as_bytes(), 0), *expected);
    }
}

#[test]
fn what_is_no_json_ends_the_reply_with_an_error() {
    let seen = events(b"data: {\"type\":\n\n", 3);
    assert!(seen.starts_with("start , BadGateway the provider's answer is unreadable"), "{seen}");
}

#[test]
fn an_endless_stream_takes_constant_memory() {
    let mut decoder = Decoder::default();
    let mut feed = |line: &str| {
        let data = stream(&[line]);
        let data = data.split_once("data: ").map_or("", |(_, data)| data.trim());
        decoder.event(&sse::Event { name: "", data, truncated: false }, &mut |_| {})
    };
    feed(START).unwrap();
    feed(r#"content_block_start|"index":0,"content_block":{"type":"thinking"}"#).unwrap();
    let piece = "x".repeat(1024 * 1024);
    let delta = format!(
        r#"content_block_delta|"index":0,"delta":{{"type":"signature_delta","signature":"{piece}"}}"#
    );
    let fed = (0..40).take_while(|_| feed(&delta).is_ok()).count();
    assert_eq!(fed, MAX_EVENT_BYTES / piece.len());
}
