//! OpenAI Chat Completions, requests ⇄ the neutral vocabulary.

pub(super) mod decode;
pub(super) mod encode;
