//! Rate-limit buckets: create, remove.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Command, Effect,
    argument::WriteArgs,
    changed::Changed,
    error::{Code, CommandError},
    model::cleaned,
    provider::{known, provider_of},
    text::Text,
    workspace::Workspace,
};
use crate::config::{
    Provider,
    edit::{draft::bucket_place, spelling},
};

/// Limit the requests to a provider, for all of its models or some
///
/// Every upstream call counts, retries included. When a bucket is full, requests go to the next
/// target. Several buckets hold together. A bucket with the same id is replaced.
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Create {
    /// The provider whose requests are counted
    provider: String,
    /// How many requests in which time: `40/minute`, `20000/month`, `100/5 hours`. Windows are
    /// aligned to UTC
    limit: String,
    /// The models that share it, by their ids. All of the provider's if absent (can be repeated)
    #[arg(long, visible_alias = "model", value_delimiter = ',', value_name = "MODEL")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
    /// Its id, unique within the provider. Made from the name or the limit if absent
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    /// A name for people
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Create {
    const NAME: &'static str = "create-bucket";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [&'static str] = &[
        r#"{"provider": "openrouter", "limit": "40/minute"}"#,
        r#"{"provider": "openrouter", "limit": "20000/month", "models": ["openai/gpt-4o-mini"], "bucket": "mini"}"#,
    ];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let config = workspace.config()?;
        let id = known(&config, &self.provider)?;
        let limit = Limit::parse(&self.limit)
            .ok_or_else(|| CommandError::arguments("the limit is not understood").hint(FORMS))?;
        let models = cleaned(&self.models);
        let provider = config.providers.iter().find(|provider| provider.id == id);
        check_models(provider, &models)?;
        let bucket = self.bucket.as_deref().map(str::trim).filter(|id| !id.is_empty());
        let named = self.name.as_deref().map(slug).filter(|slug| !slug.is_empty());
        let bucket = bucket.map(str::to_owned).or(named).unwrap_or_else(|| limit.id());
        let buckets = provider.map(|provider| provider.rate_limits.clone()).unwrap_or_default();
        workspace.edit(&self.write, |draft, _| {
            let object = provider_of(draft, &id)?;
            let place = bucket_place(object, &buckets, &bucket);
            let list = spelling::list(object, spelling::RATE_LIMITS);
            let known = place.and_then(|place| list.get(place)).and_then(Value::as_object);
            let mut entry = known.cloned().unwrap_or_default();
            self.fill(&mut entry, &bucket, &models, &limit);
            let done = match place.and_then(|place| list.get_mut(place)) {
                Some(known) => {
                    *known = Value::Object(entry);
                    "Changed"
                }
                None => {
                    list.push(Value::Object(entry));
                    "Created"
                }
            };
            Ok(format!("{done} the bucket `{bucket}` of `{id}`: {}.", limit.text()))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

impl Create {
    fn fill(&self, entry: &mut Map<String, Value>, id: &str, models: &[String], limit: &Limit) {
        spelling::put(entry, &["id"], id);
        if let Some(name) = &self.name {
            spelling::put(entry, &["name"], name.trim());
        }
        let all = ["all".to_owned()];
        let models = if models.is_empty() { &all } else { models };
        spelling::put(entry, spelling::BUCKET_MODELS, models.to_vec());
        spelling::put(entry, spelling::REQUESTS, limit.requests);
        for flat in [
            "windowUnit",
            "window-unit",
            "window.unit",
            "windowSize",
            "window-size",
            "window.size",
            "window.value",
        ] {
            entry.shift_remove(flat);
        }
        spelling::put(entry, &["window"], json!({ "unit": limit.unit, "size": limit.size }));
    }
}

/// Remove a rate-limit bucket
#[derive(Debug, Clone, Args, Serialize, Deserialize, JsonSchema)]
pub struct Remove {
    /// The provider
    provider: String,
    /// The id of the bucket
    bucket: String,
    #[command(flatten)]
    #[serde(flatten)]
    write: WriteArgs,
}

impl Command for Remove {
    const NAME: &'static str = "remove-bucket";
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] =
        &[r#"{"provider": "openrouter", "bucket": "monthly"}"#];
    type Output = Changed;

    fn run(self, workspace: &mut Workspace) -> Result<Changed, CommandError> {
        let config = workspace.config()?;
        let id = known(&config, &self.provider)?;
        let provider = config.providers.iter().find(|provider| provider.id == id);
        let buckets = provider.map(|provider| provider.rate_limits.clone()).unwrap_or_default();
        let bucket = self.bucket.trim();
        let ids = buckets.iter().map(|bucket| bucket.id.as_str());
        if !ids.clone().any(|known| known == bucket) {
            let what = format!("bucket of `{id}` named");
            return Err(CommandError::unknown(Code::UnknownBucket, &what, bucket, ids));
        }
        workspace.edit(&self.write, |draft, _| {
            let object = provider_of(draft, &id)?;
            if let Some(place) = bucket_place(object, &buckets, bucket) {
                spelling::list(object, spelling::RATE_LIMITS).remove(place);
            }
            Ok(format!("Removed the bucket `{bucket}` of `{id}`."))
        })
    }

    fn text(output: &Changed) -> Text {
        output.text()
    }
}

fn check_models(provider: Option<&Provider>, models: &[String]) -> Result<(), CommandError> {
    let known = provider.into_iter().flat_map(|provider| &provider.models);
    let known: Vec<&str> = known.map(|model| model.id.as_str()).collect();
    for model in models.iter().filter(|model| *model != "all") {
        if !known.contains(&model.as_str()) {
            let known = known.iter().copied();
            return Err(CommandError::unknown(Code::UnknownModel, "model", model, known));
        }
    }
    Ok(())
}

const FORMS: &str = "for example 40/minute, 20000/month or 100/5 hours; units are second, minute, \
                     hour, day, week and month";

/// A number of requests in a window.
#[derive(Debug, PartialEq, Eq)]
struct Limit {
    requests: u64,
    size: u32,
    unit: &'static str,
}

/// Units with what people write for them.
const UNITS: [(&str, &[&str]); 6] = [
    ("second", &["s", "sec", "secs", "second", "seconds"]),
    ("minute", &["m", "min", "mins", "minute", "minutes"]),
    ("hour", &["h", "hr", "hrs", "hour", "hours"]),
    ("day", &["d", "day", "days"]),
    ("week", &["w", "wk", "week", "weeks"]),
    ("month", &["mo", "mon", "month", "months"]),
];

impl Limit {
    /// `40/minute`, `20,000 requests per month`, `100/5h`, `100/hour:5`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let (count, window) = text.split_once('/').or_else(|| text.split_once(" per "))?;
        let count = count.trim().trim_end_matches("requests").trim_end_matches("request");
        let requests: u64 = count.trim().replace([',', '_'], "").parse().ok()?;
        let letters: String = window.chars().filter(char::is_ascii_alphabetic).collect();
        let digits: String = window.chars().filter(char::is_ascii_digit).collect();
        let rest = window
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c.is_whitespace() || ":/-x".contains(c));
        let size = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        let (unit, _) = UNITS.into_iter().find(|(_, names)| names.contains(&letters.as_str()))?;
        (rest && requests > 0 && size > 0).then_some(Self { requests, size, unit })
    }

    fn id(&self) -> String {
        match self.size {
            1 => format!("{}-per-{}", self.requests, self.unit),
            size => format!("{}-per-{size}-{}s", self.requests, self.unit),
        }
    }

    fn text(&self) -> String {
        match self.size {
            1 => format!("{} requests a {}", self.requests, self.unit),
            size => format!("{} requests in {size} {}s", self.requests, self.unit),
        }
    }
}

fn slug(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_the_forms_that_people_write() {
        for (text, expected) in [
            ("40/minute", Some((40, 1, "minute"))),
            ("20000/month", Some((20_000, 1, "month"))),
            ("20,000 requests / month", Some((20_000, 1, "month"))),
            ("20_000 requests per month", Some((20_000, 1, "month"))),
            ("100/5h", Some((100, 5, "hour"))),
            ("100/5 hours", Some((100, 5, "hour"))),
            ("100/hour:5", Some((100, 5, "hour"))),
            ("1/WEEK", Some((1, 1, "week"))),
            ("0/minute", None),
            ("40/fortnight", None),
            ("40", None),
            ("/minute", None),
            ("-1/minute", None),
            ("4.5/minute", None),
            ("40/minute!", None),
        ] {
            let read = Limit::parse(text).map(|limit| (limit.requests, limit.size, limit.unit));
            assert_eq!(read, expected, "{text}");
        }
    }
}
