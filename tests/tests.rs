//! All integration tests in one binary: linking is what costs.

mod architecture;
mod config;
mod gateway;
mod laws;
mod support;
mod translations;
