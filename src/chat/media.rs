//! Files: pictures, documents, sound, and where their bytes are.

use std::borrow::Cow;

use crate::protocol::Format;

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    Base64 {
        media_type: Cow<'a, str>,
        data: Cow<'a, str>,
    },
    Url {
        url: Cow<'a, str>,
        media_type: Option<Cow<'a, str>>,
    },
    /// An upload; only the vendor that holds it knows the id.
    File {
        format: Format,
        id: Cow<'a, str>,
    },
    /// Plain text (documents only).
    Text(Cow<'a, str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image<'a> {
    pub source: Source<'a>,
    /// OpenAI, `detail`: `low`, `high`, `auto`, ...
    pub detail: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    pub source: Source<'a>,
    /// The title or file name.
    pub title: Option<Cow<'a, str>>,
}
