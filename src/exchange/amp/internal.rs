//! `/api/internal`: the methods that Amp's clients of spring 2026 need to run without an account,
//! answered here. What is not known here is told as an error, in the envelope of this protocol: a
//! method that does nothing must not look as if it had worked. Nothing claims a subscription or a
//! grant for the user.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::chat::FaultKind;
use crate::exchange::error::GatewayError;

/// The local user's id, stable so that Amp takes its own threads for its own.
const USER: &str = "local-llm-router";
const EMAIL: &str = "local@localhost";

/// One call of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method; `None` asks who the user is.
    pub method: Option<String>,
    body: Map<String, Value>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Result(Value),
    Error { code: &'static str, message: String },
}

impl Request {
    /// Reads a call: its method stands in the body, or else in the query (`?getUserInfo`,
    /// `?method=getUserInfo`), or else in the path.
    ///
    /// # Errors
    /// 400 if there is a body that is no JSON object.
    pub fn read(path: &str, query: Option<&str>, body: &Bytes) -> Result<Self, GatewayError> {
        let body = if body.iter().all(u8::is_ascii_whitespace) {
            Map::new()
        } else {
            serde_json::from_slice(body).map_err(|error| {
                let message = format!("the body is not a JSON object: {error}");
                GatewayError::new(FaultKind::InvalidRequest, message)
            })?
        };
        let named = body.get("method").and_then(Value::as_str).map(str::trim);
        let named = named.filter(|method| !method.is_empty()).map(Cow::Borrowed);
        let below = path.strip_prefix("/api/internal").unwrap_or_default().trim_matches('/');
        let below = (!below.is_empty()).then(|| percent_decode_str(below).decode_utf8_lossy());
        let method = named.or_else(|| query.and_then(method_of)).or(below).map(Cow::into_owned);
        Ok(Self { method, body })
    }

    /// Names of the parameters, for the capture.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        self.body.keys().map(String::as_str).collect()
    }

    /// Answers.
    #[must_use]
    pub fn answer(&self) -> Outcome {
        let params = self.body.get("params").unwrap_or(&Value::Null);
        let failed = |code, message: &str| Outcome::Error { code, message: message.to_owned() };
        Outcome::Result(match self.method.as_deref() {
            None | Some("getUserInfo") => self.user(params),
            Some("getUserFreeTierStatus") => json!({
                "canUseAmpFree": false,
                "isDailyGrantEnabled": false,
                "features": [],
            }),
            Some("uploadThread") => json!({
                "uploaded": true,
                "threadId": text(&params["thread"]["id"]),
                "version": params["thread"]["v"].as_number(),
            }),
            Some("setThreadMeta") => {
                json!({ "updated": true, "threadId": text(&params["thread"]) })
            }
            Some("getThreadLinkInfo") => json!({ "creatorUserID": USER }),
            // What a team shares: there is no team.
            Some("loadPlugins") => json!([]),
            Some("getThread") => {
                return failed("thread-not-found", "threads are not kept by llm-router");
            }
            Some(other) => {
                let shown: String = other.chars().take(80).collect();
                let message = format!(
                    "`{shown}` needs Amp's own server, which this llm-router is not connected to \
                     (`ampRouting.upstreamUrl`)"
                );
                return failed("method-not-available", &message);
            }
        })
    }

    /// Who the user is here. All that is said to be valid is what was checked: that this gateway
    /// takes the key that came.
    fn user(&self, params: &Value) -> Value {
        let mode = text(&self.body.get("mode").cloned().unwrap_or_default());
        json!({
            "id": USER,
            "name": "llm-router",
            "username": "llm-router",
            "email": EMAIL,
            "plan": "local",
            "authenticated": true,
            "isAuthenticated": true,
            "apiKeyValid": true,
            "hasApiKey": true,
            "features": [],
            "user": { "id": USER, "email": EMAIL, "name": "llm-router" },
            "mode": mode.or_else(|| text(&params["mode"])),
        })
    }

    /// The answer in the envelope that the request came in.
    #[must_use]
    pub fn envelope(&self, outcome: &Outcome) -> Value {
        if self.body.contains_key("id") || self.body.contains_key("jsonrpc") {
            let id = self.body.get("id").cloned().unwrap_or_default();
            return match outcome {
                Outcome::Result(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
                // JSON-RPC 2.0, section 5.1: the method is not available.
                Outcome::Error { code, message } => json!({
                    "jsonrpc": "2.0",
                    "id": id,
                    "error": { "code": -32601, "message": message, "data": { "code": code } },
                }),
            };
        }
        match outcome {
            Outcome::Result(result) => json!({ "ok": true, "result": result }),
            Outcome::Error { code, message } => {
                json!({ "ok": false, "error": { "code": code, "message": message } })
            }
        }
    }
}

/// The method that a query names: a key without a value, or `method`.
#[must_use]
pub fn method_of(query: &str) -> Option<Cow<'_, str>> {
    let pairs = || query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let named = pairs().find(|(key, value)| *key == "method" && !value.is_empty());
    let bare = || pairs().find(|(key, value)| !key.is_empty() && value.is_empty());
    let method = named.map(|(_, value)| value).or_else(|| bare().map(|(key, _)| key))?;
    Some(percent_decode_str(method).decode_utf8_lossy())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, query: Option<&str>, body: &str) -> String {
        match Request::read(path, query, &Bytes::from(body.to_owned())) {
            Ok(request) => request.envelope(&request.answer()).to_string(),
            Err(error) => error.message,
        }
    }

    #[test]
    fn methods_are_answered_in_their_envelope() {
        let free = r#"{"ok":true,"result":{"canUseAmpFree":false,"isDailyGrantEnabled":false,"features":[]}}"#;
        for (query, body, expected) in [
            (None, r#"{"method":"getUserFreeTierStatus","params":{}}"#, free),
            (Some("getUserFreeTierStatus"), "", free),
            (Some("getUserFreeTierStatus="), "{}", free),
            (Some("a=1&method=getUserFreeTierStatus"), " ", free),
            // The body says more than the query.
            (Some("uploadThread"), r#"{"method":"getUserFreeTierStatus"}"#, free),
            (Some("loadPlugins"), "{}", r#"{"ok":true,"result":[]}"#),
            (
                None,
                r#"{"method":"uploadThread","params":{"thread":{"id":"T-1","v":7,"messages":["x"]}}}"#,
                r#"{"ok":true,"result":{"uploaded":true,"threadId":"T-1","version":7}}"#,
            ),
            (
                None,
                r#"{"method":"uploadThread"}"#,
                r#"{"ok":true,"result":{"uploaded":true,"threadId":null,"version":null}}"#,
            ),
            (
                None,
                r#"{"method":"setThreadMeta","params":{"thread":"T-1"},"id":4}"#,
                r#"{"jsonrpc":"2.0","id":4,"result":{"updated":true,"threadId":"T-1"}}"#,
            ),
            (
                Some("getThread"),
                "{}",
                r#"{"ok":false,"error":{"code":"thread-not-found","message":"threads are not kept by llm-router"}}"#,
            ),
            (
                Some("webSearch2"),
                "{}",
                r#"{"ok":false,"error":{"code":"method-not-available","message":"`webSearch2` needs Amp's own server, which this llm-router is not connected to (`ampRouting.upstreamUrl`)"}}"#,
            ),
            (
                None,
                r#"{"jsonrpc":"2.0","method":"x"}"#,
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"`x` needs Amp's own server, which this llm-router is not connected to (`ampRouting.upstreamUrl`)","data":{"code":"method-not-available"}}}"#,
            ),
            (
                None,
                "[]",
                "the body is not a JSON object: invalid type: sequence, expected a map at line 1 column 0",
            ),
        ] {
            assert_eq!(check("/api/internal", query, body), expected, "{query:?} {body}");
        }
        let below = check("/api/internal/github-auth-status", None, "");
        assert!(below.contains("`github-auth-status` needs Amp's own server"), "{below}");
    }

    #[test]
    fn the_user_is_local_and_entitled_to_nothing() {
        for (query, body) in [
            (None, ""),
            (Some("getUserInfo"), r#"{"mode":"deep"}"#),
            (None, r#"{"method":"getUserInfo","params":{}}"#),
        ] {
            let answer: Value = serde_json::from_str(&check("/api/internal", query, body)).unwrap();
            let user = &answer["result"];
            assert_eq!(answer["ok"], true);
            assert_eq!((&user["id"], &user["plan"]), (&json!(USER), &json!("local")));
            assert_eq!(user["features"], json!([]));
            assert_eq!(user["user"]["email"], EMAIL);
            assert_eq!(user["mode"].as_str(), body.contains("deep").then_some("deep"));
            let text = user.to_string();
            for claim in ["Free", "Grant", "credits", "team", "freeTier"] {
                assert!(!text.contains(claim), "{claim}");
            }
        }
    }
}
