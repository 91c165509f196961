//! Decisions: which target gets a request. Pure; knows no wire format, no socket and no clock.
//!
//! [`compile`] turns a config into a [`router::Router`], or tells everything that is wrong with it.
//! A request resolves its model name to a [`router::Route`], asks [`state::State`] for a
//! [`decide::Decision`] and for leave to call each target, and reports what became of it.
//! [`trace`] tells why.

pub mod amp;
pub mod balance;
pub mod compile;
pub mod decide;
pub mod endpoint;
pub mod failure;
pub mod fit;
pub mod plan;
pub mod router;
pub mod settings;
pub mod state;
pub mod trace;
pub mod window;
