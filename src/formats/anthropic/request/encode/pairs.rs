//! Which result answers which call. Anthropic refuses calls whose result is not in the next
//! message, results without a call, and two calls of one id.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
};

use crate::{
    chat::{Block, Content, Request},
    formats::ids::{IdForm, fit},
};

/// The calls of a conversation in their order, each with its result; and which results have a call.
#[derive(Default)]
pub(super) struct Pairs<'r> {
    calls: Vec<(Cow<'r, str>, Option<&'r Block<'r>>)>,
    answers: Vec<bool>,
}

impl<'r> Pairs<'r> {
    pub(super) fn of(request: &'r Request<'r>) -> Self {
        let mut pairs = Self::default();
        let mut open: HashMap<&str, VecDeque<usize>> = HashMap::new();
        let mut used: HashSet<Cow<'r, str>> = HashSet::new();
        let mut times: HashMap<&str, u32> = HashMap::new();
        for block in request.messages.iter().flat_map(|message| &message.blocks) {
            if let Some(call) = block.call() {
                let count = times.entry(&call.id).or_default();
                let id = unused(&call.id, count, &used);
                used.insert(id.clone());
                open.entry(&call.id).or_default().push_back(pairs.calls.len());
                pairs.calls.push((id, None));
            } else if let Content::ToolResult(result) = &block.content {
                let call = open.get_mut(&*result.call).and_then(VecDeque::pop_front);
                pairs.answers.push(call.is_some());
                if let Some(call) = call.and_then(|call| pairs.calls.get_mut(call)) {
                    call.1 = Some(block);
                }
            }
        }
        pairs
    }

    /// The id at the target of the call of this number.
    pub(super) fn id(&self, call: usize) -> Cow<'r, str> {
        self.calls.get(call).map(|(id, _)| id.clone()).unwrap_or_default()
    }

    /// The result of the call of this number.
    pub(super) fn result(&self, call: usize) -> Option<&'r Block<'r>> {
        self.calls.get(call).and_then(|(_, result)| *result)
    }

    /// Whether the result of this number answers a call.
    pub(super) fn is_answer(&self, result: usize) -> bool {
        self.answers.get(result).copied().unwrap_or_default()
    }
}

/// An id for a call that no call before has. Some providers count their calls anew in each turn.
fn unused<'r>(id: &'r str, times: &mut u32, used: &HashSet<Cow<'r, str>>) -> Cow<'r, str> {
    loop {
        *times += 1;
        let candidate = match *times {
            1 => fit(id, IdForm::Plain),
            times => Cow::Owned(fit(&format!("{id} {times}"), IdForm::Plain).into_owned()),
        };
        if !used.contains(&candidate) {
            return candidate;
        }
    }
}
