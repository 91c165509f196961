//! The shell for agents: the Model Context Protocol on stdin and stdout, projected from
//! [`crate::commands::CATALOG`].
//!
//! Nothing but protocol goes to stdout, and nothing that a client sent goes to the log.

pub mod complete;
pub mod handler;
pub mod lean;
pub mod lines;
pub mod log;
pub mod progress;
pub mod prompts;
pub mod resources;
pub mod speech;
pub mod tools;
pub mod updates;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio::sync::{mpsc, watch};

use crate::store::ConfigFile;
use handler::{Handler, Shared};
use lines::Lines;

/// What the server is started with.
#[derive(Debug)]
pub struct Options {
    pub file: ConfigFile,
    /// Whether only tools that change nothing are offered.
    pub read_only: bool,
}

/// How long answers may take to go out after the client has closed its end.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long a change that is being written may take to be whole.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Serves until the client closes its end or a signal comes.
///
/// # Errors
/// If there can be no runtime, or signals cannot be heard.
pub fn run(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(serve(options));
    // A thread may still wait for stdin; the process does not wait for it.
    runtime.shutdown_background();
    done
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let mut signals = signals()?;
    let (end, mut ended) = watch::channel(false);
    let transport = Lines::new(tokio::io::stdin(), tokio::io::stdout(), end);
    let shared = Arc::new(Shared::new(options, ended.clone()));
    let serving = async {
        match rmcp::serve_server(Handler(Arc::clone(&shared)), transport).await {
            Ok(running) => drop(running.waiting().await),
            // The client left before it had said anything.
            Err(_) => tracing::debug!("ended before it began"),
        }
    };
    let farewell = async {
        // An end that cannot come any more is one.
        drop(ended.wait_for(|ended| *ended).await);
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = serving => {}
        () = farewell => {}
        _ = signals.recv() => {}
    }
    // What is half-written becomes whole.
    drop(tokio::time::timeout(LAST_WRITE, shared.writes.lock()).await);
    Ok(())
}

/// Claude Code ends servers with SIGINT, Codex and Gemini CLI with SIGTERM, a lost terminal with
/// SIGHUP.
fn signals() -> anyhow::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel(1);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut stream = signal(kind).context("listen to signals")?;
            let sender = sender.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "signals come as long as the process lives"
            )]
            tokio::spawn(async move {
                while stream.recv().await.is_some() && sender.send(()).await.is_ok() {}
            });
        }
    }
    #[cfg(not(unix))]
    {
        #[expect(clippy::disallowed_methods, reason = "signals come as long as the process lives")]
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).await.is_ok() {}
        });
    }
    Ok(receiver)
}
