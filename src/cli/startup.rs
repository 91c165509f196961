//! `startup`: run the gateway at every login, by the manager that the system has for that.

pub mod unit;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{ConfigArgs, block_on, exit::Exit, print};
use crate::{
    server::client::{Found, find},
    store::{ConfigFile, Environment},
};

/// The commands of `startup`.
#[derive(Debug, Args)]
pub struct Startup {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run the gateway at every login, and now
    Install(Flags),
    /// Run it no more
    Uninstall(Flags),
    /// Tell whether it is installed, and whether it runs
    Status(Flags),
}

#[derive(Debug, Args)]
struct Flags {
    #[command(flatten)]
    config: ConfigArgs,
    /// What runs it [default: launchd on macOS, else systemd]
    #[arg(long, value_enum)]
    manager: Option<Manager>,
    /// Only tell what would be written and run
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What runs programs at login
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Manager {
    /// a user unit
    Systemd,
    /// a launch agent
    Launchd,
}

const UNIT: &str = "llm-router.service";
const LABEL: &str = "dev.llm-router";

impl Manager {
    fn of_this_system() -> Self {
        if cfg!(target_os = "macos") { Self::Launchd } else { Self::Systemd }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
        }
    }

    /// Where its file for the gateway stands.
    fn file(self, environment: &Environment) -> anyhow::Result<PathBuf> {
        let home = PathBuf::from(environment.get("HOME").context("HOME is not set")?);
        Ok(match self {
            Self::Systemd => {
                let configs = environment.get("XDG_CONFIG_HOME").filter(|path| !path.is_empty());
                let configs = configs.map_or_else(|| home.join(".config"), PathBuf::from);
                configs.join("systemd/user").join(UNIT)
            }
            Self::Launchd => home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")),
        })
    }

    fn after_install(self, file: &Path) -> Vec<Vec<String>> {
        match self {
            Self::Systemd => vec![
                words(&["systemctl", "--user", "daemon-reload"]),
                words(&["systemctl", "--user", "enable", "--now", UNIT]),
            ],
            Self::Launchd => {
                vec![words(&["launchctl", "bootstrap", &domain(), &file.display().to_string()])]
            }
        }
    }

    fn before_uninstall(self) -> Vec<String> {
        match self {
            Self::Systemd => words(&["systemctl", "--user", "disable", "--now", UNIT]),
            Self::Launchd => words(&["launchctl", "bootout", &format!("{}/{LABEL}", domain())]),
        }
    }

    fn after_uninstall(self) -> Option<Vec<String>> {
        match self {
            Self::Systemd => Some(words(&["systemctl", "--user", "daemon-reload"])),
            Self::Launchd => None,
        }
    }

    fn text(self, program: &Path, config: Option<&Path>, home: &Path) -> String {
        match self {
            Self::Systemd => unit::systemd(program, config, &home.join(".llm-router.env")),
            Self::Launchd => unit::launchd(LABEL, program, config, &home.join("Library/Logs")),
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The login session of this user, as launchd calls it.
fn domain() -> String {
    #[cfg(unix)]
    let user = rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    let user = 0;
    format!("gui/{user}")
}

impl Startup {
    /// Does it.
    ///
    /// # Errors
    /// If a file cannot be written, or the manager refuses.
    pub fn run(self, environment: Environment) -> anyhow::Result<Exit> {
        match self.action {
            Action::Install(flags) => flags.install(environment),
            Action::Uninstall(flags) => flags.uninstall(environment),
            Action::Status(flags) => flags.status(environment),
        }
    }
}

impl Flags {
    fn manager(&self) -> Manager {
        self.manager.unwrap_or_else(Manager::of_this_system)
    }

    fn install(&self, environment: Environment) -> anyhow::Result<Exit> {
        let file = self.config.locate(environment.clone())?;
        let manager = self.manager();
        let path = manager.file(&environment)?;
        let program = std::env::current_exe().context("find this program")?;
        // The usual config is found by itself, and need not exist.
        let is_named = self.config.is_named() || environment.contains_key("LLM_ROUTER_CONFIG");
        let config = is_named.then_some(file.path.as_path());
        let home = PathBuf::from(environment.get("HOME").context("HOME is not set")?);
        let text = manager.text(&program, config, &home);
        let commands = manager.after_install(&path);
        let notes = notes(manager, &file, &home)?;
        if self.dry_run {
            return self.tell(&path, Some(&text), &commands, &notes);
        }
        if let Found::Running(status) = block_on(find(&file))? {
            // Two of them would want the same port.
            bail!(
                "a gateway runs already (process {}); stop it first: llm-router stop",
                status.pid
            );
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("make {}", folder.display()))?;
        }
        std::fs::write(&path, &text).with_context(|| format!("write {}", path.display()))?;
        for command in &commands {
            call(command, &environment).with_context(|| {
                format!("{} is written, but `{}` failed", path.display(), command.join(" "))
            })?;
        }
        self.tell(&path, None, &commands, &notes)
    }

    fn uninstall(&self, environment: Environment) -> anyhow::Result<Exit> {
        let manager = self.manager();
        let path = manager.file(&environment)?;
        if !path.exists() {
            self.say(
                &json!({ "installed": false, "file": path }),
                &format!("It is not installed: there is no {}.\n", path.display()),
            )?;
            return Ok(Exit::Done);
        }
        let before = manager.before_uninstall();
        let mut commands = vec![before.clone()];
        commands.extend(manager.after_uninstall());
        if self.dry_run {
            let text = format!("Would remove {}, and run:\n{}", path.display(), listed(&commands));
            self.say(&json!({ "dry_run": true, "remove": path, "run": commands }), &text)?;
            return Ok(Exit::Done);
        }
        // What does not run cannot be stopped; the file has to go all the same.
        let stopped = call(&before, &environment);
        std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        if let Some(command) = manager.after_uninstall() {
            call(&command, &environment)?;
        }
        let told = match &stopped {
            Ok(_) => String::new(),
            Err(error) => format!("It could not be stopped: {error:#}\n"),
        };
        let text = format!("Removed {}.\n{told}", path.display());
        self.say(&json!({ "installed": false, "file": path }), &text)?;
        Ok(Exit::Done)
    }

    fn status(&self, environment: Environment) -> anyhow::Result<Exit> {
        let file = self.config.locate(environment.clone())?;
        let manager = self.manager();
        let path = manager.file(&environment)?;
        let installed = path.exists();
        let running = match block_on(find(&file)) {
            Ok(Found::Running(status)) => Some(status.url),
            Ok(Found::Gone(_) | Found::Nothing) | Err(_) => None,
        };
        let text = format!(
            "manager    {}\ninstalled  {}\nfile       {}\ngateway    {}\n",
            manager.name(),
            if installed { "yes" } else { "no" },
            path.display(),
            running.as_deref().unwrap_or("does not run"),
        );
        let document = json!({
            "manager": manager.name(), "installed": installed, "file": path,
            "running": running.is_some(), "url": running,
        });
        self.say(&document, &text)?;
        Ok(Exit::Done)
    }

    fn tell(
        &self,
        path: &Path,
        text: Option<&str>,
        commands: &[Vec<String>],
        notes: &[String],
    ) -> anyhow::Result<Exit> {
        let mut told = match text {
            Some(text) => {
                format!("Would write {}:\n\n{text}\nand run:\n{}", path.display(), listed(commands))
            }
            None => {
                format!("Installed {}. The gateway runs now and at every login.\n", path.display())
            }
        };
        for note in notes {
            told.push_str(&format!("\n{note}\n"));
        }
        let document = json!({
            "dry_run": text.is_some(), "installed": text.is_none(), "file": path, "text": text,
            "run": commands, "notes": notes,
        });
        self.say(&document, &told)?;
        Ok(Exit::Done)
    }

    fn say(&self, document: &serde_json::Value, text: &str) -> anyhow::Result<()> {
        if self.json { print(&format!("{document:#}\n")) } else { print(text) }
    }
}

fn listed(commands: &[Vec<String>]) -> String {
    commands.iter().map(|command| format!("  {}\n", command.join(" "))).collect()
}

/// What the person should know: above all that keys in this environment are not in that one.
fn notes(manager: Manager, file: &ConfigFile, home: &Path) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    let text = file.load()?.text.unwrap_or_default();
    if text.contains("\"env:") || text.contains("apiKeyEnv") {
        notes.push(match manager {
            Manager::Systemd => format!(
                "Keys by `env:NAME` must be in {} (NAME=value, one a line, mode 0600):\n\
                 what is set in a shell is not set at login.",
                home.join(".llm-router.env").display()
            ),
            Manager::Launchd => {
                "Keys by `env:NAME` are not set at login: give them as `file:PATH`, \
                 or hand\nthem over with --api-key-stdin."
                    .to_owned()
            }
        });
    }
    if manager == Manager::Systemd {
        notes.push("To have it run without a login: loginctl enable-linger".to_owned());
    }
    Ok(notes)
}

fn call(command: &[String], environment: &Environment) -> anyhow::Result<()> {
    let [program, arguments @ ..] = command else { return Ok(()) };
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment)
        .output()
        .with_context(|| format!("run {program}"))?;
    if !output.status.success() {
        bail!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
