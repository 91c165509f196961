//! `server`, and the `timeouts` that providers have too.

use super::super::{
    Retry, Server, Timeouts, UnknownModels,
    fields::{Fields, Found},
    problem::Problem,
};

/// Reads the section.
pub(super) fn read(mut fields: Fields<'_, '_>) -> Server {
    let server = Server {
        host: fields.text(&["host"]),
        port: fields.whole(&["port"], 0),
        require_auth: fields.boolean(&["requireAuth"]),
        allowed_ips: read_texts(&mut fields, &["allowedIps"]),
        cors_origins: read_texts(&mut fields, &["corsOrigins"]),
        max_body_bytes: fields.whole(&["maxBodyBytes"], 1).and_then(std::num::NonZeroU64::new),
        max_in_flight: fields.whole(&["maxInFlight"], 1).and_then(std::num::NonZeroU32::new),
        unknown_models: read_unknown_models(&mut fields),
        timeouts: read_timeouts(&mut fields),
        retry: read_retry(&mut fields),
    };
    fields.finish();
    server
}

/// An empty list is not the same as none.
fn read_texts(fields: &mut Fields<'_, '_>, spellings: &[&'static str]) -> Option<Vec<String>> {
    fields.find(spellings)?;
    Some(fields.texts(spellings, true))
}

fn read_unknown_models(fields: &mut Fields<'_, '_>) -> Option<UnknownModels> {
    let found = fields.find(&["unknownModels"])?;
    match found.value.as_str() {
        Some("error") => Some(UnknownModels::Error),
        Some("default") => Some(UnknownModels::Default),
        Some(_) | None => fields.wrong(&found, "\"error\" or \"default\""),
    }
}

/// Reads `timeouts`, of the server or of a provider.
pub(super) fn read_timeouts(fields: &mut Fields<'_, '_>) -> Option<Timeouts> {
    let found = fields.find(&["timeouts"])?;
    let mut fields = Fields::open(&found, fields.problems)?;
    let mut millis =
        |key: &'static str| fields.whole::<u64>(&[key], 1).and_then(std::num::NonZeroU64::new);
    let timeouts = Timeouts {
        connect_ms: millis("connectMs"),
        first_byte_ms: millis("firstByteMs"),
        whole_reply_ms: millis("wholeReplyMs"),
        silence_ms: millis("silenceMs"),
    };
    fields.finish();
    Some(timeouts)
}

fn read_retry(fields: &mut Fields<'_, '_>) -> Option<Retry> {
    let found: Found<'_> = fields.find(&["retry"])?;
    let problems: &mut Vec<Problem> = fields.problems;
    let mut fields = Fields::open(&found, problems)?;
    let retry = Retry {
        patience_ms: fields.whole(&["patienceMs"], 0),
        attempts: fields.whole(&["attempts"], 1).and_then(std::num::NonZeroU32::new),
        base_delay_ms: fields.whole(&["baseDelayMs"], 0),
        max_delay_ms: fields.whole(&["maxDelayMs"], 0),
    };
    fields.finish();
    Some(retry)
}
