//! Messages → Chat: what is said by whom, and what the model answered.

use std::borrow::Cow;

use super::{
    super::super::{FORMAT, seal},
    Writer,
    plan::{Turn, turns},
};
use crate::{
    chat::{Block, Content, Json, Message, Role, ToolCall},
    formats::{
        hints::Quirk,
        ids,
        names::to_arguments,
        openai::{attribution, noun},
        write::{self, Elements, Members},
    },
};

/// What the user says without a break: one message, as all formats but this one have it.
#[derive(Default)]
struct Run<'t, 'a> {
    message: Option<&'t Message<'a>>,
    blocks: Vec<&'t Block<'a>>,
}

impl<'t, 'a> Writer<'t, 'a> {
    pub(super) fn messages(&mut self, list: &mut Elements<'_>) {
        let left_out = attribution(self.request);
        if let Some(block) = left_out {
            self.losses.hint(block.place, "only Anthropic reads it");
        }
        let mut run = Run::default();
        for turn in turns(self.request, left_out) {
            match turn {
                Turn::Said { message, blocks } if self.goes_on(&run, message) => {
                    run.message = run.message.or(Some(message));
                    run.blocks.extend(blocks);
                }
                Turn::Said { message, blocks } => {
                    self.end(&mut run, list);
                    if self.role(message) == Role::User {
                        run = Run { message: Some(message), blocks };
                    } else {
                        self.system(message, &blocks, list);
                    }
                }
                Turn::Answer { messages, blocks } => {
                    self.end(&mut run, list);
                    self.answer(&messages, &blocks, list);
                }
                Turn::Results(results) => {
                    self.end(&mut run, list);
                    run.blocks = self.results(&results, list);
                }
                Turn::Orphan((block, result)) => {
                    let reason = "no call of this id comes before it";
                    self.losses.member(block.place, "call_id", reason);
                    self.losses.reworded(block.place, "becomes words of the user");
                    run.blocks.extend(&result.blocks);
                }
            }
        }
        self.end(&mut run, list);
    }

    /// Whether a message belongs to what the user says already.
    fn goes_on(&self, run: &Run<'_, 'a>, message: &Message<'a>) -> bool {
        let said = !run.blocks.is_empty() && self.role(message) == Role::User;
        said && run.message.is_none_or(|before| {
            before.name == message.name && before.extra.is_empty() && message.extra.is_empty()
        })
    }

    /// Writes what the user has said so far.
    fn end(&mut self, run: &mut Run<'t, 'a>, list: &mut Elements<'_>) {
        let Run { message, blocks } = std::mem::take(run);
        if !blocks.is_empty() {
            self.said(message, Role::User, &blocks, list);
        }
    }

    fn role(&self, message: &Message<'a>) -> Role {
        let old = !self.hints.genuine || self.hints.quirks.has(Quirk::NoDeveloperRole);
        match message.role {
            Role::Developer if old => Role::System,
            Role::Tool => Role::User,
            role @ (Role::System | Role::Developer | Role::User | Role::Assistant) => role,
        }
    }

    /// Writes what the system says: a message for each text, so that one more does not change those
    /// before it; a single message for targets that take only one.
    fn system(&mut self, message: &Message<'a>, blocks: &[&Block<'a>], list: &mut Elements<'_>) {
        let role = self.role(message);
        if self.flat || !message.extra.is_empty() {
            self.said(Some(message), role, blocks, list);
            return;
        }
        for block in blocks.iter().filter(|block| block.text() != Some("")) {
            self.said(Some(message), role, &[*block], list);
        }
    }

    fn said(
        &mut self,
        message: Option<&Message<'a>>,
        role: Role,
        blocks: &[&Block<'a>],
        list: &mut Elements<'_>,
    ) {
        list.object(|out| {
            out.value("role", role.name());
            self.content(blocks, role, out);
            if let Some(message) = message {
                out.maybe("name", message.name.as_deref());
                self.message_extras(message, Some(out));
            }
        });
    }

    /// Writes what the model said: one message, its calls behind its words.
    fn answer(
        &mut self,
        messages: &[&'t Message<'a>],
        blocks: &[&'t Block<'a>],
        list: &mut Elements<'_>,
    ) {
        let mut words: Vec<&Block<'a>> = Vec::new();
        let mut thoughts: Vec<&Block<'a>> = Vec::new();
        let mut calls: Vec<(&Block<'a>, &ToolCall<'a>)> = Vec::new();
        for block in blocks {
            match &block.content {
                Content::Reasoning(_) => thoughts.push(block),
                Content::ToolCall(call) => calls.push((block, call)),
                Content::Text { text, .. } if text.is_empty() => {}
                Content::Hosted(hosted) => {
                    let reason = format!("a tool of the vendor behind {}", hosted.format);
                    self.losses.whole(block.place, reason);
                }
                Content::Text { .. }
                | Content::Refusal(_)
                | Content::Image(_)
                | Content::Document(_)
                | Content::Audio(_)
                | Content::ToolResult(_)
                | Content::ToolReference(_)
                | Content::Opaque { .. } => words.push(block),
            }
        }
        let kept = messages.iter().any(|message| message.extra.iter().any(|e| e.format == FORMAT));
        if words.is_empty() && calls.is_empty() && !kept {
            // Reasoning alone is no answer; what the model said in it is not for others to see.
            thoughts.iter().for_each(|block| self.lost_thought(block));
            messages.iter().for_each(|message| self.message_extras(message, None));
            return;
        }
        list.object(|out| {
            out.value("role", "assistant");
            if words.is_empty() {
                out.value("content", &());
            } else {
                self.content(&words, Role::Assistant, out);
            }
            out.maybe("name", messages.iter().find_map(|message| message.name.as_ref()));
            self.thoughts(&thoughts, &calls, out);
            if !calls.is_empty() {
                out.array("tool_calls", |list| {
                    calls.iter().for_each(|(block, call)| self.call(block, call, list));
                });
            }
            messages.iter().for_each(|message| self.message_extras(message, Some(&mut *out)));
        });
    }

    fn message_extras(&mut self, message: &Message<'a>, out: Option<&mut Members<'_>>) {
        match out {
            Some(out) => {
                self.losses.extras(&message.extra, message.place, FORMAT, &mut |extra| {
                    out.value(&extra.key, &extra.value);
                });
            }
            None => self.losses.extras(&message.extra, message.place, FORMAT, &mut |_| {}),
        }
    }

    /// Writes reasoning where the target takes it: as text where it wants that back, and the
    /// details that were issued in this format.
    fn thoughts(
        &mut self,
        thoughts: &[&Block<'a>],
        calls: &[(&Block<'a>, &ToolCall<'a>)],
        out: &mut Members<'_>,
    ) {
        let wanted = self.hints.quirks.has(Quirk::ReasoningBack);
        let mut text = String::new();
        let mut details: Vec<(Json<'a>, Cow<'_, str>)> = Vec::new();
        for block in thoughts {
            self.lost_mark(block);
            let Content::Reasoning(reasoning) = &block.content else { continue };
            let own = block.seal.as_ref().and_then(seal::own_detail).map(Json::into_owned);
            if let Some(detail) = own {
                details.push((detail, reasoning.shown()));
            } else if !wanted || reasoning.shown().is_empty() {
                self.lost_thought(block);
                continue;
            } else if let Some(seal) = &block.seal {
                let reason = format!("sealed by {}", seal.format);
                self.losses.member(block.place, "signature", reason);
            }
            if wanted {
                text.push_str(&reasoning.shown());
            }
        }
        for (block, _) in calls {
            let own = block.seal.as_ref().and_then(seal::own_detail).map(Json::into_owned);
            details.extend(own.map(|detail| (detail, Cow::Borrowed(""))));
        }
        if !text.is_empty() {
            out.value("reasoning_content", &text);
        }
        if !details.is_empty() {
            out.array("reasoning_details", |list| {
                for (detail, shown) in &details {
                    list.object(|out| seal::write_back(detail, shown, out));
                }
            });
        }
    }

    fn lost_thought(&mut self, block: &Block<'a>) {
        match &block.seal {
            Some(_) => self.lost_seal(block),
            None => self.losses.hint(block.place, "the target takes no reasoning back"),
        }
    }

    fn call(&mut self, block: &Block<'a>, call: &ToolCall<'a>, list: &mut Elements<'_>) {
        let carried = block.seal.as_ref().and_then(seal::own_extra);
        let detail = block.seal.as_ref().and_then(seal::own_detail);
        if carried.is_none() && detail.is_none() {
            self.lost_seal(block);
        }
        self.lost_mark(block);
        let name = self.names.wire(call.namespace.as_deref(), &call.name).into_owned();
        let freeform = call.freeform && self.hints.takes_freeform(FORMAT);
        list.object(|out| {
            out.value("id", &*ids::fit(&call.id, self.ids));
            out.value("type", if freeform { "custom" } else { "function" });
            out.object(if freeform { "custom" } else { "function" }, |out| {
                out.value("name", &name);
                match (freeform, call.freeform, &*call.arguments) {
                    (true, _, input) => out.text("input", input),
                    (false, true, input) => {
                        self.losses.reworded(block.place, "becomes a call of a function");
                        out.text("arguments", &to_arguments(input));
                    }
                    (false, false, "") => out.text("arguments", "{}"),
                    (false, false, arguments) => out.text("arguments", arguments),
                }
            });
            out.maybe("extra_content", carried.as_ref());
            self.extra(block, out);
        });
    }

    /// Writes `content`: a text where it is one, else parts. The user's is always parts where lists
    /// are understood: its form must not depend on what can be said of it.
    fn content(&mut self, blocks: &[&Block<'a>], role: Role, out: &mut Members<'_>) {
        let (said, lost): (Vec<&Block<'a>>, Vec<&Block<'a>>) = blocks
            .iter()
            .filter(|block| block.text() != Some(""))
            .partition(|block| self.can_say(block, role));
        let mut nowhere = Vec::new();
        write::array(&mut nowhere, |list| {
            lost.iter().for_each(|block| self.part(block, role, list));
        });
        // A message without content is refused; a turn that is left out changes the sense.
        let what = lost.first().map_or("text", |block| noun(&block.content));
        let listed = self.hints.genuine && role == Role::User;
        let text = if listed { None } else { self.one_text(&said, role, "\n\n") };
        if let Some(text) = text {
            out.text("content", &text);
        } else if said.is_empty() && !listed {
            out.text("content", &format!("[{what}]"));
        } else {
            out.array("content", |list| {
                said.iter().for_each(|block| self.part(block, role, list));
                if list.is_empty() {
                    plain(&format!("[{what}]"), list);
                }
            });
        }
    }
}

fn plain(text: &str, list: &mut Elements<'_>) {
    list.object(|part| {
        part.value("type", "text");
        part.text("text", text);
    });
}
