//! `/-/status`: what the gateway says about itself. Loopback only, keyed when a key is required;
//! it never changes anything.

use std::{net::IpAddr, sync::PoisonError};

use axum::response::Response;

use super::{Gateway, answer::json_response};
use crate::{
    chat::FaultKind,
    exchange::error::GatewayError,
    routing::router::{Listed, Member, Node, Router, TargetKind},
    status::{
        AliasStatus, ConfigStatus, Cooldown, ProviderStatus, Rejected, Requests, Status,
        TargetStatus,
    },
};

/// Answers a request for `/-/{rest}`.
///
/// # Errors
/// 403 from elsewhere than loopback, 404 for anything but `status`.
pub fn answer(gateway: &Gateway, client: IpAddr, rest: &str) -> Result<Response, GatewayError> {
    if !client.to_canonical().is_loopback() {
        let message = "the admin surface is for this machine only";
        return Err(GatewayError::new(FaultKind::Permission, message));
    }
    match rest {
        "status" => {
            let status = serde_json::to_string(&status(gateway)).map_err(|error| {
                GatewayError::new(FaultKind::Internal, format!("cannot write the status: {error}"))
            })?;
            Ok(json_response(status))
        }
        _ => Err(GatewayError::new(FaultKind::NotFound, "there is only /-/status here")),
    }
}

/// What the gateway says about itself now.
#[must_use]
pub fn status(gateway: &Gateway) -> Status {
    let snapshot = gateway.live.snapshot();
    let router = &snapshot.router;
    let now = gateway.clock.now();
    let (in_flight, total) = gateway.requests();
    let rejected = gateway.live.rejected().map(|rejection| Rejected {
        at: rejection.at.to_string(),
        problems: rejection.problems.iter().map(ToString::to_string).collect(),
    });
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        instance: gateway.instance.clone(),
        started: gateway.started.to_string(),
        uptime_seconds: now.since(gateway.started).as_secs(),
        url: gateway.url.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        require_auth: router.settings.require_auth,
        config: ConfigStatus {
            path: gateway.live.path().display().to_string(),
            loaded: snapshot.loaded.to_string(),
            reloads: gateway.live.reloads(),
            watched: gateway.live.is_watched(),
            warnings: snapshot.warnings.iter().map(ToString::to_string).collect(),
            rejected,
        },
        demo: router.demo,
        default_model: router.default_name().map(str::to_owned),
        requests: Requests { in_flight, total },
        providers: providers(router),
        aliases: aliases(router),
        targets: targets(gateway),
    }
}

fn providers(router: &Router) -> Vec<ProviderStatus> {
    let mut providers: Vec<ProviderStatus> = Vec::new();
    for target in router.targets() {
        let id = target.reference.provider();
        let (formats, missing_key) = match &target.kind {
            TargetKind::Demo => (vec!["demo".to_owned()], None),
            TargetKind::Upstream(lanes) => {
                (lanes.formats().map(|format| format.to_string()).collect(), lanes.missing_key())
            }
        };
        match providers.iter_mut().find(|provider| provider.id == id) {
            Some(provider) => {
                provider.models += 1;
                provider.formats.extend(formats);
                provider.formats.sort();
                provider.formats.dedup();
            }
            None => providers.push(ProviderStatus {
                id: id.to_owned(),
                formats,
                models: 1,
                missing_key: missing_key.map(str::to_owned),
            }),
        }
    }
    providers
}

fn aliases(router: &Router) -> Vec<AliasStatus> {
    let names = |members: &[Member]| {
        let name = |member: &Member| match &member.node {
            Node::Target(id) => router.target(*id).name.to_string(),
            Node::Group(group) => group.name.to_string(),
        };
        members.iter().map(name).collect()
    };
    let alias = |listed: &Listed| {
        let group = router.alias(&listed.id)?;
        Some(AliasStatus {
            id: listed.id.to_string(),
            strategy: group.strategy.name().to_owned(),
            targets: names(&group.targets),
            fallback_targets: names(&group.fallback_targets),
        })
    };
    router.listed().iter().filter_map(alias).collect()
}

fn targets(gateway: &Gateway) -> Vec<TargetStatus> {
    let now = gateway.clock.now();
    let state = gateway.state();
    let mut targets: Vec<TargetStatus> = state
        .records()
        .map(|(name, record)| TargetStatus {
            name: name.to_owned(),
            succeeded: record.succeeded,
            failed: record.failed,
            cooldown: (record.cooling_until > now).then(|| Cooldown {
                reason: record.reason.to_owned(),
                seconds_left: record.cooling_until.since(now).as_secs().max(1),
            }),
        })
        .collect();
    drop(state);
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    targets
}
