//! Streams as providers send them, in pieces of any size.

use std::fmt::Write;

use crate::{
    chat::{Event, Opening, Stop},
    formats::{EventDecoder, Framing, codec, sse},
    protocol::Format,
};

/// What comes out of a stream, in short.
fn seen<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut decoder = codec(Format::OpenAiResponses).stream_decoder(Framing::Sse);
    let mut log = String::new();
    let mut joins = None;
    let mut note = |event: Event<'_>| {
        // Pieces of one text are one, however they come.
        if let Event::Delta { index, text } = &event {
            let more = joins == Some(*index);
            joins = Some(*index);
            write!(log, "{}{}", if more { "" } else { " '" }, text.escape_debug()).unwrap();
            return;
        }
        if joins.take().is_some() {
            log.push('\'');
        }
        write!(log, " {}", short(&event)).unwrap();
    };
    for piece in pieces {
        decoder.feed(piece, &mut note);
    }
    decoder.finish(&mut note);
    log.trim_start().to_owned()
}

fn short(event: &Event<'_>) -> String {
    match event {
        Event::Start(start) => format!("start {}", start.id),
        Event::Open { block, .. } => match block {
            Opening::Text => "text".to_owned(),
            Opening::Reasoning => "reasoning".to_owned(),
            Opening::Refusal => "refusal".to_owned(),
            Opening::ToolCall { id, name, namespace } => match namespace {
                Some(space) => format!("call {id} {space}/{name}"),
                None => format!("call {id} {name}"),
            },
            Opening::FreeformCall { id, name, .. } => format!("freeform {id} {name}"),
            Opening::Hosted(hosted) => {
                format!("{:?} {}", hosted.tool, hosted.query.as_deref().unwrap_or("-"))
            }
            Opening::Image { media_type } => media_type.clone(),
        },
        Event::Delta { .. } => String::new(),
        Event::Citation { citation, .. } => {
            format!("cites {}", citation.url.as_deref().unwrap_or("-"))
        }
        Event::Seal { seal, .. } => {
            format!("seal {} of {}", seal.data, seal.item.as_deref().unwrap_or("-"))
        }
        Event::Logprobs { tokens, .. } => format!("logprobs {}", tokens.get()),
        Event::Close { .. } => ".".to_owned(),
        Event::Usage(usage) => {
            format!("usage {}+{} ({} cached)", usage.input, usage.output, usage.cache_read)
        }
        Event::Stop(Stop { reason, .. }) => format!("{reason:?}"),
        Event::Fault(fault) => format!("{:?}: {}", fault.kind, fault.message),
    }
}

/// Checks a stream of these events, at every split and in pieces of every length.
#[track_caller]
fn check(events: &[&str], expected: &str) {
    let mut stream = String::new();
    for event in events {
        let name = event.split_once("\"type\":\"").and_then(|(_, rest)| rest.split_once('"'));
        let name = name.map_or("error", |(name, _)| name);
        write!(stream, "event: {name}\ndata: {event}\n\n").unwrap();
    }
    let bytes = stream.as_bytes();
    assert_eq!(seen([bytes]), expected);
    for cut in 0..bytes.len() {
        let (one, other) = bytes.split_at(cut);
        assert_eq!(seen([one, other]), expected, "cut at {cut}");
    }
    for length in 1..40 {
        assert_eq!(seen(bytes.chunks(length)), expected, "in pieces of {length}");
    }
}

const CREATED: &str =
    r#"{"type":"response.created","response":{"id":"resp_1","model":"m","created_at":1.5}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":3},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":1}}}}"#;

#[test]
fn text_is_told_once_with_its_sources() {
    check(
        &[
            CREATED,
            r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}"#,
            r#"{"type":"response.content_part.added","output_index":0,"content_index":0,"part":{"type":"output_text","text":""}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"ä \"x\"","logprobs":[]}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"😀","logprobs":[{"token":"y"}]}"#,
            r#"{"type":"response.output_text.annotation.added","output_index":0,"content_index":0,"annotation":{"type":"url_citation","url":"https://a.example","title":"A","start_index":0,"end_index":1}}"#,
            r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"ä \"x\"😀"}"#,
            r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"ä \"x\"😀","annotations":[{"type":"url_citation","url":"https://a.example"}]}}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"ä \"x\"😀"}]}}"#,
            COMPLETED,
        ],
        r#"start 1 text 'ä \"x\"😀' logprobs [{"token":"y"}] cites https://a.example . usage 7+2 (3 cached) End"#,
    );
}

#[test]
fn reasoning_is_one_block_with_the_seal_of_its_item() {
    check(
        &[
            CREATED,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#,
            r#"{"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"one"}"#,
            r#"{"type":"response.reasoning_summary_text.done","output_index":0,"summary_index":0,"text":"one"}"#,
            r#"{"type":"response.reasoning_summary_part.done","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"one"}}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"two"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAA","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}]}}"#,
            r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"rs_2","type":"reasoning","encrypted_content":"gBBB","summary":[]}}"#,
            r#"{"type":"response.output_item.done","output_index":2,"item":{"id":"rs_3","type":"reasoning","summary":[]}}"#,
            COMPLETED,
        ],
        r"start 1 reasoning 'one\n\ntwo' seal gAAA of rs_1 . reasoning seal gBBB of rs_2 . usage 7+2 (3 cached) End",
    );
}

#[test]
fn calls_come_with_pieces_or_only_with_the_whole_of_their_arguments() {
    check(
        &[
            CREATED,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"fc_0","type":"function_call","call_id":"c0","name":"run","namespace":"sh","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"a\""}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":":1}"}"#,
            r#"{"type":"response.function_call_arguments.done","output_index":0,"arguments":"{\"a\":1}"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"fc_0","type":"function_call","call_id":"c0","name":"run","namespace":"sh","arguments":"{\"a\":1}"}}"#,
            // Only `.done` (LM Studio).
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.done","output_index":1,"arguments":"{\"b\":2}"}"#,
            r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"b\":2}"}}"#,
            // Only the item.
            r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","call_id":"c2","name":"g","arguments":"{}"}}"#,
            // A name that comes late.
            r#"{"type":"response.output_item.added","output_index":3,"item":{"type":"function_call","call_id":"c3","name":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":3,"delta":"{}"}"#,
            r#"{"type":"response.output_item.done","output_index":3,"item":{"type":"function_call","call_id":"c3","name":"h","arguments":"{}"}}"#,
            r#"{"type":"response.output_item.added","output_index":4,"item":{"type":"custom_tool_call","call_id":"c4","name":"patch","input":""}}"#,
            r#"{"type":"response.custom_tool_call_input.delta","output_index":4,"delta":"*** Begin"}"#,
            r#"{"type":"response.custom_tool_call_input.done","output_index":4,"input":"*** Begin"}"#,
            r#"{"type":"response.output_item.done","output_index":4,"item":{"type":"custom_tool_call","call_id":"c4","name":"patch","input":"*** Begin"}}"#,
            COMPLETED,
        ],
        r#"start 1 call c0 sh/run '{\"a\":1}' . call c1 f '{\"b\":2}' . call c2 g '{}' . call c3 h '{}' . freeform c4 patch '*** Begin' . usage 7+2 (3 cached) ToolCalls"#,
    );
}

#[test]
fn items_that_are_told_in_parallel_are_put_one_behind_the_other() {
    check(
        &[
            CREATED,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"a","name":"f"}}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"b","name":"g"}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{\"y\":"}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"x\":1}"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"a","name":"f","arguments":"{\"x\":1}"}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"2}"}"#,
            r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"b","name":"g","arguments":"{\"y\":2}"}}"#,
            COMPLETED,
        ],
        r#"start 1 call a f '{\"x\":1}' . call b g '{\"y\":2}' . usage 7+2 (3 cached) ToolCalls"#,
    );
}

#[test]
fn what_no_event_told_is_taken_from_the_last_one() {
    let whole = r#"{"type":"response.completed","response":{"id":"resp_9","output":[{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},{"type":"message","content":[{"type":"output_text","text":"hi"},{"type":"refusal","refusal":"no"}]},{"type":"web_search_call","id":"ws_1","action":{"type":"search","query":"q"}},{"type":"image_generation_call","id":"ig_1","result":"iVBO"}]}}"#;
    check(
        &[whole],
        "start 9 reasoning 'hm' . text 'hi' . refusal 'no' . WebSearch q . image/png 'iVBO' . usage 0+0 (0 cached) End",
    );
    let args = r#"{"type":"response.completed","response":{"output":[{"type":"function_call","call_id":"a","name":"f","arguments":"{\"x\":1}"}]}}"#;
    check(
        &[
            CREATED,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"a","name":"f","arguments":""}}"#,
            args,
        ],
        r#"start 1 call a f '{\"x\":1}' . usage 0+0 (0 cached) ToolCalls"#,
    );
}

#[test]
fn an_item_that_is_never_done_ends_with_the_next() {
    check(
        &[
            CREATED,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message"}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"a"}}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message"}}"#,
            r#"{"type":"response.refusal.delta","output_index":1,"content_index":0,"delta":"no"}"#,
            r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#,
        ],
        "start 1 text 'a' . refusal 'no' . usage 0+0 (0 cached) MaxTokens",
    );
}

#[test]
fn endings_that_are_no_success_are_told_as_what_they_are() {
    let text =
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}"#;
    for (events, expected) in [
        (
            vec![
                CREATED,
                r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_is_overloaded","message":"Our servers are currently overloaded."}}}"#,
            ],
            "start 1 Overloaded: Our servers are currently overloaded.",
        ),
        (
            vec![
                CREATED,
                text,
                r#"{"type":"error","code":"rate_limit_exceeded","message":"Slow down.","param":null,"sequence_number":4}"#,
            ],
            "start 1 text 'a' RateLimit: Slow down.",
        ),
        (
            vec![CREATED, text],
            "start 1 text 'a' BadGateway: the provider's stream ended before it was complete",
        ),
        (
            vec![
                CREATED,
                r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#,
            ],
            "start 1 usage 0+0 (0 cached) ContentFilter",
        ),
        (
            vec![CREATED, r#"{"type":"response.cancelled","response":{"status":"cancelled"}}"#],
            "start 1 usage 0+0 (0 cached) BadGateway: the provider's response is not complete: it is cancelled",
        ),
        (
            vec![
                CREATED,
                r#"{"type":"keepalive"}"#,
                r#"{"type":"response.new_thing"}"#,
                COMPLETED,
                text,
            ],
            "start 1 usage 7+2 (3 cached) End",
        ),
    ] {
        check(&events, expected);
    }
}

#[test]
fn an_endless_stream_takes_no_endless_memory() {
    let mut decoder = super::Decoder::default();
    let mut feed = |data: &str| {
        let event = sse::Event { name: "", data, truncated: false };
        decoder.event(&event, &mut |_| {}).unwrap();
        format!("{decoder:?}").len()
    };
    feed(CREATED);
    let mut lengths = Vec::new();
    for number in 1000..2000 {
        let item =
            format!(r#"{{"type":"message","id":"msg_{number}","role":"assistant","content":[]}}"#);
        let at = format!(r#""output_index":{number},"item_id":"msg_{number}","content_index":0"#);
        feed(&format!(
            r#"{{"type":"response.output_item.added","output_index":{number},"item":{item}}}"#
        ));
        for _ in 0..5 {
            feed(&format!(r#"{{"type":"response.output_text.delta",{at},"delta":"some text"}}"#));
        }
        let done = format!(
            r#"{{"type":"response.output_item.done","output_index":{number},"item":{}}}"#,
            item.replace("[]", r#"[{"type":"output_text","text":"some text"}]"#)
        );
        lengths.push(feed(&done));
    }
    // The number of blocks grows by three figures.
    assert!(lengths.iter().all(|length| *length <= lengths[0] + 3), "{:?}", lengths.iter().max());
}
