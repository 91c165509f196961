//! Who may ask: address, host, origin and key, before anything else is looked at.

use std::{borrow::Cow, net::IpAddr};

use http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;

use super::error::GatewayError;
use crate::{
    chat::FaultKind,
    routing::settings::{Cors, Settings},
};

/// Lets a request pass, or says why not.
///
/// Without a key to present, two guards stand in for it: the `Host` must be loopback (a web page
/// whose name was rebound to 127.0.0.1 has another) and the `Origin`, which browsers send, must
/// not be foreign.
///
/// # Errors
/// 403 for the address, host or origin, 401 for the key.
pub fn check(
    settings: &Settings,
    client: IpAddr,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(), GatewayError> {
    check_address(settings, client)?;
    if settings.require_auth {
        check_key(settings, headers, query)
    } else {
        check_host(settings, headers)?;
        check_origin(settings, headers)
    }
}

/// Whether the address may connect: loopback always, others as `allowedIps` says.
///
/// # Errors
/// 403.
pub fn check_address(settings: &Settings, client: IpAddr) -> Result<(), GatewayError> {
    let client = client.to_canonical();
    let allowed = settings.allowed_ips.is_empty()
        || settings.allowed_ips.iter().any(|network| network.contains(&client));
    if allowed {
        return Ok(());
    }
    let message = format!("{client} is not among the `allowedIps` of this gateway");
    Err(GatewayError::new(FaultKind::Permission, message))
}

/// Whether a right key is presented, in any of the places that clients use: one is enough, for some
/// send a placeholder in another.
///
/// # Errors
/// 401.
pub fn check_key(
    settings: &Settings,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(), GatewayError> {
    let mut presented = presented_keys(headers, query).peekable();
    let any = presented.peek().is_some();
    // No short cut: each candidate is compared, each in constant time.
    let right = settings.key.as_ref().is_some_and(|key| {
        presented.fold(false, |right, candidate| key.matches(&candidate) | right)
    });
    if right {
        return Ok(());
    }
    let message = if any {
        "the key is not this gateway's: use the `masterKey` of its config"
    } else {
        "this gateway wants its key (`masterKey` of its config): send `Authorization: Bearer KEY`, \
         `x-api-key` or `x-goog-api-key`"
    };
    Err(GatewayError::new(FaultKind::Authentication, message))
}

/// Every key that a request presents, right or wrong.
pub(super) fn presented_keys<'a>(
    headers: &'a HeaderMap,
    query: Option<&'a str>,
) -> impl Iterator<Item = Cow<'a, str>> {
    let text = |value: &'a HeaderValue| value.to_str().ok().map(str::trim);
    let bearer = headers.get_all(header::AUTHORIZATION).iter().filter_map(text).map(|value| {
        match value.split_once(' ') {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
            Some(_) | None => value,
        }
    });
    let named = ["x-api-key", "x-goog-api-key"]
        .into_iter()
        .flat_map(move |name| headers.get_all(name).iter().filter_map(text));
    let asked = query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| {
        let key = pair.strip_prefix("key=")?;
        Some(percent_decode_str(key).decode_utf8_lossy())
    });
    bearer.chain(named).map(Cow::Borrowed).chain(asked)
}

fn check_host(settings: &Settings, headers: &HeaderMap) -> Result<(), GatewayError> {
    // Without a Host nothing was resolved by a browser.
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    let host = host.to_str().unwrap_or_default();
    if is_loopback_name(without_port(host)) || !settings.host.is_loopback() {
        return Ok(());
    }
    let shown: String = host.chars().take(120).collect();
    let message = format!(
        "the Host `{shown}` is not this machine's own name; use 127.0.0.1 or localhost, or set \
         `requireAuth` and a `masterKey` so that other names are safe"
    );
    Err(GatewayError::new(FaultKind::Permission, message))
}

fn check_origin(settings: &Settings, headers: &HeaderMap) -> Result<(), GatewayError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(scheme, host)| {
        scheme.starts_with("http") && is_loopback_name(without_port(host))
    });
    if own || allows(settings, origin) {
        return Ok(());
    }
    let shown: String = origin.chars().take(120).collect();
    let message = format!(
        "the web origin `{shown}` may not use this gateway; add it to `server.corsOrigins` if it \
         should"
    );
    Err(GatewayError::new(FaultKind::Permission, message))
}

/// Whether `corsOrigins` names this origin.
#[must_use]
pub fn allows(settings: &Settings, origin: &str) -> bool {
    match &settings.cors {
        Cors::Any => true,
        Cors::Only(origins) => origins.iter().any(|allowed| allowed == origin),
    }
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
