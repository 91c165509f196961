//! The neutral vocabulary → Anthropic Messages, requests.

mod block;
mod marks;
mod pairs;
mod plan;
mod tool;
mod wish;

use super::super::words::FORMAT;
use crate::{
    chat::{Extra, Place, Request, Retention, Role, ServerState},
    formats::{
        Encoded, Malformed,
        dropped::{Field, Losses},
        hints::Hints,
        names::Names,
        write::{self, Members},
    },
};
use marks::Marks;
use plan::{Piece, Plan, Turn};

/// What every part of a request is written with.
struct Writer<'r> {
    request: &'r Request<'r>,
    hints: &'r Hints<'r>,
    names: Names,
    losses: Losses,
    marks: Marks,
}

/// Writes a request.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the codec: nothing fails here")]
pub(in super::super) fn encode(
    request: &Request<'_>,
    hints: &Hints<'_>,
) -> Result<Encoded, Malformed> {
    let mut losses = Losses::default();
    let plan = Plan::of(request, hints, &mut losses);
    let names = Names::of(request, hints.rules(FORMAT));
    let marks = Marks::of(request, hints.genuine);
    let mut writer = Writer { request, hints, names, losses, marks };
    let mut body = Vec::with_capacity(4096);
    write::object(&mut body, |body| writer.body(&plan, body));
    let Writer { names, losses, .. } = writer;
    Ok(Encoded { body, dropped: losses.into_list(), names })
}

impl<'r> Writer<'r> {
    fn body(&mut self, plan: &Plan<'r>, body: &mut Members<'_>) {
        let request = self.request;
        body.value("model", self.hints.model);
        let limit = self.hints.required_limit(request.max_tokens);
        if request.max_tokens.is_some_and(|wanted| wanted > limit) {
            self.losses.field(request, Field::MaxTokens, format!("the model says {limit} at most"));
        }
        body.value("max_tokens", &limit);
        if self.hints.stream {
            body.value("stream", &true);
        }
        let thinks = self.reasoning(plan, limit, body);
        self.sampling(thinks, body);
        self.cache(body);
        self.rest(body);
        self.tools(thinks, body);
        if !plan.system.is_empty() {
            body.array("system", |list| {
                for block in &plan.system {
                    self.block(block, false, list);
                }
            });
        }
        body.array("messages", |list| {
            for turn in &plan.turns {
                list.object(|message| self.turn(turn, message));
            }
        });
    }

    fn turn(&mut self, turn: &Turn<'r>, message: &mut Members<'_>) {
        message.value("role", turn.role.name());
        message.array("content", |list| {
            for piece in &turn.pieces {
                match piece {
                    Piece::Block(block) => self.block(block, false, list),
                    Piece::Tagged(text) => block::text(&format!("<system>{text}</system>"), list),
                    Piece::Note(text) => block::text(text, list),
                    Piece::Call { block, call, id, .. } => self.call(block, call, id, list),
                    Piece::Result { block, result, id } => self.result(block, result, id, list),
                    Piece::Missing { id } => block::missing(id, list),
                }
            }
        });
        for extra in turn.extra.iter().filter(|extra| extra.format == FORMAT) {
            message.value(&extra.key, &extra.value);
        }
    }

    /// Keys and retention have no place here: a mark on the whole body makes the vendor keep the
    /// longest prefix.
    fn cache(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        let wish = &request.cache;
        if wish.key.is_some() {
            self.losses.field(request, Field::CacheKey, "Anthropic has marks instead of keys");
        }
        if wish.retention.is_some() {
            let why = "Anthropic has marks instead of retention";
            self.losses.field(request, Field::CacheRetention, why);
        }
        let asked = wish.key.is_some() || wish.retention.is_some();
        if asked && !request.has_cache_marks() {
            self.marks.add(wish.retention == Some(Retention::Day));
        }
        if let Some(mark) = self.marks.whole() {
            marks::write(mark, body);
        }
    }

    /// What is not about the reply's content.
    fn rest(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        self.user(body);
        match &request.state {
            Some(ServerState::Thread(thread)) => body.value("thread", thread),
            Some(
                ServerState::PreviousResponse(_)
                | ServerState::Conversation(_)
                | ServerState::CachedContent(_)
                | ServerState::StoredPrompt(_)
                | ServerState::Item(_)
                | ServerState::Compacted(_),
            ) => self.losses.field(request, Field::State, "only its own vendor has it"),
            None => {}
        }
        if request.store.is_some() {
            self.losses.field(request, Field::Store, "Anthropic keeps no replies");
        }
        let extras = &request.extra;
        self.losses.extras(extras, Place::default(), FORMAT, &mut |extra| {
            body.value(&extra.key, &extra.value);
        });
    }

    /// Whether the client's own object `key` is carried as it was.
    fn carries(&self, key: &str) -> bool {
        let own = |extra: &Extra<'_>| extra.format == FORMAT && extra.key == key;
        self.request.extra.iter().any(own)
    }
}

/// Who speaks in Messages.
fn role(role: Role, inside: bool) -> Role {
    match role {
        Role::System | Role::Developer if inside => Role::System,
        Role::System | Role::Developer | Role::User | Role::Tool => Role::User,
        Role::Assistant => Role::Assistant,
    }
}
