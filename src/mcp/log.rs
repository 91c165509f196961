//! The log of the MCP server, on stderr.

use std::str::FromStr;

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::store::Environment;

/// Logs to stderr at `LLM_ROUTER_LOG`, warnings if that is absent. Other crates say warnings only,
/// and rmcp nothing: it writes whole requests and what was answered to them, and whoever pastes a key
/// into one would find it in the log of the client.
pub fn start(environment: &Environment) {
    let wanted = environment.get("LLM_ROUTER_LOG");
    let level = wanted.and_then(|level| LevelFilter::from_str(level.trim()).ok());
    let level = level.unwrap_or(LevelFilter::WARN);
    let others = level.min(LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(false)
        // Amp closes stderr. The default is to complain about a failed write, on stderr, and die.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let targets = Targets::new()
        .with_default(others)
        .with_target("llm_router", level)
        .with_target("rmcp", LevelFilter::OFF);
    // Set already only in tests.
    drop(tracing_subscriber::registry().with(lines).with(targets).try_init());
}
