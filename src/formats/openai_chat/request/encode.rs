//! The neutral vocabulary → OpenAI Chat Completions, requests: the body. Its conversation is laid
//! out by [`plan`] and written by [`messages`], its tools by [`tools`], its wishes by [`wishes`].

mod messages;
mod parts;
mod plan;
mod results;
mod tools;
mod wishes;

use super::super::FORMAT;
use crate::{
    chat::{Block, CacheMark, CacheTtl, Request},
    formats::{
        Encoded, Malformed,
        dropped::Losses,
        hints::Hints,
        ids::IdForm,
        names::Names,
        write::{self, Members},
    },
};

/// A request under construction.
struct Writer<'t, 'a> {
    request: &'t Request<'a>,
    hints: &'t Hints<'t>,
    names: Names,
    losses: Losses,
    /// The form that ids of calls must have.
    ids: IdForm,
    /// Whether several texts become one: who only speaks the format often takes no lists of text.
    flat: bool,
}

/// Writes a request.
#[expect(clippy::unnecessary_wraps, reason = "encoders of other formats refuse some requests")]
pub(in super::super) fn encode(
    request: &Request<'_>,
    hints: &Hints<'_>,
) -> Result<Encoded, Malformed> {
    use crate::formats::hints::Quirk;
    let names = Names::of(request, hints.rules(FORMAT));
    let nine = hints.quirks.has(Quirk::NineLetterIds);
    let mut writer = Writer {
        request,
        hints,
        names,
        losses: Losses::default(),
        ids: if nine { IdForm::Nine } else { IdForm::Plain40 },
        flat: !hints.genuine && !hints.takes_cache_marks(FORMAT),
    };
    let mut body = Vec::with_capacity(4096);
    write::object(&mut body, |body| {
        body.value("model", hints.model);
        body.array("messages", |list| writer.messages(list));
        writer.tools(body);
        writer.wishes(body);
    });
    let Writer { names, losses, .. } = writer;
    Ok(Encoded { body, dropped: losses.into_list(), names })
}

impl<'a> Writer<'_, 'a> {
    /// Writes a block's mark for the cache where the target takes it, else reports it.
    fn mark(&mut self, block: &Block<'a>, part: &mut Members<'_>) {
        match block.cache {
            Some(mark) if self.hints.takes_cache_marks(FORMAT) => write_mark(mark, part),
            Some(_) | None => self.lost_mark(block),
        }
    }

    fn lost_mark(&mut self, block: &Block<'a>) {
        if block.cache.is_some() {
            self.losses.member(block.place, "cache_control", NO_MARKS);
        }
    }

    /// Reports a seal that has no place here.
    fn lost_seal(&mut self, block: &Block<'a>) {
        if let Some(seal) = &block.seal {
            self.losses.hint(block.place, format!("sealed by {}", seal.format));
        }
    }

    /// Writes the members of a block that only this format has; others' are reported.
    fn extra(&mut self, block: &Block<'a>, part: &mut Members<'_>) {
        self.losses.extras(&block.extra, block.place, FORMAT, &mut |extra| {
            part.value(&extra.key, &extra.value);
        });
    }
}

/// Why marks for a cache are left out.
const NO_MARKS: &str = "the target caches by itself";

/// `cache_control`, as OpenRouter hands it on to Anthropic.
fn write_mark(mark: CacheMark, out: &mut Members<'_>) {
    out.object("cache_control", |object| {
        object.value("type", "ephemeral");
        object.maybe(
            "ttl",
            mark.ttl.map(|ttl| match ttl {
                CacheTtl::FiveMinutes => "5m",
                CacheTtl::OneHour => "1h",
            }),
        );
    });
}
