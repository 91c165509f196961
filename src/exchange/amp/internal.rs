//! `/api/internal`: the methods that Amp's clients of spring 2026 need to run without an account,
//! answered here. What is not known here is told as an error, in the envelope of this protocol: a
//! method that does nothing must not look as if it had worked. Nothing claims a subscription or a
//! grant for the user.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::strip::members;

use crate::chat::FaultKind;
use crate::exchange::error::GatewayError;

/// The local user's id, stable so that Amp takes its own threads for its own.
const USER: &str = "local-llm-router";
const EMAIL: &str = "local@localhost";

/// One call of a method. Threads are uploaded whole, again and again: of a body only what is asked
/// for is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method; `None` asks who the user is.
    pub method: Option<String>,
    body: Bytes,
    /// The members of the body, and where their values stand in it.
    members: Vec<(String, Range<usize>)>,
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
        let text = std::str::from_utf8(body).map_err(|_| bad("is not UTF-8"))?;
        let members = if text.trim().is_empty() {
            Vec::new()
        } else if let Some(members) = members(text) {
            members.into_iter().map(|member| (member.key.into_owned(), member.value)).collect()
        } else {
            let error = serde_json::from_str::<IgnoredAny>(text).err();
            return Err(error.map_or_else(
                || bad("is not a JSON object"),
                |error| bad(&format!("is not valid JSON: {error}")),
            ));
        };
        let mut request = Self { method: None, body: body.clone(), members };
        let named = request.field("method").and_then(string);
        let named = named.map(|method| method.trim().to_owned());
        let named = named.filter(|method| !method.is_empty()).map(Cow::Owned);
        let below = path.strip_prefix("/api/internal").unwrap_or_default().trim_matches('/');
        let below = (!below.is_empty()).then(|| percent_decode_str(below).decode_utf8_lossy());
        request.method = named.or_else(|| query.and_then(method_of)).or(below).map(Cow::into_owned);
        Ok(request)
    }

    /// Names of the parameters, for the capture.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        self.members.iter().map(|(key, _)| key.as_str()).collect()
    }

    /// The text of a member of the body, if it is not null.
    fn field(&self, key: &str) -> Option<&str> {
        let (_, range) = self.members.iter().find(|(name, _)| name == key)?;
        let text = std::str::from_utf8(self.body.get(range.clone())?).ok()?;
        (text != "null").then_some(text)
    }

    /// The text of a member of `params`.
    fn param(&self, key: &str) -> Option<&str> {
        inner(self.field("params")?, key)
    }

    /// Answers.
    #[must_use]
    pub fn answer(&self) -> Outcome {
        let thread = self.param("thread");
        let of_thread = |key| inner(thread?, key);
        let failed = |code, message: &str| Outcome::Error { code, message: message.to_owned() };
        Outcome::Result(match self.method.as_deref() {
            None | Some("getUserInfo") => self.user(),
            Some("getUserFreeTierStatus") => json!({
                "canUseAmpFree": false,
                "isDailyGrantEnabled": false,
                "features": [],
            }),
            Some("uploadThread") => json!({
                "uploaded": true,
                "threadId": of_thread("id").and_then(string),
                "version": of_thread("v").and_then(|v| v.parse::<serde_json::Number>().ok()),
            }),
            Some("setThreadMeta") => {
                json!({ "updated": true, "threadId": thread.and_then(string) })
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
    fn user(&self) -> Value {
        let mode = self.field("mode").or_else(|| self.param("mode")).and_then(string);
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
            "mode": mode,
        })
    }

    /// The answer in the envelope that the request came in.
    #[must_use]
    pub fn envelope(&self, outcome: &Outcome) -> Value {
        if self.keys().iter().any(|key| ["id", "jsonrpc"].contains(key)) {
            let id = self.field("id").and_then(|id| serde_json::from_str::<Value>(id).ok());
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

/// The text of a member of an object.
fn inner<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let member = members(object)?.into_iter().find(|member| member.key == key)?;
    object.get(member.value)
}

fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

fn bad(what: &str) -> GatewayError {
    GatewayError::new(FaultKind::InvalidRequest, format!("the body {what}"))
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
            (None, "[]", "the body is not a JSON object"),
            (
                None,
                "{",
                "the body is not valid JSON: EOF while parsing an object at line 1 column 1",
            ),
            (
                None,
                r#"{"method":"uploadThread","params":{"thread":7}}"#,
                r#"{"ok":true,"result":{"uploaded":true,"threadId":null,"version":null}}"#,
            ),
            (
                None,
                r#"{"method":null,"params":[]}"#,
                r#"{"ok":true,"result":{"id":"local-llm-router","name":"llm-router","username":"llm-router","email":"local@localhost","plan":"local","authenticated":true,"isAuthenticated":true,"apiKeyValid":true,"hasApiKey":true,"features":[],"user":{"id":"local-llm-router","email":"local@localhost","name":"llm-router"},"mode":null}}"#,
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
