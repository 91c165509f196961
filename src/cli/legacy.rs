//! The older spelling of commands, `config --operation=NAME --flag=value`, so that old instructions
//! keep working: a table from its operations and flags to the commands of the catalog.

use std::ffi::OsString;

use crate::names::did_you_mean;

/// One operation of the older spelling.
struct Operation {
    names: &'static [&'static str],
    /// The operation means this command only if this flag is on.
    when: Option<&'static str>,
    command: &'static str,
    /// What stands without a flag, put together of older flags in braces.
    places: &'static [&'static str],
    flags: &'static [(&'static [&'static str], To)],
}

/// What becomes of an older flag.
#[derive(Clone, Copy)]
enum To {
    /// The flag of this name.
    Flag(&'static str),
    /// The flag of this name, a list in any of the older forms.
    List(&'static str),
    /// The same, of targets: `ref@3`, `ref:3`.
    Targets(&'static str),
    /// A switch.
    Switch(&'static str),
    /// `KEY=value` in the flag of this name; several come together.
    Pair(&'static str, &'static str),
    /// The flag of this name, with an empty value, if it is on.
    Empty(&'static str),
    /// The switch of this name, if the flag is there and off.
    Unless(&'static str),
    /// A part of a place.
    Place,
    /// Nothing: what it asked for is always so here.
    Nothing,
    /// Refused, with the reason.
    Refused(&'static str),
}

const PROVIDER: (&[&str], To) = (&["provider-id", "provider"], To::Place);
const MODEL: (&[&str], To) = (&["model"], To::Place);

const OPERATIONS: &[Operation] = &[
    Operation {
        names: &["upsert-provider", "add-provider", "edit-provider"],
        when: None,
        command: "add-provider",
        places: &["{provider-id}"],
        flags: &[
            PROVIDER,
            (&["name"], To::Flag("name")),
            (&["base-url", "endpoints"], To::Flag("base-url")),
            (&["openai-base-url"], To::Pair("base-url-by-format", "openai")),
            (
                &["claude-base-url", "anthropic-base-url"],
                To::Pair("base-url-by-format", "anthropic"),
            ),
            (&["api-key"], To::Flag("api-key")),
            (&["models"], To::List("models")),
            (&["format"], To::Flag("format")),
            (&["formats"], To::List("formats")),
            (&["headers"], To::Flag("headers")),
            (&["skip-probe"], To::Unless("probe")),
            (&["probe-rpm", "probe-requests-per-minute"], To::Nothing),
            (
                &["set-master-key", "master-key"],
                To::Refused("set it with: llm-router set-gateway-key"),
            ),
        ],
    },
    Operation {
        names: &["remove-provider"],
        when: None,
        command: "remove-provider",
        places: &["{provider-id}"],
        flags: &[PROVIDER],
    },
    Operation {
        names: &["remove-model"],
        when: None,
        command: "remove-model",
        places: &["{provider-id}/{model}"],
        flags: &[PROVIDER, MODEL],
    },
    Operation {
        names: &["upsert-model-alias", "set-model-alias"],
        when: None,
        command: "set-alias",
        places: &["{alias-id}"],
        flags: &[
            (&["alias-id", "alias"], To::Place),
            (&["strategy"], To::Flag("strategy")),
            (&["targets"], To::Targets("targets")),
            (&["fallback-targets"], To::Targets("fallback-targets")),
            (&["clear-fallback-targets"], To::Switch("clear-fallback-targets")),
            (&["alias-metadata"], To::Refused("write it into the config file")),
        ],
    },
    Operation {
        names: &["remove-model-alias"],
        when: None,
        command: "remove-alias",
        places: &["{alias-id}"],
        flags: &[(&["alias-id", "alias"], To::Place)],
    },
    Operation {
        names: &["set-provider-rate-limits", "set-rate-limits"],
        when: Some("remove-bucket"),
        command: "remove-bucket",
        places: &["{provider-id}", "{bucket-id}"],
        flags: &[PROVIDER, (&["bucket-id"], To::Place), (&["remove-bucket"], To::Nothing)],
    },
    Operation {
        names: &["set-provider-rate-limits", "set-rate-limits"],
        when: None,
        command: "create-bucket",
        places: &["{provider-id}", "{bucket-requests}/{bucket-window}"],
        flags: &[
            PROVIDER,
            (&["bucket-id"], To::Flag("bucket")),
            (&["bucket-name"], To::Flag("name")),
            (&["bucket-models"], To::List("models")),
            (&["bucket-requests"], To::Place),
            (&["bucket-window"], To::Place),
            (&["remove-bucket"], To::Nothing),
            (
                &["rate-limits", "replace-rate-limits"],
                To::Refused("create one bucket at a time, or write them into the config file"),
            ),
        ],
    },
    Operation {
        names: &["set-model-fallbacks", "set-model-fallback"],
        when: None,
        command: "set-fallbacks",
        places: &["{provider-id}/{model}"],
        flags: &[
            PROVIDER,
            MODEL,
            (&["fallback-models", "fallbacks"], To::List("fallbacks")),
            (&["clear-fallbacks"], To::Empty("fallbacks")),
        ],
    },
    Operation {
        names: &["set-master-key"],
        when: None,
        command: "set-gateway-key",
        places: &[],
        flags: &[
            (&["master-key"], To::Flag("key")),
            (&["generate-master-key"], To::Nothing),
            (&["master-key-length", "master-key-prefix"], To::Nothing),
        ],
    },
    Operation {
        names: &["set-amp-routing", "set-amp"],
        when: None,
        command: "set-amp-routing",
        places: &[],
        flags: &[
            (&["amp-enabled"], To::Flag("enabled")),
            (&["amp-fallback-route"], To::Flag("fallback-route")),
            (&["clear-amp-fallback-route"], To::Empty("fallback-route")),
            (&["clear-amp-routing"], To::Switch("delete")),
            (&["view-amp-routing"], To::Nothing),
            (&["amp-mode-map"], To::Flag("mode-map")),
            (&["amp-agent-map"], To::Flag("agent-map")),
            (&["amp-agent-mode-map"], To::Flag("agent-mode-map")),
            (&["amp-application-map"], To::Flag("application-map")),
            (&["amp-model-map"], To::Flag("model-map")),
            (&["clear-maps"], To::Flag("clear-maps")),
            (
                &["clear-one-agent"],
                To::Refused("empty its modes one by one: --remove-amp-mapping=true --amp-key=MODE"),
            ),
        ],
    },
    Operation {
        names: &["migrate-config"],
        when: None,
        command: "migrate-config",
        places: &[],
        flags: &[(&["target-version", "create-backup", "backup"], To::Nothing)],
    },
    Operation {
        names: &["list", "list-routing"],
        when: None,
        command: "list",
        places: &[],
        flags: &[],
    },
    Operation {
        names: &["startup-install"],
        when: None,
        command: "startup install",
        places: &[],
        flags: &[
            (&["watch-config", "watch-binary", "yes"], To::Nothing),
            (&["host", "port", "require-auth"], To::Refused("set it in `server` of the config")),
        ],
    },
    Operation {
        names: &["startup-uninstall"],
        when: None,
        command: "startup uninstall",
        places: &[],
        flags: &[(&["yes"], To::Nothing)],
    },
    Operation {
        names: &["startup-status"],
        when: None,
        command: "startup status",
        places: &[],
        flags: &[],
    },
    Operation {
        names: &["discover-provider-models"],
        when: None,
        command: "discover-models",
        places: &["{provider-id}"],
        flags: &[PROVIDER],
    },
    Operation {
        names: &["test-provider"],
        when: None,
        command: "test-provider",
        places: &["{provider-id}"],
        flags: &[PROVIDER, (&["models"], To::List("models"))],
    },
    Operation { names: &["snapshot"], when: None, command: "ai-help", places: &[], flags: &[] },
    Operation { names: &["validate"], when: None, command: "validate", places: &[], flags: &[] },
];

/// Flags that every operation has, and whether they take a value.
const COMMON: [(&str, bool); 4] =
    [("config", true), ("json", false), ("dry-run", false), ("cascade", false)];

/// Older flags with their values, in order; names in kebab case.
type Flags = Vec<(String, String)>;

/// Turns the older spelling into the current one; anything else stays as it is.
///
/// # Errors
/// What is not known or not possible any more, and what to do.
pub fn translate(arguments: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let texts: Option<Vec<&str>> = arguments.iter().map(|text| text.to_str()).collect();
    let Some([program, "config" | "setup", rest @ ..]) = texts.as_deref() else {
        return Ok(arguments);
    };
    if rest.iter().any(|text| matches!(*text, "-h" | "--help")) {
        return Ok(vec![OsString::from(*program), OsString::from("--help")]);
    }
    let mut flags = parse(rest)?;
    let operation = take(&mut flags, &["operation", "op"]).unwrap_or_else(|| "list".to_owned());
    normalise_amp(&mut flags)?;
    let operation = find(&operation, &flags)?;
    let mut translated = vec![(*program).to_owned()];
    translated.extend(build(operation, &flags)?);
    Ok(translated.into_iter().map(OsString::from).collect())
}

fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = OPERATIONS.iter().flat_map(|known| known.names).copied().collect();
    names.dedup();
    names
}

fn find(name: &str, flags: &Flags) -> Result<&'static Operation, String> {
    let wanted = kebab(name);
    let is_on = |flag: &str| value(flags, &[flag]).is_some_and(is_true);
    OPERATIONS
        .iter()
        .filter(|known| known.names.contains(&wanted.as_str()))
        .find(|known| known.when.is_none_or(is_on))
        .ok_or_else(|| {
            let near = did_you_mean(&wanted, names());
            format!("there is no operation `{name}`{near}\nhint: see llm-router --help")
        })
}

/// `--a=b`, `--a b` and `--a`, with names in kebab or camel case.
fn parse(arguments: &[&str]) -> Result<Flags, String> {
    let mut flags = Vec::new();
    let mut arguments = arguments.iter().copied().peekable();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--") else {
            return Err(format!("`{argument}` is not a flag"));
        };
        if let Some((name, value)) = flag.split_once('=') {
            flags.push((kebab(name), value.to_owned()));
            continue;
        }
        let value = arguments.next_if(|next| !next.starts_with('-')).unwrap_or("true");
        flags.push((kebab(flag), value.to_owned()));
    }
    Ok(flags)
}

/// `providerId` → `provider-id`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

fn is_true(text: &str) -> bool {
    crate::config::environment::is_on(text).unwrap_or_default()
}

fn value<'f>(flags: &'f Flags, names: &[&str]) -> Option<&'f str> {
    let found = flags.iter().find(|(name, _)| names.contains(&name.as_str()));
    found.map(|(_, value)| value.as_str())
}

fn take(flags: &mut Flags, names: &[&str]) -> Option<String> {
    let place = flags.iter().position(|(name, _)| names.contains(&name.as_str()))?;
    Some(flags.remove(place).1)
}

/// A rule of Amp in four flags → one in the flag of its map.
fn normalise_amp(flags: &mut Flags) -> Result<(), String> {
    let mut is_on = |name: &str| take(flags, &[name]).is_some_and(|text| is_true(&text));
    let (clears, removes) = (is_on("clear-amp-map"), is_on("remove-amp-mapping"));
    let action = take(flags, &["amp-action"]).unwrap_or_default();
    let kind = take(flags, &["amp-map-kind"]);
    let (key, agent) = (take(flags, &["amp-key"]), take(flags, &["amp-agent"]));
    let route = take(flags, &["amp-ref"]);
    let clears = clears || action == "clear-map";
    if action == "clear-all" {
        flags.push(("clear-amp-routing".to_owned(), "true".to_owned()));
    }
    if key.is_none() && !clears {
        return Ok(());
    }
    let map = match kind.as_deref().map(|kind| kind.replace('_', "-")).as_deref() {
        Some("mode" | "modes") => "mode",
        Some("agent" | "agents") => "agent",
        Some("agent-mode" | "agent-modes" | "agentmode" | "agentmodes") => "agent-mode",
        Some("application" | "applications" | "app") => "application",
        Some("model" | "models" | "provider-model") => "model",
        Some(_) | None => {
            return Err("--amp-map-kind is mode, agent, agent-mode, application or model".into());
        }
    };
    let Some(key) = key.filter(|_| !clears) else {
        let flag = if agent.is_some() { "clear-one-agent" } else { "clear-maps" };
        flags.push((flag.to_owned(), map.to_owned()));
        return Ok(());
    };
    let key = match agent {
        Some(agent) if map == "agent-mode" => format!("{agent}/{key}"),
        Some(_) | None => key,
    };
    let removes = removes || action == "remove";
    let route = if removes { String::new() } else { route.ok_or("--amp-ref is missing")? };
    flags.push((format!("amp-{map}-map"), format!("{key}={route}")));
    Ok(())
}

fn build(operation: &Operation, flags: &Flags) -> Result<Vec<String>, String> {
    let mut built: Vec<String> = operation.command.split(' ').map(str::to_owned).collect();
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for (name, value) in flags {
        if let Some((_, takes_value)) = COMMON.iter().find(|(common, _)| common == name) {
            match takes_value {
                true => built.push(format!("--{name}={value}")),
                false if is_true(value) => built.push(format!("--{name}")),
                false => {}
            }
            continue;
        }
        let Some((_, to)) =
            operation.flags.iter().find(|(names, _)| names.contains(&name.as_str()))
        else {
            let known = operation.flags.iter().flat_map(|(names, _)| *names).copied();
            let near = did_you_mean(name, known);
            return Err(format!("`--{name}` is not a flag of `{}`{near}", operation.names[0]));
        };
        match to {
            To::Flag(flag) => built.push(format!("--{flag}={}", word(value))),
            To::List(flag) => built.push(format!("--{flag}={}", list(value).join(","))),
            To::Targets(flag) => built.push(format!("--{flag}={}", targets(value)?.join(","))),
            To::Switch(flag) if is_true(value) => built.push(format!("--{flag}")),
            To::Empty(flag) if is_true(value) => built.push(format!("--{flag}=")),
            To::Pair(flag, key) => match pairs.iter_mut().find(|(known, _)| known == flag) {
                Some((_, pairs)) => pairs.push_str(&format!(",{key}={value}")),
                None => pairs.push((flag, format!("{key}={value}"))),
            },
            To::Refused(reason) => {
                return Err(format!("`--{name}` is not possible here; {reason}"));
            }
            To::Unless(flag) if !is_true(value) => built.push(format!("--{flag}")),
            To::Switch(_) | To::Empty(_) | To::Unless(_) | To::Place | To::Nothing => {}
        }
    }
    built.extend(pairs.into_iter().map(|(flag, pairs)| format!("--{flag}={pairs}")));
    for place in operation.places {
        built.push(fill(operation, place, flags)?);
    }
    Ok(built)
}

/// Puts older values into the braces of a place.
fn fill(operation: &Operation, place: &str, flags: &Flags) -> Result<String, String> {
    let mut filled = String::new();
    for (index, part) in place.split(['{', '}']).enumerate() {
        if index % 2 == 0 {
            filled.push_str(part);
            continue;
        }
        let spellings = operation.flags.iter().find(|(names, _)| names.contains(&part));
        let names = spellings.map_or(&[][..], |(names, _)| names);
        filled.push_str(value(flags, names).ok_or_else(|| format!("--{part} is missing"))?);
    }
    Ok(filled)
}

/// Words that had two spellings.
fn word(value: &str) -> &str {
    match value {
        "automatic" | "smart" => "auto",
        "claude" => "anthropic",
        value => value,
    }
}

/// Lists were split at commas, semicolons and space.
fn list(value: &str) -> Vec<&str> {
    let split = value.split([',', ';', ' ', '\n', '\t']);
    split
        .map(|part| word(part.trim_matches(['"', '\'', '[', ']'])))
        .filter(|part| !part.is_empty())
        .collect()
}

/// Targets: a list of `ref`, `ref@3` and `ref:3`, or JSON.
fn targets(value: &str) -> Result<Vec<String>, String> {
    if value.trim_start().starts_with("[{") {
        let list: Vec<serde_json::Value> = serde_json::from_str(value)
            .map_err(|error| format!("the targets are not JSON: {error}"))?;
        let target = |target: &serde_json::Value| {
            let reference = target.get("ref").or(target.get("target"))?.as_str()?;
            Some(match target.get("weight").and_then(serde_json::Value::as_f64) {
                Some(weight) => format!("{reference}@{weight}"),
                None => reference.to_owned(),
            })
        };
        let targets: Option<Vec<String>> = list.iter().map(target).collect();
        return targets.ok_or_else(|| "every target needs a `ref`".to_owned());
    }
    let target = |text: &str| match text.rsplit_once(':') {
        // Longer numbers are dates and sizes in ids, not weights.
        Some((reference, weight))
            if reference.contains('/') && weight.len() <= 2 && weight.parse::<u8>().is_ok() =>
        {
            format!("{reference}@{weight}")
        }
        Some(_) | None => text.to_owned(),
    };
    Ok(list(value).into_iter().map(target).collect())
}

#[cfg(test)]
mod tests;
