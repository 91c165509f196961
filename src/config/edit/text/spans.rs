//! Where values stand in a text that is known to be JSON.

use std::ops::Range;

/// A value and its place.
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) body: Body,
}

/// What a value consists of.
pub(super) enum Body {
    Scalar,
    List(Vec<Part>),
    Object(Vec<Part>),
}

/// An element of a list or a member of an object.
pub(super) struct Part {
    /// The space in front of it, behind the bracket or comma.
    pub(super) lead: Range<usize>,
    /// The member's key; empty in lists.
    pub(super) key: String,
    pub(super) node: Node,
    /// The space behind it, in front of the comma or bracket.
    pub(super) trail: Range<usize>,
}

/// Finds the places of all values of `text`.
pub(super) fn parse(text: &str) -> Node {
    let mut cursor = Cursor { bytes: text.as_bytes(), text, place: 0 };
    cursor.space();
    cursor.value()
}

struct Cursor<'t> {
    bytes: &'t [u8],
    text: &'t str,
    place: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.place).copied().unwrap_or_default()
    }

    fn space(&mut self) -> Range<usize> {
        let start = self.place;
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.place += 1;
        }
        start..self.place
    }

    fn value(&mut self) -> Node {
        let start = self.place;
        let body = match self.peek() {
            b'{' => Body::Object(self.parts(b'}', true)),
            b'[' => Body::List(self.parts(b']', false)),
            b'"' => {
                self.string();
                Body::Scalar
            }
            _ => {
                while !matches!(self.peek(), b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | 0)
                {
                    self.place += 1;
                }
                Body::Scalar
            }
        };
        Node { start, end: self.place, body }
    }

    fn string(&mut self) -> Range<usize> {
        let start = self.place;
        self.place += 1;
        while !matches!(self.peek(), b'"' | 0) {
            self.place += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.place = (self.place + 1).min(self.bytes.len());
        start..self.place
    }

    fn parts(&mut self, close: u8, with_keys: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        self.place += 1;
        loop {
            let lead = self.space();
            if self.peek() == close || self.peek() == 0 {
                self.place = (self.place + 1).min(self.bytes.len());
                return parts;
            }
            let mut key = String::new();
            if with_keys {
                let range = self.string();
                key = serde_json::from_str(&self.text[range]).unwrap_or_default();
                self.space();
                self.place += 1;
                self.space();
            }
            let node = self.value();
            let trail = self.space();
            if self.peek() == b',' {
                self.place += 1;
            }
            parts.push(Part { lead, key, node, trail });
        }
    }
}
