//! What `start` prints: where it listens, how to try it, and what to do next.

use std::{fmt::Write, net::SocketAddr, sync::Arc};

use crate::{protocol::Format, routing::router::Router, server::Gateway};

/// The banner. Every curl in it can be pasted as it is.
#[must_use]
pub fn text(gateway: &Arc<Gateway>, address: SocketAddr, colour: bool) -> String {
    let mut text = String::new();
    write(&mut text, gateway, address, colour).unwrap_or_default();
    text
}

fn write(
    out: &mut String,
    gateway: &Gateway,
    address: SocketAddr,
    colour: bool,
) -> std::fmt::Result {
    let (bold, dim, plain) = if colour { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let snapshot = gateway.live.snapshot();
    let router = &snapshot.router;
    let url = format!("http://{}", reachable(address));
    writeln!(
        out,
        "{bold}llm-router {}{plain} listens on {bold}{url}{plain}\n",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(out, "  Unified    {url}/route")?;
    writeln!(out, "  Anthropic  {url}/anthropic")?;
    writeln!(out, "  OpenAI     {url}/openai\n")?;
    let watched =
        if gateway.live.is_watched() { "changes are taken over live" } else { "not watched" };
    writeln!(out, "  Config     {} ({watched})", gateway.live.path().display())?;
    let key = if router.settings.require_auth { "required" } else { "not required" };
    writeln!(out, "  Key        {key}")?;
    writeln!(out, "  Default    {}", router.default_name().unwrap_or("none"))?;
    let names: Vec<&str> = router.listed().iter().take(6).map(|listed| &*listed.id).collect();
    let more = if router.listed().len() > names.len() { ", ..." } else { "" };
    writeln!(out, "  Models     {}{more}\n", names.join(", "))?;
    if router.demo {
        writeln!(
            out,
            "  {bold}DEMO{plain}: no provider is configured, so the built-in demo provider answers.\n  \
             It asks no model and no network, and says so in every answer.\n"
        )?;
    }
    write_curls(out, router, &url, dim, plain)?;
    write_next(out, router, gateway)
}

/// `0.0.0.0` is where one listens, not where one calls.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn write_curls(
    out: &mut String,
    router: &Router,
    url: &str,
    dim: &str,
    plain: &str,
) -> std::fmt::Result {
    let Some(model) = router.default_name().or(router.listed().first().map(|listed| &*listed.id))
    else {
        return Ok(());
    };
    writeln!(out, "Try it:")?;
    for format in Format::ALL {
        let path = match format {
            Format::OpenAi => "/openai/v1/chat/completions".to_owned(),
            Format::OpenAiResponses => "/openai/v1/responses".to_owned(),
            Format::Anthropic => "/anthropic/v1/messages".to_owned(),
            Format::Gemini => format!("/v1beta/models/{model}:generateContent"),
        };
        let body = match format {
            Format::OpenAi => {
                format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}]}}"#)
            }
            Format::OpenAiResponses => format!(r#"{{"model":"{model}","input":"Hello"}}"#),
            Format::Anthropic => format!(
                r#"{{"model":"{model}","max_tokens":256,"messages":[{{"role":"user","content":"Hello"}}]}}"#
            ),
            Format::Gemini => r#"{"contents":[{"parts":[{"text":"Hello"}]}]}"#.to_owned(),
        };
        let key = if router.settings.require_auth { " -H \"x-api-key: $KEY\"" } else { "" };
        writeln!(out, "\n  {dim}# {format}{plain}")?;
        writeln!(out, "  curl -s {url}{path} -H 'content-type: application/json'{key} \\")?;
        writeln!(out, "    -d '{body}'")?;
    }
    writeln!(out)
}

fn write_next(out: &mut String, router: &Router, gateway: &Gateway) -> std::fmt::Result {
    if router.demo {
        let path = gateway.live.path().display();
        writeln!(out, "Next: put a provider into {path}; it is taken over at once:\n")?;
        writeln!(
            out,
            r#"  {{ "defaultModel": "openrouter/openai/gpt-4o-mini",
    "providers": [ {{ "id": "openrouter", "baseUrl": "https://openrouter.ai/api/v1",
      "apiKey": "env:OPENROUTER_API_KEY", "models": ["openai/gpt-4o-mini"] }} ] }}
"#
        )?;
    } else {
        writeln!(
            out,
            "Next: point a tool at one of the endpoints; `llm-router status` shows what runs."
        )?;
    }
    writeln!(out, "Ctrl+C stops.")
}
