//! What goes to a target: the client's bytes, or a translation of them, repaired as the target asked
//! for. And what an answer teaches.

use std::sync::Arc;

use http::HeaderMap;
use url::Url;

use super::{
    Exchange, Phase, UpstreamError, count,
    forward::{self, Outgoing},
    lesson,
    relay::Relay,
    translate::{self, Answering, Wanted},
    usage::Counted,
};
use crate::{
    chat::Fault,
    config::OnLoss,
    formats::{codec, dropped::Dropped, head::Spliced, repair::Repair},
    protocol::{Format, Operation, quirk::Quirk},
    routing::{
        endpoint::Endpoint,
        failure::{Cause, Failure},
        router::{Lanes, Target, TargetId, TargetKind, Way},
        state::{Op, learned::Learned},
    },
    time::Timestamp,
};

/// What is to be done with a candidate.
pub(super) enum Prepared {
    Demo,
    Send(Box<Outgoing>),
    /// Its tokens are estimated.
    Count,
}

/// Why nothing can be sent to a candidate.
pub(super) struct Unsendable {
    pub(super) cause: Cause,
    pub(super) message: String,
    /// The same for the client, if it is about its request.
    pub(super) fault: Option<Box<Fault>>,
}

impl Unsendable {
    fn unconfigured(message: impl Into<String>) -> Self {
        Self { cause: Cause::Unconfigured, message: message.into(), fault: None }
    }
}

/// A target that says no to one repair after the other is not worth more tries than this.
const MOST_REPAIRS: usize = 3;

/// Whether an answer of our own is better than what the provider said about the size of a request.
pub(super) fn can_be_estimated(cause: Cause) -> bool {
    match cause {
        Cause::Unreachable
        | Cause::Broken
        | Cause::Timeout
        | Cause::Transient
        | Cause::RateLimited
        | Cause::Overloaded
        | Cause::ModelNotFound
        | Cause::Unavailable
        | Cause::Unsupported
        | Cause::OutOfMemory
        | Cause::Unusable
        | Cause::BucketFull => true,
        Cause::Unauthorized
        | Cause::OutOfCredit
        | Cause::Forbidden
        | Cause::Blocked
        | Cause::ContextTooLong
        | Cause::Caller
        | Cause::Unconfigured => false,
    }
}

impl Exchange {
    /// What is to be sent to the target in a slot.
    pub(super) fn prepare(&mut self, slot: usize) -> Result<Prepared, Unsendable> {
        self.translation = None;
        let target = self.target_in(slot);
        let TargetKind::Upstream(lanes) = &target.kind else { return Ok(Prepared::Demo) };
        let operation = self.call.operation;
        match self.way(slot) {
            None => Err(Unsendable::unconfigured(format!("does not speak {}", operation.format()))),
            Some(Way::Estimated) => Ok(Prepared::Count),
            Some(Way::Same) => {
                let repairs = self.repairs_asked_for(slot);
                if operation.is_chat()
                    && (!repairs.is_empty() || translate::is_needed(&self.call.body))
                {
                    return self.translated(slot, operation, &repairs);
                }
                let lane = lane(lanes, operation)?;
                let body = forward::as_it_is(&self.call, &target.model_json);
                Ok(Prepared::Send(Box::new(forward::same(&self.call, lane, body))))
            }
            Some(Way::Translated(format)) => {
                let asked = if operation.counts_tokens() {
                    Operation::token_count(format)
                } else {
                    Some(Operation::chat(format, self.call.streams))
                };
                let Some(asked) = asked else { return Ok(Prepared::Count) };
                let mut repairs: Vec<Repair> =
                    self.lessons(slot).filter_map(lesson::read).collect();
                for repair in self.repairs_asked_for(slot) {
                    if !repairs.contains(&repair) {
                        repairs.push(repair);
                    }
                }
                self.translated(slot, asked, &repairs)
            }
        }
    }

    fn translated(
        &mut self,
        slot: usize,
        operation: Operation,
        repairs: &[Repair],
    ) -> Result<Prepared, Unsendable> {
        let target = self.target_in(slot);
        let TargetKind::Upstream(lanes) = &target.kind else { return Ok(Prepared::Demo) };
        let lane = lane(lanes, operation)?;
        let format = operation.format();
        let wanted = Wanted {
            call: &self.call,
            target,
            format,
            genuine: lanes.is_genuine(format),
            repairs,
            lossless: self.on_loss(target) == OnLoss::Refuse && self.call.operation.is_chat(),
        };
        let (body, translation) = translate::write(wanted).map_err(|fault| Unsendable {
            cause: Cause::Unsupported,
            message: fault.message.clone(),
            fault: Some(fault),
        })?;
        let outgoing = if format == self.call.format() {
            forward::same(&self.call, lane, Spliced::whole(body))
        } else {
            forward::translated(&self.call, operation, lane, body)
        };
        self.translation = Some(Arc::new(translation));
        Ok(Prepared::Send(Box::new(outgoing)))
    }

    /// How the target in a slot is asked, after all that is known of it.
    fn way(&self, slot: usize) -> Option<Way> {
        let way = self.target_in(slot).way(self.call.operation)?;
        let no_count = Repair::Quirk(Quirk::NoTokenCount);
        if self.call.operation.counts_tokens()
            && self.lessons(slot).filter_map(lesson::read).any(|repair| repair == no_count)
        {
            return Some(Way::Estimated);
        }
        Some(way)
    }

    /// What a loss at `target` means.
    #[must_use]
    pub fn on_loss(&self, target: &Target) -> OnLoss {
        self.route.on_loss.unwrap_or(target.on_loss)
    }

    fn learned(&self, slot: usize) -> Option<&Learned> {
        let learned = &self.decision.as_ref()?.observed.learned;
        learned.iter().find(|(place, _)| *place == slot).map(|(_, learned)| &**learned)
    }

    fn lessons(&self, slot: usize) -> impl Iterator<Item = &str> {
        let now = self.decided_at();
        self.learned(slot).into_iter().flat_map(move |learned| learned.lessons(now))
    }

    fn decided_at(&self) -> Timestamp {
        self.decision.as_ref().map_or(Timestamp(0), |decision| decision.at)
    }

    fn repairs_asked_for(&self, slot: usize) -> Vec<Repair> {
        let own = self.repairs.iter().filter(|(place, _)| *place == slot);
        own.map(|(_, repair)| *repair).collect()
    }

    /// Whether what the target in a slot refuses can be changed, and remembers how.
    pub(super) fn can_repair(
        &mut self,
        slot: usize,
        failure: Failure,
        answer: Option<&UpstreamError>,
    ) -> bool {
        let refused = matches!(failure.cause, Cause::Caller | Cause::Unsupported);
        let Some(answer) = answer.filter(|_| refused && self.call.operation.is_chat()) else {
            return false;
        };
        let client = self.call.format();
        let format = self.translation.as_ref().map_or(client, |translation| translation.format);
        let fault = codec(format).decode_fault(answer.status, &answer.body);
        let Some(repair) = Repair::of(&fault) else { return false };
        // What a client wrote in the target's own words is its own to correct: it reads the answer.
        // Only what it cannot know, whose seals its history holds, is put right here.
        let allowed = format != client || repair == Repair::WithoutSeals;
        let own = self.repairs_asked_for(slot);
        if !allowed || own.contains(&repair) || own.len() >= MOST_REPAIRS {
            return false;
        }
        self.repairs.push((slot, repair));
        true
    }

    /// What the answer of the target has taught: to be told to the state.
    #[must_use]
    pub fn lessons_learned(&self) -> Vec<Op> {
        let Some((slot, target)) = self.answered_in() else { return Vec::new() };
        let asked = self.repairs_asked_for(slot).into_iter();
        let cannot_count = self.call.operation.counts_tokens()
            && self
                .attempts
                .iter()
                .any(|attempt| attempt.slot == slot && attempt.failure.cause == Cause::Unavailable);
        let counting = cannot_count.then_some(Repair::Quirk(Quirk::NoTokenCount));
        let words = asked.chain(counting).filter_map(lesson::word);
        let op = |word: String| Op::Learned {
            router: Arc::clone(&self.router),
            target,
            lesson: word.into(),
        };
        words.map(op).collect()
    }

    /// The slot and the target that answered.
    fn answered_in(&self) -> Option<(usize, TargetId)> {
        let Phase::Answered(slot) = self.phase else { return None };
        Some((slot, self.route.plan.slots[slot].target))
    }

    /// What the answer has cost, to be told to the state.
    #[must_use]
    pub fn used(&self, counted: Counted) -> Option<Op> {
        let (_, target) = self.answered_in()?;
        Some(Op::Used {
            router: Arc::clone(&self.router),
            target,
            estimated: count::estimate_to_compare(&self.call).unwrap_or(0),
            input: counted.input,
            output: counted.output,
        })
    }

    /// How many tokens the request has at the target in a slot.
    pub(super) fn estimate(&self, slot: usize) -> u64 {
        let estimated = count::estimate(&self.call);
        self.learned(slot).map_or_else(
            || Learned::default().correct(estimated),
            |learned| learned.correct(estimated),
        )
    }

    /// The relay for the answer with these headers to the attempt that is under way.
    ///
    /// # Errors
    /// If the headers show already that this is no answer.
    pub fn relay(&self, headers: &HeaderMap) -> Result<Relay, (Failure, String)> {
        let target = self.target().map_or("", |target| &target.name);
        let answering = Answering {
            call: &self.call,
            translation: self.translation.as_ref(),
            target,
            now: self.decided_at(),
        };
        Relay::open(&answering, headers)
    }

    /// What the target was not told, because its format cannot say it.
    #[must_use]
    pub fn dropped(&self) -> &[Dropped] {
        self.translation.as_ref().map_or(&[], |translation| translation.dropped.as_slice())
    }

    /// The format in which the target was asked, if it is not the client's.
    #[must_use]
    pub fn translated_to(&self) -> Option<Format> {
        let format = self.translation.as_ref()?.format;
        (format != self.call.format()).then_some(format)
    }
}

/// Where `operation` is asked for.
fn lane(lanes: &Lanes, operation: Operation) -> Result<(&Endpoint, &Url), Unsendable> {
    let lane = lanes.lane(operation);
    let (endpoint, url) = lane.ok_or_else(|| {
        Unsendable::unconfigured(format!("does not speak {}", operation.format()))
    })?;
    match &endpoint.missing_key {
        Some(reason) => Err(Unsendable::unconfigured(&**reason)),
        None => Ok((endpoint, url)),
    }
}
