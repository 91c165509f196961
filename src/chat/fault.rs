//! What went wrong, in words that every format has. Routing has its own words.

use super::Json;

/// What went wrong, in words that every format has. Formats turn it into their error objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// For the client to read: what is wrong, where, and what to do.
    pub message: String,
    /// The id of the request, which the logs name too.
    pub request_id: String,
    /// A JSON pointer into the request body, or the name of a parameter, if one is at fault.
    pub param: Option<String>,
    /// The provider's own code for it, if it gave one.
    pub code: Option<String>,
    /// A JSON object with more about it, which SDKs read (Anthropic, `error.details`).
    pub details: Option<Json<'static>>,
}

impl Fault {
    /// A fault of which no more is known.
    #[must_use]
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            request_id: String::new(),
            param: None,
            code: None,
            details: None,
        }
    }

    /// The same with the id of its request.
    #[must_use]
    pub fn of_request(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = request_id.into();
        self
    }
}

/// The classes of errors that all formats can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The request itself is wrong (400).
    InvalidRequest,
    /// The conversation is longer than the model's context (400). Agents shorten it and go on, if
    /// they are told in the words that they know.
    ContextTooLong,
    /// No key, or a wrong one (401).
    Authentication,
    /// Not allowed from here (403).
    Permission,
    /// No such path (404).
    NotFound,
    /// No such model (404).
    ModelNotFound,
    /// Another method is needed (405).
    MethodNotAllowed,
    /// The body is larger than the limit (413).
    TooLarge,
    /// The body is not declared as JSON, or is compressed in an unknown way (415).
    UnsupportedMediaType,
    /// A websocket or another protocol is needed or refused (426).
    UpgradeRequired,
    /// Too many requests (429).
    RateLimit,
    /// Something broke in the gateway (500).
    Internal,
    /// What is asked for is not built (501).
    NotImplemented,
    /// The provider answered with nothing usable (502).
    BadGateway,
    /// No provider can take the request now (503).
    Overloaded,
    /// The provider did not answer in time (504).
    Timeout,
}

impl FaultKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 16] = [
        Self::InvalidRequest,
        Self::ContextTooLong,
        Self::Authentication,
        Self::Permission,
        Self::NotFound,
        Self::ModelNotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::UpgradeRequired,
        Self::RateLimit,
        Self::Internal,
        Self::NotImplemented,
        Self::BadGateway,
        Self::Overloaded,
        Self::Timeout,
    ];

    /// The HTTP status that goes with it at most vendors; `Codec::status` knows exceptions.
    #[must_use]
    pub fn status(self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::InvalidRequest | Self::ContextTooLong => StatusCode::BAD_REQUEST,
            Self::Authentication => StatusCode::UNAUTHORIZED,
            Self::Permission => StatusCode::FORBIDDEN,
            Self::NotFound | Self::ModelNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::RateLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The kind that a status stands for, as near as there is one.
    #[must_use]
    pub fn from_status(status: http::StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Authentication,
            403 => Self::Permission,
            404 => Self::NotFound,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            400..=499 => Self::InvalidRequest,
            503 | 529 => Self::Overloaded,
            504 => Self::Timeout,
            _ => Self::BadGateway,
        }
    }
}
