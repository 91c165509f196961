//! The neutral chat vocabulary: what every wire format is translated to and from. It knows no wire
//! format: what only one of them has is carried as it stands, with that format's name on it.
//!
//! Block-structured, because that is the richest of the four formats. A [`Request`] borrows from
//! the body that it was read from: what is only carried (schemas, tool arguments) stays raw JSON. A
//! reply is the fold of its stream: [`Reply::absorb`] takes one [`Event`] after the other, so that
//! nothing is written twice for streamed and whole replies.

mod block;
mod carried;
mod fault;
mod media;
mod reply;
mod request;
mod tool;
mod wish;

pub use block::{
    Block, CacheMark, CacheTtl, Citation, Content, Hosted, HostedKind, Reasoning, Seal, SealKind,
    ToolCall, ToolResult,
};
pub use carried::{Extra, Json, Place};
pub use fault::{Fault, FaultKind};
pub use media::{Document, Image, Source};
pub use reply::{Event, Opening, Reply, ReplyBlock, Start, Stop, StopReason, Usage};
pub use request::{Message, Request, Role};
pub use tool::{Grammar, Namespace, Tool, ToolChoice, ToolKind};
pub use wish::{
    CacheWish, Effort, Output, ReasoningMode, ReasoningWish, Retention, Sampling, ServerState,
    ServiceTier, Show, User, Verbosity,
};
