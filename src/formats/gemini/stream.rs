//! Gemini `generateContent`, streamed replies ⇄ the neutral vocabulary.

pub(super) mod array;
pub(super) mod decode;
pub(super) mod encode;

#[cfg(test)]
mod tests;
