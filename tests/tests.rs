//! All integration tests in one binary: linking is what costs.

mod architecture;
mod binary;
mod config;
mod explain;
mod gateway;
mod laws;
#[cfg(unix)]
mod state;
mod support;
mod translations;
