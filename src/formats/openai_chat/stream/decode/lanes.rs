//! Blocks of a Chat reply, in their order. The format does not say where a block ends, and lets
//! calls interleave: the first block that is not known to be complete goes out as it comes, what
//! belongs to later ones waits.

mod balance;

use std::collections::VecDeque;

use self::balance::Balance;
use crate::{
    chat::{Citation, Event, Json, Opening, Seal},
    formats::Malformed,
};

/// The most bytes that may wait. Providers write calls one behind the other: only broken streams
/// come near it.
const MOST_HELD: usize = 32 * 1024 * 1024;

/// The blocks that are not closed yet. Only the first of them may be open.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queue: VecDeque<Lane>,
    /// The index of the next block: it only tells blocks apart.
    next: u32,
    held: usize,
    /// The call that was closed last: late pieces of it are no new call.
    closed: Option<(Option<u64>, String)>,
}

#[derive(Debug)]
struct Lane {
    index: u32,
    kind: Kind,
    opened: bool,
    sealed: bool,
    /// Of calls.
    arguments: Balance,
    waiting: Vec<Piece>,
}

/// What kind of block it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Reasoning,
    Refusal,
    /// With its media type.
    Image(String),
    Call(Call),
}

/// What is known of a call so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// The index that the provider gives it.
    pub(super) wire: Option<u64>,
    pub(super) id: String,
    /// Empty until it comes.
    pub(super) name: String,
    pub(super) freeform: bool,
}

/// Something that belongs to a block.
#[derive(Debug)]
pub(super) enum Piece {
    Delta(String),
    Citation(Box<Citation<'static>>),
    Logprobs(Json<'static>),
    Seal(Box<Seal<'static>>),
}

impl Piece {
    fn length(&self) -> usize {
        match self {
            Self::Delta(text) => text.len(),
            Self::Citation(citation) => citation.raw.get().len(),
            Self::Logprobs(tokens) => tokens.get().len(),
            Self::Seal(seal) => seal.data.len(),
        }
    }

    fn event(self, index: u32) -> Event<'static> {
        match self {
            Self::Delta(text) => Event::Delta { index, text: text.into() },
            Self::Citation(citation) => Event::Citation { index, citation },
            Self::Logprobs(tokens) => Event::Logprobs { index, tokens },
            Self::Seal(seal) => Event::Seal { index, seal },
        }
    }
}

type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

impl Lanes {
    /// More of a text, of reasoning or of a refusal: of the last block if it is of that kind.
    pub(super) fn words(
        &mut self,
        kind: Kind,
        text: &str,
        emit: Emit<'_>,
    ) -> Result<(), Malformed> {
        if text.is_empty() {
            return Ok(());
        }
        let goes_on = self.queue.back().is_some_and(|lane| lane.kind == kind && !lane.sealed);
        if !goes_on {
            self.push(kind, emit);
        }
        self.fill(self.queue.len() - 1, text, emit)
    }

    /// A whole picture.
    pub(super) fn image(
        &mut self,
        media_type: &str,
        data: &str,
        emit: Emit<'_>,
    ) -> Result<(), Malformed> {
        self.push(Kind::Image(media_type.to_owned()), emit);
        self.fill(self.queue.len() - 1, data, emit)
    }

    /// A piece for the last block, if it is of this kind.
    pub(super) fn attach(
        &mut self,
        kind: &Kind,
        piece: Piece,
        emit: Emit<'_>,
    ) -> Result<(), Malformed> {
        match self.queue.back() {
            Some(lane) if lane.kind == *kind => self.put(self.queue.len() - 1, piece, emit),
            Some(_) | None => Ok(()),
        }
    }

    /// A seal: of the call of this id, else of the reasoning at the end; if that has one, or if
    /// there is none, of reasoning that nobody may read.
    pub(super) fn seal(
        &mut self,
        seal: Seal<'static>,
        call: Option<&str>,
        emit: Emit<'_>,
    ) -> Result<(), Malformed> {
        let named = |lane: &Lane| matches!(&lane.kind, Kind::Call(c) if Some(&*c.id) == call);
        let at = match self.queue.iter().position(named) {
            Some(at) => at,
            None => {
                let open = |lane: &Lane| lane.kind == Kind::Reasoning && !lane.sealed;
                if !self.queue.back().is_some_and(open) {
                    self.push(Kind::Reasoning, emit);
                }
                self.queue.len() - 1
            }
        };
        self.put_seal(at, seal, emit)
    }

    fn put_seal(
        &mut self,
        at: usize,
        seal: Seal<'static>,
        emit: Emit<'_>,
    ) -> Result<(), Malformed> {
        match self.queue.get_mut(at) {
            Some(lane) if !lane.sealed => {
                lane.sealed = true;
                self.put(at, Piece::Seal(Box::new(seal)), emit)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The call that a piece with this index, id and name belongs to: its place in the queue.
    /// `None` if it comes too late. A call that is not there yet is added.
    pub(super) fn find_call(&mut self, piece: &Call, emit: Emit<'_>) -> Option<usize> {
        let calls = || self.queue.iter().enumerate().rev();
        let is = |same: &dyn Fn(&Call) -> bool| {
            let mut found = calls().filter_map(|(at, lane)| {
                matches!(&lane.kind, Kind::Call(call) if same(call)).then_some(at)
            });
            found.next()
        };
        let found = match piece.wire {
            Some(_) => is(&|call| call.wire == piece.wire),
            None if piece.id.is_empty() => is(&|_| true),
            // Some providers make up an id for each piece; only the first has a name.
            None => is(&|call| call.id == piece.id)
                .or_else(|| is(&|_| true).filter(|_| piece.name.is_empty())),
        };
        let other = |call: &Call| {
            let renamed = !piece.id.is_empty() && !call.id.is_empty() && call.id != piece.id;
            let unmarked = piece.wire.is_none() && piece.id.is_empty() && !call.name.is_empty();
            !piece.name.is_empty() && (renamed || unmarked)
        };
        let same = found.filter(|at| match self.queue.get(*at).map(|lane| &lane.kind) {
            Some(Kind::Call(call)) => !other(call),
            Some(Kind::Text | Kind::Reasoning | Kind::Refusal | Kind::Image(_)) | None => false,
        });
        if same.is_some() {
            return same;
        }
        let late = self.closed.as_ref().is_some_and(|(wire, id)| {
            (piece.wire.is_some() && *wire == piece.wire || !id.is_empty() && *id == piece.id)
                && (piece.id.is_empty() || piece.id == *id || piece.name.is_empty())
        });
        if late
            || (found.is_none()
                && piece.name.is_empty()
                && piece.id.is_empty()
                && piece.wire.is_none())
        {
            return None;
        }
        Some(self.add_call(Call { name: String::new(), id: String::new(), ..piece.clone() }, emit))
    }

    /// Adds a call behind what is there.
    pub(super) fn add_call(&mut self, call: Call, emit: Emit<'_>) -> usize {
        self.push(Kind::Call(call), emit);
        self.queue.len() - 1
    }

    /// What a piece says of the call at `at`: what is known already stays.
    pub(super) fn name_call(
        &mut self,
        at: usize,
        piece: &Call,
        made: impl FnOnce() -> String,
        emit: Emit<'_>,
    ) {
        if let Some(Lane { kind: Kind::Call(call), .. }) = self.queue.get_mut(at) {
            if call.id.is_empty() && !piece.id.is_empty() {
                call.id.clone_from(&piece.id);
            }
            if call.name.is_empty() && !piece.name.is_empty() {
                call.name.clone_from(&piece.name);
                call.freeform = piece.freeform;
                // What opens the block needs an id.
                if call.id.is_empty() {
                    call.id = made();
                }
            }
        }
        self.settle(emit);
    }

    /// More of the arguments of the call at `at`, and its seal.
    pub(super) fn fill_call(
        &mut self,
        at: usize,
        arguments: &str,
        seal: Option<Seal<'static>>,
        emit: Emit<'_>,
    ) -> Result<(), Malformed> {
        if let Some(seal) = seal {
            self.put_seal(at, seal, emit)?;
        }
        if let Some(lane) = self.queue.get_mut(at) {
            lane.arguments.take(arguments);
        }
        self.fill(at, arguments, emit)
    }

    /// Whether a call has begun to say its arguments and not come to their end.
    pub(super) fn end_in_a_call(&self) -> bool {
        self.queue.iter().any(|lane| match &lane.kind {
            Kind::Call(call) => !call.freeform && lane.arguments.is_within(),
            Kind::Text | Kind::Reasoning | Kind::Refusal | Kind::Image(_) => false,
        })
    }

    /// The reply is over: what waits goes out, whether complete or not.
    pub(super) fn end(&mut self, emit: Emit<'_>) {
        while let Some(mut lane) = self.queue.pop_front() {
            lane.open(emit);
            if lane.opened {
                emit(Event::Close { index: lane.index });
            }
        }
        self.held = 0;
    }

    fn push(&mut self, kind: Kind, emit: Emit<'_>) {
        let index = self.next;
        self.next = self.next.wrapping_add(1);
        self.queue.push_back(Lane {
            index,
            kind,
            opened: false,
            sealed: false,
            arguments: Balance::default(),
            waiting: Vec::new(),
        });
        self.settle(emit);
    }

    fn fill(&mut self, at: usize, text: &str, emit: Emit<'_>) -> Result<(), Malformed> {
        match self.queue.get_mut(at) {
            _ if text.is_empty() => Ok(()),
            Some(lane) if lane.opened => {
                emit(Event::Delta { index: lane.index, text: text.into() });
                self.settle(emit);
                Ok(())
            }
            Some(Lane { waiting, .. }) => {
                self.held += text.len();
                match waiting.last_mut() {
                    Some(Piece::Delta(held)) => held.push_str(text),
                    Some(_) | None => waiting.push(Piece::Delta(text.to_owned())),
                }
                self.bounded()
            }
            None => Ok(()),
        }
    }

    fn put(&mut self, at: usize, piece: Piece, emit: Emit<'_>) -> Result<(), Malformed> {
        match self.queue.get_mut(at) {
            Some(lane) if lane.opened => emit(piece.event(lane.index)),
            Some(lane) => {
                self.held += piece.length();
                lane.waiting.push(piece);
            }
            None => {}
        }
        self.bounded()
    }

    fn bounded(&self) -> Result<(), Malformed> {
        if self.held > MOST_HELD {
            return Err(Malformed::new("its calls are interleaved without end"));
        }
        Ok(())
    }

    /// Opens the first block, and goes on to the next wherever it is complete.
    fn settle(&mut self, emit: Emit<'_>) {
        while let Some(first) = self.queue.front_mut() {
            self.held = self.held.saturating_sub(first.open(emit));
            let goes_on = !first.opened || !first.is_complete();
            if goes_on || self.queue.len() < 2 {
                return;
            }
            let Some(first) = self.queue.pop_front() else { return };
            emit(Event::Close { index: first.index });
            if let Kind::Call(call) = first.kind {
                self.closed = Some((call.wire, call.id));
            }
        }
    }
}

impl Lane {
    /// Opens the block if enough is known, and lets out what waits: how many bytes.
    fn open(&mut self, emit: Emit<'_>) -> usize {
        if self.opened {
            return 0;
        }
        let block = match &self.kind {
            Kind::Text => Opening::Text,
            Kind::Reasoning => Opening::Reasoning,
            Kind::Refusal => Opening::Refusal,
            Kind::Image(media_type) => Opening::Image { media_type: media_type.clone() },
            Kind::Call(call) if call.name.is_empty() => return 0,
            Kind::Call(Call { id, name, freeform: true, .. }) => {
                let (id, name) = (id.clone(), name.clone());
                Opening::FreeformCall { id, name, namespace: None }
            }
            Kind::Call(Call { id, name, .. }) => {
                Opening::ToolCall { id: id.clone(), name: name.clone(), namespace: None }
            }
        };
        self.opened = true;
        emit(Event::Open { index: self.index, block });
        let mut length = 0;
        for piece in std::mem::take(&mut self.waiting) {
            length += piece.length();
            emit(piece.event(self.index));
        }
        length
    }

    /// Whether nothing more can come, now that something else has come.
    fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::Text | Kind::Reasoning | Kind::Refusal | Kind::Image(_) => true,
            Kind::Call(call) => !call.freeform && self.arguments.is_whole(),
        }
    }
}
