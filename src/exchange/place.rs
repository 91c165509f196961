//! What a method and a path ask for: the whole table of the gateway's paths.

mod amp;

use std::borrow::Cow;

use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;

use super::error::GatewayError;
use crate::{
    chat::FaultKind,
    names::did_you_mean,
    protocol::{Format, Operation},
};

/// What is asked for, and the format in which errors about it are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'p> {
    pub asked: Asked<'p>,
    pub format: Format,
}

/// What a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<'p> {
    /// A call of a model; Gemini names the model in the path.
    Call { operation: Operation, model: Option<Cow<'p, str>> },
    /// A call whose format shows in its body.
    Unified,
    /// The list of models.
    Models,
    /// One model.
    Model(Cow<'p, str>),
    /// Whether the gateway lives.
    Health,
    /// What this is and where to go.
    Root,
    /// The admin surface, `/-/...`: the rest of the path.
    Admin(&'p str),
    /// A method of Amp's own.
    AmpInternal,
    /// What only Amp's server can answer.
    AmpServer,
}

/// The prefixes that clients are pointed to. `/route` takes every format; the others what their
/// vendor has.
const PREFIXES: [(&str, Scope); 4] = [
    ("/route", Scope::All),
    ("/router", Scope::All),
    ("/anthropic", Scope::Only(Format::Anthropic)),
    ("/openai", Scope::Only(Format::OpenAi)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    /// One vendor's operations; for `openai` those of Responses too.
    Only(Format),
}

impl Scope {
    fn holds(self, operation: Operation) -> bool {
        match self {
            Self::All => true,
            Self::Only(Format::OpenAi) => {
                matches!(operation.format(), Format::OpenAi | Format::OpenAiResponses)
            }
            Self::Only(format) => operation.format() == format,
        }
    }
}

/// Version segments in front of an operation. Doubled ones (`/v1/v1`) come from a base URL that
/// was given with the version to a client that adds it.
const VERSIONS: [&str; 4] = ["/v1beta1", "/v1alpha", "/v1beta", "/v1"];

/// The format in which errors are told to a client of which nothing but the path and the headers
/// is known.
#[must_use]
pub fn guess_format(path: &str, headers: &HeaderMap) -> Format {
    let path = path.trim_end_matches('/');
    if let Some(format) = amp::format_of_vendor(path) {
        format
    } else if path.starts_with("/anthropic")
        || path.ends_with("/messages")
        || path.ends_with("/count_tokens")
        || headers.contains_key("anthropic-version")
    {
        Format::Anthropic
    } else if path.starts_with("/v1beta")
        || path.starts_with("/v1alpha")
        || headers.contains_key("x-goog-api-key") && !path.contains("/chat/")
    {
        Format::Gemini
    } else if path.ends_with("/responses") {
        Format::OpenAiResponses
    } else {
        Format::OpenAi
    }
}

/// Reads a method and a path.
///
/// # Errors
/// 404 for a path that is not there, with the nearest one; 405 with `Allow` for another method;
/// 426 for a websocket.
pub fn read<'p>(
    method: &Method,
    path: &'p str,
    headers: &HeaderMap,
) -> Result<Place<'p>, GatewayError> {
    let format = guess_format(path, headers);
    let trimmed = path.trim_end_matches('/');
    let (asked, format) = match trimmed {
        "" if is_get(method) => (Asked::Root, format),
        "/health" => (Asked::Health, format),
        _ => match trimmed.strip_prefix("/-/") {
            Some(rest) => (Asked::Admin(rest), format),
            None => find(trimmed, format).ok_or_else(|| not_found(trimmed))?,
        },
    };
    check_method(&asked, method, headers)?;
    Ok(Place { asked, format })
}

fn is_get(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Looks a path up. `None` if it is not there.
fn find(path: &str, format: Format) -> Option<(Asked<'_>, Format)> {
    if amp::has(path) {
        return amp::find(path, format);
    }
    let (prefix, scope) = PREFIXES
        .into_iter()
        .find(|(prefix, _)| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .unwrap_or(("", Scope::All));
    let below = &path[prefix.len()..];
    if without_versions(below).is_empty() {
        let operation = match scope {
            Scope::All => return Some((Asked::Unified, format)),
            Scope::Only(Format::Anthropic) => Operation::Messages,
            Scope::Only(_) => Operation::ChatCompletions,
        };
        return Some((Asked::Call { operation, model: None }, operation.format()));
    }
    find_below(below, scope, format)
}

/// Looks up what stands below a prefix.
fn find_below(path: &str, scope: Scope, format: Format) -> Option<(Asked<'_>, Format)> {
    let rest = amp::without_publisher(without_versions(path)).strip_prefix('/')?;
    if rest == "models" {
        return Some((Asked::Models, format));
    }
    if let Some(name) = rest.strip_prefix("models/").filter(|name| !name.is_empty()) {
        return Some(find_model(name, scope, format));
    }
    let operation = Operation::ALL.into_iter().find(|operation| {
        operation.format() != Format::Gemini
            && operation.ending() == rest
            && scope.holds(*operation)
    })?;
    Some((Asked::Call { operation, model: None }, operation.format()))
}

fn without_versions(mut path: &str) -> &str {
    while let Some(rest) = VERSIONS.iter().find_map(|version| {
        path.strip_prefix(version).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }) {
        path = rest;
    }
    path
}

/// `models/{name}`, or Gemini's `models/{name}:{verb}`. Model names may hold slashes and colons, so
/// only a known verb behind the last colon is one.
fn find_model(name: &str, scope: Scope, format: Format) -> (Asked<'_>, Format) {
    let decode = |text| percent_decode_str(text).decode_utf8_lossy();
    let call = name.rsplit_once(':').and_then(|(model, verb)| {
        let operation = Operation::ALL.into_iter().find(|operation| {
            operation.format() == Format::Gemini
                && operation.ending() == verb
                && scope.holds(*operation)
        })?;
        Some(Asked::Call { operation, model: Some(decode(model)) })
    });
    match call {
        Some(call) => (call, Format::Gemini),
        None => (Asked::Model(decode(name)), format),
    }
}

fn check_method(
    asked: &Asked<'_>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(), GatewayError> {
    let allowed = match asked {
        Asked::Call { operation, .. } => {
            if *operation == Operation::Responses && is_websocket(method, headers) {
                return Err(GatewayError::new(
                    FaultKind::UpgradeRequired,
                    "websockets are not spoken here; use POST with server-sent events",
                ));
            }
            "POST"
        }
        Asked::Unified => "POST",
        Asked::Models | Asked::Model(_) | Asked::Health | Asked::Root | Asked::Admin(_) => {
            "GET, HEAD"
        }
        Asked::AmpInternal | Asked::AmpServer => return Ok(()),
    };
    let fits = if allowed == "POST" { method == Method::POST } else { is_get(method) };
    if fits {
        return Ok(());
    }
    let message = format!("{method} is not allowed on this path; use {allowed}");
    Err(GatewayError::new(FaultKind::MethodNotAllowed, message).allow(allowed))
}

/// Codex first tries a websocket, and falls back to POST at once only on 426.
fn is_websocket(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET
        && headers
            .get(header::UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn not_found(path: &str) -> GatewayError {
    let known: Vec<String> = Operation::ALL
        .into_iter()
        .filter(|operation| operation.format() != Format::Gemini)
        .map(|operation| format!("/v1/{}", operation.ending()))
        .chain(["/v1/models", "/health", "/route", "/v1beta/models"].map(str::to_owned))
        .collect();
    let shown: String = path.chars().take(120).collect();
    let hint = did_you_mean(&shown, known.iter().map(String::as_str));
    GatewayError::new(
        FaultKind::NotFound,
        format!("there is nothing at {shown}{hint} (GET / lists the endpoints)"),
    )
}
