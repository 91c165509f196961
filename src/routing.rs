//! Decisions: which target gets a request. Pure; knows no wire format, no socket and no clock.
//!
//! [`compile`] turns a config into a [`router::Router`], or tells everything that is wrong with it.
//! A request resolves its model name to a [`router::Route`], asks [`state::State`] for the order of
//! the candidates, and reports what became of each attempt.

pub mod amp;
pub mod balance;
pub mod compile;
pub mod endpoint;
pub mod failure;
pub mod router;
pub mod settings;
pub mod state;
