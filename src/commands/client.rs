//! `client-config`: what to tell a coding tool or an SDK so that it asks this gateway. Nothing of
//! the tool's is read or written.

mod snippets;

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Command, Effect,
    error::{Code, CommandError},
    text::{Look, Text},
    workspace::Workspace,
};
use crate::{
    config::secret::SecretSource,
    protocol::Format,
    routing::router::{Router, TargetKind},
};

/// A tool that asks models
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    ClaudeCode,
    Codex,
    GeminiCli,
    #[value(name = "opencode")]
    #[serde(rename = "opencode")]
    OpenCode,
    Amp,
    Droid,
    Aider,
    OpenaiSdk,
    AnthropicSdk,
}

impl Client {
    /// The format in which it asks.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::ClaudeCode | Self::AnthropicSdk | Self::Amp => Format::Anthropic,
            Self::Codex => Format::OpenAiResponses,
            Self::GeminiCli => Format::Gemini,
            Self::OpenCode | Self::Droid | Self::Aider | Self::OpenaiSdk => Format::OpenAi,
        }
    }

    /// Its word on the command line.
    #[must_use]
    pub fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Show what to tell a coding tool or SDK so that it uses this gateway
///
/// The exact lines for this machine: its endpoint, a model of the config, and the gateway's key by
/// reference. Nothing is written. Test the route live before.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Show {
    /// The tool
    #[arg(value_enum)]
    client: Client,
    /// The name that it shall ask for. The default model if absent
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// What to tell a tool.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Told {
    /// The tool
    client: String,
    /// Where the gateway listens
    endpoint: String,
    /// The format in which the tool asks
    format: String,
    /// The name that it asks for
    model: String,
    /// What goes into which of its files, merged with what is there
    files: Vec<File>,
    /// Variables of its environment, as a shell sets them
    env: Vec<Variable>,
    /// Lines of code or of a shell
    commands: Vec<String>,
    /// What to run before its settings are touched
    check: Vec<String>,
    /// What to know
    notes: Vec<String>,
}

/// A piece of a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct File {
    /// Where the file is
    path: String,
    /// `json` or `toml`
    format: String,
    /// What goes into it
    snippet: String,
}

/// A variable.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Variable {
    /// Its name
    name: String,
    /// Its value, as a shell reads it between double quotes
    value: String,
}

/// How a client gets the gateway's key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    /// None is needed.
    Any,
    Variable(String),
    File(String),
    /// The config holds it itself.
    Literal,
}

impl Key {
    fn of(workspace: &Workspace, router: &Router) -> Result<Self, CommandError> {
        if !router.settings.require_auth {
            return Ok(Self::Any);
        }
        let source = workspace.in_effect(workspace.document()?).0.master_key;
        Ok(match source {
            None => Self::Any,
            Some(SecretSource::Environment(name)) => Self::Variable(name),
            Some(SecretSource::File(path)) => {
                let folder = workspace.path.rsplit_once('/').map_or(".", |(folder, _)| folder);
                let is_whole = path.starts_with('/') || path.starts_with('~');
                Self::File(if is_whole { path } else { format!("{folder}/{path}") })
            }
            Some(SecretSource::Literal(_)) => Self::Literal,
        })
    }

    /// As a shell reads it between double quotes.
    fn in_shell(&self) -> String {
        match self {
            Self::Any => ANY_KEY.to_owned(),
            Self::Variable(name) => format!("${name}"),
            Self::File(path) => format!("$(cat {})", quoted(path)),
            Self::Literal => "$LLM_ROUTER_KEY".to_owned(),
        }
    }

    /// A command that prints it.
    fn printed(&self) -> String {
        match self {
            Self::Any => format!("echo {ANY_KEY}"),
            Self::Variable(name) => format!("printenv {name}"),
            Self::File(path) => format!("cat {}", quoted(path)),
            Self::Literal => "printenv LLM_ROUTER_KEY".to_owned(),
        }
    }

    /// The variable that has it, if one has.
    fn variable(&self) -> &str {
        match self {
            Self::Variable(name) => name,
            Self::Any | Self::File(_) | Self::Literal => "LLM_ROUTER_KEY",
        }
    }
}

/// Stands for a key where none is needed: tools insist on some.
const ANY_KEY: &str = "llm-router";

fn quoted(path: &str) -> String {
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._~-".contains(c));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Where the gateway of a workspace is to be called.
pub(super) fn endpoint(workspace: &Workspace, router: &Router) -> String {
    let recorded = workspace.running.as_ref().map(|running| running.url.clone());
    let url = recorded.unwrap_or_else(|| {
        let address = std::net::SocketAddr::new(router.settings.host, router.settings.port);
        format!("http://{address}")
    });
    // One listens there, but does not call there.
    url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
}

/// Whether a name can be asked for in a format; why not otherwise.
pub(super) fn spoken(router: &Router, name: &str, format: Format) -> Result<(), String> {
    let route = router.resolve(Some(name)).map_err(|error| error.to_string())?;
    let operation = super::tiny::operation(format, false);
    let mut spoken: Vec<&str> = Vec::new();
    for slot in &route.plan.slots {
        let target = router.target(slot.target);
        if target.speaks(operation) {
            return Ok(());
        }
        if let TargetKind::Upstream(lanes) = &target.kind {
            spoken.extend(lanes.formats().map(Format::name));
        }
    }
    spoken.sort_unstable();
    spoken.dedup();
    let spoken = if spoken.is_empty() { "none".to_owned() } else { spoken.join(", ") };
    Err(format!("no target of `{name}` can be asked in the format {format} (they speak {spoken})"))
}

/// The name to ask for by default.
pub(super) fn default_name(router: &Router) -> Option<String> {
    let first = router.listed().first().map(|listed| listed.id.to_string());
    router.default_name().map(str::to_owned).or(first)
}

impl Command for Show {
    const NAME: &'static str = "client-config";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"client": "claude-code"}"#,
        r#"{"client": "codex", "model": "chat"}"#,
        r#"{"client": "gemini-cli"}"#,
        r#"{"client": "opencode"}"#,
        r#"{"client": "amp"}"#,
        r#"{"client": "droid"}"#,
        r#"{"client": "aider"}"#,
        r#"{"client": "openai-sdk"}"#,
        r#"{"client": "anthropic-sdk", "model": "spare"}"#,
    ];
    const OTHER_NAMES: &'static [&'static str] = &["get-client-config"];
    type Output = Told;

    fn run(self, workspace: &mut Workspace) -> Result<Told, CommandError> {
        let router = workspace.router()?;
        let model = match self.model.as_deref().map(str::trim) {
            Some(model) => {
                let unknown = |error: crate::routing::router::UnknownModel| {
                    CommandError::new(Code::UnknownModel, error.to_string())
                };
                router.resolve(Some(model)).map_err(unknown)?;
                model.to_owned()
            }
            None => default_name(&router)
                .ok_or_else(|| CommandError::arguments("there is no model to name"))?,
        };
        let format = self.client.format();
        let key = Key::of(workspace, &router)?;
        let mut told = Told {
            client: self.client.word(),
            endpoint: endpoint(workspace, &router),
            format: format.name().to_owned(),
            check: vec![format!("llm-router test-route {model} --format {format} --live")],
            model,
            ..Told::default()
        };
        snippets::write(self.client, &key, &router, &mut told);
        if key == Key::Literal {
            told.notes.push(
                "the config holds the gateway's key itself: `llm-router set-gateway-key` makes a \
                 new one in a file, so that it can be referred to; or set LLM_ROUTER_KEY to it"
                    .to_owned(),
            );
        }
        if self.client != Client::Amp
            && let Err(why) = spoken(&router, &told.model, format)
        {
            told.notes.push(format!("not ready: {why}"));
        }
        if workspace.running.is_none() {
            told.notes.push("no gateway runs with this config: llm-router start".to_owned());
        }
        Ok(told)
    }

    fn text(output: &Told) -> Text {
        let mut text = Text::default();
        for file in &output.files {
            text.gap().line(Look::Strong, format!("In {}", file.path));
            for line in file.snippet.lines() {
                text.line(Look::Plain, format!("  {line}").trim_end());
            }
        }
        if !output.env.is_empty() {
            text.gap().line(Look::Strong, "In its environment");
            for variable in &output.env {
                let line = format!("  export {}=\"{}\"", variable.name, variable.value);
                text.line(Look::Plain, line);
            }
        }
        if !output.commands.is_empty() {
            text.gap().line(Look::Strong, "As lines");
            for command in output.commands.iter().flat_map(|command| command.lines()) {
                text.line(Look::Plain, format!("  {command}"));
            }
        }
        text.gap().line(Look::Strong, "Before, test the route (16 tokens at most)");
        for check in &output.check {
            text.line(Look::Plain, format!("  {check}"));
        }
        if !output.notes.is_empty() {
            text.gap();
        }
        for note in &output.notes {
            text.wrapped(Look::Doubtful, "! ", "  ", note);
        }
        text
    }
}
