//! The neutral vocabulary → Gemini `generateContent`, requests.

mod parts;
mod plan;
mod results;
mod tools;
mod wishes;

use crate::{
    chat::{Block, Content, Extra, Message, Request, Role, ServerState, ServiceTier},
    formats::{
        Encoded, Malformed,
        dropped::{Field, Losses},
        hints::Hints,
        names::Names,
        write::{self, Members},
    },
    protocol::Format,
};

/// What every part of the encoder has to know.
#[derive(Clone, Copy)]
struct Context<'c, 'a> {
    request: &'c Request<'a>,
    hints: &'c Hints<'c>,
    names: &'c Names,
}

impl Context<'_, '_> {
    /// Whether the model is of the third generation or later, as far as its name tells: it insists
    /// on signatures, and takes files in results, tools of both kinds and forms beside tools.
    fn is_third(&self) -> bool {
        let name = self.hints.model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        name.strip_prefix("gemini-").is_some_and(|rest| !rest.starts_with(['1', '2']))
    }

    /// Whether the client speaks this format, too.
    fn is_own(&self) -> bool {
        self.request.format == Format::Gemini
    }
}

/// Writes a request.
#[expect(clippy::unnecessary_wraps, reason = "the codec of each format may refuse")]
pub(in super::super) fn encode(
    request: &Request<'_>,
    hints: &Hints<'_>,
) -> Result<Encoded, Malformed> {
    let names = Names::of(request, hints.rules(Format::Gemini));
    let mut losses = Losses::default();
    let context = Context { request, hints, names: &names };
    let leading = leading(&request.messages);
    let (outside, inside) = request.messages.split_at(leading);
    let system = system(outside, &mut losses);
    let turns = plan::turns(context, leading, inside, &mut losses);
    let mut body = Vec::with_capacity(4096);
    write::object(&mut body, |body| {
        if !system.is_empty() {
            body.object("systemInstruction", |instruction| {
                instruction.array("parts", |parts| {
                    for block in &system {
                        parts::write(context, block, None, parts);
                    }
                });
            });
        }
        tools::write(context, body, &mut losses);
        body.array("contents", |contents| {
            for turn in &turns {
                contents.object(|content| turn.write(context, content));
            }
        });
        wishes::write(context, body, &mut losses);
        account(context, body, &mut losses);
        for extra in own(&request.extra) {
            body.value(&extra.key, &extra.value);
        }
    });
    losses.extras(&request.extra, crate::chat::Place::default(), Format::Gemini, &mut |_| {});
    Ok(Encoded { body, dropped: losses.into_list(), names })
}

/// Members that belong to the object itself, not into one inside of it.
fn own<'e, 'a>(extras: &'e [Extra<'a>]) -> impl Iterator<Item = &'e Extra<'a>> {
    extras.iter().filter(|extra| extra.format == Format::Gemini && !extra.key.contains('.'))
}

/// Members that belong into the object `holder`, and their keys there.
fn inner<'e, 'a>(
    extras: &'e [Extra<'a>],
    holder: &'e str,
) -> impl Iterator<Item = (&'e str, &'e Extra<'a>)> {
    extras.iter().filter(|extra| extra.format == Format::Gemini).filter_map(move |extra| {
        let key = extra.key.strip_prefix(holder)?.strip_prefix('.')?;
        (!key.contains('.')).then_some((key, extra))
    })
}

/// How many messages at the beginning are the system's. A conversation needs a word of the user: if
/// there is none, the last of them stays in its place.
fn leading(messages: &[Message<'_>]) -> usize {
    let is_system = |message: &&Message<'_>| matches!(message.role, Role::System | Role::Developer);
    let leading = messages.iter().take_while(is_system).count();
    if leading == messages.len() { leading.saturating_sub(1) } else { leading }
}

/// What Claude Code's first system text begins with: who asks, for Anthropic only.
const ATTRIBUTION: &str = "x-anthropic-billing-header:";

/// The texts for `systemInstruction`, which takes nothing else.
fn system<'r, 'a>(messages: &'r [Message<'a>], losses: &mut Losses) -> Vec<&'r Block<'a>> {
    let mut blocks = Vec::new();
    for message in messages {
        losses.extras(&message.extra, message.place, Format::Gemini, &mut |_| {});
        if message.name.is_some() {
            losses.member(message.place, "name", "there are no names of speakers");
        }
        if message.role == Role::Developer {
            losses.reworded(message.place, "the developer speaks as the system");
        }
        for block in &message.blocks {
            match &block.content {
                Content::Text { text, .. } if text.starts_with(ATTRIBUTION) => {
                    losses.hint(block.place, "is for Anthropic only");
                }
                Content::Text { text, .. } if !text.is_empty() => {
                    plan::report_marks(block, losses);
                    blocks.push(block);
                }
                Content::Text { .. } => {}
                Content::Image(_)
                | Content::Document(_)
                | Content::Audio(_)
                | Content::Reasoning(_)
                | Content::ToolCall(_)
                | Content::ToolResult(_)
                | Content::ToolReference(_)
                | Content::Refusal(_)
                | Content::Hosted(_)
                | Content::Opaque { .. } => {
                    losses.whole(block.place, "the system can only speak in text");
                }
            }
        }
    }
    blocks
}

/// What concerns the account rather than the reply.
fn account(context: Context<'_, '_>, body: &mut Members<'_>, losses: &mut Losses) {
    let request = context.request;
    match &request.state {
        Some(ServerState::CachedContent(name)) => body.value("cachedContent", name),
        Some(_) => losses.field(request, Field::State, "nothing is kept here"),
        None => {}
    }
    let tier = match request.tier {
        Some(ServiceTier::Flex) => Some("flex"),
        Some(ServiceTier::Priority) => Some("priority"),
        Some(ServiceTier::Standard) => Some("standard"),
        Some(ServiceTier::Auto | ServiceTier::Scale | ServiceTier::Batch) | None => None,
    };
    // Google, "Inference tiers"; others that speak this format have none.
    match tier.filter(|_| context.hints.genuine) {
        Some(tier) => body.value("serviceTier", tier),
        None if request.tier.is_some() => {
            losses.field(request, Field::Tier, "there is no such tier");
        }
        None => {}
    }
    match request.store {
        Some(store) if context.hints.genuine => body.value("store", &store),
        Some(_) => losses.field(request, Field::Store, "the provider does not know it"),
        None => {}
    }
    let none = "there is no such field";
    let user = &request.user;
    for (asked, field) in [
        (user.id.is_some(), Field::UserId),
        (user.safety_id.is_some(), Field::SafetyId),
        (user.metadata.is_some(), Field::Metadata),
        (request.cache.key.is_some(), Field::CacheKey),
        (request.cache.retention.is_some(), Field::CacheRetention),
        (request.cache.mark.is_some(), Field::CacheMark),
        (request.verbosity.is_some(), Field::Verbosity),
    ] {
        if asked {
            losses.field(request, field, none);
        }
    }
}
