//! Why an attempt failed, in the terms that routing branches on. What clients read about it is
//! [`crate::chat::Fault`].

use std::time::Duration;

/// The cause of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The provider could not be reached, broke off, or stalled before the first content.
    Unreachable(Unreachable),
    /// 408, 409, 5xx: the same request may work a moment later, or elsewhere.
    Transient { retry_after: Option<Duration> },
    /// 429: this key or model has had enough for now.
    Exhausted { retry_after: Option<Duration> },
    /// 529: the provider has too much to do.
    Overloaded { retry_after: Option<Duration> },
    /// 401, 402, 403: this key is not accepted.
    Unauthorized,
    /// 404, 405, 410, 415, 451, 501: this provider does not have the model or the operation.
    Unavailable,
    /// 400, 413, 422 and the like: it would fail everywhere.
    Caller,
    /// The provider's key is not to be had: nothing was sent.
    Unconfigured,
    /// An answer that is not one: empty, not JSON, an error in a 200.
    Unusable,
}

/// Where a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// No connection came about.
    Connect,
    /// The connection broke.
    Broken,
    /// The time limit was reached.
    Timeout,
}

impl Failure {
    /// Whether another target may do better.
    #[must_use]
    pub fn allows_next(self) -> bool {
        self != Self::Caller
    }

    /// Whether the same target may do better a moment later.
    #[must_use]
    pub fn allows_retry(self) -> bool {
        match self {
            Self::Unreachable(Unreachable::Connect | Unreachable::Broken)
            | Self::Transient { .. }
            | Self::Overloaded { .. }
            | Self::Exhausted { .. } => true,
            // The time for this request is spent, and the answer may still be in the making.
            Self::Unreachable(Unreachable::Timeout)
            | Self::Unauthorized
            | Self::Unavailable
            | Self::Caller
            | Self::Unconfigured
            // Whoever answers nonsense once does it again, and may bill each time.
            | Self::Unusable => false,
        }
    }

    /// When the provider wants to be asked again, if it said so.
    #[must_use]
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Transient { retry_after }
            | Self::Exhausted { retry_after }
            | Self::Overloaded { retry_after } => retry_after,
            Self::Unreachable(_)
            | Self::Unauthorized
            | Self::Unavailable
            | Self::Caller
            | Self::Unconfigured
            | Self::Unusable => None,
        }
    }

    /// A word for logs, headers and `status`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable(Unreachable::Connect) => "unreachable",
            Self::Unreachable(Unreachable::Broken) => "broken",
            Self::Unreachable(Unreachable::Timeout) => "timeout",
            Self::Transient { .. } => "transient",
            Self::Exhausted { .. } => "rate-limited",
            Self::Overloaded { .. } => "overloaded",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
            Self::Caller => "invalid-request",
            Self::Unconfigured => "unconfigured",
            Self::Unusable => "unusable",
        }
    }

    /// How much this tells the client when several attempts failed in different ways: the final
    /// error is the last among the most telling ones.
    #[must_use]
    pub fn weight(self) -> u8 {
        match self {
            Self::Caller => 5,
            Self::Exhausted { .. } => 4,
            Self::Unauthorized => 3,
            Self::Unavailable => 2,
            Self::Transient { .. } | Self::Overloaded { .. } | Self::Unusable => 1,
            Self::Unreachable(_) | Self::Unconfigured => 0,
        }
    }
}
