//! The neutral vocabulary → Gemini `generateContent`, requests.

use crate::{
    chat::Request,
    formats::{Encoded, Malformed, hints::Hints},
};

/// Writes a request.
pub(in super::super) fn encode(_: &Request<'_>, hints: &Hints<'_>) -> Result<Encoded, Malformed> {
    Err(Malformed::new(format!(
        "requests for `{}` cannot be written in this format yet",
        hints.model
    )))
}
