//! `start`: the gateway in the foreground.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context;
use clap::{ArgAction, Args};
use tokio::sync::watch;

use super::{ConfigArgs, banner, exit::Exit, print};
use crate::{
    config::{Server, environment::is_on, problem::Problem},
    routing::state::State,
    server::{
        Gateway,
        clock::Clock,
        listen,
        live::Live,
        reload,
        saver::{self, Saver},
    },
    store::{ConfigFile, Environment, RuntimeRecord, state::StateFile},
};

/// The flags of `start`.
#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    config: ConfigArgs,
    /// The address to listen on [default: 127.0.0.1, or `server.host` of the config]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// The port to listen on [default: 8787, or `server.port` of the config]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Whether clients must present the `masterKey` [default: only beyond loopback]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true",
        value_parser = flag, action = ArgAction::Set)]
    require_auth: Option<bool>,
    /// Whether changes of the config file are taken over while running
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true",
        default_value = "true", value_parser = flag, action = ArgAction::Set)]
    watch_config: bool,
}

fn flag(text: &str) -> Result<bool, String> {
    is_on(text).ok_or_else(|| "write true or false".to_owned())
}

impl Start {
    /// Runs the gateway until it is told to stop.
    ///
    /// # Errors
    /// If the config cannot be read or the address cannot be bound.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        log_to_stderr(&environment);
        let file = self.config.locate(environment)?;
        if self.config.is_named() && !file.path.exists() {
            complain(&[Problem::error("", format!("there is no file {}", file.path.display()))
                .hint("without --config the demo provider answers")])?;
            return Ok(Exit::Invalid);
        }
        let flags = Server {
            host: self.host,
            port: self.port,
            require_auth: self.require_auth,
            ..Server::default()
        };
        let clock = Clock::default();
        let live = match Live::open(file.clone(), flags, self.watch_config, clock.now())? {
            Ok(live) => live,
            Err(problems) => {
                complain(&problems)?;
                return Ok(Exit::Invalid);
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (state, saver) = remember(&file);
        let gateway = Arc::new(Gateway::new(live, state, saver, clock));
        let done = runtime.block_on(serve(gateway, &file));
        // What still runs has had its time.
        runtime.shutdown_background();
        done.map(|()| Exit::Done)
    }
}

/// The state of the run before, and where this one's is saved.
fn remember(file: &ConfigFile) -> (State, Saver) {
    let Some(mut state_file) = StateFile::locate(file) else {
        return (State::default(), Saver::default());
    };
    match state_file.own() {
        Ok(true) => {}
        Ok(false) => tracing::warn!(
            "another gateway with this config saves its state in {}; this one keeps its own in \
             memory",
            state_file.path().display()
        ),
        Err(error) => tracing::warn!("the state is not saved: {error:#}"),
    }
    let state = state_file.load().unwrap_or_else(|error| {
        tracing::warn!("rate-limit counters and cooldowns begin anew: {error:#}");
        State::default()
    });
    (state, Saver::new(Some(state_file)))
}

async fn serve(gateway: Arc<Gateway>, file: &ConfigFile) -> anyhow::Result<()> {
    let listener = listen::bind(listen::wanted_address(&gateway)).await?;
    let address = listener.local_addr()?;
    let (reloads, reloaded) = watch::channel(0);
    let (signals, stopped) = watch::channel(0);
    listen_to_signals(signals)?;
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let asked = signal(SignalKind::user_defined1()).context("listen to signals")?;
        #[expect(clippy::disallowed_methods, reason = "signals come as long as the process lives")]
        tokio::spawn(reload::on_signal(Arc::clone(&gateway), asked, reloads.clone()));
    }
    if gateway.live.is_watched() {
        #[expect(clippy::disallowed_methods, reason = "the watch lives as long as the gateway")]
        tokio::spawn(reload::watch(Arc::clone(&gateway), reloads.clone()));
    }
    let record_path = file.runtime_path();
    let record = RuntimeRecord {
        pid: std::process::id(),
        instance: gateway.instance.clone(),
        url: format!("http://{address}"),
        config_path: file.path.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Err(error) = record.write(&record_path) {
        tracing::warn!("`llm-router status` and `stop` will not find this gateway: {error:#}");
    }
    let colour = std::io::stdout().is_terminal() && !file.environment.contains_key("NO_COLOR");
    print(&banner::text(&gateway, address, colour))?;
    for warning in &gateway.live.snapshot().warnings {
        tracing::warn!("{warning}");
    }
    #[expect(clippy::disallowed_methods, reason = "the state is saved as long as it changes")]
    tokio::spawn(saver::run(Arc::clone(&gateway)));
    let served = listen::run(Arc::clone(&gateway), listener, reloaded, stopped).await;
    gateway.saver.save(&gateway);
    record.remove(&record_path);
    drop(reloads);
    served?;
    print("llm-router has stopped.\n")
}

/// Counts the signals that ask for an end: the first is a request, the second an order.
fn listen_to_signals(signals: watch::Sender<u32>) -> anyhow::Result<()> {
    let asked = signal_stream()?;
    #[expect(clippy::disallowed_methods, reason = "signals come as long as the process lives")]
    tokio::spawn(async move {
        let mut asked = asked;
        while asked.recv().await.is_some() {
            signals.send_modify(|count| *count += 1);
        }
    });
    Ok(())
}

/// SIGINT and SIGTERM, and what stands for them elsewhere.
fn signal_stream() -> anyhow::Result<tokio::sync::mpsc::Receiver<()>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
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

/// Tells every problem, not only the first.
fn complain(problems: &[Problem]) -> anyhow::Result<()> {
    let mut out = std::io::stderr().lock();
    writeln!(out, "llm-router: the config cannot be used:")?;
    for problem in problems {
        writeln!(out, "  {problem}")?;
    }
    Ok(())
}

/// The log: lifecycle and failures by default; `LLM_ROUTER_LOG` is `error`, `warn`, `info`, `debug`
/// or `off`.
fn log_to_stderr(environment: &Environment) {
    let level = environment.get("LLM_ROUTER_LOG").and_then(|level| level.trim().parse().ok());
    let level = level.unwrap_or(tracing_subscriber::filter::LevelFilter::INFO);
    let colour = std::io::stderr().is_terminal() && !environment.contains_key("NO_COLOR");
    // Set already only in tests that run several gateways in one process.
    let set = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(colour)
        .with_writer(std::io::stderr)
        // With stderr closed there is nobody to tell, and telling so would panic.
        .log_internal_errors(false)
        .try_init();
    drop(set);
}

/// Where a config would be looked for, for messages.
#[must_use]
pub fn shown(path: &std::path::Path, environment: &Environment) -> String {
    let home = environment.get("HOME").map(PathBuf::from);
    match home.and_then(|home| path.strip_prefix(home).ok().map(PathBuf::from)) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}
