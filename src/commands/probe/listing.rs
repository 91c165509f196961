//! The models that a provider lists.

use serde_json::Value;
use url::Url;

use super::{Asked, Probe, bases, presets_of, verdict::short};
use crate::{
    commands::{running::message, tiny},
    config::AuthKind,
    protocol::Format,
    routing::endpoint,
};

/// One model that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub context_window: Option<u64>,
}

/// A list is longer than this only by mistake.
const MOST_PAGES: usize = 20;

impl Probe<'_> {
    /// The models, asked for in the first format that has a list.
    ///
    /// # Errors
    /// Why there is none: the last refusal.
    pub async fn models(&mut self, found: &[super::Spoken]) -> Result<Vec<Listed>, String> {
        let mut places: Vec<(Format, Url, AuthKind)> = found
            .iter()
            .filter(|spoken| spoken.answer.rank() >= 2)
            .map(|spoken| (spoken.format, spoken.base.clone(), spoken.auth))
            .collect();
        if places.is_empty() {
            places = self.likely_places();
        }
        let mut why = "no URL is configured".to_owned();
        for (format, base, auth) in places {
            match self.list(format, &base, auth).await {
                Ok(models) => return Ok(models),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Where a list may be, if nothing was found out.
    fn likely_places(&self) -> Vec<(Format, Url, AuthKind)> {
        let provider = self.provider;
        let mut formats: Vec<Format> = provider.format.into_iter().collect();
        formats.extend(&provider.formats);
        formats.extend(presets_of(provider).flat_map(|preset| preset.formats.iter().copied()));
        if formats.is_empty() {
            formats = Format::ALL.to_vec();
        }
        // Chat and Responses share a list.
        formats.retain(|format| *format != Format::OpenAiResponses);
        formats.dedup();
        if formats.is_empty() {
            formats.push(Format::OpenAi);
        }
        formats
            .into_iter()
            .flat_map(|format| bases(provider, format).into_iter().map(move |base| (format, base)))
            .flat_map(|(format, base)| {
                let auths = self.auths(format).into_iter();
                auths.map(move |auth| (format, base.clone(), auth))
            })
            .collect()
    }

    async fn list(
        &mut self,
        format: Format,
        base: &Url,
        auth: AuthKind,
    ) -> Result<Vec<Listed>, String> {
        let mut models = Vec::new();
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let url = url(base, format, &next).ok_or("has a bad URL")?;
            let about = format!("{}: which models does it have?", self.provider.id);
            let answer = self.ask(Asked { url, format, auth, body: None }, about).await?;
            if !answer.status().is_success() {
                let told = message(answer.body()).unwrap_or_default();
                let status = answer.status().as_u16();
                let told = format!("the list of models is refused ({status}) {told}");
                return Err(short(&self.scrub(&told)));
            }
            let document: Value = serde_json::from_slice(answer.body())
                .map_err(|_| "the list of models is not JSON".to_owned())?;
            let page = read(&document).ok_or("the list of models has an unknown form")?;
            let is_empty = page.is_empty();
            models.extend(page);
            next = following(&document);
            if next.is_empty() || is_empty {
                break;
            }
        }
        let mut seen = std::collections::HashSet::new();
        models.retain(|model| seen.insert(model.id.clone()));
        Ok(models)
    }
}

/// Where the list of a format stands: beside the operations.
fn url(base: &Url, format: Format, next: &str) -> Option<Url> {
    let operation = tiny::operation(format, false);
    let url = endpoint::join(base, operation, "x");
    let ending = match format {
        Format::Gemini => format!("/x:{}", operation.ending()),
        Format::OpenAi | Format::OpenAiResponses | Format::Anthropic => {
            format!("/{}", operation.ending())
        }
    };
    let root = url.path().strip_suffix(ending.as_str())?;
    let path = if format == Format::Gemini { root.to_owned() } else { format!("{root}/models") };
    let mut list = url.clone();
    list.set_path(&path);
    {
        let mut query = list.query_pairs_mut();
        match format {
            Format::Anthropic => drop(query.append_pair("limit", "1000")),
            Format::Gemini => drop(query.append_pair("pageSize", "1000")),
            Format::OpenAi | Format::OpenAiResponses => {}
        }
        if !next.is_empty() {
            let name = if format == Format::Gemini { "pageToken" } else { "after_id" };
            query.append_pair(name, next);
        }
    }
    if list.query() == Some("") {
        list.set_query(None);
    }
    Some(list)
}

/// The models on a page, in any of the forms that lists have.
fn read(document: &Value) -> Option<Vec<Listed>> {
    let list = document.get("data").or(document.get("models")).unwrap_or(document).as_array()?;
    let listed = |model: &Value| {
        let id = model
            .as_str()
            .or_else(|| ["id", "name", "model"].iter().find_map(|key| model.get(key)?.as_str()))?;
        let id = id.strip_prefix("models/").unwrap_or(id).trim();
        let window = [
            "context_length",
            "context_window",
            "max_model_len",
            "max_context_length",
            "max_input_tokens",
            "inputTokenLimit",
        ];
        let context_window = window.iter().find_map(|key| model.get(key)?.as_u64());
        (!id.is_empty()).then(|| Listed { id: id.to_owned(), context_window })
    };
    Some(list.iter().filter_map(listed).collect())
}

/// Where the next page begins; empty if this is the last.
fn following(document: &Value) -> String {
    let token = document.get("nextPageToken").and_then(Value::as_str);
    let has_more = document.get("has_more").and_then(Value::as_bool).unwrap_or_default();
    let last = document.get("last_id").and_then(Value::as_str).filter(|_| has_more);
    token.or(last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_stand_beside_the_operations() {
        use Format as F;
        for (base, format, next, expected) in [
            ("https://a.test/v1", F::OpenAi, "", "https://a.test/v1/models"),
            ("https://a.test", F::OpenAiResponses, "", "https://a.test/v1/models"),
            ("https://a.test/v1/chat/completions", F::OpenAi, "", "https://a.test/v1/models"),
            ("https://a.test", F::Anthropic, "m", "https://a.test/v1/models?limit=1000&after_id=m"),
            (
                "https://g.test/v1beta",
                F::Gemini,
                "t",
                "https://g.test/v1beta/models?pageSize=1000&pageToken=t",
            ),
            (
                "https://z.test/api/paas/v4?a=b",
                F::OpenAi,
                "",
                "https://z.test/api/paas/v4/models?a=b",
            ),
        ] {
            let url = url(&base.parse().unwrap(), format, next).unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn lists_are_read_in_every_form() {
        for (document, expected) in [
            (
                json!({ "data": [{ "id": "a", "context_length": 7 }, { "id": "grok" }] }),
                vec![("a", Some(7)), ("grok", None)],
            ),
            (
                json!({ "models": [{ "name": "models/g", "inputTokenLimit": 9 }] }),
                vec![("g", Some(9))],
            ),
            (json!([{ "id": "t" }]), vec![("t", None)]),
            (json!({ "models": ["x"] }), vec![("x", None)]),
        ] {
            let read: Vec<(String, Option<u64>)> =
                read(&document).unwrap().into_iter().map(|m| (m.id, m.context_window)).collect();
            let expected: Vec<(String, Option<u64>)> =
                expected.into_iter().map(|(id, n)| (id.to_owned(), n)).collect();
            assert_eq!(read, expected);
        }
        assert_eq!(read(&json!({ "error": 1 })), None);
        assert_eq!(following(&json!({ "has_more": true, "last_id": "m" })), "m");
        assert_eq!(following(&json!({ "has_more": false, "last_id": "m" })), "");
    }
}
