//! Probabilities of tokens: `logprobsResult` ⇄ an array as OpenAI writes it, which is the
//! vocabulary's form.

use serde_json::value::RawValue;

use super::wire::json;
use crate::{
    chat::Json,
    formats::{
        raw::{Text, open_struct},
        write::{self, Elements, Members},
    },
};

open_struct! {
    pub(super) struct Probabilities<'a> {
        chosen: Vec<Candidate<'a>> = "chosenCandidates",
        top: Vec<Top<'a>> = "topCandidates",
    }
}

open_struct! {
    pub(super) struct Top<'a> {
        candidates: Vec<Candidate<'a>> = "candidates",
    }
}

open_struct! {
    pub(super) struct Candidate<'a> {
        token: Text<'a> = "token",
        log_probability: &'a RawValue = "logProbability",
    }
}

/// The array; `None` if there is nothing in it.
pub(super) fn read(result: &Probabilities<'_>) -> Option<Json<'static>> {
    let chosen = result.chosen.as_ref().filter(|chosen| !chosen.is_empty())?;
    let mut tops = result.top.iter().flatten();
    let mut out = Vec::new();
    write::array(&mut out, |list| {
        for candidate in chosen {
            list.object(|token| {
                write_openai(candidate, token);
                token.array("top_logprobs", |list| {
                    for other in
                        tops.next().and_then(|top| top.candidates.as_ref()).into_iter().flatten()
                    {
                        list.object(|token| write_openai(other, token));
                    }
                });
            });
        }
    });
    Some(json(out))
}

fn write_openai(candidate: &Candidate<'_>, token: &mut Members<'_>) {
    let text = candidate.token.as_ref().map(|token| &*token.0).unwrap_or_default();
    token.value("token", text);
    token.raw("logprob", candidate.log_probability.map_or("0", RawValue::get));
    token.value("bytes", text.as_bytes());
}

open_struct! {
    struct Token<'a> {
        token: Text<'a> = "token",
        logprob: &'a RawValue = "logprob",
        top: Vec<Token<'a>> = "top_logprobs",
    }
}

/// `logprobsResult` of such arrays.
pub(super) fn write(arrays: &[Json<'_>], candidate: &mut Members<'_>) {
    let tokens: Vec<Token<'_>> =
        arrays.iter().filter_map(|array| array.read::<Vec<Token<'_>>>().ok()).flatten().collect();
    if tokens.is_empty() {
        return;
    }
    candidate.object("logprobsResult", |result| {
        if tokens.iter().any(|token| token.top.as_ref().is_some_and(|top| !top.is_empty())) {
            result.array("topCandidates", |list| {
                for token in &tokens {
                    list.object(|top| {
                        top.array("candidates", |list| {
                            for other in token.top.iter().flatten() {
                                write_google(other, list);
                            }
                        });
                    });
                }
            });
        }
        result.array("chosenCandidates", |list| {
            for token in &tokens {
                write_google(token, list);
            }
        });
    });
}

fn write_google(token: &Token<'_>, list: &mut Elements<'_>) {
    list.object(|candidate| {
        candidate.maybe("token", token.token.as_ref().map(|token| &token.0));
        candidate.maybe("logProbability", token.logprob);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_go_there_and_back() {
        let google = r#"{"topCandidates":[{"candidates":[{"token":"a","logProbability":-0.1},{"token":"b","logProbability":-2}]}],"chosenCandidates":[{"token":"a","logProbability":-0.1}]}"#;
        let openai = r#"[{"token":"a","logprob":-0.1,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.1,"bytes":[97]},{"token":"b","logprob":-2,"bytes":[98]}]}]"#;
        let tokens = read(&serde_json::from_str(google).unwrap()).unwrap();
        assert_eq!(tokens.get(), openai);
        let mut out = Vec::new();
        write::object(&mut out, |candidate| write(&[tokens], candidate));
        assert_eq!(String::from_utf8(out).unwrap(), format!(r#"{{"logprobsResult":{google}}}"#));
    }
}
