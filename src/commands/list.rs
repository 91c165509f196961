//! `list`: what is configured, in pages.

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Command, Effect,
    error::CommandError,
    page,
    text::{Look, Text},
    workspace::Workspace,
};
use crate::config::{Bucket, Config, Provider};

/// What is listed
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    All,
    Provider,
    Model,
    Alias,
    Bucket,
}

/// List providers, models, aliases and buckets
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct List {
    /// What to list. Everything if absent
    #[arg(value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    /// Only what has this text in its name
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// How many at most. 50 if absent
    #[arg(long, value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    /// Where to go on: `next_cursor` of the page before
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// One thing that is configured.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Item {
    /// What it is
    kind: Kind,
    /// What it is called by
    name: String,
    /// What there is to know of it
    about: String,
    /// Whether requests are sent to it
    enabled: bool,
}

/// A page of what is configured.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Page {
    /// What is on this page
    items: Vec<Item>,
    /// How many there are on all pages
    total: u64,
    /// Where the next page begins; absent on the last
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// The name that answers when a client names no model
    #[serde(skip_serializing_if = "Option::is_none")]
    default_model: Option<String>,
}

impl Command for List {
    const NAME: &'static str = "list";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] =
        &[r"{}", r#"{"kind": "model", "query": "claude", "limit": 10}"#];
    type Output = Page;

    fn run(self, workspace: &mut Workspace) -> Result<Page, CommandError> {
        let config = workspace.config()?;
        let kind = self.kind.unwrap_or(Kind::All);
        let query = self.query.as_deref().unwrap_or_default().trim().to_lowercase();
        let start = page::start(self.cursor.as_deref())?;
        let mut items: Vec<Item> = items(&config)
            .into_iter()
            .filter(|item| kind == Kind::All || item.kind == kind)
            .filter(|item| item.name.to_lowercase().contains(&query))
            .map(Item::bounded)
            .collect();
        let total = items.len();
        let sizes = page::sizes(items.get(start..).unwrap_or_default());
        page::keep(&mut items, start, page::count(&sizes, self.limit.or(Some(50)), page::LONGEST));
        let end = start.saturating_add(items.len());
        let next_cursor = (end < total).then(|| end.to_string());
        Ok(Page { items, total: total as u64, next_cursor, default_model: config.default_model })
    }

    fn text(output: &Page) -> Text {
        let mut text = Text::default();
        for (kind, title) in [
            (Kind::Provider, "provider"),
            (Kind::Alias, "alias"),
            (Kind::Bucket, "bucket"),
            (Kind::Model, "model"),
        ] {
            let rows: Vec<Vec<String>> = output
                .items
                .iter()
                .filter(|item| item.kind == kind)
                .map(|item| {
                    let off = if item.enabled { "" } else { "OFF; " };
                    vec![item.name.clone(), format!("{off}{}", item.about)]
                })
                .collect();
            if !rows.is_empty() {
                text.gap().table(&[title, "about"], &rows);
            }
        }
        if output.total == 0 {
            text.line(Look::Plain, "Nothing to list.");
        }
        if let Some(model) = &output.default_model {
            text.gap().line(Look::Plain, format!("The default model is {model}."));
        }
        if let Some(cursor) = &output.next_cursor {
            let line = format!(
                "{} of {} shown; go on with --cursor {cursor}",
                output.items.len(),
                output.total
            );
            text.gap().line(Look::Faint, line);
        }
        text
    }
}

/// The longest text about one item.
const LONGEST_ABOUT: usize = 300;

impl Item {
    fn bounded(mut self) -> Self {
        if self.about.chars().count() > LONGEST_ABOUT {
            self.about = self.about.chars().take(LONGEST_ABOUT).collect();
            self.about.push('…');
        }
        self
    }
}

fn items(config: &Config) -> Vec<Item> {
    let mut items: Vec<Item> = config.providers.iter().map(provider_item).collect();
    items.extend(config.model_aliases.iter().map(|(id, alias)| {
        let names = |targets: &[crate::config::AliasTarget]| {
            let name = |target: &crate::config::AliasTarget| match target.weight {
                Some(weight) => format!("{}@{weight}", target.reference),
                None => target.reference.clone(),
            };
            targets.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        let mut about = format!("{}: {}", alias.strategy.name(), names(&alias.targets));
        if !alias.fallback_targets.is_empty() {
            about.push_str(&format!("; then {}", names(&alias.fallback_targets)));
        }
        Item { kind: Kind::Alias, name: id.clone(), about, enabled: true }
    }));
    for provider in &config.providers {
        items.extend(provider.rate_limits.iter().map(|bucket| bucket_item(provider, bucket)));
    }
    for provider in &config.providers {
        items.extend(provider.models.iter().map(|model| {
            let mut about = Vec::new();
            about.extend(model.context_window.map(|tokens| format!("{tokens} tokens")));
            if !model.aliases.is_empty() {
                about.push(format!("also {}", model.aliases.join(", ")));
            }
            if !model.fallback_models.is_empty() {
                about.push(format!("then {}", model.fallback_models.join(", ")));
            }
            Item {
                kind: Kind::Model,
                name: format!("{}/{}", provider.id, model.id),
                about: about.join("; "),
                enabled: model.enabled && provider.enabled,
            }
        }));
    }
    items
}

fn provider_item(provider: &Provider) -> Item {
    let url = provider.base_url.as_deref().or(provider.kind.as_deref()).unwrap_or("no URL");
    // A key in the URL would be shown otherwise.
    let url = crate::config::edit::redact::redacted(&url.into());
    let key = match (&provider.api_key, &provider.api_key_env) {
        (Some(source), _) => format!("key {source}"),
        (None, Some(name)) => format!("key env:{name}"),
        (None, None) => "no key".to_owned(),
    };
    let models = match provider.models.len() {
        1 => "1 model".to_owned(),
        count => format!("{count} models"),
    };
    Item {
        kind: Kind::Provider,
        name: provider.id.clone(),
        about: format!("{}; {key}; {models}", url.as_str().unwrap_or_default()),
        enabled: provider.enabled,
    }
}

fn bucket_item(provider: &Provider, bucket: &Bucket) -> Item {
    let unit = format!("{:?}", bucket.window.unit).to_lowercase();
    let window = match bucket.window.size.get() {
        1 => unit,
        size => format!("{size} {unit}s"),
    };
    Item {
        kind: Kind::Bucket,
        name: format!("{}/{}", provider.id, bucket.id),
        about: format!("{} requests/{window} for {}", bucket.requests, bucket.models.join(", ")),
        enabled: true,
    }
}
