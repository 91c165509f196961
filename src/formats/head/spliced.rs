//! A body with another model, without a copy of it.

use bytes::Bytes;

use super::Span;

/// A body in up to three pieces that share their memory with the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spliced {
    pieces: [Bytes; 3],
}

/// Bodies below this are put into one piece: one small copy costs less than two more writes.
const ONE_PIECE: usize = 8 * 1024;

impl Spliced {
    /// A body as it is.
    #[must_use]
    pub fn whole(body: Bytes) -> Self {
        Self { pieces: [body, Bytes::new(), Bytes::new()] }
    }

    fn of(pieces: [Bytes; 3]) -> Self {
        let length: usize = pieces.iter().map(Bytes::len).sum();
        if length >= ONE_PIECE {
            return Self { pieces };
        }
        let mut joined = Vec::with_capacity(length);
        for piece in &pieces {
            joined.extend_from_slice(piece);
        }
        Self::whole(joined.into())
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// Whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces that are not empty, in order.
    pub fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        self.pieces.into_iter().filter(|piece| !piece.is_empty())
    }
}

/// `body` with `model_json` (a JSON string, quotes included) as its model; all other bytes stay as
/// they are.
#[must_use]
pub fn replace_model(body: &Bytes, span: &Span, model_json: &Bytes) -> Spliced {
    match span {
        Span::At(range) if body[range.clone()] == **model_json => Spliced::whole(body.clone()),
        Span::At(range) => {
            Spliced::of([body.slice(..range.start), model_json.clone(), body.slice(range.end..)])
        }
        Span::Absent { behind_brace, empty } => {
            let mut member = Vec::with_capacity(model_json.len() + 10);
            member.extend_from_slice(b"\"model\":");
            member.extend_from_slice(model_json);
            if !empty {
                member.push(b',');
            }
            Spliced::of([body.slice(..*behind_brace), member.into(), body.slice(*behind_brace..)])
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{super::read, *};

    fn replaced(body: &str, model: &str) -> String {
        let body = Bytes::from(body.to_owned());
        let head = read(&body).unwrap_or_else(|bad| panic!("{}", bad.message));
        let model = Bytes::from(Value::from(model).to_string());
        let spliced = replace_model(&body, &head.span, &model);
        let sum: usize = spliced.clone().into_pieces().map(|piece| piece.len()).sum();
        assert_eq!(spliced.len(), sum);
        let joined: Vec<u8> = spliced.into_pieces().flatten().collect();
        String::from_utf8(joined).unwrap()
    }

    #[test]
    fn only_the_model_changes() {
        for (body, expected) in [
            (r#"{"model":"a","x":1.0e5}"#, r#"{"model":"p/\"q","x":1.0e5}"#),
            (r#"{ "x" : "model" , "model" : "a" }"#, r#"{ "x" : "model" , "model" : "p/\"q" }"#),
            (r#"{"model":null}"#, r#"{"model":"p/\"q"}"#),
            (" {}", r#" {"model":"p/\"q"}"#),
            (r#"{"x":1}"#, r#"{"model":"p/\"q","x":1}"#),
        ] {
            assert_eq!(replaced(body, "p/\"q"), expected);
        }
    }

    #[test]
    fn a_large_body_is_not_copied() {
        let text = format!(r#"{{"model":"a","x":"{}"}}"#, "y".repeat(20_000));
        let body = Bytes::from(text);
        let head = read(&body).unwrap_or_else(|bad| panic!("{}", bad.message));
        let spliced = replace_model(&body, &head.span, &Bytes::from_static(b"\"b\""));
        let last = spliced.into_pieces().last().unwrap();
        assert_eq!(last.as_ptr_range().end, body.as_ptr_range().end);
    }

    proptest! {
        #[test]
        fn replacing_the_model_with_itself_is_the_identity(
            model in "\\PC{1,20}", other in "\\PC{0,40}", front in any::<bool>(),
        ) {
            let (model, other) = (Value::from(format!("m{model}")), Value::from(other));
            let body = if front {
                format!(r#"{{"model":{model},"x":{other}}}"#)
            } else {
                format!(r#"{{"x":{other},"model":{model}}}"#)
            };
            prop_assert_eq!(replaced(&body, model.as_str().unwrap()), body);
        }

        #[test]
        fn the_rest_of_the_document_stays(other in "\\PC{0,40}", name in "\\PC{1,9}") {
            let body = format!(r#"{{"y":[{{}}],"model":"a","x":{}}}"#, Value::from(other));
            let mut expected: Value = serde_json::from_str(&body).unwrap();
            expected["model"] = name.as_str().into();
            let replaced: Value = serde_json::from_str(&replaced(&body, &name)).unwrap();
            prop_assert_eq!(replaced, expected);
        }
    }
}
