//! How a request ends that nobody could answer: the most telling of its failures, in words that help.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use http::StatusCode;

use super::{
    Exchange, Refusal,
    error::{self, GatewayError},
    retry_after,
};
use crate::{
    chat::FaultKind,
    routing::failure::{Cause, Failure, RATE_LIMITED},
    time::Timestamp,
};

/// A bucket that is full, in words.
pub(super) fn full(bucket: &Arc<str>, cap: u64, resets: Timestamp) -> String {
    format!("the rate-limit bucket `{bucket}` is full ({cap}/{cap}); it resets {resets}")
}

/// How long a client is to wait after this failure, if the provider has a limit or the config has.
fn limit(failure: Failure) -> Option<Duration> {
    let limits = matches!(failure.cause, Cause::RateLimited | Cause::BucketFull);
    limits.then(|| failure.retry_after.unwrap_or(RATE_LIMITED))
}

impl Exchange {
    /// The most telling of the failures: of several limits the one that ends first, for then there
    /// is a target again; else the last one among equals.
    pub(super) fn refusal(&mut self) -> Refusal {
        let telling = (0..self.attempts.len()).max_by_key(|&index| {
            let failure = self.attempts[index].failure;
            let wait = limit(failure).unwrap_or(Duration::MAX);
            (failure.cause.rule().weight, self.is_latest(index), Reverse(wait), index)
        });
        let Some(index) = telling else { return Refusal::Local(self.nobody()) };
        let attempt = &mut self.attempts[index];
        let (target, failure) = (attempt.target, attempt.failure);
        if let Some(error) = &mut attempt.answer {
            let mut error = error.clone();
            if error.status == StatusCode::TOO_MANY_REQUESTS {
                retry_after::set(
                    &mut error.headers,
                    failure.retry_after.unwrap_or_else(|| failure.rest(1)),
                );
            }
            if let Some(format) = attempt.spoken {
                let (client, id) = (self.call.format(), &self.call.request_id);
                error = error::translated(error, format, client, id);
            }
            return Refusal::Upstream { target, error };
        }
        if let Some(fault) = attempt.fault.take() {
            return Refusal::Local((*fault).into());
        }
        let name = &self.router.target(target).name;
        let mut tried: Vec<usize> = self.attempts.iter().map(|attempt| attempt.slot).collect();
        tried.sort_unstable();
        tried.dedup();
        let others = match tried.len() - 1 {
            0 => String::new(),
            1 => " (and one other target failed)".to_owned(),
            others => format!(" (and {others} other targets failed)"),
        };
        let message = format!("{name}: {}{others}", self.attempts[index].message);
        let mut error = GatewayError::new(kind(failure.cause), message);
        if failure.cause == Cause::Unconfigured {
            error = error.final_for_clients();
        }
        if let Some(wait) = limit(failure) {
            error = error.retry_after(wait);
        }
        Refusal::Local(error)
    }

    /// No target was called at all: the buckets are full, or everything rests.
    fn nobody(&self) -> GatewayError {
        let name = &self.route.name;
        let Some(decision) = &self.decision else {
            let message = format!("no target of `{name}` can take a request now");
            return GatewayError::new(FaultKind::Overloaded, message);
        };
        let view = decision.view();
        if let Some((slot, place)) = decision.first_to_empty() {
            let bucket = view.router.bucket(view.plan.buckets[place]);
            let resets = view.resets(place);
            let target = &view.target(slot).name;
            let why = full(&bucket.name, bucket.cap, resets);
            let message = match view.plan.slots.len() {
                1 => format!("{target}: {why}"),
                _ => {
                    format!("no target of `{name}` has quota left; first again is {target}: {why}")
                }
            };
            let wait = resets.since(self.now);
            return GatewayError::new(FaultKind::RateLimit, message).retry_after(wait);
        }
        let resting = (0..view.plan.slots.len()).filter_map(|slot| view.resting(slot)).min();
        let message = format!("every target of `{name}` rests after failures");
        let error = GatewayError::new(FaultKind::Overloaded, message);
        match resting {
            Some(first) => error.retry_after(first.until.since(self.now)),
            None => error,
        }
    }
}

fn kind(cause: Cause) -> FaultKind {
    match cause {
        Cause::Timeout => FaultKind::Timeout,
        Cause::Unconfigured => FaultKind::Internal,
        Cause::RateLimited | Cause::BucketFull => FaultKind::RateLimit,
        Cause::Caller | Cause::Unsupported => FaultKind::InvalidRequest,
        Cause::ContextTooLong => FaultKind::ContextTooLong,
        Cause::Blocked => FaultKind::Permission,
        Cause::Unreachable
        | Cause::Broken
        | Cause::Transient
        | Cause::Overloaded
        | Cause::Unauthorized
        | Cause::OutOfCredit
        | Cause::Forbidden
        | Cause::ModelNotFound
        | Cause::Unavailable
        | Cause::OutOfMemory
        | Cause::Unusable => FaultKind::BadGateway,
    }
}
