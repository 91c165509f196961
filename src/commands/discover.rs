//! `discover-models`: the models that a provider lists, compared with the config.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Command, Effect, NetworkCommand,
    changed::bounded_lines,
    error::{Code, CommandError},
    page,
    probe::{Probe, listing::Listed},
    test_provider::configured,
    text::{Look, Text},
    workspace::Workspace,
};

/// List the models that a provider has, and which of them are configured
///
/// It asks the provider for its list, which costs nothing, and writes nothing.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Discover {
    /// The id of the provider
    provider: String,
    /// Only models with this text in their names
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// Only models that are not configured
    #[arg(long)]
    #[serde(default)]
    new: bool,
    /// How many at most. 50 if absent
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u64>,
    /// Where to go on: `next_cursor` of the page before
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[arg(skip)]
    #[serde(skip)]
    listed: Vec<Listed>,
}

/// A page of the models of a provider.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Page {
    /// The provider
    provider: String,
    /// What is on this page
    models: Vec<Model>,
    /// How many there are on all pages
    total: u64,
    /// How many of all models are configured
    configured: u64,
    /// Those that are configured, but not listed any more
    gone: Vec<String>,
    /// Where the next page begins; absent on the last
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// What to do next
    next: Vec<String>,
}

/// One model.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Model {
    /// Its id
    id: String,
    /// How many tokens fit, if the list says so
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    /// Whether it is configured
    configured: bool,
}

/// The longest that a page may become, beside what is gone.
const LONGEST: usize = page::LONGEST - LONGEST_GONE;
/// The longest list of models that are configured and not listed any more.
const LONGEST_GONE: usize = 1000;

impl Command for Discover {
    const NAME: &'static str = "discover-models";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"provider": "anthropic"}"#,
        r#"{"provider": "anthropic", "query": "claude", "new": true, "limit": 10}"#,
    ];
    type Output = Page;

    fn run(self, workspace: &mut Workspace) -> Result<Page, CommandError> {
        let provider = configured(workspace, &self.provider)?;
        let is_configured = |id: &str| provider.models.iter().any(|model| model.id == id);
        let gone = provider
            .models
            .iter()
            .filter(|model| !self.listed.iter().any(|listed| listed.id == model.id));
        let gone = bounded_lines(gone.map(|model| model.id.clone()).collect(), LONGEST_GONE);
        let query = self.query.as_deref().unwrap_or_default().trim().to_lowercase();
        let mut models: Vec<Model> = self
            .listed
            .iter()
            .filter(|listed| listed.id.to_lowercase().contains(&query))
            .map(|listed| Model {
                id: listed.id.clone(),
                context_window: listed.context_window,
                configured: is_configured(&listed.id),
            })
            .filter(|model| !self.new || !model.configured)
            .collect();
        let start = page::start(self.cursor.as_deref())?;
        let total = models.len();
        let sizes = page::sizes(models.get(start..).unwrap_or_default());
        let count = page::count(&sizes, self.limit.or(Some(50)), LONGEST);
        page::keep(&mut models, start, count);
        let end = start.saturating_add(models.len());
        let id = &provider.id;
        let fresh: Vec<&str> = models
            .iter()
            .filter(|model| !model.configured)
            .take(3)
            .map(|model| model.id.as_str())
            .collect();
        let next = match fresh.as_slice() {
            [] => Vec::new(),
            some => vec![format!("llm-router add-provider {id} --models {}", some.join(","))],
        };
        Ok(Page {
            total: total as u64,
            configured: self.listed.iter().filter(|listed| is_configured(&listed.id)).count()
                as u64,
            gone,
            next_cursor: (end < total).then(|| end.to_string()),
            next,
            models,
            provider: provider.id,
        })
    }

    fn text(output: &Page) -> Text {
        let mut text = Text::default();
        let rows: Vec<Vec<String>> = output
            .models
            .iter()
            .map(|model| {
                let tokens = model.context_window.map(|tokens| tokens.to_string());
                let configured = if model.configured { "yes" } else { "" };
                vec![model.id.clone(), tokens.unwrap_or_default(), configured.to_owned()]
            })
            .collect();
        if rows.is_empty() {
            text.line(Look::Plain, "No model matches.");
        } else {
            text.table(&["model", "tokens", "configured"], &rows);
        }
        let (shown, total) = (output.models.len(), output.total);
        let line =
            format!("{shown} of {total} shown; {} of all are configured.", output.configured);
        text.gap().line(Look::Faint, line);
        for model in &output.gone {
            text.line(Look::Doubtful, format!("Configured, but not listed any more: {model}"));
        }
        if let Some(cursor) = &output.next_cursor {
            text.line(Look::Faint, format!("More: --cursor {cursor}"));
        }
        for next in &output.next {
            text.wrapped(Look::Faint, "Next: ", "  ", next);
        }
        text
    }
}

impl NetworkCommand for Discover {
    async fn ask(&mut self, workspace: &Workspace) -> Result<(), CommandError> {
        let provider = configured(workspace, &self.provider)?;
        let listed = Probe::new(workspace, &provider, None).models(&[]).await;
        self.listed = listed.map_err(|error| {
            let message = format!("`{}` tells no models: {error}", provider.id);
            CommandError::new(Code::Upstream, message)
                .hint(format!("find out more: llm-router test-provider {}", provider.id))
        })?;
        Ok(())
    }
}
