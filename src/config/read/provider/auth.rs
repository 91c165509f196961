//! `providers[].auth` and `authByFormat`.

use http::{HeaderName, HeaderValue};

use super::{
    super::super::{Auth, AuthKind, fields::Fields, problem::Problem},
    headers::{UNFIT, is_never_sent},
};

const AUTH_KINDS: [(&str, AuthKind); 5] = [
    ("bearer", AuthKind::Bearer),
    ("x-api-key", AuthKind::XApiKey),
    ("x-goog-api-key", AuthKind::XGoogApiKey),
    ("header", AuthKind::Header),
    ("none", AuthKind::None),
];

/// Reads an `auth` object. A kind that the original did not know was `bearer` there; here it is an
/// error, because the key would travel in the wrong header.
pub(super) fn read(mut fields: Fields<'_, '_>) -> Option<Auth> {
    const KIND: [&str; 2] = ["type", "kind"];
    let kind = match fields.find(&KIND) {
        Some(_) => fields.word(&KIND, "a kind of auth", &AUTH_KINDS),
        None => Some(AuthKind::Bearer),
    };
    let header_name = read_header_name(&mut fields, kind);
    let prefix = read_prefix(&mut fields);
    fields.finish();
    Some(Auth { kind: kind?, header_name, prefix })
}

/// Not trimmed: the space at its end is a part of it.
fn read_prefix(fields: &mut Fields<'_, '_>) -> Option<String> {
    let found = fields.find(&["prefix"])?;
    let Some(prefix) = found.value.as_str() else { return fields.wrong(&found, "a string") };
    if HeaderValue::from_str(prefix).is_ok() {
        return Some(prefix.to_owned());
    }
    fields.problems.push(Problem::error(found.pointer, UNFIT));
    None
}

fn read_header_name(fields: &mut Fields<'_, '_>, kind: Option<AuthKind>) -> Option<String> {
    const NAME: [&str; 2] = ["headerName", "header"];
    let name = fields.text(&NAME);
    let problem = match (&name, kind) {
        (Some(name), _) if HeaderName::try_from(name.to_ascii_lowercase()).is_err() => {
            Problem::error(fields.place(&NAME), "is not a header's name")
        }
        (Some(name), Some(AuthKind::Header)) if is_never_sent(name) => {
            Problem::error(fields.place(&NAME), "is never sent: it belongs to the connection")
        }
        (None, Some(AuthKind::Header)) if fields.find(&NAME).is_none() => {
            Problem::error(fields.place(&NAME), "is missing")
                .hint("the name of the header that holds the key")
        }
        (
            Some(_),
            Some(AuthKind::Bearer | AuthKind::XApiKey | AuthKind::XGoogApiKey | AuthKind::None),
        ) => Problem::warning(fields.place(&NAME), "has no effect with this kind of auth")
            .hint("for a header of this name write \"type\": \"header\""),
        (Some(_) | None, Some(_) | None) => return name,
    };
    fields.problems.push(problem);
    name
}
