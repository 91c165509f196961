//! OpenAI Responses.

mod fault;
mod reply;
mod request;
mod stream;
mod watch;
mod wire;

use http::StatusCode;
use serde_json::json;

use super::{
    Codec, Encoded, Framing, Malformed, StreamDecoder, StreamEncoder, Watch, hints::Hints,
    openai_error, order::SseDecoder, summary,
};
use crate::{
    chat::{Fault, Reply, Request, ServiceTier},
    protocol::Format,
};

const FORMAT: Format = Format::OpenAiResponses;

/// The codec of OpenAI Responses.
#[derive(Debug)]
pub struct OpenAiResponses;

impl Codec for OpenAiResponses {
    fn decode_request<'a>(&self, body: &'a str) -> Result<Request<'a>, Malformed> {
        request::decode::decode(body)
    }

    fn encode_request(
        &self,
        request: &Request<'_>,
        hints: &Hints<'_>,
    ) -> Result<Encoded, Malformed> {
        summary::spelled_out(request, |request| request::encode::encode(request, hints))
    }

    fn decode_reply(&self, body: &str) -> Result<Reply, Malformed> {
        reply::decode::decode(body)
    }

    fn decode_fault(&self, status: StatusCode, body: &[u8]) -> Fault {
        openai_error::decode(status, body)
    }

    fn stream_decoder(&self, _: Framing) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::decode::Decoder::default()))
    }

    fn encode_reply(&self, reply: &Reply) -> Vec<u8> {
        reply::encode::encode(reply)
    }

    /// OpenAI, `POST /v1/responses/input_tokens`.
    fn encode_token_count(&self, tokens: u64) -> Vec<u8> {
        json!({ "object": "response.input_tokens", "input_tokens": tokens })
            .to_string()
            .into_bytes()
    }

    fn encode_fault(&self, fault: &Fault) -> Vec<u8> {
        openai_error::encode(fault)
    }

    fn stream_encoder(&self, _: Framing, _: bool) -> Box<dyn StreamEncoder> {
        Box::new(stream::encode::Encoder::default())
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(watch::Watcher::default())
    }

    /// A comment line without a blank line behind it, as for Chat Completions.
    fn keep_alive(&self) -> &'static [u8] {
        b": keep-alive\n"
    }
}

/// The name of a lane; OpenAI has none for batches here.
fn tier_name(tier: ServiceTier) -> Option<&'static str> {
    match tier {
        ServiceTier::Auto => Some("auto"),
        ServiceTier::Standard => Some("default"),
        ServiceTier::Flex => Some("flex"),
        ServiceTier::Priority => Some("priority"),
        ServiceTier::Scale => Some("scale"),
        ServiceTier::Batch => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::chat::{Event, FaultKind, Opening, ReplyBlock, Seal, SealKind, Start, StopReason};

    fn start() -> Start {
        Start { id: "1".to_owned(), ..Start::default() }
    }

    fn call() -> Opening {
        Opening::ToolCall { id: "call_1".to_owned(), name: "f".to_owned(), namespace: None }
    }

    /// What the client gives back of a reply, as the next request.
    fn given_back(reply: &Reply) -> String {
        let body: Value = serde_json::from_slice(&OpenAiResponses.encode_reply(reply)).unwrap();
        json!({ "model": "m", "input": body["output"] }).to_string()
    }

    #[test]
    fn seals_of_other_vendors_come_back_with_the_history() {
        let seal = |format| {
            let (kind, data, item) = (SealKind::Signature, "EqQB".into(), None);
            Seal { format, kind, data, item }
        };
        let mut reply = Reply::new(start());
        reply.stop = Some(StopReason::ToolCalls.into());
        for (opening, text, format) in [
            (Opening::Reasoning, "thought", Format::Anthropic),
            (Opening::Text, "said", Format::Gemini),
            (call(), "{}", Format::Gemini),
        ] {
            let mut block = ReplyBlock::new(opening, text);
            block.seal = Some(seal(format));
            reply.blocks.push(block);
        }
        let body = given_back(&reply);
        let request = OpenAiResponses.decode_request(&body).unwrap();
        let seals: Vec<_> = request
            .messages
            .iter()
            .flat_map(|message| &message.blocks)
            .map(|block| block.seal.clone().unwrap().into_owned())
            .collect();
        let expected = [Format::Anthropic, Format::Gemini, Format::Gemini].map(seal);
        assert_eq!(seals, expected);
        let encoded = OpenAiResponses
            .encode_request(&request, &Hints { genuine: true, ..Hints::of_model("gpt-5") });
        let encoded = encoded.unwrap();
        assert!(!String::from_utf8(encoded.body).unwrap().contains("EqQB"));
        assert_eq!(encoded.dropped.len(), 3, "{:?}", encoded.dropped);
    }

    #[test]
    fn encrypted_reasoning_comes_back_with_the_id_of_its_item() {
        let mut block = ReplyBlock::new(Opening::Reasoning, "");
        block.seal = Some(Seal {
            format: FORMAT,
            kind: SealKind::Encrypted,
            data: "gAAA".into(),
            item: Some("rs_7".into()),
        });
        let reply = Reply { blocks: vec![block], ..Reply::new(start()) };
        let body = given_back(&reply);
        let request = OpenAiResponses.decode_request(&body).unwrap();
        assert_eq!(request.messages[0].blocks[0].seal, reply.blocks[0].seal);
    }

    #[test]
    fn a_call_that_broke_off_is_never_told_as_done() {
        for (last, done) in [
            (Event::Fault(Fault::new(FaultKind::BadGateway, "cut")), false),
            (Event::Stop(StopReason::ToolCalls.into()), true),
        ] {
            let mut encoder = OpenAiResponses.stream_encoder(Framing::Sse, true);
            let mut out = Vec::new();
            for event in [
                Event::Start(start()),
                Event::Open { index: 0, block: call() },
                Event::Delta { index: 0, text: "{\"path".into() },
                Event::Close { index: 0 },
                last,
            ] {
                encoder.encode(&event, &mut out);
            }
            let out = String::from_utf8(out).unwrap();
            assert_eq!(out.contains("response.output_item.done"), done, "{out}");
            assert_eq!(out.contains("response.failed"), !done, "{out}");
        }
    }

    #[test]
    fn raw_json_over_several_lines_stays_within_its_event() {
        let raw = "{\"type\":\"web_search_call\",\n\"id\":\"ws_1\"}";
        let body = format!("{{\"output\":[{raw}],\"status\":\"completed\"}}");
        let reply = OpenAiResponses.decode_reply(&body).unwrap();
        let mut encoder = OpenAiResponses.stream_encoder(Framing::Sse, true);
        let mut out = Vec::new();
        reply.unfold(&mut |event| encoder.encode(&event, &mut out));
        let out = String::from_utf8(out).unwrap();
        for line in out.lines().filter(|line| !line.is_empty()) {
            assert!(line.starts_with("event: ") || line.starts_with("data: {"), "{line}");
        }
    }
}
