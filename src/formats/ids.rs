//! Ids of tool calls, in the form that a target takes. Nothing is remembered and nothing is random:
//! the same id becomes the same id, in this turn and the next.

use std::borrow::Cow;

/// What ids of calls may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdForm {
    /// Letters, digits, `_` and `-`, 64 at most. All four vendors take this.
    Plain,
    /// Letters, digits, `_` and `-`, 40 at most (OpenAI Chat).
    Plain40,
    /// Nine letters and digits (Mistral).
    Nine,
}

/// The id in the form that is wanted: itself if it has it, else its readable part and a hash of the
/// whole.
#[must_use]
pub fn fit(id: &str, form: IdForm) -> Cow<'_, str> {
    let longest = match form {
        IdForm::Plain => 64,
        IdForm::Plain40 => 40,
        IdForm::Nine => {
            return if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                Cow::Borrowed(id)
            } else {
                Cow::Owned(nine(hash(id.as_bytes())))
            };
        }
    };
    if is_plain(id, longest) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(shortened(id, longest))
}

/// An id for the call number `index` of the reply `reply`, where the provider gives none.
#[must_use]
pub fn made(reply: &str, index: u32) -> String {
    format!("call_{:016x}_{index}", hash(reply.as_bytes()))
}

/// Whether `text` is letters, digits, `_` and `-` only, not too many and not none.
pub(super) fn is_plain(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// The readable part of `text` and a hash of the whole, `longest` bytes at most.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let mut short: String = text.chars().map(plain).take(longest - 17).collect();
    short.push('_');
    short.push_str(&format!("{:016x}", hash(text.as_bytes())));
    short
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Nine digits to base 36.
fn nine(mut hash: u64) -> String {
    let mut text = String::with_capacity(9);
    for _ in 0..9 {
        let digit = u32::try_from(hash % 36).unwrap_or_default();
        text.push(char::from_digit(digit, 36).unwrap_or('0'));
        hash /= 36;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_that_fits_is_left_alone() {
        for (id, form) in [
            ("toolu_01AbC", IdForm::Plain),
            ("call_1", IdForm::Plain40),
            ("aB3dE6gH9", IdForm::Nine),
        ] {
            assert_eq!(fit(id, form), id);
        }
        let fitted = fit("run_x_17|2", IdForm::Plain);
        assert!(fitted.starts_with("run_x_17_2_") && fitted.len() == 27, "{fitted}");
    }

    #[test]
    fn ids_that_differ_stay_different() {
        for (one, other) in [("a.b", "a:b"), ("", "_"), ("ä", "ö")] {
            for form in [IdForm::Plain, IdForm::Plain40, IdForm::Nine] {
                assert_ne!(fit(one, form), fit(other, form), "{one} {other}");
            }
        }
        assert_ne!(made("r", 0), made("r", 1));
        assert_ne!(made("r", 0), made("s", 0));
    }

    proptest! {
        #[test]
        fn every_id_fits_and_fits_again(id in any::<String>()) {
            for (form, longest) in [(IdForm::Plain, 64), (IdForm::Plain40, 40), (IdForm::Nine, 9)] {
                let fitted = fit(&id, form).into_owned();
                prop_assert!(is_plain(&fitted, longest), "{}", fitted);
                let again = fit(&fitted, form);
                prop_assert_eq!(&again, &fitted);
            }
        }
    }
}
