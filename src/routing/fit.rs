//! Whether a target suits a request: its context window, and what its model can do. What does not
//! suit goes last; it is never refused, for the figures are estimates and configs are not complete.

use std::fmt;

use super::router::Target;
use crate::config::Capabilities;

/// What a request needs, as far as it shows.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Tokens of input and output together, estimated high; 0 if it does not matter.
    pub tokens: u64,
    pub tools: bool,
    pub images: bool,
    pub thinking: bool,
    pub structured_output: bool,
}

/// Why a target does not suit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// The model's context window is too small.
    Context { window: u64, needed: u64 },
    /// The config says that the model cannot do this.
    Lacks(&'static str),
}

impl Needs {
    /// Why `target` does not suit, if it does not.
    #[must_use]
    pub fn misfit(&self, target: &Target) -> Option<Misfit> {
        if let Some(window) = target.context_window.filter(|window| *window < self.tokens) {
            return Some(Misfit::Context { window, needed: self.tokens });
        }
        let Capabilities { tools, images, thinking, structured_output } = target.capabilities;
        [
            (self.tools, tools, "tools"),
            (self.images, images, "images"),
            (self.thinking, thinking, "thinking"),
            (self.structured_output, structured_output, "structured output"),
        ]
        .into_iter()
        .find_map(|(needed, can, what)| {
            (needed && can == Some(false)).then_some(Misfit::Lacks(what))
        })
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Context { window, needed } => {
                write!(f, "context {} < {} needed", thousands(*window), thousands(*needed))
            }
            Self::Lacks(what) => write!(f, "no {what}"),
        }
    }
}

/// `136k`, `1.2M`, `900`.
fn thousands(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        1000..1_000_000 => format!("{}k", number / 1000),
        _ => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
    }
}
