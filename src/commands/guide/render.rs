//! The brief as text, from `prompts/ai-help.md`.

use std::fmt::Write;

use super::{CommandHelp, Gate, Guide, State, next::Step};

const BRIEF: &str = include_str!("../../../prompts/ai-help.md");

/// What stands before the state.
pub(super) fn about() -> String {
    BRIEF.split("{state}").next().unwrap_or_default().trim().to_owned()
}

impl Guide {
    /// The whole for whoever reads text.
    #[must_use]
    pub fn text(&self) -> String {
        let commands: String = self
            .commands
            .iter()
            .map(|command| format!("- `{}`: {}\n", command.name, command.about))
            .collect();
        let gates: String = self.gates.iter().map(gate).collect();
        let mut next = steps(&self.next, true);
        if !self.suggestions.is_empty() {
            next.push_str("\nWhat would be better, but keeps nothing from working:\n\n");
            next.push_str(&steps(&self.suggestions, false));
        }
        BRIEF
            .replace("{state}", &state(&self.state, self.ready))
            .replace("{next}", &next)
            .replace("{gates}", &gates)
            .replace("{commands}", &commands)
    }
}

impl CommandHelp {
    /// One command for whoever reads text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("# llm-router {}\n\n{}\n", self.name, self.help);
        for example in &self.examples {
            write!(text, "\nExample: {example}\n").unwrap_or_default();
        }
        write!(
            text,
            "\nMCP tool: {} ({})\n\nArguments\n{:#}\n\nResult\n{:#}\n",
            self.tool, self.effect, self.input, self.output
        )
        .unwrap_or_default();
        text
    }
}

fn state(state: &State, ready: bool) -> String {
    let mut text = String::new();
    write_state(&mut text, state, ready).unwrap_or_default();
    text
}

fn write_state(out: &mut String, state: &State, ready: bool) -> std::fmt::Result {
    writeln!(out, "## State of this machine\n")?;
    writeln!(out, "- ready: {}", if ready { "yes" } else { "no" })?;
    let config = &state.config;
    let exists = if config.exists { "" } else { " (there is no file yet)" };
    let valid = if config.valid { "valid" } else { "BROKEN" };
    writeln!(out, "- config: {}{exists}, {valid}, revision {}", config.path, config.revision)?;
    for problem in &config.problems {
        writeln!(out, "  - {problem}")?;
    }
    let gateway = &state.gateway;
    let running = if gateway.running { "runs at" } else { "does not run; would be at" };
    let key = if gateway.key_required { "required" } else { "not required" };
    writeln!(out, "- gateway: {running} {}, key {key}", gateway.url)?;
    if !gateway.answered.is_empty() {
        writeln!(out, "- answered since its start: {}", gateway.answered.join(", "))?;
    }
    for provider in &state.providers {
        let key = provider.key.as_deref().unwrap_or("none");
        let off = if provider.enabled { "" } else { "switched off, " };
        let missing = provider.key_missing.as_ref().map(|why| format!(", NOT USABLE: {why}"));
        writeln!(
            out,
            "- provider {}: {off}{} models, formats {}, key {key}{}",
            provider.id,
            provider.models,
            if provider.formats.is_empty() {
                "none".to_owned()
            } else {
                provider.formats.join(" ")
            },
            missing.unwrap_or_default()
        )?;
    }
    for alias in &state.aliases {
        write!(out, "- alias {}: {} of {}", alias.id, alias.strategy, alias.targets.join(", "))?;
        if !alias.fallback_targets.is_empty() {
            write!(out, ", then {}", alias.fallback_targets.join(", "))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "- default model: {}", state.default_model.as_deref().unwrap_or("none"))?;
    for at_hand in &state.keys_at_hand {
        writeln!(out, "- key at hand: {} for {}", at_hand.variable, at_hand.provider)?;
    }
    Ok(())
}

fn steps(steps: &[Step], numbered: bool) -> String {
    let mut text = String::new();
    for (place, step) in steps.iter().enumerate() {
        let mark = if numbered { format!("{}.", place + 1) } else { "-".to_owned() };
        write!(text, "{mark} {}: `{}`\n   ({})\n", step.what, step.command, step.why)
            .unwrap_or_default();
        if let Some(ask) = &step.ask {
            writeln!(text, "   Ask the person {ask}.").unwrap_or_default();
        }
        if let Some(cost) = &step.cost {
            writeln!(text, "   Costs {cost}.").unwrap_or_default();
        }
    }
    text
}

fn gate(gate: &Gate) -> String {
    let open = if gate.open {
        format!("open; test it: `{}`", gate.test)
    } else {
        format!("closed: {}", gate.blocked_by.join("; "))
    };
    format!("- {} ({}): {open}\n", gate.client, gate.format)
}
