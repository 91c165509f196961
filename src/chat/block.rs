//! The pieces of a message: what is said, shown, called, answered or only carried.

use std::borrow::Cow;

use super::{Document, Extra, Image, Json, Place, Source};
use crate::protocol::Format;

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    pub content: Content<'a>,
    /// The client's wish that a provider's prompt cache reaches up to the end of this.
    pub cache: Option<CacheMark>,
    /// A proof that its maker wants back with this block. Of reasoning mostly; Gemini puts it on
    /// calls and text.
    pub seal: Option<Seal<'a>>,
    /// Members of the block that have no word here.
    pub extra: Vec<Extra<'a>>,
    /// Where it stands in the client's body.
    pub place: Place,
}

impl<'a> Block<'a> {
    /// A block without marks.
    #[must_use]
    pub fn new(content: Content<'a>) -> Self {
        Self { content, cache: None, seal: None, extra: Vec::new(), place: Place::default() }
    }

    /// Plain text.
    #[must_use]
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(Content::Text { text: text.into(), citations: Vec::new() })
    }

    /// The same at its place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Content::Text { text, .. } = &self.content { Some(text) } else { None }
    }

    /// The call, if this is one.
    #[must_use]
    pub fn call(&self) -> Option<&ToolCall<'a>> {
        if let Content::ToolCall(call) = &self.content { Some(call) } else { None }
    }

    /// The result of a tool, if this is one.
    #[must_use]
    pub fn result(&self) -> Option<&ToolResult<'a>> {
        if let Content::ToolResult(result) = &self.content { Some(result) } else { None }
    }
}

/// What a piece of a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    Text {
        text: Cow<'a, str>,
        citations: Vec<Citation<'a>>,
    },
    Image(Image<'a>),
    /// Anything else in a file: PDF, plain text, video.
    Document(Document<'a>),
    Audio(Source<'a>),
    /// The model's own reasoning; its seal is the block's.
    Reasoning(Reasoning<'a>),
    ToolCall(ToolCall<'a>),
    ToolResult(ToolResult<'a>),
    /// A result's way to say that this tool is loaded now (Anthropic, `tool_reference`).
    ToolReference(Cow<'a, str>),
    /// The model said no, in these words.
    Refusal(Cow<'a, str>),
    /// What a tool of the vendor did.
    Hosted(Hosted<'a>),
    /// Something without a word here: the whole block as its format writes it.
    Opaque {
        format: Format,
        /// The name that its format gives it.
        kind: Cow<'a, str>,
        raw: Json<'a>,
    },
}

/// Up to where a prompt is worth caching.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheMark {
    pub ttl: Option<CacheTtl>,
}

/// How long a provider should keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheTtl {
    FiveMinutes,
    OneHour,
}

/// What a provider signed or encrypted for itself. It goes back unchanged to a target that speaks
/// `format`, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal<'a> {
    /// The format in which it was issued.
    pub format: Format,
    pub kind: SealKind,
    pub data: Cow<'a, str>,
    /// The id of the item that it belongs to, where the vendor binds it to that (OpenAI).
    pub item: Option<Cow<'a, str>>,
}

impl Seal<'_> {
    /// The same, without a tie to the body.
    #[must_use]
    pub fn into_owned(self) -> Seal<'static> {
        Seal {
            format: self.format,
            kind: self.kind,
            data: Cow::Owned(self.data.into_owned()),
            item: self.item.map(|item| Cow::Owned(item.into_owned())),
        }
    }
}

/// How a seal relates to what can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealKind {
    /// Signs the readable block, which must not be changed (Anthropic, Gemini).
    Signature,
    /// Holds the reasoning, of which the text is at most a summary (OpenAI).
    Encrypted,
    /// Holds reasoning of which nothing may be read (Anthropic, `redacted_thinking`).
    Redacted,
}

/// What the model thought. Without text if only its seal may travel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasoning<'a> {
    /// The reasoning itself, as far as the provider shows it.
    pub text: Cow<'a, str>,
    /// A summary in parts (OpenAI Responses).
    pub summary: Vec<Cow<'a, str>>,
}

impl Reasoning<'_> {
    /// What can be shown: the text, else the summary with its parts set apart by blank lines.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        match (&*self.text, self.summary.as_slice()) {
            ("", [only]) => Cow::Borrowed(only),
            ("", parts) => Cow::Owned(parts.join("\n\n")),
            (text, _) => Cow::Borrowed(text),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall<'a> {
    /// What the result refers to. Never empty: decoders make one up where their format has none,
    /// always the same for the same conversation.
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// The namespace of the tool (OpenAI Responses).
    pub namespace: Option<Cow<'a, str>>,
    /// JSON source as the client wrote it, for freeform calls plain text. Empty means `{}`. May be
    /// malformed where the format carries it inside a string.
    pub arguments: Cow<'a, str>,
    pub freeform: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult<'a> {
    /// The id of the call that this answers.
    pub call: Cow<'a, str>,
    /// The tool's name, where the format says it (Gemini); [`super::Request::call_name`] finds it
    /// elsewhere.
    pub name: Option<Cow<'a, str>>,
    /// Text, images, documents, tool references.
    pub blocks: Vec<Block<'a>>,
    pub is_error: Option<bool>,
    /// Whether it answers a freeform call.
    pub freeform: bool,
}

impl ToolResult<'_> {
    /// Its text and the names of the tools that it refers to, a line each.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let texts = self.blocks.iter().filter_map(|block| match &block.content {
            Content::Text { text, .. } | Content::ToolReference(text) | Content::Refusal(text) => {
                Some(Cow::Borrowed(&**text))
            }
            Content::Document(Document { source: Source::Text(text), .. }) => {
                Some(Cow::Borrowed(&**text))
            }
            Content::Image(_)
            | Content::Document(_)
            | Content::Audio(_)
            | Content::Reasoning(_)
            | Content::ToolCall(_)
            | Content::ToolResult(_)
            | Content::Hosted(_)
            | Content::Opaque { .. } => None,
        });
        texts.reduce(|all, text| Cow::Owned(format!("{all}\n{text}"))).unwrap_or_default()
    }
}

/// Where a statement comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation<'a> {
    pub url: Option<Cow<'a, str>>,
    pub title: Option<Cow<'a, str>>,
    /// The words that are cited.
    pub quote: Option<Cow<'a, str>>,
    /// The characters of the block's text that it is about: from, and behind the last.
    pub range: Option<(u32, u32)>,
    /// The whole citation as its format writes it.
    pub format: Format,
    pub raw: Json<'a>,
}

impl Citation<'_> {
    /// The same, without a tie to the body.
    #[must_use]
    pub fn into_owned(self) -> Citation<'static> {
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Citation {
            url: own(self.url),
            title: own(self.title),
            quote: own(self.quote),
            range: self.range,
            format: self.format,
            raw: self.raw.into_owned(),
        }
    }
}

/// What a tool of the vendor was asked, or what it found. Never the client's to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted<'a> {
    pub tool: HostedKind,
    pub id: Cow<'a, str>,
    /// What was asked for, in words: the query, the URL, the code.
    pub query: Option<Cow<'a, str>>,
    /// The whole block as its format writes it.
    pub format: Format,
    pub raw: Json<'a>,
}

impl Hosted<'_> {
    /// The same, without a tie to the body.
    #[must_use]
    pub fn into_owned(self) -> Hosted<'static> {
        Hosted {
            tool: self.tool,
            id: Cow::Owned(self.id.into_owned()),
            query: self.query.map(|query| Cow::Owned(query.into_owned())),
            format: self.format,
            raw: self.raw.into_owned(),
        }
    }
}

/// What vendors' own tools do. Two tools of one kind can stand in for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostedKind {
    WebSearch,
    WebFetch,
    CodeExecution,
    FileSearch,
    ImageGeneration,
    Mcp,
    /// Finds deferred tools.
    ToolSearch,
    /// Defined by the vendor, run by the client: screen, shell, editor, memory.
    ComputerUse,
    Shell,
    TextEditor,
    Memory,
    /// Maps and whatever comes.
    Other,
}
