//! Errors in the gateway's own words, and how they look in the client's format.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::{UpstreamError, retry_after};
use crate::{
    chat::{Fault, FaultKind, Json},
    formats::{Malformed, codec},
    protocol::{Format, Operation},
    routing::router::{Route, Router, TargetKind, UnknownModel},
};

/// What a client is told when the gateway itself says no.
#[derive(Debug, Clone)]
pub struct GatewayError {
    pub kind: FaultKind,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// A JSON pointer into the request body.
    pub param: Option<String>,
    /// More about it that SDKs read.
    pub details: Option<Json<'static>>,
    /// What the kind of error asks for: `Allow`, `Retry-After`, ...
    pub headers: Box<HeaderMap>,
}

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

impl GatewayError {
    /// An error without more than its message.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), param: None, details: None, headers: Box::default() }
    }

    /// Names the place in the request body.
    #[must_use]
    pub fn at(mut self, pointer: Option<String>) -> Self {
        self.param = pointer;
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        retry_after::ensure(&mut self.headers, wait);
        self
    }

    /// Says which methods a path has.
    #[must_use]
    pub fn allow(mut self, methods: &'static str) -> Self {
        self.headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        self
    }

    /// Tells clients that asking again will not help (the vendors' SDKs and Claude Code obey).
    #[must_use]
    pub fn final_for_clients(mut self) -> Self {
        self.headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        self
    }

    /// The words of this error for a client of any format.
    #[must_use]
    pub fn fault(&self, request_id: &str) -> Fault {
        let fault = Fault::new(self.kind, &*self.message).of_request(request_id);
        Fault { param: self.param.clone(), details: self.details.clone(), ..fault }
    }

    /// The whole answer, in the client's format.
    #[must_use]
    pub fn response(&self, format: Format, request_id: &str) -> Response<Bytes> {
        let codec = codec(format);
        let body = codec.encode_fault(&self.fault(request_id));
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = codec.status(self.kind);
        *response.headers_mut() = HeaderMap::clone(&self.headers);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.kind == FaultKind::Authentication {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.kind, FaultKind::RateLimit | FaultKind::Overloaded) {
            retry_after::ensure(headers, Duration::from_secs(1));
        }
        response
    }
}

impl From<Fault> for GatewayError {
    fn from(fault: Fault) -> Self {
        Self { details: fault.details, ..Self::new(fault.kind, fault.message).at(fault.param) }
    }
}

impl From<UnknownModel> for GatewayError {
    fn from(unknown: UnknownModel) -> Self {
        let kind = match unknown {
            UnknownModel::Unknown { .. } => FaultKind::ModelNotFound,
            UnknownModel::NoDefault { .. } => FaultKind::InvalidRequest,
        };
        Self::new(kind, unknown.to_string()).at(Some("/model".to_owned()))
    }
}

impl From<Malformed> for GatewayError {
    fn from(malformed: Malformed) -> Self {
        Self::new(FaultKind::InvalidRequest, malformed.message).at(malformed.pointer)
    }
}

/// An error that a provider told in another format than the client's, in the client's: code and words
/// stay, and so does the status, but where the client's vendor has one of its own for the kind of
/// error; and the headers that tell when to come back.
pub(super) fn translated(
    error: UpstreamError,
    from: Format,
    client: Format,
    request_id: &str,
) -> UpstreamError {
    let UpstreamError { mut status, mut headers, body } = error;
    let fault = codec(from).decode_fault(status, &body).of_request(request_id);
    let codec = codec(client);
    // Of a conversation that is too long: the one status at which every client looks for the words
    // that make it compact. Of an overload: 529 at Anthropic, 503 elsewhere.
    if matches!(fault.kind, FaultKind::ContextTooLong | FaultKind::Overloaded) {
        status = codec.status(fault.kind);
    }
    let body = codec.encode_fault(&fault).into();
    headers.remove(header::CONTENT_ENCODING);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    UpstreamError { status, headers, body }
}

/// None of the model's targets speaks the format of the request: which do they speak?
pub(super) fn no_common_format(
    router: &Router,
    route: &Route,
    operation: Operation,
) -> GatewayError {
    let slots = &route.plan.slots;
    let mut spoken: Vec<&str> = slots
        .iter()
        .filter_map(|slot| match &router.target(slot.target).kind {
            TargetKind::Demo => None,
            TargetKind::Upstream(lanes) => Some(lanes.formats().map(Format::name)),
        })
        .flatten()
        .collect();
    spoken.sort_unstable();
    spoken.dedup();
    let format = operation.format();
    let message = if spoken.is_empty() || spoken.contains(&format.name()) {
        format!("no target of `{}` can be asked for {}", route.name, operation.ending())
    } else {
        format!(
            "the request is in the format `{format}`, but the targets of `{}` speak only {}; \
             ask in one of these formats, or add `{format}` to the provider's `formats` if it \
             speaks that too",
            route.name,
            spoken.join(", ")
        )
    };
    GatewayError::new(FaultKind::NotImplemented, message).final_for_clients()
}
