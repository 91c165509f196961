//! OpenAI Responses, streamed → the neutral vocabulary.

use crate::{
    chat::Event,
    formats::{EventDecoder, Malformed, sse},
};

/// Reads one streamed reply.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder;

impl EventDecoder for Decoder {
    fn event(&mut self, _: &sse::Event<'_>, _: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        Err(Malformed::new("streams in this format cannot be read yet"))
    }
}
