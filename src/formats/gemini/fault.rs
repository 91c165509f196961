//! Gemini `generateContent`, errors → the neutral vocabulary.

use http::StatusCode;

use crate::{chat::Fault, formats::fault};

/// Reads an error body.
pub(super) fn decode(status: StatusCode, body: &[u8]) -> Fault {
    fault::plain(status, body)
}
