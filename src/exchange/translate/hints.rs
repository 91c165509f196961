//! What the encoders are told of a target: the config's facts about it in the codecs' words.

use crate::{
    chat::Effort,
    formats::{
        effort::{How, Reasoning},
        hints::{Hints, Quirk},
    },
    protocol::Format,
    routing::router::Target,
};

/// What is known of `target` when it is asked in `format`.
pub(super) fn of(target: &Target, format: Format, genuine: bool) -> Hints<'_> {
    let model = target.reference.model();
    let mut hints = Hints::of_model(model);
    hints.genuine = genuine;
    hints.max_output = target.max_output;
    hints.context = target.context_window;
    hints.quirks = target.quirks;
    if !Reasoning::is_known(model) {
        hints.reasoning = usual(format);
    }
    if target.capabilities.thinking == Some(false) {
        hints.reasoning = Reasoning { how: How::Not, efforts: &[] };
    }
    if target.capabilities.structured_output == Some(false) {
        hints.quirks = hints.quirks.with(Quirk::NoJsonSchema);
    }
    hints
}

/// How a model that nobody knows is told to reason: as the models are whose format it speaks.
fn usual(format: Format) -> Reasoning {
    use Effort::{High, Low, Medium, None as No};
    match format {
        Format::OpenAi | Format::OpenAiResponses => {
            Reasoning { how: How::Effort, efforts: &[Low, Medium, High] }
        }
        Format::Anthropic => Reasoning { how: How::Budget, efforts: &[No, Low, Medium, High] },
        Format::Gemini => Reasoning { how: How::Level, efforts: &[Low, High] },
    }
}
