//! Messages → the items of the input: a message, a call, a result and a piece of reasoning are an
//! item each.

use std::collections::BTreeSet;

use super::{super::super::FORMAT, Writer};
use crate::{
    chat::{Block, Content, Message, Role, ToolCall, ToolResult},
    formats::{
        hints::Quirk,
        ids::{self, IdForm},
        names::to_arguments,
        openai::noun,
        write::{Elements, Members},
    },
};

/// The result of a call that the client never answered: without one OpenAI refuses the request.
const NO_RESULT: &str = "(no result)";

/// How calls and results go together.
struct Pairs<'m> {
    /// Ids of calls.
    called: BTreeSet<&'m str>,
    /// Ids of calls that have a result.
    answered: BTreeSet<&'m str>,
    /// Ids of calls that were written as freeform calls.
    freeform: BTreeSet<&'m str>,
}

/// What one speaker says without a break.
#[derive(Default)]
struct Run<'m, 'a> {
    /// Nothing has been said yet without one.
    role: Option<Role>,
    blocks: Vec<&'m Block<'a>>,
    /// The message whose own members go with it.
    extra: Option<&'m Message<'a>>,
}

impl<'m> Pairs<'m> {
    fn of(messages: &'m [Message<'_>]) -> Self {
        let blocks = || messages.iter().flat_map(|message| &message.blocks);
        Self {
            called: blocks().filter_map(Block::call).map(|call| &*call.id).collect(),
            answered: blocks().filter_map(Block::result).map(|result| &*result.call).collect(),
            freeform: BTreeSet::new(),
        }
    }
}

impl<'a> Writer<'_, 'a> {
    pub(super) fn input(&mut self, messages: &[Message<'a>], items: &mut Elements<'_>) {
        let mut pairs = Pairs::of(messages);
        let mut run = Run::default();
        for message in messages {
            if message.name.is_some() {
                self.losses.member(message.place, "name", "the format has no names of speakers");
            }
            self.message(message, &mut run, &mut pairs, items);
        }
        self.run(&mut run, items);
    }

    /// Writes the blocks in their order: what one speaker says without a break becomes one item,
    /// neighbours of one role included.
    fn message<'m>(
        &mut self,
        message: &'m Message<'a>,
        run: &mut Run<'m, 'a>,
        pairs: &mut Pairs<'m>,
        items: &mut Elements<'_>,
    ) {
        let role = match message.role {
            Role::Developer if self.hints.quirks.has(Quirk::NoDeveloperRole) => Role::System,
            Role::Tool => Role::User,
            role @ (Role::System | Role::Developer | Role::User | Role::Assistant) => role,
        };
        let mut extra = Some(message).filter(|message| !message.extra.is_empty());
        for block in self.said(message).collect::<Vec<_>>() {
            self.marks(block);
            if is_item(block, message) {
                self.run(run, items);
                self.item(block, pairs, items);
                continue;
            }
            if run.role != Some(role) || run.extra.is_some() || extra.is_some() {
                self.run(run, items);
                *run = Run { role: Some(role), blocks: Vec::new(), extra: extra.take() };
            }
            run.blocks.push(block);
        }
        if extra.is_some() {
            self.losses.extras(&message.extra, message.place, FORMAT, &mut |_| {});
        }
        if run.extra.is_some() {
            self.run(run, items);
        }
    }

    /// Writes what a speaker said, and begins anew.
    fn run(&mut self, run: &mut Run<'_, 'a>, items: &mut Elements<'_>) {
        let Run { role: Some(role), blocks, extra } = std::mem::take(run) else { return };
        items.object(|item| {
            item.value("type", "message");
            item.value("role", role.name());
            item.array("content", |content| {
                for block in &blocks {
                    self.part(block, role, "", content);
                }
                // An item without content is refused; a turn that is left out changes the sense.
                if content.is_empty()
                    && let Some(first) = blocks.first()
                {
                    content.object(|part| {
                        part.value("type", text_kind(role));
                        part.text("text", &format!("[{}]", noun(&first.content)));
                    });
                }
            });
            if let Some(message) = extra {
                self.losses.extras(&message.extra, message.place, FORMAT, &mut |extra| {
                    item.value(&extra.key, &extra.value);
                });
            }
        });
    }

    /// Writes a block that is an item of its own.
    fn item<'m>(&mut self, block: &'m Block<'a>, pairs: &mut Pairs<'m>, items: &mut Elements<'_>) {
        match &block.content {
            Content::ToolCall(call) => self.call(block, call, pairs, items),
            Content::ToolResult(result) => self.result(block, result, pairs, items),
            Content::Reasoning(_) => self.reasoning_item(block, items),
            Content::Hosted(hosted) if hosted.format == FORMAT => items.raw(hosted.raw.get()),
            Content::Opaque { format, raw, .. } if *format == FORMAT => items.raw(raw.get()),
            Content::Hosted(hosted) => {
                let reason = format!("a tool of the vendor behind {}", hosted.format);
                self.losses.whole(block.place, reason);
            }
            Content::Opaque { format, kind, .. } => {
                self.losses.opaque(block.place, *format, kind);
            }
            Content::Text { .. }
            | Content::Image(_)
            | Content::Document(_)
            | Content::Audio(_)
            | Content::ToolReference(_)
            | Content::Refusal(_) => {}
        }
    }

    fn call<'m>(
        &mut self,
        block: &'m Block<'a>,
        call: &'m ToolCall<'a>,
        pairs: &mut Pairs<'m>,
        items: &mut Elements<'_>,
    ) {
        if block.seal.is_some() {
            self.lost_seal(block);
        }
        let id = ids::fit(&call.id, IdForm::Plain);
        let space = call.namespace.as_deref();
        let name = self.names.wire(space, &call.name).into_owned();
        let freeform = call.freeform && self.hints.takes_freeform(FORMAT);
        items.object(|item| {
            item.value("type", if freeform { "custom_tool_call" } else { "function_call" });
            item.value("call_id", &*id);
            item.value("name", &name);
            if self.hints.takes_namespaces(FORMAT) {
                item.maybe("namespace", space);
            }
            match (freeform, call.freeform, &*call.arguments) {
                (true, _, input) => item.text("input", input),
                (false, true, input) => item.text("arguments", &to_arguments(input)),
                (false, false, "") => item.text("arguments", "{}"),
                (false, false, arguments) => item.text("arguments", arguments),
            }
            self.extra(block, item);
        });
        if freeform {
            pairs.freeform.insert(&call.id);
        }
        if !pairs.answered.contains(&*call.id) {
            items.object(|item| {
                item.value("type", output_kind(freeform));
                item.value("call_id", &*id);
                item.text("output", NO_RESULT);
            });
        }
    }

    fn result(
        &mut self,
        block: &Block<'a>,
        result: &ToolResult<'a>,
        pairs: &Pairs<'_>,
        items: &mut Elements<'_>,
    ) {
        let known = pairs.called.contains(&*result.call) || self.request.state.is_some();
        items.object(|item| {
            if !known {
                // OpenAI refuses a result without its call: the words are kept as the user's.
                self.losses.member(block.place, "call_id", "no call of this id comes before it");
                item.value("type", "message");
                item.value("role", Role::User.name());
                item.array("content", |content| self.output_parts(result, content));
                return;
            }
            let freeform = pairs.freeform.contains(&*result.call)
                || (result.freeform && !pairs.called.contains(&*result.call));
            item.value("type", output_kind(freeform));
            item.value("call_id", &*ids::fit(&result.call, IdForm::Plain));
            self.output(result, item);
            self.extra(block, item);
        });
    }

    /// Writes `reasoning`: only what OpenAI itself has sealed, or what is open at other providers.
    fn reasoning_item(&mut self, block: &Block<'a>, items: &mut Elements<'_>) {
        let Content::Reasoning(reasoning) = &block.content else { return };
        match &block.seal {
            Some(seal) if seal.format != FORMAT => {
                self.losses.hint(block.place, format!("sealed by {}", seal.format));
                return;
            }
            None if self.hints.genuine => {
                self.losses.hint(block.place, "reasoning without its encrypted content");
                return;
            }
            Some(_) | None => {}
        }
        items.object(|item| {
            item.value("type", "reasoning");
            let seal = block.seal.as_ref();
            item.maybe("id", seal.and_then(|seal| seal.item.as_deref()));
            item.array("summary", |summary| {
                for text in &reasoning.summary {
                    summary.object(|part| {
                        part.value("type", "summary_text");
                        part.text("text", text);
                    });
                }
            });
            if !reasoning.text.is_empty() {
                item.array("content", |content| {
                    content.object(|part| {
                        part.value("type", "reasoning_text");
                        part.text("text", &reasoning.text);
                    });
                });
            }
            item.maybe("encrypted_content", seal.map(|seal| &*seal.data));
            self.extra(block, item);
        });
    }

    /// Writes the members of a block that only this format has; reports those of others.
    pub(super) fn extra(&mut self, block: &Block<'a>, members: &mut Members<'_>) {
        self.losses.extras(&block.extra, block.place, FORMAT, &mut |extra| {
            members.value(&extra.key, &extra.value);
        });
    }

    /// Reports the seal of a block that is written without it.
    pub(super) fn lost_seal(&mut self, block: &Block<'_>) {
        if let Some(seal) = &block.seal {
            let reason = format!("sealed by {}", seal.format);
            self.losses.member(block.place, "thoughtSignature", reason);
        }
    }
}

fn output_kind(freeform: bool) -> &'static str {
    if freeform { "custom_tool_call_output" } else { "function_call_output" }
}

/// The type of a text in a message of this role.
pub(super) fn text_kind(role: Role) -> &'static str {
    if role == Role::Assistant { "output_text" } else { "input_text" }
}

/// Whether a block is an item of its own. What is carried as it stands is one unless it was a part
/// of a message.
fn is_item(block: &Block<'_>, message: &Message<'_>) -> bool {
    match &block.content {
        Content::Reasoning(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Hosted(_) => true,
        Content::Opaque { .. } => block.place == message.place,
        Content::Text { .. }
        | Content::Image(_)
        | Content::Document(_)
        | Content::Audio(_)
        | Content::ToolReference(_)
        | Content::Refusal(_) => false,
    }
}
