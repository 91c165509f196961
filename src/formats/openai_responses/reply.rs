//! OpenAI Responses, whole replies ⇄ the neutral vocabulary.

pub(super) mod decode;
pub(super) mod encode;
