//! What a running gateway says about itself: the answer of `/-/status`, and its form for people.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// See the module's documentation. Holds no secret, and no text of any request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The version of the program
    pub version: String,
    /// Its process
    pub pid: u32,
    /// Tells this run of the gateway from any other.
    pub instance: String,
    /// RFC 3339.
    pub started: String,
    /// For how long it has been running
    pub uptime_seconds: u64,
    /// `http://HOST:PORT`
    pub url: String,
    /// Whether clients must present the gateway's key
    pub require_auth: bool,
    /// Which config is in use, and what is wrong with it
    pub config: ConfigStatus,
    /// Whether the built-in demo provider stands in because no provider is configured.
    pub demo: bool,
    /// The model that answers when a client names none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
    /// How many requests there were
    pub requests: Requests,
    /// The providers of the config in use
    pub providers: Vec<ProviderStatus>,
    /// The aliases of the config in use
    pub aliases: Vec<AliasStatus>,
    /// The targets that have been called since the start.
    pub targets: Vec<TargetStatus>,
    /// How full the rate-limit buckets are.
    pub buckets: Vec<BucketStatus>,
    /// What rests after failures: models and providers.
    pub cooldowns: Vec<CooldownStatus>,
    /// Where the rotations of aliases stand.
    pub rotations: Vec<RotationStatus>,
    /// How many conversations have a home that they return to.
    pub conversations: u64,
    /// Where the state is saved
    pub state: StateStatus,
}

/// How full a rate-limit bucket is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BucketStatus {
    /// `provider/bucket`
    pub name: String,
    /// Requests in the current window.
    pub used: u64,
    pub cap: u64,
    /// When it is empty again, RFC 3339.
    pub resets: String,
}

/// Why something is not called now while another target is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CooldownStatus {
    /// `provider/model`, or a provider.
    pub name: String,
    pub reason: String,
    /// RFC 3339.
    pub until: String,
    pub seconds_left: u64,
}

/// Where the rotation of an alias stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RotationStatus {
    pub alias: String,
    /// The richest is next; in millionths of a weight.
    pub credits: Vec<Credit>,
}

/// What one member has earned and not spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credit {
    pub member: String,
    pub credit: i64,
}

/// Where the state is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateStatus {
    /// `None` if it is kept in memory only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why it is not saved, although it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Which config is in use, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigStatus {
    /// Where it stands, or would stand.
    pub path: String,
    /// When the config in use was read, RFC 3339.
    pub loaded: String,
    /// How often a changed file has been taken over since the start.
    pub reloads: u64,
    /// How often the file was looked at since the start.
    #[serde(default)]
    pub looks: u64,
    /// Whether the file is watched for changes.
    pub watched: bool,
    /// What is doubtful about the config in use.
    pub warnings: Vec<String>,
    /// A later edit that was not taken over, if the file is broken now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
}

/// An edit that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// RFC 3339.
    pub at: String,
    pub problems: Vec<String>,
}

/// How many requests there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    pub in_flight: u64,
    pub total: u64,
}

/// One provider of the config in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderStatus {
    pub id: String,
    pub formats: Vec<String>,
    pub models: u64,
    /// Why no request can be sent to it: its key is not to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_key: Option<String>,
}

/// One alias of the config in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AliasStatus {
    pub id: String,
    pub strategy: String,
    pub targets: Vec<String>,
    pub fallback_targets: Vec<String>,
}

/// What became of the calls of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetStatus {
    pub name: String,
    pub succeeded: u64,
    pub failed: u64,
    /// Tokens in requests, as far as the provider told.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens in replies.
    #[serde(default)]
    pub output_tokens: u64,
}

impl Status {
    /// The status in lines of at most 80 columns or so, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).unwrap_or_default();
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "llm-router {} is running at {}", self.version, self.url)?;
        writeln!(out, "  process    {}, up {}", self.pid, duration(self.uptime_seconds))?;
        let key = if self.require_auth { "required" } else { "not required" };
        writeln!(out, "  key        {key}")?;
        let watched = if self.config.watched { "watched" } else { "not watched" };
        writeln!(
            out,
            "  config     {} ({watched}, {} reloads)",
            self.config.path, self.config.reloads
        )?;
        writeln!(out, "  default    {}", self.default_model.as_deref().unwrap_or("none"))?;
        let Requests { in_flight, total } = self.requests;
        writeln!(out, "  requests   {total} so far, {in_flight} running")?;
        if self.demo {
            writeln!(out, "  demo       no provider is configured: the built-in demo answers")?;
        }
        if let Some(rejected) = &self.config.rejected {
            writeln!(
                out,
                "\nThe config file is broken; the one from {} is in use:",
                self.config.loaded
            )?;
            for problem in &rejected.problems {
                writeln!(out, "  {problem}")?;
            }
        }
        for warning in &self.config.warnings {
            writeln!(out, "  {warning}")?;
        }
        self.write_tables(out)
    }

    fn write_tables(&self, out: &mut String) -> std::fmt::Result {
        if !self.providers.is_empty() {
            writeln!(out, "\nProviders")?;
        }
        for provider in &self.providers {
            let models = if provider.models == 1 { "model" } else { "models" };
            let formats = provider.formats.join(", ");
            writeln!(out, "  {:<20} {} {models}; {formats}", provider.id, provider.models)?;
            if let Some(reason) = &provider.missing_key {
                writeln!(out, "  {:<20} NOT USABLE: {reason}", "")?;
            }
        }
        if !self.aliases.is_empty() {
            writeln!(out, "\nAliases")?;
        }
        for alias in &self.aliases {
            writeln!(out, "  {:<20} {}: {}", alias.id, alias.strategy, alias.targets.join(", "))?;
            if !alias.fallback_targets.is_empty() {
                writeln!(out, "  {:<20} then {}", "", alias.fallback_targets.join(", "))?;
            }
        }
        if !self.targets.is_empty() {
            writeln!(out, "\nCalls")?;
        }
        for target in &self.targets {
            writeln!(
                out,
                "  {:<40} {} ok, {} failed",
                target.name, target.succeeded, target.failed
            )?;
        }
        self.write_state(out)
    }

    fn write_state(&self, out: &mut String) -> std::fmt::Result {
        if !self.cooldowns.is_empty() {
            writeln!(out, "\nResting")?;
        }
        for CooldownStatus { name, reason, seconds_left, .. } in &self.cooldowns {
            writeln!(out, "  {name:<40} {} left ({reason})", duration(*seconds_left))?;
        }
        if !self.buckets.is_empty() {
            writeln!(out, "\nBuckets")?;
        }
        for BucketStatus { name, used, cap, resets } in &self.buckets {
            writeln!(out, "  {name:<40} {used}/{cap}, resets {resets}")?;
        }
        if self.conversations > 0 {
            writeln!(out, "\nConversations with a target of their own: {}", self.conversations)?;
        }
        if let Some(problem) = &self.state.problem {
            writeln!(out, "\nThe state is not saved: {problem}")?;
        }
        Ok(())
    }
}

/// `3d 4h`, `2h 5m`, `7m 1s`, `12s`.
fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}
