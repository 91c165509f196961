//! Environment variables that set what the config can set too. They win over the file: whoever
//! starts the gateway decides.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroU64},
};

use serde_json::Value;

use super::{
    Retry, Server, Timeouts,
    problem::Problem,
    read::{self, Reading},
    secret::{Secret, SecretSource},
};

/// A variable, the setting that it stands for, and how it is written.
pub struct Variable {
    pub name: &'static str,
    /// Older names of the same.
    pub older: &'static [&'static str],
    /// The key in the config.
    pub stands_for: &'static str,
    apply: fn(&str, &mut Target<'_>) -> Result<(), &'static str>,
}

/// What variables are applied to.
pub struct Target<'a> {
    server: &'a mut Server,
    master_key: &'a mut Option<SecretSource>,
}

const NUMBER: &str = "must be a whole number";
const POSITIVE: &str = "must be a whole number of at least 1";

/// Every variable that sets something of the gateway.
pub const VARIABLES: [Variable; 12] = [
    Variable {
        name: "LLM_ROUTER_MASTER_KEY",
        older: &[],
        stands_for: "masterKey",
        apply: |text, target| {
            *target.master_key = Some(SecretSource::Literal(Secret::new(text)));
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_HOST",
        older: &[],
        stands_for: "server.host",
        apply: |text, target| {
            target.server.host = Some(text.to_owned());
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_PORT",
        older: &[],
        stands_for: "server.port",
        apply: |text, target| {
            target.server.port = Some(text.parse().map_err(|_| "must be a port")?);
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_MAX_REQUEST_BODY_BYTES",
        older: &[],
        stands_for: "server.maxBodyBytes",
        apply: |text, target| {
            target.server.max_body_bytes = Some(text.parse().map_err(|_| POSITIVE)?);
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_UPSTREAM_TIMEOUT_MS",
        older: &[],
        stands_for: "server.timeouts.firstByteMs and wholeReplyMs",
        apply: |text, target| {
            let millis: NonZeroU64 = text.parse().map_err(|_| POSITIVE)?;
            let timeouts = target.server.timeouts.get_or_insert_with(Timeouts::default);
            timeouts.first_byte_ms = Some(millis);
            timeouts.whole_reply_ms = Some(millis);
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_ALLOWED_IPS",
        older: &["LLM_ROUTER_IP_ALLOWLIST"],
        stands_for: "server.allowedIps",
        apply: |text, target| {
            // An empty list would let everybody in.
            let ips = Some(list(text)).filter(|ips| !ips.is_empty());
            target.server.allowed_ips = Some(ips.ok_or("names no address")?);
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_CORS_ALLOWED_ORIGINS",
        older: &["LLM_ROUTER_ALLOWED_ORIGINS"],
        stands_for: "server.corsOrigins",
        apply: |text, target| {
            target.server.cors_origins = Some(list(text));
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_CORS_ALLOW_ALL",
        older: &[],
        stands_for: "server.corsOrigins: [\"*\"]",
        apply: |text, target| {
            if is_on(text).ok_or("must be true or false")? {
                target.server.cors_origins = Some(vec!["*".to_owned()]);
            }
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_DEBUG_ROUTING",
        older: &["LLM_ROUTER_DEBUG"],
        stands_for: "server.debugRouting",
        apply: |text, target| {
            target.server.debug_routing = Some(is_on(text).ok_or("must be true or false")?);
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_ORIGIN_RETRY_ATTEMPTS",
        older: &[],
        stands_for: "server.retry.attempts",
        apply: |text, target| {
            let attempts: NonZeroU32 = text.parse().map_err(|_| POSITIVE)?;
            target.retry().attempts = Some(attempts);
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_ORIGIN_RETRY_BASE_DELAY_MS",
        older: &[],
        stands_for: "server.retry.baseDelayMs",
        apply: |text, target| {
            target.retry().base_delay_ms = Some(text.parse().map_err(|_| NUMBER)?);
            Ok(())
        },
    },
    Variable {
        name: "LLM_ROUTER_ORIGIN_RETRY_MAX_DELAY_MS",
        older: &[],
        stands_for: "server.retry.maxDelayMs",
        apply: |text, target| {
            target.retry().max_delay_ms = Some(text.parse().map_err(|_| NUMBER)?);
            Ok(())
        },
    },
];

impl Target<'_> {
    fn retry(&mut self) -> &mut Retry {
        self.server.retry.get_or_insert_with(Retry::default)
    }
}

/// What a document says, with what the environment says over it.
#[must_use]
pub fn in_effect(document: &Value, environment: &BTreeMap<String, String>) -> Reading {
    let mut reading = read::read(document);
    let mut server = reading.config.server.take().unwrap_or_default();
    let problems = overlay(&mut server, &mut reading.config.master_key, environment);
    reading.problems.extend(problems);
    reading.config.server = Some(server);
    reading
}

/// Sets what the environment names. A value that cannot be read is an error at `env:NAME`.
fn overlay(
    server: &mut Server,
    master_key: &mut Option<SecretSource>,
    environment: &BTreeMap<String, String>,
) -> Vec<Problem> {
    let mut target = Target { server, master_key };
    let mut problems = Vec::new();
    for variable in &VARIABLES {
        let mut names = std::iter::once(&variable.name).chain(variable.older);
        let set = |name| environment.get(name).filter(|value| !value.trim().is_empty());
        let Some((name, value)) = names.find_map(|name| Some((name, set(*name)?))) else {
            continue;
        };
        if let Err(message) = (variable.apply)(value.trim(), &mut target) {
            // The value is not repeated: one of the variables is a secret.
            problems.push(Problem::error(format!("env:{name}"), message));
        }
    }
    problems
}

/// What the environment alone can switch on: looking closely costs, and is nobody's setting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Switches {
    /// `LLM_ROUTER_DEBUG_AMP_CAPTURE`: write to stderr what Amp's requests look like.
    pub amp_capture: bool,
}

impl Switches {
    /// Reads the switches; what cannot be read is off.
    #[must_use]
    pub fn read(environment: &BTreeMap<String, String>) -> Self {
        let on = |name: &str| environment.get(name).and_then(|text| is_on(text));
        Self { amp_capture: on("LLM_ROUTER_DEBUG_AMP_CAPTURE").unwrap_or(false) }
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Reads a switch.
#[must_use]
pub fn is_on(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(variables: &[(&str, &str)]) -> (Server, Option<SecretSource>, Vec<String>) {
        let (mut server, mut key) = (Server { port: Some(1), ..Server::default() }, None);
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let problems = overlay(&mut server, &mut key, &environment);
        (server, key, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let (server, key, problems) = applied(&[
            ("LLM_ROUTER_PORT", "9000"),
            ("LLM_ROUTER_MASTER_KEY", "k"),
            ("LLM_ROUTER_IP_ALLOWLIST", "10.0.0.1, *"),
            ("LLM_ROUTER_UPSTREAM_TIMEOUT_MS", "5"),
            ("LLM_ROUTER_CORS_ALLOW_ALL", "off"),
            ("LLM_ROUTER_HOST", " "),
        ]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(server.port, Some(9000));
        assert_eq!(server.host, None);
        assert_eq!(server.allowed_ips, Some(vec!["10.0.0.1".to_owned(), "*".to_owned()]));
        assert_eq!(server.timeouts.unwrap().whole_reply_ms, NonZeroU64::new(5));
        assert_eq!(server.cors_origins, None);
        assert_eq!(key, Some(SecretSource::Literal(Secret::new("k"))));
    }

    #[test]
    fn every_bad_value_is_told_without_being_shown() {
        let (_, _, problems) = applied(&[
            ("LLM_ROUTER_PORT", "secret-port"),
            ("LLM_ROUTER_MAX_REQUEST_BODY_BYTES", "0"),
            ("LLM_ROUTER_CORS_ALLOW_ALL", "maybe"),
        ]);
        assert_eq!(
            problems,
            [
                "error at env:LLM_ROUTER_PORT: must be a port",
                "error at env:LLM_ROUTER_MAX_REQUEST_BODY_BYTES: must be a whole number of at least 1",
                "error at env:LLM_ROUTER_CORS_ALLOW_ALL: must be true or false",
            ]
        );
    }

    #[test]
    fn a_list_of_no_address_does_not_open_the_gate() {
        let (server, _, problems) = applied(&[("LLM_ROUTER_ALLOWED_IPS", " , ")]);
        assert_eq!(problems, ["error at env:LLM_ROUTER_ALLOWED_IPS: names no address"]);
        assert_eq!(server.allowed_ips, None);
    }

    #[test]
    fn the_newer_name_wins_unless_it_is_blank() {
        let (newer, older) = ("LLM_ROUTER_CORS_ALLOWED_ORIGINS", "LLM_ROUTER_ALLOWED_ORIGINS");
        for (value, expected) in [("https://a.test", "https://a.test"), (" ", "https://b.test")] {
            let (server, _, _) = applied(&[(newer, value), (older, "https://b.test")]);
            assert_eq!(server.cors_origins, Some(vec![expected.to_owned()]), "{value:?}");
        }
    }

    #[test]
    fn every_variable_is_told_apart_and_sets_something() {
        let mut names: Vec<&str> = VARIABLES.iter().flat_map(|v| v.older).copied().collect();
        names.extend(VARIABLES.iter().map(|variable| variable.name));
        for (place, name) in names.iter().enumerate() {
            assert!(name.starts_with("LLM_ROUTER_") && !names[..place].contains(name), "{name}");
            let untouched = applied(&[]);
            let touched = ["7", "on", "a"].map(|value| applied(&[(name, value)]));
            let set = touched.iter().any(|(server, key, problems)| {
                problems.is_empty() && (server, key) != (&untouched.0, &untouched.1)
            });
            assert!(set, "{name}");
        }
    }

    #[test]
    fn debugging_is_off_unless_it_is_switched_on() {
        for (variables, expected) in [
            (&[][..], false),
            (&[("LLM_ROUTER_DEBUG_AMP_CAPTURE", "yes")], true),
            (&[("LLM_ROUTER_DEBUG_AMP_CAPTURE", "maybe")], false),
        ] {
            let environment =
                variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let switches = Switches::read(&environment);
            assert_eq!(switches.amp_capture, expected, "{variables:?}");
        }
    }

    #[test]
    fn switches_are_read_in_every_spelling() {
        for (texts, expected) in [
            (["1", "true", "Yes", "y", " ON "], Some(true)),
            (["0", "FALSE", "no", "n", "off"], Some(false)),
            (["", "2", "tru", "maybe", "o n"], None),
        ] {
            for text in texts {
                assert_eq!(is_on(text), expected, "{text}");
            }
        }
    }
}
