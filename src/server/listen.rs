//! Listening: binding a port or explaining why not, serving, moving to another port, stopping.

use std::{io, net::SocketAddr, sync::Arc, sync::PoisonError, time::Duration};

use anyhow::{Context, anyhow};
use axum::{Router, serve::ListenerExt};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinError, JoinHandle, JoinSet},
};

use super::{Gateway, answer::handle};

/// How long running requests may take to finish once the gateway is told to stop.
pub const GRACE: Duration = Duration::from_secs(600);

/// Binds an address.
///
/// # Errors
/// If it is taken, with the process that holds it; the port is never taken from anybody.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let holder =
                match listeners::get_process_by_port(address.port(), listeners::Protocol::TCP) {
                    Ok(process) => format!("{} (process {})", process.name, process.pid),
                    Err(_) => "another process".to_owned(),
                };
            Err(anyhow!(
                "port {} is in use by {holder}; stop that, or choose another port with --port",
                address.port()
            ))
        }
        Err(error) => Err(error).with_context(|| format!("listen on {address}")),
    }
}

/// One listener that serves until it is told to stop.
pub struct Serving {
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// Serves `gateway` on `listener`.
    ///
    /// # Errors
    /// If the listener has no address.
    pub fn begin(gateway: Arc<Gateway>, listener: TcpListener) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("read the address of the listener")?;
        *gateway.url.lock().unwrap_or_else(PoisonError::into_inner) = format!("http://{address}");
        let app = Router::new().fallback(handle).with_state(gateway);
        // A small answer must not wait for the client's acknowledgement of the one before.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("TCP_NODELAY: {error}");
            }
        });
        let (stop, mut stopped) = watch::channel(false);
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            // An error means that the sender is gone, which is a stop too.
            drop(stopped.wait_for(|stop| *stop).await);
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "the listener lives until it is told to stop"
        )]
        let task = tokio::spawn(serving.into_future());
        Ok(Self { address, stop, task })
    }

    /// Stops accepting; requests that run go on. The handle ends when the last one has.
    pub fn stop(self) -> JoinHandle<io::Result<()>> {
        // The receiver is gone only if the task has ended already.
        let _ = self.stop.send(true);
        self.task
    }
}

/// Serves on the address that the config names, moves when it names another, and stops when
/// `stopped` becomes true: first softly, then, after [`GRACE`] or a second signal, for good.
///
/// # Errors
/// If the first address cannot be bound.
pub async fn run(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    reloaded: watch::Receiver<u64>,
    mut stopped: watch::Receiver<u32>,
) -> anyhow::Result<()> {
    let mut leaving = JoinSet::new();
    let asked = stopped.clone();
    let serving = serve_until(&gateway, listener, reloaded, asked, &mut leaving).await?;
    leaving.spawn(serving.stop());
    let finished = async { while leaving.join_next().await.is_some() {} };
    tokio::select! {
        () = finished => {}
        () = tokio::time::sleep(GRACE) => tracing::warn!("running requests were cut off"),
        _ = stopped.wait_for(|signals| *signals > 1) => {
            tracing::warn!("told twice: running requests were cut off");
        }
    }
    Ok(())
}

/// Serves until the first signal, moving to another address whenever the config names one. The
/// listeners that were left finish in `leaving`.
async fn serve_until(
    gateway: &Arc<Gateway>,
    listener: TcpListener,
    mut reloaded: watch::Receiver<u64>,
    mut stopped: watch::Receiver<u32>,
    leaving: &mut JoinSet<Result<io::Result<()>, JoinError>>,
) -> anyhow::Result<Serving> {
    let mut wanted = wanted_address(gateway);
    let mut serving = Serving::begin(Arc::clone(gateway), listener)?;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|signals| *signals > 0) => return Ok(serving),
            // Without a watch on the config only a signal can end this.
            Ok(()) = reloaded.changed() => {}
        }
        let address = wanted_address(gateway);
        if address == wanted {
            continue;
        }
        match bind(address).await {
            Ok(listener) => {
                let next = Serving::begin(Arc::clone(gateway), listener)?;
                tracing::info!("listening on {} from now on", next.address);
                leaving.spawn(std::mem::replace(&mut serving, next).stop());
                wanted = address;
            }
            Err(error) => tracing::error!("stays on {}: {error:#}", serving.address),
        }
    }
}

/// The address that the config in use names.
#[must_use]
pub fn wanted_address(gateway: &Gateway) -> SocketAddr {
    let snapshot = gateway.live.snapshot();
    let settings = &snapshot.router.settings;
    SocketAddr::new(settings.host, settings.port)
}
