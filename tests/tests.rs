//! All integration tests in one binary: linking is what costs.

mod architecture;
mod binary;
mod cli;
mod commands;
mod config;
mod explain;
mod gateway;
mod laws;
mod mcp;
mod simulation;
#[cfg(unix)]
mod state;
mod support;
mod translations;
