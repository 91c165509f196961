//! All integration tests in one binary: linking is what costs.

mod architecture;
mod cli;
mod commands;
mod config;
mod gateway;
mod laws;
mod mcp;
mod simulation;
mod support;
mod translations;
