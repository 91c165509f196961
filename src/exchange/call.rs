//! A model call as the client sent it: the few things that are read, and the bytes.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, header};

use super::{amp::Amp, error::GatewayError, forward::may_stream, place::guess_format};
use crate::{
    chat::FaultKind,
    formats::{
        Framing,
        head::{self, Head},
    },
    protocol::{Format, Operation},
};

/// See the module's documentation.
#[derive(Debug)]
pub struct Call {
    pub operation: Operation,
    /// The name that the client asked for, wherever it stood.
    pub model: Option<String>,
    /// Where the model stands in the body.
    pub span: head::Span,
    /// Where other things stand in it that routing may look at.
    pub places: head::Places,
    /// Whether the reply is wanted piece by piece.
    pub streams: bool,
    pub framing: Framing,
    pub headers: HeaderMap,
    pub query: Option<String>,
    /// The body as it came, decompressed.
    pub body: Bytes,
    /// What Amp says about a request of its own.
    pub amp: Option<Amp>,
    /// Names this request in logs, errors and headers.
    pub request_id: Arc<str>,
}

/// What came with a request besides its body.
#[derive(Debug)]
pub struct Envelope {
    /// What the path asks for; `None` where the body decides (`/route`).
    pub operation: Option<Operation>,
    /// The model in the path (Gemini).
    pub model: Option<String>,
    pub headers: HeaderMap,
    pub query: Option<String>,
    /// What path and headers say, if they are Amp's.
    pub amp: Option<Amp>,
    pub request_id: Arc<str>,
}

impl Call {
    /// Reads the head of a body.
    ///
    /// # Errors
    /// 400 with a pointer if the body is not a JSON object, or `model` or `stream` is not what it
    /// must be.
    pub fn read(envelope: Envelope, body: Bytes) -> Result<Self, GatewayError> {
        let (amp, body) = match envelope.amp {
            Some(amp) => {
                let (amp, body) = amp.read(body, envelope.operation.map(Operation::format));
                (Some(amp), body)
            }
            None => (None, body),
        };
        let head = head::read(&body).map_err(|bad| {
            GatewayError::new(FaultKind::InvalidRequest, bad.message).at(bad.pointer)
        })?;
        let operation = envelope.operation.unwrap_or_else(|| {
            let anthropic = envelope.headers.contains_key("anthropic-version");
            match head::detect(head.text, anthropic) {
                Format::OpenAi => Operation::ChatCompletions,
                Format::OpenAiResponses => Operation::Responses,
                Format::Anthropic => Operation::Messages,
                Format::Gemini => Operation::GenerateContent,
            }
        });
        let streams = operation == Operation::StreamGenerateContent || head.stream;
        let sse = envelope
            .query
            .as_deref()
            .is_some_and(|query| query.split('&').any(|pair| pair.eq_ignore_ascii_case("alt=sse")));
        let framing = if operation == Operation::StreamGenerateContent && !sse {
            Framing::JsonArray
        } else {
            Framing::Sse
        };
        let Head { model, span, places, .. } = head;
        Ok(Self {
            operation,
            model: envelope.model.or_else(|| model.map(std::borrow::Cow::into_owned)),
            span,
            places,
            streams: streams && may_stream(operation),
            framing,
            headers: envelope.headers,
            query: envelope.query,
            body,
            amp,
            request_id: envelope.request_id,
        })
    }

    /// The format in which the client is answered.
    #[must_use]
    pub fn format(&self) -> Format {
        self.operation.format()
    }
}

/// The media type must be declared, and be JSON: a web page can send anything else without asking.
///
/// # Errors
/// 415 that says what is accepted.
pub fn check_media_type(headers: &HeaderMap) -> Result<(), GatewayError> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype).to_ascii_lowercase();
    if subtype == "json" || subtype.ends_with("+json") {
        return Ok(());
    }
    let found = match declared {
        Some(text) => format!("`{}`", text.chars().take(80).collect::<String>()),
        None => "missing".to_owned(),
    };
    let message = format!("the Content-Type is {found}; send `application/json`");
    Err(GatewayError::new(FaultKind::UnsupportedMediaType, message))
}

/// The format of errors for a request that was not read yet.
#[must_use]
pub fn format_of_errors(path: &str, headers: &HeaderMap) -> Format {
    guess_format(path, headers)
}
