//! Who says what, in turns that Anthropic takes: system texts in front apart, results of calls
//! right behind their calls and before everything else, nothing empty.

use std::borrow::Cow;

use super::{super::super::words::FORMAT, block::takes, pairs::Pairs, role};
use crate::{
    chat::{Block, Content, Extra, Message, Request, Role, ToolCall, ToolResult},
    formats::{
        dropped::Losses,
        hints::{Hints, Quirk},
    },
};

/// A conversation as it is going to be written.
#[derive(Default)]
pub(super) struct Plan<'r> {
    pub(super) system: Vec<&'r Block<'r>>,
    pub(super) turns: Vec<Turn<'r>>,
}

/// A message at the target.
pub(super) struct Turn<'r> {
    pub(super) role: Role,
    pub(super) pieces: Vec<Piece<'r>>,
    /// Members of the client's message; one that has any of this format is a turn of its own.
    pub(super) extra: &'r [Extra<'r>],
}

/// A block at the target.
pub(super) enum Piece<'r> {
    Block(&'r Block<'r>),
    /// What the system says, where only the user can.
    Tagged(&'r str),
    /// Our own words.
    Note(&'static str),
    Call {
        number: usize,
        block: &'r Block<'r>,
        call: &'r ToolCall<'r>,
        id: Cow<'r, str>,
    },
    Result {
        block: &'r Block<'r>,
        result: &'r ToolResult<'r>,
        id: Cow<'r, str>,
    },
    /// The client never told the result.
    Missing {
        id: Cow<'r, str>,
    },
}

/// A conversation must begin with the user.
const BEGIN: &str = "Continue.";

/// What the user said, where nothing of it can be told: an answer to nothing makes no sense.
const UNSEEN: &str = "[Something that cannot be shown here.]";

impl<'r> Plan<'r> {
    pub(super) fn of(request: &'r Request<'r>, hints: &'r Hints<'r>, losses: &mut Losses) -> Self {
        let pairs = Pairs::of(request);
        let plan = Self::default();
        let mut planner = Planner { pairs, plan, calls: 0, results: 0, apart: None, hints };
        let mut last_system = 0;
        for message in &request.messages {
            if let Some(name) = &message.name {
                let why = format!("Anthropic has no names of speakers: {name}");
                losses.member(message.place, "name", why);
            }
            if message.role == Role::Developer {
                losses.reworded(message.place, "the developer speaks as the system");
            }
            losses.extras(&message.extra, message.place, FORMAT, &mut |_| {});
            if planner.is_leading(message) {
                last_system = planner.plan.system.len();
                let texts =
                    message.blocks.iter().filter(|block| takes(block, Role::System, losses));
                planner.plan.system.extend(texts);
            } else {
                planner.message(message, losses);
            }
        }
        planner.close();
        let mut plan = planner.plan;
        if plan.turns.is_empty() {
            // The last of what the system says is all there is to answer.
            let said = plan.system.drain(last_system..).map(Piece::Block).collect::<Vec<_>>();
            if !said.is_empty() {
                plan.turns.push(Turn { role: Role::User, pieces: said, extra: &[] });
            }
        }
        if plan.turns.first().is_some_and(|turn| turn.role == Role::Assistant) {
            let pieces = vec![Piece::Note(BEGIN)];
            plan.turns.insert(0, Turn { role: Role::User, pieces, extra: &[] });
        }
        plan
    }

    /// Whether the model is in the middle of a turn that it began without thinking, as far as its
    /// vendor can tell: then it must not be told to think (Anthropic, "Extended thinking").
    pub(super) fn goes_on_without_thinking(&self) -> bool {
        let [.., answer, results] = &self.turns[..] else { return false };
        let waits =
            matches!(results.pieces.first(), Some(Piece::Result { .. } | Piece::Missing { .. }));
        let thought = |piece: &Piece<'_>| matches!(piece, Piece::Block(block) if matches!(block.content, Content::Reasoning(_)));
        waits && !answer.pieces.first().is_some_and(thought)
    }
}

struct Planner<'r> {
    pairs: Pairs<'r>,
    plan: Plan<'r>,
    /// How many calls and results have been passed.
    calls: usize,
    results: usize,
    /// Members of the message at hand, until its turn is begun.
    apart: Option<&'r [Extra<'r>]>,
    hints: &'r Hints<'r>,
}

impl<'r> Planner<'r> {
    /// Whether it belongs into `system`: one of this format's own that says more than text does
    /// not.
    fn is_leading(&self, message: &Message<'_>) -> bool {
        matches!(message.role, Role::System | Role::Developer)
            && self.plan.turns.is_empty()
            && !has_own(&message.extra)
    }

    fn message(&mut self, message: &'r Message<'r>, losses: &mut Losses) {
        let inside = !self.hints.quirks.has(Quirk::NoSystemInside);
        let role = role(message.role, inside);
        let system = matches!(message.role, Role::System | Role::Developer);
        let after = self.plan.turns.last().is_some_and(|turn| !turn.extra.is_empty());
        let own = has_own(&message.extra);
        self.apart = (own || after).then_some(if own { &message.extra } else { &[] });
        let mut told = message.blocks.is_empty() || message.role != Role::User;
        for block in &message.blocks {
            match &block.content {
                Content::ToolCall(call) => {
                    told = true;
                    let number = self.calls;
                    self.calls += 1;
                    let id = self.pairs.id(number);
                    self.push(Role::Assistant, Piece::Call { number, block, call, id });
                }
                Content::ToolResult(result) => {
                    told = true;
                    let number = self.results;
                    self.results += 1;
                    if self.pairs.is_answer(number) {
                        // What the model says next, it says after this.
                        self.close();
                    } else {
                        losses.reworded(block.place, "answers no call: only its content is told");
                        self.orphan(result, losses);
                    }
                }
                Content::Text { text, .. } if system && !inside => {
                    if takes(block, Role::User, losses) {
                        self.push(role, Piece::Tagged(text));
                    }
                }
                Content::Text { .. }
                | Content::Image(_)
                | Content::Document(_)
                | Content::Audio(_)
                | Content::Reasoning(_)
                | Content::ToolReference(_)
                | Content::Refusal(_)
                | Content::Hosted(_)
                | Content::Opaque { .. } => {
                    if takes(block, role, losses) {
                        told = true;
                        self.push(role, Piece::Block(block));
                    }
                }
            }
        }
        if !told {
            self.push(role, Piece::Note(UNSEEN));
        }
    }

    /// What a tool told, without its call.
    fn orphan(&mut self, result: &'r ToolResult<'r>, losses: &mut Losses) {
        for block in &result.blocks {
            if takes(block, Role::User, losses) {
                self.push(Role::User, Piece::Block(block));
            }
        }
    }

    fn push(&mut self, role: Role, piece: Piece<'r>) {
        let joins = |turns: &[Turn<'_>]| turns.last().is_some_and(|turn| turn.role == role);
        let apart = self.apart.take();
        if apart.is_some() || !joins(&self.plan.turns) {
            self.close();
        }
        if apart.is_some() || !joins(&self.plan.turns) {
            let extra = apart.unwrap_or_default();
            self.plan.turns.push(Turn { role, pieces: Vec::new(), extra });
        }
        if let Some(turn) = self.plan.turns.last_mut() {
            turn.pieces.push(piece);
        }
    }

    /// Puts the results of the last turn's calls behind it.
    fn close(&mut self) {
        let Some(turn) = self.plan.turns.last() else { return };
        let pairs = &self.pairs;
        let results = turn.pieces.iter().filter_map(|piece| {
            let Piece::Call { number, id, .. } = piece else { return None };
            let id = id.clone();
            Some(match pairs.result(*number) {
                Some(block) => match block.result() {
                    Some(result) => Piece::Result { block, result, id },
                    None => Piece::Missing { id },
                },
                None => Piece::Missing { id },
            })
        });
        let results: Vec<Piece<'r>> = results.collect();
        if !results.is_empty() {
            self.plan.turns.push(Turn { role: Role::User, pieces: results, extra: &[] });
        }
    }
}

fn has_own(extra: &[Extra<'_>]) -> bool {
    extra.iter().any(|extra| extra.format == FORMAT)
}
