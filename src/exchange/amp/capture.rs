//! `LLM_ROUTER_DEBUG_AMP_CAPTURE`: what a request of Amp looked like, one line per stage, to find out
//! why a mapping is not used. Shapes and names, never prompts, and no secret wherever it stands:
//! values are shown only of what is known to be neither.

use std::fmt::Write;

use http::{HeaderMap, Method, header};
use serde_json::{Map, Value, json};

use super::internal;
use crate::{
    config::secret::Secret,
    exchange::{call::Call, guard::presented_keys},
    routing::{
        amp::{Decision, Outcome},
        router::Router,
    },
    time::Timestamp,
};

/// What every line begins with.
pub const PREFIX: &str = "[llm-router][amp-capture] ";

/// Headers whose values are shown, by how their names begin. Of all others only the names are.
const SHOWN: [&str; 9] = [
    "accept",
    "anthropic-",
    "content-",
    "openai-beta",
    "user-agent",
    "x-amp-",
    "x-request-id",
    "x-stainless-",
    "transfer-encoding",
];

/// A header with one of these in its name is not mentioned at all.
const SECRET_NAMES: [&str; 9] = [
    "auth",
    "cookie",
    "credential",
    "fingerprint",
    "key",
    "password",
    "secret",
    "signature",
    "token",
];

/// How the keys of well-known services begin.
const SECRET_STARTS: [&str; 13] = [
    "sk-",
    "sk_",
    "sgamp_",
    "aiza",
    "ghp_",
    "gho_",
    "github_pat_",
    "xox",
    "gsk_",
    "hf_",
    "eyj",
    "bearer",
    "gw_",
];
/// A run of letters and digits mixed that is longer than this is no word.
const LONGEST_RUN: usize = 20;

/// The lines of one request.
pub struct Capture<'a> {
    pub request_id: &'a str,
    /// Never shown: the gateway's own key, and what the client presented.
    known: Vec<String>,
}

impl<'a> Capture<'a> {
    /// The capture of the request with these headers.
    #[must_use]
    pub fn new(
        request_id: &'a str,
        headers: &HeaderMap,
        query: Option<&str>,
        key: Option<&Secret>,
    ) -> Self {
        let presented = presented_keys(headers, query).map(std::borrow::Cow::into_owned);
        let mut known: Vec<String> =
            presented.chain(key.map(|key| key.expose().to_owned())).collect();
        known.retain(|key| !key.is_empty());
        Self { request_id, known }
    }

    fn line(&self, stage: &str, now: Timestamp, fields: Value) -> String {
        let mut line = json!({
            "type": "amp-capture",
            "stage": stage,
            "timestamp": now.to_string(),
            // It ties the lines to each other and to the log, and was checked when it came.
            "requestId": self.request_id,
        });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        let mut text = PREFIX.to_owned();
        // Writing into a string cannot fail.
        let _ = write!(text, "{line}");
        text
    }

    /// Stage `incoming`: the request before anything is decided. `body` is what was read of it.
    #[must_use]
    pub fn incoming(
        &self,
        now: Timestamp,
        (method, path, query): (&Method, &str, Option<&str>),
        headers: &HeaderMap,
        body: &[u8],
    ) -> String {
        let header = |name| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.map(|value| self.shown(value))
        };
        let method_of_amp = query.and_then(internal::method_of);
        let fields = json!({
            "method": method.as_str(),
            "path": self.path(path),
            "query": method_of_amp.map(|method| self.word(&method)),
            "contentType": header(header::CONTENT_TYPE),
            "userAgent": header(header::USER_AGENT),
            "routeDetected": detected(path),
            "headers": self.headers(headers),
            "otherHeaders": self.other_headers(headers),
            "body": self.body(body),
        });
        self.line("incoming", now, fields)
    }

    /// Stage `route`: what the request said, and which rule matched.
    #[must_use]
    pub fn route(&self, now: Timestamp, router: &Router, call: &Call) -> String {
        let context = call.amp.as_ref().map(|amp| amp.context(&router.amp, call.model.as_deref()));
        let context = context.unwrap_or_default();
        let decision = router.decide_for_amp(&context);
        let matched = match &decision {
            Decision::Unchanged(_) => None,
            Decision::Mapped { rule, reference } => Some((rule.name(), &**reference)),
        };
        let word = |text: &Option<String>| text.as_deref().map(|text| self.word(text));
        let trace = router.amp.trace(&context);
        let trace: Vec<String> = trace
            .iter()
            .map(|(rule, outcome)| match outcome {
                // What it looked for is among the fields above.
                Outcome::NoEntry(_) => format!("{} has no entry for it", rule.key()),
                Outcome::Match(_) | Outcome::NoEntries | Outcome::Unsaid(_) => {
                    format!("{} {outcome}", rule.key())
                }
            })
            .collect();
        let fields = json!({
            "sourceFormat": call.format().name(),
            "stream": call.streams,
            "requestedModel": word(&context.model),
            "ampMode": word(&context.mode),
            "ampAgent": word(&context.agent),
            "ampApplication": context.application.as_deref().map(|text| self.shown(text)),
            "ampProvider": word(&context.provider),
            "ampMatchedBy": matched.map(|(rule, _)| rule),
            "ampMatchedRef": matched.map(|(_, reference)| reference),
            "ampResolvedRequestedModel":
                matched.map(|(_, reference)| reference.to_owned()).or_else(|| word(&context.model)),
            "trace": trace,
        });
        self.line("route", now, fields)
    }

    /// Stage `amp-internal-response`: what a method of Amp's own was answered.
    #[must_use]
    pub fn internal(
        &self,
        now: Timestamp,
        request: &internal::Request,
        outcome: &internal::Outcome,
    ) -> String {
        let (ok, keys, code) = match outcome {
            internal::Outcome::Result(result) => {
                let keys = result.as_object().into_iter().flat_map(Map::keys).cloned().collect();
                (true, keys, None)
            }
            internal::Outcome::Error { code, .. } => (false, Vec::new(), Some(*code)),
        };
        let payload: Vec<String> =
            request.keys().into_iter().take(40).map(|key| self.word(key)).collect();
        let fields = json!({
            "method": request.method.as_deref().map(|method| self.word(method)),
            "payloadKeys": payload,
            "resultKeys": keys,
            "ok": ok,
            "code": code,
        });
        self.line("amp-internal-response", now, fields)
    }

    /// Stage `amp-upstream-response`: what Amp's own server answered.
    #[must_use]
    pub fn upstream(&self, now: Timestamp, status: u16) -> String {
        self.line("amp-upstream-response", now, json!({ "status": status }))
    }

    fn headers(&self, headers: &HeaderMap) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in headers {
            let name = name.as_str();
            let known = SHOWN.into_iter().any(|start| name.starts_with(start));
            if known && !is_secret_name(name) {
                let value = value.to_str().map_or("[bytes]".to_owned(), |value| self.shown(value));
                shown.insert(name.to_owned(), value.into());
            }
        }
        shown
    }

    fn other_headers(&self, headers: &HeaderMap) -> Vec<String> {
        let other = headers.keys().map(http::HeaderName::as_str).filter(|name| {
            !is_secret_name(name) && !SHOWN.into_iter().any(|start| name.starts_with(start))
        });
        other.take(40).map(|name| self.word(name)).collect()
    }

    fn path(&self, path: &str) -> String {
        let segments: Vec<String> =
            path.split('/').take(24).map(|segment| self.word(segment)).collect();
        segments.join("/")
    }

    /// The shape of a body.
    fn body(&self, body: &[u8]) -> Value {
        if body.is_empty() {
            return Value::Null;
        }
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            return json!({ "_captureParseError": true, "_rawBytes": body.len() });
        };
        let words = |value: Option<&Value>, key: &str, most: usize| -> Option<Vec<String>> {
            let items = value?.as_array()?.iter().take(most);
            let word = |item: &Value| item[key].as_str().map_or("-".into(), |text| self.word(text));
            Some(items.map(word).collect())
        };
        let count = |key: &str| body.get(key).and_then(Value::as_array).map(Vec::len);
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(|text| self.word(text));
        let params = body.get("params");
        let keys = |object: &Map<String, Value>| -> Vec<String> {
            object.keys().take(40).map(|key| self.word(key)).collect()
        };
        let mut summary = json!({
            "topLevelKeys": keys(&body),
            "interestingFields": self.interesting(&body),
            "model": text("model"),
            "stream": body.get("stream").and_then(Value::as_bool),
            "messageCount": count("messages"),
            "messageRoles": words(body.get("messages"), "role", 8),
            "inputItemCount": count("input"),
            "inputItemTypes": words(body.get("input"), "type", 12),
            "contentCount": count("contents"),
            "toolCount": count("tools"),
            "method": text("method"),
            "paramsKeys": params.and_then(Value::as_object).map(keys),
        });
        if let Some(summary) = summary.as_object_mut() {
            summary.retain(|_, value| !value.is_null());
        }
        summary
    }

    /// The fields that name a mode or an agent.
    fn interesting(&self, body: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        for place in ["", "metadata", "params"] {
            let inner = if place.is_empty() {
                Some(body)
            } else {
                body.get(place).and_then(Value::as_object)
            };
            for field in ["mode", "agentMode", "agent", "agentType"] {
                if let Some(value) = inner.and_then(|inner| inner.get(field)) {
                    let path = [place, field]
                        .into_iter()
                        .filter(|part| !part.is_empty())
                        .collect::<Vec<_>>();
                    let value =
                        value.as_str().map_or("[no text]".to_owned(), |text| self.word(text));
                    shown.insert(path.join("."), value.into());
                }
            }
        }
        shown
    }

    /// A value that may be a phrase: one line, bounded, no secret.
    fn shown(&self, text: &str) -> String {
        if self.known.iter().any(|key| text.contains(key.as_str())) || is_secret(text) {
            return "[redacted]".to_owned();
        }
        text.chars().take(512).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// A value that is one word, or else is not shown.
    fn word(&self, text: &str) -> String {
        let fits = text.chars().count() <= 96
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:@/+-~[]".contains(c));
        if fits { self.shown(text) } else { "[text]".to_owned() }
    }
}

fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.into_iter().any(|part| name.contains(part))
}

/// Whether some text has the looks of a key.
fn is_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)));
    let starts = |word: &str| SECRET_STARTS.into_iter().any(|start| word.starts_with(start));
    words.clone().any(starts)
        || lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
            run.len() > LONGEST_RUN
                && run.bytes().any(|byte| byte.is_ascii_digit())
                && run.bytes().any(|byte| byte.is_ascii_alphabetic())
        })
}

/// What a path is taken for.
fn detected(path: &str) -> &'static str {
    if super::is_internal(path) {
        "amp-internal"
    } else if super::provider(path).is_some_and(|vendor| vendor.eq_ignore_ascii_case("google")) {
        "amp-provider-gemini-route"
    } else if super::provider(path).is_some() {
        "amp-provider-route"
    } else if path.starts_with("/api/") || path.starts_with("/actors") {
        "amp-server"
    } else if path.ends_with("/models") {
        "models"
    } else {
        "route"
    }
}

#[cfg(test)]
mod tests;
