//! Seals of one vendor in the hands of another format's client: put into an envelope that travels
//! where the client's format has a place for its own, and taken out again when it comes back. A
//! provider never sees an envelope.

use std::borrow::Cow;

use crate::{
    chat::{Seal, SealKind},
    protocol::Format,
};

/// Which block a seal belongs to, seen from the place where it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attach<'a> {
    /// The block that carries it.
    Own,
    /// The next block: the carrier is empty and only there to carry.
    Next,
    /// The block before: the same.
    Previous,
    /// The call of this id in the same turn. Claude Code puts the calls of a turn behind all else, so
    /// that the neighbours of a carrier are not what they were.
    Call(Cow<'a, str>),
}

/// What every envelope begins with: `llm-router/1` in base64.
const PREFIX: &str = "bGxtLXJvdXRlci8x";
const HEAD: &str = "llm-router/1";

/// Whether `body` may hold an envelope: it is not to be passed on unread then.
#[must_use]
pub fn travel_in(body: &[u8]) -> bool {
    memchr::memmem::find(body, PREFIX.as_bytes()).is_some()
}

/// What goes where a client of `format` keeps seals: the seal itself if it is of that format and
/// sits in its own place, else an envelope of base64 (Gemini takes nothing else).
#[must_use]
pub fn close<'s>(seal: &'s Seal<'_>, attach: Attach<'_>, format: Format) -> Cow<'s, str> {
    if seal.format == format && attach == Attach::Own {
        return Cow::Borrowed(&seal.data);
    }
    let kind = match seal.kind {
        SealKind::Signature => 's',
        SealKind::Encrypted => 'e',
        SealKind::Redacted => 'r',
    };
    let (attach, named) = match &attach {
        Attach::Own => ('o', None),
        Attach::Next => ('n', None),
        Attach::Previous => ('p', None),
        Attach::Call(id) => ('c', Some(id)),
    };
    // A seal of a call is no item of its own.
    let named = named.map(|id| &**id).or(seal.item.as_deref()).unwrap_or_default();
    let text = format!("{HEAD} {} {kind}{attach} {named}\n{}", seal.format, seal.data);
    Cow::Owned(to_base64(text.as_bytes()))
}

/// Reads what came back from where a client of `format` keeps seals. What is no envelope is a seal
/// of that format, of this kind.
#[must_use]
pub fn open(data: Cow<'_, str>, format: Format, kind: SealKind) -> (Seal<'_>, Attach<'static>) {
    if let Some(opened) = data.starts_with(PREFIX).then(|| unpack(&data)).flatten() {
        return opened;
    }
    (Seal { format, kind, data, item: None }, Attach::Own)
}

fn unpack(data: &str) -> Option<(Seal<'static>, Attach<'static>)> {
    let text = String::from_utf8(from_base64(data)?).ok()?;
    let (head, data) = text.split_once('\n')?;
    let mut words = head.splitn(4, ' ').skip(1);
    let format = words.next()?.parse().ok()?;
    let (kind, attach) = match words.next()?.as_bytes() {
        [kind, attach] => (*kind, *attach),
        _ => return None,
    };
    let kind = match kind {
        b's' => SealKind::Signature,
        b'e' => SealKind::Encrypted,
        b'r' => SealKind::Redacted,
        _ => return None,
    };
    let named = words.next().filter(|named| !named.is_empty());
    let named = named.map(|named| Cow::Owned(named.to_owned()));
    let (attach, item) = match attach {
        b'o' => (Attach::Own, named),
        b'n' => (Attach::Next, named),
        b'p' => (Attach::Previous, named),
        b'c' => (Attach::Call(named?), None),
        _ => return None,
    };
    Some((Seal { format, kind, data: Cow::Owned(data.to_owned()), item }, attach))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648, section 4).
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = usize::try_from(bits >> shift & 63).unwrap_or_default();
            text.push(if at <= group.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

/// The bytes of base64, in the plain or the URL-safe alphabet, with or without padding.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap_or_default());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_seal_of_the_clients_own_format_travels_as_it_is() {
        let seal = Seal {
            format: Format::Anthropic,
            kind: SealKind::Signature,
            data: "EqQB".into(),
            item: None,
        };
        assert_eq!(close(&seal, Attach::Own, Format::Anthropic), "EqQB");
        let envelope = close(&seal, Attach::Own, Format::Gemini);
        assert!(envelope.starts_with(PREFIX));
    }

    proptest! {
        #[test]
        fn what_is_put_into_an_envelope_comes_out(
            data in any::<String>(),
            item in prop::option::of("[a-z_0-9]{1,9}"),
            kind in prop::sample::select(&[SealKind::Signature, SealKind::Encrypted, SealKind::Redacted][..]),
            attach in prop::sample::select(vec![
                Attach::Own,
                Attach::Next,
                Attach::Previous,
                Attach::Call("call_1".into()),
            ]),
            format in prop::sample::select(&Format::ALL[..]),
            carrier in prop::sample::select(&Format::ALL[..]),
        ) {
            let item = item.filter(|_| !matches!(attach, Attach::Call(_))).map(Into::into);
            let seal = Seal { format, kind, data: data.into(), item };
            prop_assume!(format != carrier);
            let carried = close(&seal, attach.clone(), carrier);
            prop_assert_eq!(open(carried, carrier, SealKind::Signature), (seal.clone(), attach));
        }

        #[test]
        fn any_text_in_the_place_of_a_seal_is_read(data in ".{0,40}", envelope in any::<bool>()) {
            let data = if envelope { format!("{PREFIX}{data}") } else { data };
            let (seal, _) = open(data.as_str().into(), Format::Gemini, SealKind::Signature);
            prop_assert!(seal.data.len() <= data.len());
        }

        #[test]
        fn base64_goes_there_and_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }
    }
}
