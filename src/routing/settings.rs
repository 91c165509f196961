//! The `server` section with its defaults filled in: the one place where they stand.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use crate::config::{
    Config, Server, Timeouts, UnknownModels,
    problem::Problem,
    secret::{Secret, SecretFinder, strength},
};

/// What the gateway was told about itself.
#[derive(Debug, Clone)]
pub struct Settings {
    pub host: IpAddr,
    pub port: u16,
    /// Whether clients must present `key`.
    pub require_auth: bool,
    /// The gateway key. `None` if there is none, or if it could not be found.
    pub key: Option<Secret>,
    /// Addresses that are let in; empty for all.
    pub allowed_ips: Vec<IpNet>,
    pub cors: Cors,
    pub max_body_bytes: usize,
    pub max_in_flight: usize,
    /// Whether unknown model names are answered by the default model.
    pub unknown_models_to_default: bool,
    /// Whether answers carry headers that tell how they were routed.
    pub debug_routing: bool,
    pub retry: RetryPolicy,
}

/// Which web pages may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    Any,
    /// These origins, exactly as browsers send them.
    Only(Vec<String>),
}

/// Time limits for calls to one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connect: Duration,
    pub first_byte: Duration,
    pub whole_reply: Duration,
    pub silence: Duration,
}

/// How failed calls are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The longest that one request waits for a provider to recover.
    pub patience: Duration,
    /// How often the last target is tried, the first time included.
    pub attempts: u32,
    pub base_delay: Duration,
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// The pause after `failures` failed attempts: doubling, bounded.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base_delay.saturating_mul(factor).min(self.max_delay)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            whole_reply: Duration::from_secs(600),
            silence: Duration::from_secs(120),
        }
    }
}

impl Limits {
    /// These limits, but for those that `timeouts` sets.
    #[must_use]
    pub fn with(self, timeouts: Option<&Timeouts>) -> Self {
        let Some(timeouts) = timeouts else { return self };
        let or = |set: Option<std::num::NonZeroU64>, default: Duration| {
            set.map_or(default, |millis| Duration::from_millis(millis.get()))
        };
        Self {
            connect: or(timeouts.connect_ms, self.connect),
            first_byte: or(timeouts.first_byte_ms, self.first_byte),
            whole_reply: or(timeouts.whole_reply_ms, self.whole_reply),
            silence: or(timeouts.silence_ms, self.silence),
        }
    }
}

/// The default address: this machine and nobody else.
pub const DEFAULT_HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// The default port.
pub const DEFAULT_PORT: u16 = 8787;
const DEFAULT_MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
const DEFAULT_MAX_IN_FLIGHT: usize = 1024;

impl Settings {
    /// Fills in the defaults and checks what belongs together.
    pub(super) fn compile(
        config: &Config,
        find: &SecretFinder<'_>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let absent = Server::default();
        let server = config.server.as_ref().unwrap_or(&absent);
        let host = compile_host(server, problems);
        let require_auth = server.require_auth.unwrap_or(!host.is_loopback());
        let key = compile_key(config, find, problems);
        if require_auth {
            check_key(host, key.as_ref(), config, problems);
        }
        let retry = server.retry.unwrap_or_default();
        let base_delay = Duration::from_millis(retry.base_delay_ms.unwrap_or(250));
        Self {
            host,
            port: server.port.unwrap_or(DEFAULT_PORT),
            require_auth,
            key,
            allowed_ips: compile_networks(server, problems),
            cors: compile_cors(server),
            max_body_bytes: server.max_body_bytes.map_or(DEFAULT_MAX_BODY_BYTES, |bytes| {
                usize::try_from(bytes.get()).unwrap_or(usize::MAX)
            }),
            max_in_flight: server.max_in_flight.map_or(DEFAULT_MAX_IN_FLIGHT, |count| {
                usize::try_from(count.get()).unwrap_or(usize::MAX)
            }),
            debug_routing: server.debug_routing == Some(true),
            unknown_models_to_default: server.unknown_models == Some(UnknownModels::Default),
            retry: RetryPolicy {
                patience: Duration::from_millis(retry.patience_ms.unwrap_or(5000)),
                attempts: retry.attempts.map_or(3, std::num::NonZeroU32::get),
                base_delay,
                max_delay: Duration::from_millis(retry.max_delay_ms.unwrap_or(3000))
                    .max(base_delay),
            },
        }
    }
}

fn compile_host(server: &Server, problems: &mut Vec<Problem>) -> IpAddr {
    match server.host.as_deref() {
        None | Some("localhost") => DEFAULT_HOST,
        Some(text) => text.trim_matches(['[', ']']).parse().unwrap_or_else(|_| {
            problems.push(
                Problem::error("/server/host", format!("`{text}` is not an IP address"))
                    .hint("127.0.0.1 for this machine only, 0.0.0.0 for all of its addresses"),
            );
            DEFAULT_HOST
        }),
    }
}

fn compile_key(
    config: &Config,
    find: &SecretFinder<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Secret> {
    match find(config.master_key.as_ref()?) {
        Ok(key) if key.expose().is_empty() => None,
        Ok(key) => Some(key),
        Err(reason) => {
            problems.push(Problem::error("/masterKey", format!("not to be had: {reason}")));
            None
        }
    }
}

/// A gateway that demands a key must have one; beyond loopback, one that cannot be guessed.
fn check_key(host: IpAddr, key: Option<&Secret>, config: &Config, problems: &mut Vec<Problem>) {
    let generate = "generate one, for example with `openssl rand -base64 36`";
    match key {
        // A key that was named but not found has its own problem already.
        None if config.master_key.is_some() => {}
        None if host.is_loopback() => problems.push(
            Problem::error("/masterKey", "clients must present a key, but there is none")
                .hint(generate),
        ),
        None => problems.push(
            Problem::error(
                "/masterKey",
                format!("listening on {host} lets other machines in, which needs a key"),
            )
            .hint(generate),
        ),
        Some(key) => {
            if let Err(weakness) = strength(key.expose()) {
                let problem = if host.is_loopback() {
                    Problem::warning("/masterKey", weakness)
                } else {
                    Problem::error("/masterKey", weakness)
                };
                problems.push(problem.hint(generate));
            }
        }
    }
}

fn compile_networks(server: &Server, problems: &mut Vec<Problem>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (index, text) in server.allowed_ips.iter().flatten().enumerate() {
        if text == "*" {
            return Vec::new();
        }
        match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => networks.push(network),
            Err(_) => problems.push(
                Problem::error(
                    format!("/server/allowedIps/{index}"),
                    format!("`{text}` is neither an address nor a CIDR range"),
                )
                .hint("for example 192.168.1.20 or 10.0.0.0/8"),
            ),
        }
    }
    networks
}

fn compile_cors(server: &Server) -> Cors {
    let origins: Vec<String> = server
        .cors_origins
        .iter()
        .flatten()
        .map(|origin| origin.trim_end_matches('/').to_owned())
        .collect();
    if origins.iter().any(|origin| origin == "*") { Cors::Any } else { Cors::Only(origins) }
}
