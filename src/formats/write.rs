//! Writes JSON straight into bytes: no document in between, raw parts as they stand, keys in the
//! order of the calls. And server-sent events around it.

use serde::Serialize;

/// Appends an object; `fill` writes its members.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Members<'_>)) {
    out.push(b'{');
    fill(&mut Members { out, first: true });
    out.push(b'}');
}

/// Appends an array; `fill` writes its elements.
pub fn array(out: &mut Vec<u8>, fill: impl FnOnce(&mut Elements<'_>)) {
    out.push(b'[');
    fill(&mut Elements { out, first: true });
    out.push(b']');
}

/// The members of an object under construction. Each is written once.
pub struct Members<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Members<'_> {
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        separate(self.out, &mut self.first);
        text(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A string, number, boolean, raw JSON or anything else that serializes.
    pub fn value(&mut self, key: &str, member: &(impl Serialize + ?Sized)) {
        value(self.key(key), member);
    }

    /// A string; the quick way for long ones.
    pub fn text(&mut self, key: &str, member: &str) {
        text(self.key(key), member);
    }

    /// A value, if there is one.
    pub fn maybe(&mut self, key: &str, member: Option<&(impl Serialize + ?Sized)>) {
        if let Some(member) = member {
            self.value(key, member);
        }
    }

    /// JSON source, which must be valid.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.key(key).extend_from_slice(json.as_bytes());
    }

    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Members<'_>)) {
        object(self.key(key), fill);
    }

    pub fn array(&mut self, key: &str, fill: impl FnOnce(&mut Elements<'_>)) {
        array(self.key(key), fill);
    }
}

/// The elements of an array under construction.
pub struct Elements<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl Elements<'_> {
    fn next(&mut self) -> &mut Vec<u8> {
        separate(self.out, &mut self.first);
        self.out
    }

    pub fn value(&mut self, element: &(impl Serialize + ?Sized)) {
        value(self.next(), element);
    }

    /// JSON source, which must be valid.
    pub fn raw(&mut self, json: &str) {
        self.next().extend_from_slice(json.as_bytes());
    }

    pub fn object(&mut self, fill: impl FnOnce(&mut Members<'_>)) {
        object(self.next(), fill);
    }

    /// Whether nothing has been written yet.
    pub fn is_empty(&self) -> bool {
        self.first
    }
}

fn separate(out: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(b',');
    }
}

/// Appends a server-sent event, without a name if that is empty; `fill` writes its data. JSON that
/// is carried as it stands may have line breaks; data is one line.
pub fn event(out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Vec<u8>)) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    let from = out.len();
    fill(out);
    let data = &mut out[from..];
    if memchr::memchr2(b'\n', b'\r', data).is_some() {
        data.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
    out.extend_from_slice(b"\n\n");
}

/// Appends a string.
///
/// Most of a long text needs no escape, and is looked through and copied in blocks.
pub fn text(out: &mut Vec<u8>, text: &str) {
    const BLOCK: usize = 16;
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let blocks = rest.chunks_exact(BLOCK);
        // Without a branch per byte, so that it is done for all at once.
        let plain =
            blocks.take_while(|block| !block.iter().fold(false, |any, b| any | is_special(b)));
        let plain = plain.count() * BLOCK;
        let plain = plain + rest[plain..].iter().take_while(|byte| !is_special(byte)).count();
        out.extend_from_slice(&rest[..plain]);
        let Some(special) = rest.get(plain) else { break };
        escape(out, *special);
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, special: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match special {
        b'"' | b'\\' => special,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([special >> 4, special & 15].map(|digit| HEX[usize::from(digit)]));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends a value.
pub fn value(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // Only maps with keys that are no strings fail; we have none.
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Json;

    #[test]
    fn the_data_of_an_event_is_one_line() {
        let mut out = Vec::new();
        event(&mut out, "a", |data| data.extend_from_slice(b"{\r\n  \"b\": \"\\n\"\n}"));
        event(&mut out, "", |data| value(data, "c"));
        let expected = "event: a\ndata: {    \"b\": \"\\n\" }\n\ndata: \"c\"\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn raw_parts_stay_as_they_are_and_texts_are_escaped() {
        let mut out = Vec::new();
        object(&mut out, |body| {
            body.value("model", "a\"b");
            body.maybe("top_p", Some(&0.5));
            body.maybe("top_k", None::<&u64>);
            body.raw("schema", "{ \"x\" : 1 }");
            body.value("raw", &Json::parse("[1.0, 2]"));
            body.array("messages", |messages| {
                assert!(messages.is_empty());
                messages.object(|message| message.object("a", |_| {}));
                messages.value(&true);
                messages.raw("null");
            });
        });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"model":"a\"b","top_p":0.5,"schema":{ "x" : 1 },"raw":[1.0, 2],"messages":[{"a":{}},true,null]}"#
        );
    }

    proptest::proptest! {
        #[test]
        fn texts_are_written_as_serde_writes_them(plain in "\\PC{0,80}", odd in "[\\x00-\\x7f\"\\\\]{0,80}") {
            for sample in [plain.clone(), odd.clone(), plain + &odd] {
                let mut out = Vec::new();
                text(&mut out, &sample);
                proptest::prop_assert_eq!(out, serde_json::to_vec(&sample).unwrap());
            }
        }
    }
}
