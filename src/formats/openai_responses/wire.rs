//! The pieces of the wire that requests, replies and streams share: items, their parts, and what
//! they are called. Knows nothing of the order in which they come.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::FORMAT;
use crate::{
    chat::{Citation, HostedKind, Json, Source},
    formats::{
        raw::{Text, open_struct},
        write,
    },
};

open_struct! {
    /// An item of the input or the output (OpenAI, "Responses", "Input items").
    pub(super) struct Item<'a> {
        kind: Text<'a> = "type",
        role: Text<'a> = "role",
        id: Text<'a> = "id",
        status: Json<'a> = "status",
        content: Listed<'a, Part<'a>> = "content",
        output: Listed<'a, Part<'a>> = "output",
        summary: Listed<'a, Part<'a>> = "summary",
        encrypted_content: Text<'a> = "encrypted_content",
        call_id: Text<'a> = "call_id",
        name: Text<'a> = "name",
        namespace: Text<'a> = "namespace",
        arguments: &'a RawValue = "arguments",
        input: &'a RawValue = "input",
        result: Text<'a> = "result",
        output_format: Text<'a> = "output_format",
        tools: &'a RawValue = "tools",
        reasoning: &'a RawValue = "reasoning",
    }
}

open_struct! {
    /// A part of an item's content, output or summary.
    pub(super) struct Part<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        image_url: Text<'a> = "image_url",
        detail: Text<'a> = "detail",
        file_id: Text<'a> = "file_id",
        file_data: Text<'a> = "file_data",
        file_url: Text<'a> = "file_url",
        filename: Text<'a> = "filename",
        input_audio: Audio<'a> = "input_audio",
        annotations: Vec<&'a RawValue> = "annotations",
        logprobs: Json<'a> = "logprobs",
    }
}

open_struct! {
    pub(super) struct Audio<'a> {
        data: Text<'a> = "data",
        format: Text<'a> = "format",
    }
}

impl Part<'_> {
    /// The part as JSON again: of one that nobody here has a word for.
    pub(super) fn rebuilt(&self, kind: &str) -> Json<'static> {
        let texts = [
            ("text", &self.text),
            ("refusal", &self.refusal),
            ("image_url", &self.image_url),
            ("detail", &self.detail),
            ("file_id", &self.file_id),
            ("file_data", &self.file_data),
            ("file_url", &self.file_url),
            ("filename", &self.filename),
        ];
        let mut out = Vec::new();
        write::object(&mut out, |part| {
            part.value("type", kind);
            for (key, text) in texts {
                part.maybe(key, text.as_ref().map(|text| &*text.0));
            }
            part.maybe("annotations", self.annotations.as_ref());
            part.maybe("logprobs", self.logprobs.as_ref());
            for (key, value) in &self.extra {
                part.raw(key, value.get());
            }
        });
        let text = String::from_utf8(out).unwrap_or_default();
        Json::parse(&text).map_or_else(|| Json::of(&()), Json::into_owned)
    }
}

/// What is either one text or a list of things.
#[derive(Debug)]
pub(super) enum Listed<'a, T> {
    Text(Cow<'a, str>),
    List(Vec<T>),
    /// Neither: nothing that we read.
    Other,
}

impl<T> Listed<'_, T> {
    /// The list; a text is none.
    pub(super) fn into_list(self) -> Vec<T> {
        match self {
            Self::List(list) => list,
            Self::Text(_) | Self::Other => Vec::new(),
        }
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Listed<'a, T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(ListedVisitor(PhantomData))
    }
}

struct ListedVisitor<'a, T>(PhantomData<(&'a (), T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for ListedVisitor<'a, T> {
    type Value = Listed<'a, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Listed::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Listed::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = list.next_element()? {
            all.push(element);
        }
        Ok(Listed::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Listed::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Listed::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Listed::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Listed::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Listed::Other)
    }
}

/// The text in an optional member.
pub(super) fn text(member: Option<Text<'_>>) -> Option<Cow<'_, str>> {
    member.map(|text| text.0)
}

/// The text of a JSON string, and JSON that is no string as it stands: arguments are sometimes an
/// object where they must be text.
pub(super) fn string_or_source(json: Option<&RawValue>) -> Cow<'_, str> {
    let Some(json) = json else { return Cow::Borrowed("") };
    match json.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(json.get()).unwrap_or_default().0,
        Some(b'n') | None => Cow::Borrowed(""),
        Some(_) => Cow::Borrowed(json.get()),
    }
}

/// Whether this JSON array has no elements.
pub(super) fn is_empty_list(json: &str) -> bool {
    json.trim_start_matches('[').trim_start().starts_with(']') || json == "null"
}

/// Where the bytes behind a URL are: in it, if it is a data URL.
pub(super) fn source(url: Cow<'_, str>) -> Source<'_> {
    match url {
        Cow::Borrowed(url) => match data_url(url) {
            Some((media_type, data)) => {
                Source::Base64 { media_type: media_type.into(), data: data.into() }
            }
            None => Source::Url { url: url.into(), media_type: None },
        },
        Cow::Owned(url) => match data_url(&url) {
            Some((media_type, data)) => Source::Base64 {
                media_type: media_type.to_owned().into(),
                data: data.to_owned().into(),
            },
            None => Source::Url { url: url.into(), media_type: None },
        },
    }
}

/// Media type and base64 of a data URL (RFC 2397); parameters of the type are left out.
fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or_default(), data))
}

open_struct! {
    struct Annotation<'a> {
        url: Text<'a> = "url",
        title: Text<'a> = "title" | "filename",
        quote: Text<'a> = "quote",
        start_index: u32 = "start_index",
        end_index: u32 = "end_index",
    }
}

/// An annotation of a text.
pub(super) fn citation(raw: &RawValue) -> Citation<'_> {
    let read: Annotation<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
    Citation {
        url: text(read.url),
        title: text(read.title),
        quote: text(read.quote),
        range: read.start_index.zip(read.end_index),
        format: FORMAT,
        raw: raw.into(),
    }
}

/// What a tool of the vendor is called, in `tools` and in the names of its items.
pub(super) fn hosted_tool(kind: &str) -> Option<HostedKind> {
    Some(match kind {
        _ if kind.starts_with("web_search") => HostedKind::WebSearch,
        _ if kind.starts_with("computer") => HostedKind::ComputerUse,
        _ if kind.starts_with("mcp") => HostedKind::Mcp,
        "file_search" => HostedKind::FileSearch,
        "code_interpreter" => HostedKind::CodeExecution,
        "image_generation" => HostedKind::ImageGeneration,
        "tool_search" => HostedKind::ToolSearch,
        "shell" | "local_shell" => HostedKind::Shell,
        "apply_patch" => HostedKind::TextEditor,
        _ => return None,
    })
}

/// The tool of the vendor that an item tells of: `web_search_call`, `shell_call_output`, ...
pub(super) fn hosted_item(kind: &str) -> Option<HostedKind> {
    let name = kind.strip_suffix("_output").unwrap_or(kind);
    let name = name.strip_suffix("_call").unwrap_or(name);
    if name == kind && !kind.starts_with("mcp_") {
        return None;
    }
    hosted_tool(name)
}

open_struct! {
    struct Act<'a> {
        action: Action<'a> = "action",
        code: Text<'a> = "code",
        queries: Vec<Text<'a>> = "queries",
    }
}

open_struct! {
    struct Action<'a> {
        query: Text<'a> = "query",
        url: Text<'a> = "url",
    }
}

/// What a tool of the vendor was asked for, in words.
pub(super) fn query(raw: &RawValue) -> Option<Cow<'_, str>> {
    let act: Act<'_> = serde_json::from_str(raw.get()).ok()?;
    let action = act.action.unwrap_or_default();
    let first = act.queries.unwrap_or_default().into_iter().next();
    text(action.query.or(action.url).or(act.code).or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_the_vendors_tools_are_known_by_their_names() {
        for (kind, expected) in [
            ("web_search_call", Some(HostedKind::WebSearch)),
            ("code_interpreter_call", Some(HostedKind::CodeExecution)),
            ("local_shell_call_output", Some(HostedKind::Shell)),
            ("apply_patch_call", Some(HostedKind::TextEditor)),
            ("mcp_list_tools", Some(HostedKind::Mcp)),
            ("mcp_approval_response", Some(HostedKind::Mcp)),
            ("tool_search_output", Some(HostedKind::ToolSearch)),
            ("computer_call_output", Some(HostedKind::ComputerUse)),
            ("function_call", None),
            ("custom_tool_call", None),
            ("compaction", None),
            ("web_search", None),
        ] {
            assert_eq!(hosted_item(kind), expected, "{kind}");
        }
    }

    #[test]
    fn bytes_in_a_url_are_told_from_bytes_behind_it() {
        for (url, expected) in [
            ("data:image/png;base64,AAAA", Some(("image/png", "AAAA"))),
            ("data:text/plain;charset=utf-8;base64,QQ==", Some(("text/plain", "QQ=="))),
            ("data:text/plain,hello", None),
            ("https://example.com/a,b", None),
        ] {
            assert_eq!(data_url(url), expected, "{url}");
        }
    }
}
