//! Which formats can do what already. A `true` here and every law holds the format to it, against
//! each of the others.

use llm_router::protocol::Format;

struct Ready {
    /// It writes requests for providers, and reads all that it writes.
    requests: bool,
    /// It reads whole replies, and writes all that it reads.
    replies: bool,
    /// It reads streamed replies, and writes all that it reads.
    streams: bool,
}

fn ready(format: Format) -> Ready {
    match format {
        // Chat.
        Format::OpenAi => Ready { requests: true, replies: true, streams: true },
        //
        // Responses.
        Format::OpenAiResponses => Ready { requests: true, replies: true, streams: true },
        //
        // Messages.
        Format::Anthropic => Ready { requests: true, replies: true, streams: true },
        //
        // Gemini.
        Format::Gemini => Ready { requests: true, replies: true, streams: true },
    }
}

pub(crate) fn requests() -> Vec<Format> {
    Format::ALL.into_iter().filter(|format| ready(*format).requests).collect()
}

pub(crate) fn replies() -> Vec<Format> {
    Format::ALL.into_iter().filter(|format| ready(*format).replies).collect()
}

/// Law 3 compares streams with whole replies: both must be ready.
pub(crate) fn streams() -> Vec<Format> {
    replies().into_iter().filter(|format| ready(*format).streams).collect()
}

/// All ordered pairs of formats that have requests, a format with itself included.
pub(crate) fn pairs() -> Vec<(Format, Format)> {
    let all = requests();
    all.iter().flat_map(|one| all.iter().map(|other| (*one, *other))).collect()
}
