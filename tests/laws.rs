//! The laws of translation, over generated requests and replies, for every pair of formats that is
//! ready. Each law is one test.

mod grammar;
pub(crate) mod ready;
mod replies;
mod requests;
mod runnable;

use llm_router::{
    chat::{Event, Opening, Reply, Request, SealKind},
    formats::{Encoded, Framing, codec, hints::Hints},
    protocol::Format,
};
use proptest::prelude::*;
use serde_json::Value;

use self::{
    ready::{pairs, replies as whole, requests as asked, streams},
    replies::{in_pieces, reply},
    requests::request,
};

/// As many cases as a law usually has. With `PROPTEST_CASES` more, in proportion to the 128 that most
/// of them have.
fn cases(usual: u32) -> ProptestConfig {
    let asked = ProptestConfig::default().cases;
    let set = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig::with_cases(if set { (usual * asked).div_ceil(128) } else { usual })
}

/// The target of all translations here: the vendor itself, a model that can do most.
fn hints(format: Format) -> Hints<'static> {
    let model = match format {
        Format::OpenAi | Format::OpenAiResponses => "gpt-5.4",
        Format::Anthropic => "claude-opus-4-7",
        Format::Gemini => "gemini-3-flash",
    };
    Hints { genuine: true, max_output: Some(64_000), ..Hints::of_model(model) }
}

fn write(format: Format, request: &Request<'_>) -> (String, Encoded) {
    let encoded = codec(format)
        .encode_request(request, &hints(format))
        .unwrap_or_else(|error| panic!("{format} cannot write it: {error}"));
    let body = String::from_utf8(encoded.body.clone()).expect("a body is text");
    serde_json::from_str::<Value>(&body)
        .unwrap_or_else(|error| panic!("{format} wrote no JSON: {error}\n{body}"));
    (body, encoded)
}

fn read(format: Format, body: &str) -> Request<'_> {
    codec(format)
        .decode_request(body)
        .unwrap_or_else(|error| panic!("{format} cannot read it: {error}\n{body}"))
}

fn value(body: &str) -> Value {
    serde_json::from_str(body).expect("JSON")
}

/// Every leaf of `value` with its pointer.
fn leaves(value: &Value, pointer: &str, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{pointer}/{index}"), out);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(member, &format!("{pointer}/{key}"), out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push((pointer.to_owned(), value.clone()));
        }
    }
}

/// The pointer with its indexes left out: what is lost must not move the rest.
fn pattern(pointer: &str) -> String {
    let index = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    pointer
        .split('/')
        .map(|part| if index(&part) { "#" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// Law 1, as far as the codec is concerned: writing and reading again changes nothing more. (That
/// the bytes of one format pass unchanged is the gateway's, and tested there.)
#[test]
fn what_a_format_writes_it_reads_and_writes_alike() {
    proptest!(cases(128), |((request, _) in request())| {
        for format in asked() {
            let (once, _) = write(format, &request);
            let (twice, again) = write(format, &read(format, &once));
            prop_assert_eq!(value(&twice), value(&once), "{}", format);
            prop_assert!(again.dropped.is_empty(), "{}: {:?}", format, again.dropped);
        }
    });
}

/// Law 2: every value that a client wrote comes back through any other format, in its order, unless
/// its loss is reported at its place or above.
#[test]
fn there_and_back_loses_only_what_is_reported() {
    proptest!(cases(128), |((request, _) in request())| {
        for (client, provider) in pairs() {
            let (body, _) = write(client, &request);
            let (sent, encoded) = write(provider, &read(client, &body));
            let (back, returned) = write(client, &read(provider, &sent));
            let names: Vec<String> = pairs_of_names(&encoded);
            prop_assert!(returned.dropped.is_empty() || client != provider);
            let (mut before, mut after) = (Vec::new(), Vec::new());
            leaves(&value(&body), "", &mut before);
            leaves(&value(&back), "", &mut after);
            let mut rest = after.iter().map(|(at, leaf)| (pattern(at), leaf)).collect::<Vec<_>>();
            for (at, leaf) in &before {
                let reported = encoded.dropped.iter().any(|dropped| {
                    at == &dropped.path || at.starts_with(&format!("{}/", dropped.path))
                });
                let renamed = leaf.as_str().is_some_and(|text| names.iter().any(|n| n == text));
                if reported || renamed || at == "/model" {
                    continue;
                }
                let found = rest.iter().position(|(other, l)| *other == pattern(at) && *l == leaf);
                prop_assert!(
                    found.is_some(),
                    "{} through {}: {} = {} is lost and not reported\nreported: {:?}\nsent: {}\nback: {}",
                    client, provider, at, leaf, encoded.dropped, sent, back
                );
                rest.remove(found.unwrap_or_default());
            }
        }
    });
}

/// The names that a translation changed, as the client knows them: they come back through the
/// reply, not through a second translation.
fn pairs_of_names(encoded: &Encoded) -> Vec<String> {
    encoded.names.changed().map(|(client, _)| client.to_owned()).collect()
}

/// The bytes of a streamed reply of `format`.
fn stream(format: Format, events: &[Event<'_>]) -> Vec<u8> {
    let mut encoder = codec(format).stream_encoder(Framing::Sse, true);
    let mut bytes = Vec::new();
    for event in events {
        encoder.encode(event, &mut bytes);
    }
    bytes
}

/// The events of `pieces`, and their fold.
fn decode<'p>(
    format: Format,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<Event<'static>>, Reply) {
    let mut decoder = codec(format).stream_decoder(Framing::Sse);
    let mut folded = Reply::default();
    let mut events = Vec::new();
    let mut note = |event: Event<'_>| {
        folded.absorb(&event);
        events.push(owned(event));
    };
    for piece in pieces {
        decoder.feed(piece, &mut note);
    }
    decoder.finish(&mut note);
    (events, folded)
}

fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Delta { index, text } => Event::Delta { index, text: text.into_owned().into() },
        Event::Start(start) => Event::Start(start),
        Event::Open { index, block } => Event::Open { index, block },
        Event::Citation { index, citation } => Event::Citation { index, citation },
        Event::Seal { index, seal } => Event::Seal { index, seal },
        Event::Logprobs { index, tokens } => Event::Logprobs { index, tokens },
        Event::Close { index } => Event::Close { index },
        Event::Usage(usage) => Event::Usage(usage),
        Event::Stop(stop) => Event::Stop(stop),
        Event::Fault(fault) => Event::Fault(fault),
    }
}

/// What a format does not say of a start is not compared, nor is white space in arguments: events
/// are lines.
fn comparable(mut reply: Reply) -> Reply {
    reply.start.created = 0;
    for block in &mut reply.blocks {
        if matches!(block.opening, Opening::ToolCall { .. }) {
            block.text = value(&block.text).to_string();
        }
    }
    reply
}

fn read_reply(format: Format, reply: &Reply) -> Reply {
    let body = String::from_utf8(codec(format).encode_reply(reply)).expect("a reply is text");
    codec(format)
        .decode_reply(&body)
        .unwrap_or_else(|error| panic!("{format} cannot read its reply: {error}\n{body}"))
}

/// Law 3: whether a reply is translated as a stream or as a whole makes no difference.
#[test]
fn a_stream_and_its_whole_are_translated_alike() {
    for provider in streams() {
        proptest!(cases(128), |(reply in reply(provider), longest in 1..9usize)| {
            let bytes = stream(provider, &in_pieces(&reply, longest));
            let (events, folded) = decode(provider, [&bytes[..]]);
            prop_assert_eq!(comparable(folded.clone()), comparable(reply.clone()), "{}", provider);
            for client in streams() {
                let streamed = decode(client, [&stream(client, &events)[..]]).1;
                let whole = read_reply(client, &folded);
                prop_assert_eq!(comparable(streamed), comparable(whole), "{} to {}", provider, client);
            }
        });
    }
    for provider in whole() {
        proptest!(cases(128), |(reply in reply(provider))| {
            let read = read_reply(provider, &reply);
            prop_assert_eq!(comparable(read), comparable(reply), "{}", provider);
        });
    }
}

/// Law 4: how a stream is cut into pieces makes no difference: at every place for one cut, at many
/// for many; nor whether lines end in LF or CRLF, with comments between events.
#[test]
fn pieces_of_a_stream_do_not_matter() {
    for format in streams() {
        proptest!(cases(16), |(reply in reply(format), length in 1..40usize)| {
            let bytes = stream(format, &in_pieces(&reply, 4));
            let expected = decode(format, [&bytes[..]]).0;
            for cut in 0..bytes.len() {
                let (one, other) = bytes.split_at(cut);
                prop_assert_eq!(&decode(format, [one, other]).0, &expected, "cut at {}", cut);
            }
            prop_assert_eq!(&decode(format, bytes.chunks(length)).0, &expected);
            let text = String::from_utf8(bytes).expect("a stream is text");
            // Only at the beginning of a line is it the field.
            let tight = format!("\n{text}").replace("\ndata: ", "\ndata:");
            let crlf = tight[1..].replace('\n', "\r\n");
            prop_assert_eq!(&decode(format, crlf.as_bytes().chunks(length)).0, &expected);
            let commented = text.replace("\n\n", "\n: alive\n\n: alive\n");
            prop_assert_eq!(&decode(format, [commented.as_bytes()]).0, &expected);
        });
    }
}

/// Whether `events` are one start, blocks that do not overlap, and one end. Only an error leaves a
/// block open: it broke off.
fn check_order(events: &[Event<'_>]) {
    let mut open = None;
    let mut blocks = 0;
    let (last, before) = events.split_last().expect("a stream has an end");
    assert!(matches!(last, Event::Stop(_) | Event::Fault(_)), "ends with {last:?}");
    assert!(matches!(events.first(), Some(Event::Start(_))), "does not begin with a start");
    for event in &before[1..] {
        match event {
            Event::Open { index, .. } => {
                assert_eq!((open, *index), (None, blocks), "a block opens inside another");
                open = Some(*index);
                blocks += 1;
            }
            Event::Delta { index, .. }
            | Event::Citation { index, .. }
            | Event::Seal { index, .. }
            | Event::Logprobs { index, .. } => assert_eq!(open, Some(*index)),
            Event::Close { index } => assert_eq!(open.take(), Some(*index)),
            Event::Usage(_) => {}
            Event::Start(_) | Event::Stop(_) | Event::Fault(_) => panic!("{event:?} inside"),
        }
    }
    let broke = matches!(last, Event::Fault(_));
    assert!(open.is_none() || broke, "a block is left open");
}

/// Law 5: wherever a stream breaks off, what comes out is in order and ends with an error.
#[test]
fn a_stream_that_breaks_off_ends_with_an_error() {
    for format in streams() {
        proptest!(cases(16), |(reply in reply(format))| {
            let events = in_pieces(&reply, 4);
            let whole = stream(format, &events);
            check_order(&decode(format, [&whole[..]]).0);
            // Usage may follow the end: only what lies before it is cut.
            let (_, unended) = events.split_last().expect("a stop");
            let bytes = stream(format, unended);
            for cut in 0..=bytes.len() {
                let events = decode(format, [&bytes[..cut]]).0;
                check_order(&events);
                prop_assert!(matches!(events.last(), Some(Event::Fault(_))), "cut at {}", cut);
            }
        });
    }
}

/// Law 5, in the bytes that a client reads: one start, blocks or items that are balanced and never
/// overlap, one end, whether the stream breaks off or not; and signs of life fit between all events.
#[test]
fn the_bytes_of_a_stream_are_what_clients_rely_on() {
    for provider in streams() {
        proptest!(cases(48), |(reply in reply(provider), longest in 1..9usize, part in 0..1000usize)| {
            let bytes = stream(provider, &in_pieces(&reply, longest));
            for (cut, broke) in [(bytes.len(), false), (bytes.len() * part / 1000, true)] {
                let events = decode(provider, [&bytes[..cut]]).0;
                let broke = broke && matches!(events.last(), Some(Event::Fault(_)));
                for client in streams() {
                    let told = stream(client, &events);
                    grammar::check(client, &told, broke);
                    let mut encoder = codec(client).stream_encoder(Framing::Sse, true);
                    let mut alive = Vec::new();
                    for event in &events {
                        encoder.encode(event, &mut alive);
                        alive.extend(codec(client).keep_alive());
                    }
                    let heard = decode(client, [&alive[..]]).0;
                    prop_assert_eq!(heard, decode(client, [&told[..]]).0, "{} to {}", provider, client);
                }
            }
        });
    }
}

/// Law 5, for what does harm: wherever a stream breaks off, its client sees no call as complete whose
/// arguments are not.
#[test]
fn a_call_that_breaks_off_is_never_shown_as_complete() {
    for provider in streams() {
        proptest!(cases(16), |(reply in reply(provider), from in 0..7usize)| {
            let bytes = stream(provider, &in_pieces(&reply, 4));
            // At every place of a short stream, at some of a long one.
            for cut in (from..=bytes.len()).step_by(bytes.len() / 256 + 1) {
                let events = decode(provider, [&bytes[..cut]]).0;
                for client in streams() {
                    let told = stream(client, &events);
                    let whole = runnable::expected(client, &reply);
                    for call in runnable::calls(client, &told) {
                        prop_assert!(
                            whole.contains(&call),
                            "{} to {}, cut at {}: {:?}\n{}",
                            provider, client, cut, call, String::from_utf8_lossy(&told)
                        );
                    }
                }
            }
            let events = decode(provider, [&bytes[..]]).0;
            for client in streams() {
                let calls = runnable::calls(client, &stream(client, &events));
                prop_assert_eq!(calls, runnable::expected(client, &reply), "{} to {}", provider, client);
            }
        });
    }
}

/// Law 5, seen by the client: a broken stream is told as one in every format.
#[test]
fn a_fault_in_a_stream_reaches_the_client_as_one() {
    use llm_router::chat::{Fault, FaultKind, Start};
    for format in streams() {
        let fault = Fault::new(FaultKind::Overloaded, "prompt is too long");
        let events = [
            Event::Start(Start::default()),
            Event::Open { index: 0, block: Opening::Text },
            Event::Delta { index: 0, text: "a".into() },
            Event::Fault(fault),
        ];
        let (events, folded) = decode(format, [&stream(format, &events)[..]]);
        check_order(&events);
        let fault = folded.fault.expect("a fault");
        assert!(fault.message.contains("prompt is too long"), "{format}: {fault:?}");
    }
}

/// Law 6: tokens are counted once, whatever a reply goes through.
#[test]
fn usage_is_conserved() {
    for provider in streams() {
        proptest!(cases(64), |(reply in reply(provider))| {
            let bytes = stream(provider, &in_pieces(&reply, 8));
            let (events, folded) = decode(provider, [&bytes[..]]);
            prop_assert_eq!(folded.usage, reply.usage, "{}", provider);
            for client in streams() {
                let used = decode(client, [&stream(client, &events)[..]]).1.usage;
                let all = (used.input, used.output, used.cache_read);
                let usage = &reply.usage;
                prop_assert_eq!(all, (usage.input, usage.output, usage.cache_read), "{} to {}", provider, client);
            }
        });
    }
}

/// The conversation in a body, and the rest of it.
fn conversation(format: Format, body: &str) -> (Vec<Value>, Value) {
    let mut body = value(body);
    let key = match format {
        Format::OpenAi | Format::Anthropic => "messages",
        Format::OpenAiResponses => "input",
        Format::Gemini => "contents",
    };
    let list = body[key].take();
    (list.as_array().cloned().unwrap_or_default(), body)
}

/// Law 7: the translation of a longer conversation extends that of a shorter one, so that prompt
/// caches of providers hold; and the same request gives the same bytes.
#[test]
fn a_longer_conversation_extends_a_shorter_one() {
    proptest!(cases(128), |((long, short) in request())| {
        for (client, provider) in pairs() {
            let (long, _) = write(client, &long);
            let (short, _) = write(client, &short);
            let (sent_long, _) = write(provider, &read(client, &long));
            prop_assert_eq!(&write(provider, &read(client, &long)).0, &sent_long);
            let (sent_short, _) = write(provider, &read(client, &short));
            let (long, rest_long) = conversation(provider, &sent_long);
            let (short, rest_short) = conversation(provider, &sent_short);
            // The last words of the short one are not in the long one.
            let common = &short[..short.len().saturating_sub(1)];
            prop_assert!(
                long.starts_with(common),
                "{} to {}\n{}\n{}", client, provider, sent_short, sent_long
            );
            prop_assert_eq!(&rest_long["tools"], &rest_short["tools"]);
        }
    });
}

/// Law 8: a seal reaches its own vendor as it was, and nobody else.
#[test]
fn seals_go_to_their_own_vendor_only() {
    proptest!(cases(128), |((request, _) in request())| {
        for (client, provider) in pairs() {
            let (body, _) = write(client, &request);
            let request = read(client, &body);
            let (sent, encoded) = write(provider, &request);
            for block in request.messages.iter().flat_map(|message| &message.blocks) {
                let Some(seal) = &block.seal else { continue };
                let told = encoded.dropped.iter().any(|dropped| {
                    dropped.path.starts_with(&block.place.to_string())
                });
                if seal.format == provider {
                    let data = serde_json::to_string(&seal.data).expect("JSON");
                    prop_assert!(sent.contains(&data), "{} to {}: {}", client, provider, sent);
                } else {
                    prop_assert!(told, "{} to {}: a seal is lost and not reported", client, provider);
                    let other = seal.kind == SealKind::Encrypted;
                    prop_assert!(!other || !sent.contains("rs_1"), "{}", sent);
                }
            }
        }
    });
}
