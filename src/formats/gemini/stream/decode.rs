//! Gemini `streamGenerateContent` → the neutral vocabulary. A whole reply has the form of a chunk
//! and is read alike.

mod chunk;

use std::borrow::Cow;

use self::chunk::{Candidate, Chunk, Counts, Feedback};
use super::super::{
    fault,
    grounding::Said,
    logprobs, media,
    wire::{self, Part, Whole},
};
use crate::{
    chat::{
        Citation, Content, Event, Fault, FaultKind, Hosted, HostedKind, Image, Json, Opening, Seal,
        Source, Start, StopReason, Usage,
    },
    formats::{EventDecoder, Malformed, ids, raw::Text, sse},
    protocol::Format,
};

/// Reads one streamed reply.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    begun: bool,
    /// What ids of calls are made from.
    seed: String,
    calls: u32,
    blocks: u32,
    /// The open block of text, if one is open.
    open: Option<Open>,
    ending: Option<Ending>,
    usage: Usage,
    said: Said,
    /// How many citations of each sort have gone out: later chunks repeat earlier ones.
    cited: [usize; 2],
}

#[derive(Debug, Clone, Copy)]
struct Open {
    is_thought: bool,
    /// What is sealed may not grow.
    is_sealed: bool,
}

/// How the reply ends, once its bytes have ended: some models give a reason with every chunk.
#[derive(Debug)]
enum Ending {
    Stop(StopReason),
    /// A filter: the words for it, if nothing else was said.
    Blocked(String),
    /// The model's answer made no sense to the API.
    Broken(String),
}

impl EventDecoder for Decoder {
    fn event(
        &mut self,
        event: &sse::Event<'_>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if event.truncated {
            return Err(Malformed::new("an event is too large"));
        }
        // Proxies end the stream as OpenAI does.
        if event.data.trim().is_empty() || event.data == "[DONE]" {
            return Ok(());
        }
        self.chunk(event.data, on_event)
    }

    fn end(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        match self.ending.take() {
            Some(Ending::Stop(StopReason::End)) if self.calls > 0 => {
                on_event(Event::Stop(StopReason::ToolCalls.into()));
            }
            Some(Ending::Stop(reason)) => on_event(Event::Stop(reason.into())),
            Some(Ending::Blocked(words)) => {
                if self.blocks == 0 {
                    let index = self.open_block(Opening::Refusal, on_event);
                    on_event(Event::Delta { index, text: Cow::Owned(words) });
                }
                on_event(Event::Stop(StopReason::ContentFilter.into()));
            }
            Some(Ending::Broken(message)) => {
                on_event(Event::Fault(Fault::new(FaultKind::BadGateway, message)));
            }
            None => {}
        }
    }
}

impl Decoder {
    /// Reads a chunk, or a whole reply.
    pub(in super::super) fn chunk(
        &mut self,
        data: &str,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let chunk: Chunk<'_> = serde_json::from_str(data)
            .map_err(|error| Malformed::new(format!("not a chunk of a reply: {error}")))?;
        if let Some(error) = chunk.error {
            let fault = fault::read(None, error).unwrap_or_else(|| {
                Fault::new(FaultKind::BadGateway, format!("the provider answered: {data}"))
            });
            on_event(Event::Fault(fault));
            return Ok(());
        }
        self.start(chunk.id, chunk.model, data, on_event);
        if let Some(counts) = chunk.usage {
            self.count(&counts, on_event);
        }
        // Events have no word for more than one reply.
        let mut candidates = chunk.candidates.into_iter().flatten();
        let first = candidates.find(|candidate| candidate.index.is_none_or(|index| index.0 == 0));
        if let Some(candidate) = first {
            self.candidate(candidate, on_event);
        }
        if let Some(Feedback { reason: Some(Text(reason)), message, .. }) = chunk.feedback {
            let words = message.map(|message| message.0.into_owned());
            let words = words.unwrap_or_else(|| format!("The prompt was blocked ({reason})."));
            self.ending = Some(Ending::Blocked(words));
        }
        Ok(())
    }

    /// Whether the end of the reply is known.
    pub(in super::super) fn knows_end(&self) -> bool {
        self.ending.is_some()
    }

    /// Takes the reply as complete although it does not say so.
    pub(in super::super) fn assume_end(&mut self) {
        self.ending = Some(Ending::Stop(StopReason::End));
    }

    /// Whether anything has been said.
    pub(in super::super) fn has_content(&self) -> bool {
        self.blocks > 0
    }

    /// Without an id, the first chunk itself tells replies apart: it counts the prompt's tokens.
    fn start(
        &mut self,
        id: Option<Text<'_>>,
        model: Option<Text<'_>>,
        data: &str,
        on_event: &mut dyn FnMut(Event<'_>),
    ) {
        if self.begun {
            return;
        }
        self.begun = true;
        let id = id.map(|id| id.0.into_owned()).unwrap_or_default();
        self.seed = if id.is_empty() { data.chars().take(4096).collect() } else { id.clone() };
        let model = model.map(|model| model.0.into_owned()).unwrap_or_default();
        on_event(Event::Start(Start { id, model, created: 0 }));
    }

    /// Counts of later chunks replace those of earlier ones; a chunk may lack some of them.
    fn count(&mut self, counts: &Counts<'_>, on_event: &mut dyn FnMut(Event<'_>)) {
        let count = |whole: Option<Whole>| whole.and_then(Whole::count);
        let (prompt, total) = (count(counts.prompt), count(counts.total));
        let (tools, thoughts) = (count(counts.tools), count(counts.thoughts));
        let mut usage = self.usage;
        if let Some(prompt) = prompt {
            usage.input = prompt.saturating_add(tools.unwrap_or_default());
        }
        usage.cache_read = count(counts.cached).unwrap_or(usage.cache_read);
        usage.reasoning = thoughts.unwrap_or(usage.reasoning);
        let said = count(counts.candidates).or_else(|| {
            // Some leave it out.
            total?.checked_sub(usage.input)?.checked_sub(usage.reasoning)
        });
        if let Some(said) = said {
            usage.output = said.saturating_add(usage.reasoning);
        }
        if usage != self.usage {
            self.usage = usage;
            on_event(Event::Usage(usage));
        }
    }

    fn candidate(&mut self, candidate: Candidate<'_>, on_event: &mut dyn FnMut(Event<'_>)) {
        let parts = candidate.content.and_then(|content| content.parts);
        for part in parts.into_iter().flatten() {
            self.part(part, on_event);
        }
        if let Some(tokens) = candidate.logprobs.as_ref().and_then(logprobs::read) {
            on_event(Event::Logprobs { index: self.index(), tokens });
        }
        if let Some(recitation) = &candidate.recitation {
            self.cite(0, recitation.citations(&self.said), on_event);
        }
        if let Some(grounding) = &candidate.grounding {
            self.cite(1, grounding.citations(&self.said), on_event);
            let searches = grounding.searches();
            if searches > self.usage.web_searches {
                self.usage.web_searches = searches;
                on_event(Event::Usage(self.usage));
            }
        }
        if let Some(Text(reason)) = candidate.reason {
            let message = candidate.message.map(|message| message.0);
            self.ending = ending(&reason, message.as_deref()).or(self.ending.take());
        }
    }

    fn cite(
        &mut self,
        sort: usize,
        citations: Vec<Citation<'static>>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) {
        if self.open.is_none_or(|open| open.is_thought) {
            return;
        }
        let known = self.cited[sort];
        let known = if citations.len() >= known { known } else { 0 };
        self.cited[sort] = citations.len();
        for citation in citations.into_iter().skip(known) {
            on_event(Event::Citation { index: self.index(), citation: Box::new(citation) });
        }
    }

    fn part(&mut self, mut part: Part<'_>, on_event: &mut dyn FnMut(Event<'_>)) {
        let seal = wire::seal(part.signature.take()).map(Seal::into_owned);
        if let Some(hosted) = wire::hosted(&part) {
            let opening = Opening::Hosted(Box::new(hosted.into_owned()));
            self.whole_block(opening, "", seal, on_event);
        } else if let Some(call) = part.call {
            let id = call.id.map(|id| id.0.into_owned()).filter(|id| !id.is_empty());
            let id = id.unwrap_or_else(|| ids::made(&self.seed, self.calls));
            self.calls += 1;
            let name = call.name.map(|name| name.0.into_owned()).unwrap_or_default();
            let opening = Opening::ToolCall { id, name, namespace: None };
            let arguments = call.args.map(serde_json::value::RawValue::get).unwrap_or_default();
            self.whole_block(opening, arguments, seal, on_event);
        } else if let Some(blob) = part.inline {
            self.file(media::inline(blob).content, seal, on_event);
        } else if let Some(text) = part.text {
            self.text(&text.0, part.thought == Some(true), seal, on_event);
        } else if seal.is_some() {
            self.text("", part.thought == Some(true), seal, on_event);
        }
    }

    /// Pictures have a word; other files are told as what a tool of Google's made.
    fn file(
        &mut self,
        content: Content<'_>,
        seal: Option<Seal<'static>>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) {
        let Some((_, source)) = media::of(&content) else { return };
        let Source::Base64 { media_type, data } = source else { return };
        if matches!(content, Content::Image(Image { .. })) {
            let opening = Opening::Image { media_type: media_type.to_string() };
            self.whole_block(opening, data, seal, on_event);
            return;
        }
        let raw = serde_json::json!({ "inlineData": { "mimeType": media_type, "data": data } });
        let hosted = Hosted {
            tool: HostedKind::Other,
            id: Cow::Borrowed(""),
            query: None,
            format: Format::Gemini,
            raw: Json::of(&raw),
        };
        self.whole_block(Opening::Hosted(Box::new(hosted)), "", seal, on_event);
    }

    /// Text goes on with the open block if it is of the same kind. A signature beside an empty text
    /// belongs to what was said before.
    fn text(
        &mut self,
        text: &str,
        is_thought: bool,
        seal: Option<Seal<'static>>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) {
        if text.is_empty() && seal.is_none() {
            return;
        }
        let goes_on =
            self.open.is_some_and(|open| open.is_thought == is_thought && !open.is_sealed);
        if !goes_on {
            let opening = if is_thought { Opening::Reasoning } else { Opening::Text };
            self.open_block(opening, on_event);
            if !is_thought {
                self.said.open_block();
            }
        }
        self.open = Some(Open { is_thought, is_sealed: seal.is_some() });
        let index = self.index();
        if !is_thought {
            self.said.push(text);
        }
        if !text.is_empty() {
            on_event(Event::Delta { index, text: Cow::Borrowed(text) });
        }
        if let Some(seal) = seal {
            on_event(Event::Seal { index, seal: Box::new(seal) });
        }
    }

    fn whole_block(
        &mut self,
        opening: Opening,
        text: &str,
        seal: Option<Seal<'static>>,
        on_event: &mut dyn FnMut(Event<'_>),
    ) {
        let index = self.open_block(opening, on_event);
        // Known from the start: a client's format may have a place for it in front.
        if let Some(seal) = seal {
            on_event(Event::Seal { index, seal: Box::new(seal) });
        }
        on_event(Event::Delta { index, text: Cow::Borrowed(text) });
        on_event(Event::Close { index });
    }

    fn open_block(&mut self, block: Opening, on_event: &mut dyn FnMut(Event<'_>)) -> u32 {
        self.open = None;
        self.blocks += 1;
        let index = self.index();
        on_event(Event::Open { index, block });
        index
    }

    fn index(&self) -> u32 {
        self.blocks.saturating_sub(1)
    }
}

/// What a `finishReason` means; `None` if it says nothing.
fn ending(reason: &str, message: Option<&str>) -> Option<Ending> {
    let told = |what: &str| match message {
        Some(message) if !message.is_empty() => message.to_owned(),
        Some(_) | None => format!("{what} ({reason})."),
    };
    let ending = match reason {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" => Ending::Stop(StopReason::End),
        "MAX_TOKENS" => Ending::Stop(StopReason::MaxTokens),
        // The API could not make a reply of what the model wrote: asking again helps.
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE"
        | "NO_IMAGE"
        | "OTHER"
        | "IMAGE_OTHER" => Ending::Broken(told("the model's reply could not be used")),
        // SAFETY, RECITATION, LANGUAGE, BLOCKLIST, PROHIBITED_CONTENT, SPII, those for images, and
        // whatever else cuts a reply off.
        _ => Ending::Blocked(told("The reply was blocked")),
    };
    Some(ending)
}
