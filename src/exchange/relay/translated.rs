//! The lane of an answer that is not passed on as it is. What is held back, and what fails, is the same
//! as for one that passes.

use bytes::Bytes;
use http::HeaderMap;

use super::{
    End, Flow, HOLD_STREAM, LARGEST_WHOLE, Lane, Relay, fault_cause, fault_text, hidden_error,
};
use crate::{
    chat::{Fault, FaultKind},
    exchange::{
        forward, reply, retry_after,
        translate::{Answering, Translator},
        verdict,
    },
    formats::{Framing, codec, sse},
    routing::failure::{Cause, Failure},
};

impl Relay {
    pub(super) fn feed_translated(&mut self, chunk: &[u8], out: &mut Vec<Bytes>) -> Flow {
        let Lane::Translated(translator) = &mut self.lane else { return Flow::Held };
        translator.feed(chunk);
        if !self.committed {
            if let Some(fault) = translator.state.fault.as_ref().filter(|_| translator.is_over()) {
                return Flow::Failed(failure(fault), fault_text(&fault.message));
            }
            if translator.is_whole() {
                if translator.held() > LARGEST_WHOLE {
                    let message = "answered with more than can be translated in one piece";
                    return Flow::Failed(Cause::Unusable.into(), message.to_owned());
                }
                return Flow::Held;
            }
            if !translator.state.content && translator.held() <= HOLD_STREAM {
                return Flow::Held;
            }
        }
        self.committed = true;
        let written = translator.written();
        if !written.is_empty() {
            out.push(written.into());
        }
        Flow::Flowing
    }

    pub(super) fn end_translated(
        &mut self,
        end: End,
        broken: impl FnOnce(String) -> Fault,
        out: &mut Vec<Bytes>,
    ) -> Flow {
        let Lane::Translated(translator) = &mut self.lane else { return Flow::Held };
        match end {
            End::Cut(cut) if !self.committed => {
                return Flow::Failed(cut.cause().into(), cut.text().to_owned());
            }
            End::Cut(cut) => {
                if !translator.state.ended {
                    self.told = Some(cut.cause().into());
                    translator.fail(&broken(cut.text().to_owned()));
                }
            }
            End::Closed => {
                let told = translator.state.fault.is_some();
                if let Some(failed) = finish(translator, self.committed) {
                    return failed;
                }
                let fault = translator.state.fault.as_ref();
                if !told && fault.is_some_and(|fault| fault.kind == FaultKind::BadGateway) {
                    self.told = Some(Cause::Broken.into());
                }
            }
        }
        self.committed = true;
        let written = translator.written();
        if !written.is_empty() {
            out.push(written.into());
        }
        Flow::Flowing
    }
}

impl Lane {
    pub(super) fn of(
        answering: &Answering<'_>,
        headers: &HeaderMap,
    ) -> Result<Self, (Failure, String)> {
        let call = answering.call;
        let client = call.format();
        let translation =
            answering.translation.filter(|translation| !translation.is_identity(client));
        if headers.contains_key(http::header::CONTENT_ENCODING) {
            // Nobody asked for compression; what comes all the same is passed on as it is.
            return match translation {
                None => Ok(Self::Opaque),
                Some(_) => {
                    let message = "answered compressed although nobody asked for it";
                    Err((Cause::Unusable.into(), message.to_owned()))
                }
            };
        }
        if translation.is_some_and(|translation| translation.counts) {
            return Ok(Self::Count { client, body: Vec::new() });
        }
        let events = reply::is_event_stream(headers);
        if translation.is_some() {
            let sure = events || reply::is_json(headers);
            let events = sure.then_some(events);
            return Ok(Self::Translated(Box::new(Translator::new(answering, events))));
        }
        let array = call.streams && call.framing == Framing::JsonArray;
        let wrong = if events { !call.streams } else { call.streams && reply::is_json(headers) };
        if call.operation.is_chat() && wrong && !array {
            return Ok(Self::Translated(Box::new(Translator::new(answering, Some(events)))));
        }
        Ok(if events && forward::may_stream(call.operation) {
            Self::Events { reader: sse::Reader::default(), watch: codec(client).watch() }
        } else if events || array {
            Self::Opaque
        } else {
            Self::Whole
        })
    }
}

/// The provider has closed a translated answer: what failed, if it cannot go out.
fn finish(translator: &mut Translator, committed: bool) -> Option<Flow> {
    let told = translator.state.fault.is_some();
    if let Err(unreadable) = translator.finish() {
        let hidden = translator.whole().and_then(hidden_error);
        return Some(match hidden {
            Some(message) => Flow::Failed(fault_cause(&message), fault_text(&message)),
            None => Flow::Failed(Cause::Unusable.into(), unreadable.0),
        });
    }
    if committed {
        return None;
    }
    let state = &translator.state;
    match &state.fault {
        Some(fault) if translator.is_over() => {
            let cut = !told && fault.kind == FaultKind::BadGateway;
            Some(if cut && state.content {
                Flow::Failed(Cause::Broken.into(), fault.message.clone())
            } else if cut {
                Flow::Failed(Cause::Unusable.into(), fault.message.clone())
            } else {
                Flow::Failed(failure(fault), fault_text(&fault.message))
            })
        }
        Some(_) | None if state.content => None,
        Some(_) | None => {
            let message = "answered without any content";
            Some(Flow::Failed(Cause::Unusable.into(), message.to_owned()))
        }
    }
}

/// What an error is that came inside of an answer of another format.
pub(super) fn failure(fault: &Fault) -> Failure {
    let words = match &fault.code {
        Some(code) => format!("{code}: {}", fault.message),
        None => fault.message.clone(),
    };
    let by_kind = match fault.kind {
        FaultKind::RateLimit => Cause::RateLimited,
        FaultKind::Overloaded => Cause::Overloaded,
        FaultKind::ContextTooLong => Cause::ContextTooLong,
        FaultKind::Authentication => Cause::Unauthorized,
        FaultKind::Permission => Cause::Forbidden,
        FaultKind::ModelNotFound => Cause::ModelNotFound,
        FaultKind::InvalidRequest
        | FaultKind::NotFound
        | FaultKind::MethodNotAllowed
        | FaultKind::TooLarge
        | FaultKind::UnsupportedMediaType
        | FaultKind::UpgradeRequired
        | FaultKind::Internal
        | FaultKind::NotImplemented
        | FaultKind::BadGateway
        | FaultKind::Timeout => Cause::Transient,
    };
    let cause = verdict::cause_of_words(&words).unwrap_or(by_kind);
    Failure { cause, retry_after: retry_after::in_words(&words.to_ascii_lowercase()) }
}
