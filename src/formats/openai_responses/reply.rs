//! OpenAI Responses, whole replies → the neutral vocabulary.

use crate::{chat::Reply, formats::Malformed};

/// Reads a whole reply.
pub(super) fn decode(_: &str) -> Result<Reply, Malformed> {
    Err(Malformed::new("whole replies in this format cannot be read yet"))
}
