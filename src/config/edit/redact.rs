//! Documents for other eyes: every secret masked, with a fingerprint that tells it from the next.

use serde_json::{Map, Value};

use super::hex;
use crate::config::secret::SecretSource;

/// How the names of keys that hold secrets end, without dashes and in lower case.
const SECRET_ENDINGS: [&str; 8] = [
    "masterkey",
    "apikey",
    "credential",
    "secret",
    "token",
    "password",
    "authorization",
    "accesskey",
];

/// The document without a secret. References (`env:`, `file:`) stay: they are none.
#[must_use]
pub fn redacted(document: &Value) -> Value {
    walk(document, false)
}

fn walk(value: &Value, in_headers: bool) -> Value {
    match value {
        Value::Object(members) => {
            let members =
                members.iter().map(|(key, value)| (key.clone(), member(key, value, in_headers)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(list) => list.iter().map(|value| walk(value, in_headers)).collect(),
        Value::String(text) => Value::from(without_query(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn member(key: &str, value: &Value, in_headers: bool) -> Value {
    let name: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    match value {
        Value::String(text) if in_headers || is_secret_name(&name) => Value::from(masked(text)),
        Value::Number(_) if in_headers || is_secret_name(&name) => {
            Value::from(masked(&value.to_string()))
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => walk(value, name == "headers"),
    }
}

/// Whether a key of this name, without dashes and in lower case, holds a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    name == "key" || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// A reference as it is; anything else as a mask with its fingerprint.
#[must_use]
pub fn masked(text: &str) -> String {
    match SecretSource::checked(text.trim()) {
        Ok(source @ (SecretSource::Environment(_) | SecretSource::File(_))) => source.to_string(),
        Ok(SecretSource::Literal(_)) if text.trim().is_empty() => text.to_owned(),
        Ok(SecretSource::Literal(_)) | Err(_) => format!("••••{}", fingerprint(text)),
    }
}

/// Tells one secret from another and no more: 24 bits of a hash.
#[must_use]
pub fn fingerprint(secret: &str) -> String {
    hex(format!("llm-router fingerprint {secret}").as_bytes(), 6)
}

/// URLs may carry keys behind `?` and in front of `@`.
fn without_query(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?••••"));
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://••••{}{query}", &rest[at..]),
        None => format!("{scheme}://{rest}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn references_stay_and_secrets_go() {
        let document = json!({
            "masterKey": "env:KEY",
            "providers": [{
                "id": "p", "apiKey": " sk-live ", "apiKeyEnv": "NAME", "credential": "file:~/k",
                "headers": { "x-a": "b", "x-off": false, "x-ref": "env:X" },
                "baseUrl": "https://me:pw@a.test/v1?key=sk-live",
            }],
            "amp": { "upstreamApiKey": "sk-live", "note": "kept" },
        });
        let shown = redacted(&document);
        assert_eq!(shown["masterKey"], "env:KEY");
        let provider = &shown["providers"][0];
        assert_eq!(provider["apiKeyEnv"], "NAME");
        assert_eq!(provider["credential"], "file:~/k");
        assert_eq!(provider["headers"]["x-off"], false);
        assert_eq!(provider["headers"]["x-ref"], "env:X");
        assert_eq!(provider["baseUrl"], "https://••••@a.test/v1?••••");
        assert_eq!(shown["amp"]["note"], "kept");
        let text = shown.to_string();
        assert!(!text.contains("sk-live") && !text.contains("pw@"), "{text}");
        assert_ne!(masked("sk-live"), masked("sk-other"));
    }

    proptest! {
        #[test]
        fn a_secret_shows_nowhere(secret in "[a-zA-Z0-9]{12,30}") {
            for key in ["masterKey", "apiKey", "api-key", "x-api-key", "accessToken", "client_secret"] {
                let document = json!({ "deep": [{ key: secret }], "headers": { "anything": secret } });
                prop_assert!(!redacted(&document).to_string().contains(&secret), "{}", key);
            }
        }
    }
}
