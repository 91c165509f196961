//! The admin surface, `/-/...`: what the gateway says about itself. Loopback only, keyed when there
//! is a key, even if other requests need none; it never changes anything.
//!
//! | path | what |
//! |---|---|
//! | `/-/status` | [`Status`] |
//! | `/-/state` | all that it remembers, for `explain` |
//! | `/-/decisions` | the last requests, the latest first |
//! | `/-/decisions/{request id}` | one of them |

use std::{borrow::Cow, net::IpAddr, sync::PoisonError};

use axum::response::Response;

use super::{Gateway, answer::json_response, decisions};
use crate::{
    chat::FaultKind,
    exchange::error::GatewayError,
    routing::{
        router::{Bucket, Listed, Member, Node, Router, TargetKind},
        state::{
            State,
            health::{Cooldown, Tally},
        },
    },
    status::{
        AliasStatus, BucketStatus, ConfigStatus, CooldownStatus, Credit, ProviderStatus, Rejected,
        Requests, RotationStatus, StateStatus, Status, TargetStatus,
    },
    time::Timestamp,
};

/// Answers a request for `/-/{rest}`.
///
/// # Errors
/// 403 from elsewhere than loopback, 404 for what is not there.
pub fn answer(gateway: &Gateway, client: IpAddr, rest: &str) -> Result<Response, GatewayError> {
    if !client.to_canonical().is_loopback() {
        let message = "the admin surface is for this machine only";
        return Err(GatewayError::new(FaultKind::Permission, message));
    }
    match rest {
        "status" => json(&status(gateway)),
        "state" => {
            let state = gateway.state().clone();
            json(&state)
        }
        "decisions" => json(&gateway.decisions.latest(SHOWN)),
        _ => match rest.strip_prefix("decisions/").map(decoded) {
            Some(id) => match gateway.decisions.explain(&id) {
                Some(explained) => json(&explained),
                None => {
                    let message = format!(
                        "no request `{}` is remembered: only the last {} are",
                        id.chars().take(128).collect::<String>(),
                        decisions::LARGEST
                    );
                    Err(GatewayError::new(FaultKind::NotFound, message))
                }
            },
            None => {
                let message = "there are /-/status, /-/state and /-/decisions[/REQUEST_ID] here";
                Err(GatewayError::new(FaultKind::NotFound, message))
            }
        },
    }
}

/// A segment of a path as it was meant: whoever asks may have encoded what need not be.
fn decoded(segment: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy()
}

/// How many decisions a list shows.
const SHOWN: usize = 50;

fn json(document: &impl serde::Serialize) -> Result<Response, GatewayError> {
    let text = serde_json::to_string(document).map_err(|error| {
        GatewayError::new(FaultKind::Internal, format!("cannot write the answer: {error}"))
    })?;
    Ok(json_response(text))
}

/// What the gateway says about itself now.
#[must_use]
pub fn status(gateway: &Gateway) -> Status {
    let snapshot = gateway.live.snapshot();
    let router = &snapshot.router;
    let now = gateway.clock.now();
    // A copy, so that no request waits while all this is put into words.
    let state = gateway.state().clone();
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
            looks: gateway.live.looks(),
            watched: gateway.live.is_watched(),
            warnings: snapshot.warnings.iter().map(ToString::to_string).collect(),
            rejected,
        },
        demo: router.demo,
        default_model: router.default_name().map(str::to_owned),
        requests: Requests { in_flight, total },
        providers: providers(router),
        aliases: aliases(router),
        targets: targets(&state),
        buckets: buckets(router, &state, now),
        cooldowns: cooldowns(&state, now),
        rotations: rotations(&state),
        conversations: u64::try_from(state.conversations()).unwrap_or(u64::MAX),
        state: StateStatus { path: gateway.saver.path(), problem: gateway.saver.problem() },
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

fn targets(state: &State) -> Vec<TargetStatus> {
    let target = |(name, tally): (&str, Tally)| TargetStatus {
        name: name.to_owned(),
        succeeded: tally.succeeded,
        failed: tally.failed,
        input_tokens: tally.input_tokens,
        output_tokens: tally.output_tokens,
    };
    let mut targets: Vec<TargetStatus> = state.tallies().map(target).collect();
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    targets
}

fn buckets(router: &Router, state: &State, now: Timestamp) -> Vec<BucketStatus> {
    let bucket = |bucket: &Bucket| BucketStatus {
        name: bucket.name.to_string(),
        used: state.limits().used(bucket, now),
        cap: bucket.cap,
        resets: bucket.span(now).end.to_string(),
    };
    router.buckets().map(bucket).collect()
}

fn cooldowns(state: &State, now: Timestamp) -> Vec<CooldownStatus> {
    let cooldown = |(name, cooldown): (&str, Cooldown)| CooldownStatus {
        name: name.to_owned(),
        reason: cooldown.cause.word().to_owned(),
        until: cooldown.until.to_string(),
        seconds_left: cooldown.until.since(now).as_secs().max(1),
    };
    let mut cooldowns: Vec<CooldownStatus> = state.cooldowns(now).map(cooldown).collect();
    cooldowns.sort_by(|a, b| a.name.cmp(&b.name));
    cooldowns
}

fn rotations(state: &State) -> Vec<RotationStatus> {
    let rotation = |(alias, credits): (&str, Vec<(&str, i64)>)| RotationStatus {
        alias: alias.to_owned(),
        credits: credits
            .into_iter()
            .map(|(member, credit)| Credit { member: member.to_owned(), credit })
            .collect(),
    };
    let mut rotations: Vec<RotationStatus> = state.wheels().map(rotation).collect();
    rotations.sort_by(|a, b| a.alias.cmp(&b.alias));
    rotations
}
