//! `llm-router`: one endpoint in front of many LLM providers.
//!
//! # Layout, in reading order
//!
//! | floor | modules | what it is |
//! |---|---|---|
//! | 0 | [`time`], [`protocol`], [`names`], [`chat`] | words: they depend on nothing |
//! | 1 | [`config`] | what the user wrote, and what is wrong with it |
//! | 2 | [`formats`], [`routing`] | wire formats; decisions. They do not know each other |
//! | 3 | [`exchange`] | the life of one request, without I/O |
//! | 4 | [`status`] | what a running gateway says about itself |
//! | 5 | `commands` | the one list of commands, on a workspace in memory |
//! | 6 | `store` | the disk |
//! | 7 | `server`, `mcp`, `cli` | shells: the only async, clock, environment and network |
//!
//! A module imports only from lower floors; `tests/architecture.rs` holds it to that. Floors 0 to 5
//! are pure, and floors 0 to 4 build without the `native` feature.

pub mod time;

pub mod chat;
pub mod names;
pub mod protocol;

pub mod config;

pub mod formats;
pub mod routing;

pub mod exchange;

pub mod status;

#[cfg(feature = "native")]
pub mod commands;

#[cfg(feature = "native")]
pub mod store;

#[cfg(feature = "native")]
pub mod cli;
#[cfg(feature = "native")]
pub mod mcp;
#[cfg(feature = "native")]
pub mod server;
