//! Why an attempt failed, and what routing does about it: one row per cause. What clients read
//! about a failure is [`crate::chat::Fault`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A failed attempt, in the terms that routing branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    pub cause: Cause,
    /// When the provider wants to be asked again, if it said so.
    pub retry_after: Option<Duration>,
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self { cause, retry_after: None }
    }
}

/// What an attempt failed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// No connection came about: nothing was sent.
    Unreachable,
    /// The connection broke before the first content.
    Broken,
    /// A time limit was reached before the first content.
    Timeout,
    /// 408, 409, 425, 5xx: the same request may work a moment later, or elsewhere.
    Transient,
    /// 429: this model has had enough for now.
    RateLimited,
    /// 529: the provider has too much to do.
    Overloaded,
    /// 401: this key is not accepted.
    Unauthorized,
    /// 402, or a code that says so: this key has no credit or quota left.
    OutOfCredit,
    /// 403: this key may not use this model.
    Forbidden,
    /// The provider's moderation refuses this request.
    Blocked,
    /// A code that says so: the provider does not have the model.
    ModelNotFound,
    /// 404, 405, 410, 415, 451, 501: the provider does not have the operation.
    Unavailable,
    /// The request is longer than the model's context window.
    ContextTooLong,
    /// The provider does not know a parameter that others know.
    Unsupported,
    /// A local server has no memory for the model.
    OutOfMemory,
    /// 400, 413, 422 and the like: it would fail everywhere.
    #[serde(rename = "invalid-request")]
    Caller,
    /// The provider's key is not to be had: nothing was sent.
    Unconfigured,
    /// An answer that is not one: empty, not JSON, an error in a 200.
    Unusable,
    /// A rate-limit bucket of the config is full: nothing was sent.
    BucketFull,
}

/// What a cause says about the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// A word for logs, headers and `status`.
    pub word: &'static str,
    /// What the failure concerns, and so what rests.
    pub scope: Scope,
    pub rest: Rest,
    /// Whether another target may do better.
    pub next: bool,
    /// Whether the same target may do better a moment later.
    pub retry: bool,
    /// How much this tells the client when several attempts failed in different ways: the final
    /// error is the last among the most telling ones.
    pub weight: u8,
}

/// What is given a rest after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Nothing,
    /// One model of one provider.
    Model,
    /// The provider's key, and so all that is asked with it.
    Key,
    /// The provider's address, and so all that is asked there.
    Provider,
}

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    None,
    /// As long as the provider says, else this long, doubled with each failure in a row.
    Stated(Duration),
    /// As long as the provider says, else [`AFTER_REPEATED`] once it happens twice in a row.
    Repeated,
    /// Always this long: it does not go away by itself.
    Fixed(Duration),
}

/// After this many failures in a row a target is given a rest.
pub const FAILURES_BEFORE_REST: u32 = 2;
/// The rest that repeated failures earn.
pub const AFTER_REPEATED: Duration = Duration::from_secs(30);
/// A rate limit without a word about its end.
pub const RATE_LIMITED: Duration = Duration::from_secs(10);
/// The longest guess about such a limit.
const LONGEST_GUESS: Duration = Duration::from_secs(120);
/// What a provider may ask for at most.
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);

const fn minutes(minutes: u64) -> Rest {
    Rest::Fixed(Duration::from_secs(minutes * 60))
}

impl Cause {
    /// Every cause, for tables and tests.
    pub const ALL: [Self; 19] = [
        Self::Unreachable,
        Self::Broken,
        Self::Timeout,
        Self::Transient,
        Self::RateLimited,
        Self::Overloaded,
        Self::Unauthorized,
        Self::OutOfCredit,
        Self::Forbidden,
        Self::Blocked,
        Self::ModelNotFound,
        Self::Unavailable,
        Self::ContextTooLong,
        Self::Unsupported,
        Self::OutOfMemory,
        Self::Caller,
        Self::Unconfigured,
        Self::Unusable,
        Self::BucketFull,
    ];

    /// The row of the table.
    #[must_use]
    pub const fn rule(self) -> Rule {
        use Scope::{Key, Model, Nothing, Provider};
        const fn row(
            word: &'static str,
            scope: Scope,
            rest: Rest,
            (next, retry): (bool, bool),
            weight: u8,
        ) -> Rule {
            Rule { word, scope, rest, next, retry, weight }
        }
        const NEXT: (bool, bool) = (true, false);
        const RETRY: (bool, bool) = (true, true);
        const STOP: (bool, bool) = (false, false);
        match self {
            Self::Unreachable => row("unreachable", Provider, Rest::Repeated, RETRY, 0),
            Self::Broken => row("broken", Model, Rest::Repeated, RETRY, 0),
            // The time for this request is spent, and the answer may still be in the making.
            Self::Timeout => row("timeout", Model, Rest::Repeated, NEXT, 0),
            Self::Transient => row("transient", Model, Rest::Repeated, RETRY, 1),
            Self::RateLimited => row("rate-limited", Model, Rest::Stated(RATE_LIMITED), RETRY, 4),
            Self::Overloaded => row("overloaded", Model, Rest::Repeated, RETRY, 1),
            Self::Unauthorized => row("unauthorized", Key, minutes(10), NEXT, 3),
            Self::OutOfCredit => row("out-of-credit", Key, minutes(15), NEXT, 3),
            Self::Forbidden => row("forbidden", Model, minutes(10), NEXT, 3),
            // What one vendor refuses to do is not shopped around.
            Self::Blocked => row("blocked", Nothing, Rest::None, STOP, 5),
            Self::ModelNotFound => row("model-not-found", Model, minutes(60), NEXT, 2),
            Self::Unavailable => {
                row("unavailable", Model, Rest::Fixed(Duration::from_secs(45)), NEXT, 2)
            }
            // Clients compact the conversation when they are told so: nothing is more telling.
            Self::ContextTooLong => row("context-too-long", Nothing, Rest::None, NEXT, 5),
            Self::Unsupported => row("unsupported", Nothing, Rest::None, NEXT, 4),
            Self::OutOfMemory => {
                row("out-of-memory", Model, Rest::Fixed(Duration::from_secs(45)), NEXT, 1)
            }
            Self::Caller => row("invalid-request", Nothing, Rest::None, STOP, 5),
            Self::Unconfigured => row("unconfigured", Nothing, Rest::None, NEXT, 0),
            // Whoever answers nonsense once does it again, and may bill each time.
            Self::Unusable => row("unusable", Model, Rest::Repeated, NEXT, 1),
            Self::BucketFull => row("bucket-full", Nothing, Rest::None, RETRY, 4),
        }
    }

    /// A word for logs, headers and `status`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.rule().word
    }

    /// Whether the provider got the request, so that it counts against a quota.
    #[must_use]
    pub const fn was_sent(self) -> bool {
        !matches!(self, Self::Unreachable | Self::Unconfigured | Self::BucketFull)
    }

    /// Whether the failure says something about the health of what it concerns.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self.rule().rest, Rest::Repeated | Rest::Stated(_))
    }
}

impl Failure {
    /// How long what failed rests, the failure being the `in_a_row`th.
    #[must_use]
    pub fn rest(self, in_a_row: u32) -> Duration {
        let rest = match self.cause.rule().rest {
            Rest::None => Duration::ZERO,
            Rest::Fixed(rest) => rest,
            Rest::Stated(guess) => self.retry_after.unwrap_or_else(|| {
                let doubled = 1_u32.checked_shl(in_a_row.saturating_sub(1)).unwrap_or(u32::MAX);
                guess.saturating_mul(doubled).min(LONGEST_GUESS)
            }),
            Rest::Repeated => self.retry_after.unwrap_or(if in_a_row >= FAILURES_BEFORE_REST {
                AFTER_REPEATED
            } else {
                Duration::ZERO
            }),
        };
        rest.min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_table_reads_like_a_table() {
        let row = |cause: Cause| {
            let Rule { word, scope, rest, next, retry, weight } = cause.rule();
            let rest = match rest {
                Rest::None => "-".to_owned(),
                Rest::Fixed(time) => format!("{time:?}"),
                Rest::Stated(time) => format!("as said, or {time:?}"),
                Rest::Repeated => "as said, or if repeated".to_owned(),
            };
            let then = match (next, retry) {
                (true, true) => "next, retry",
                (true, false) => "next",
                (false, _) => "stop",
            };
            format!("{word:<16} {:<8} {rest:<24} {then:<11} {weight}\n", format!("{scope:?}"))
        };
        expect![[r#"
            unreachable      Provider as said, or if repeated  next, retry 0
            broken           Model    as said, or if repeated  next, retry 0
            timeout          Model    as said, or if repeated  next        0
            transient        Model    as said, or if repeated  next, retry 1
            rate-limited     Model    as said, or 10s          next, retry 4
            overloaded       Model    as said, or if repeated  next, retry 1
            unauthorized     Key      600s                     next        3
            out-of-credit    Key      900s                     next        3
            forbidden        Model    600s                     next        3
            blocked          Nothing  -                        stop        5
            model-not-found  Model    3600s                    next        2
            unavailable      Model    45s                      next        2
            context-too-long Nothing  -                        next        5
            unsupported      Nothing  -                        next        4
            out-of-memory    Model    45s                      next        1
            invalid-request  Nothing  -                        stop        5
            unconfigured     Nothing  -                        next        0
            unusable         Model    as said, or if repeated  next        1
            bucket-full      Nothing  -                        next, retry 4
        "#]]
        .assert_eq(&Cause::ALL.map(row).concat());
    }

    #[test]
    fn words_are_the_names_that_are_saved() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.word());
        }
    }

    #[test]
    fn rests_are_as_long_as_the_provider_says_and_never_longer_than_a_day() {
        let said = |cause: Cause, seconds| Failure {
            cause,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        for (failure, in_a_row, seconds) in [
            (said(Cause::RateLimited, 7), 1, 7),
            (said(Cause::RateLimited, 1 << 40), 1, 86_400),
            (Cause::RateLimited.into(), 1, 10),
            (Cause::RateLimited.into(), 3, 40),
            (Cause::RateLimited.into(), 400, 120),
            (said(Cause::Overloaded, 7), 1, 7),
            (Cause::Overloaded.into(), 1, 0),
            (Cause::Transient.into(), 2, 30),
            (said(Cause::Unauthorized, 7), 1, 600),
            (Cause::Caller.into(), 9, 0),
        ] {
            assert_eq!(failure.rest(in_a_row).as_secs(), seconds, "{failure:?} {in_a_row}");
        }
    }
}
