//! Vendors as data: what is known about well-known hosts, so that a config need not say it.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::Deserialize;
use url::Url;

use crate::protocol::{Format, quirk::Quirk};

/// What is known of one vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub id: String,
    pub name: String,
    /// The host of its base URL.
    pub host: String,
    /// Where to point a provider.
    #[serde(rename = "baseUrl")]
    pub base_url: String,
    /// The formats that it speaks below that URL, the best first.
    pub formats: Vec<Format>,
    /// The environment variable that its key is commonly in; `None` if it needs no key.
    #[serde(rename = "keyVariable", default)]
    pub key_variable: Option<String>,
    /// Where people get a key, or read on.
    pub docs: String,
    /// Formats that it also speaks, but elsewhere or with the key in another header. A config has
    /// to say them; commands that use a preset do.
    #[serde(default)]
    pub more: Vec<More>,
    /// The formats that are its own, rather than another vendor's that it speaks too.
    #[serde(default)]
    pub genuine: Vec<Format>,
    /// How it differs from the vendors of the formats that it speaks.
    #[serde(default)]
    pub quirks: Vec<Quirk>,
    /// How much its models can say at once, by how their names begin: the first that fits counts.
    #[serde(rename = "maxOutputTokens", default)]
    pub max_output_tokens: IndexMap<String, u64>,
}

/// One more format of a vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct More {
    pub format: Format,
    /// Where, if not below the vendor's base URL.
    #[serde(rename = "baseUrl", default)]
    pub base_url: Option<String>,
    /// How the key is presented, if not as the format has it: a word of the config.
    #[serde(default)]
    pub auth: Option<String>,
}

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("presets.json")).expect("a test parses this file")
});

/// Every vendor that is known.
#[must_use]
pub fn all() -> &'static [Preset] {
    &PRESETS
}

/// The vendor behind a base URL. Only where the path is the known one too: many vendors serve
/// several APIs on one host.
#[must_use]
pub fn preset_for(base_url: &str) -> Option<&'static Preset> {
    let url = Url::parse(base_url).ok()?;
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    PRESETS.iter().find(|preset| {
        let known = Url::parse(&preset.base_url).ok();
        url.host_str() == Some(preset.host.as_str())
            && known.is_some_and(|known| {
                // On one's own machine the port tells programs apart.
                let port = Url::port_or_known_default;
                if port(&url) != port(&known) {
                    return false;
                }
                let (asked, known) = (path(&url), path(&known));
                asked == known || asked.is_empty()
            })
    })
}

/// The vendor with this id.
#[must_use]
pub fn named(id: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

/// How much a model of this name can say at once, whoever serves it. What stands before the last
/// slash is not part of the name.
#[must_use]
pub fn max_output_tokens(model: &str) -> Option<u64> {
    let name = model.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let rows = PRESETS.iter().flat_map(|preset| &preset.max_output_tokens);
    rows.filter(|(begin, _)| name.starts_with(begin.as_str())).map(|(_, most)| *most).next()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn presets_are_sound() {
        let (mut ids, mut places) = (HashSet::new(), HashSet::new());
        for preset in all() {
            let url = Url::parse(&preset.base_url).unwrap();
            assert_eq!(url.host_str(), Some(preset.host.as_str()), "{}", preset.id);
            assert!(!preset.formats.is_empty(), "{}", preset.id);
            assert!(preset.genuine.iter().all(|format| preset.formats.contains(format)));
            assert!(ids.insert(&preset.id), "{} stands twice", preset.id);
            assert!(places.insert(&preset.base_url), "{} is there already", preset.base_url);
            let known = preset_for(&preset.base_url).map(|preset| &preset.id);
            assert_eq!(known, Some(&preset.id));
            let mut formats: Vec<Format> = preset.formats.clone();
            formats.extend(preset.more.iter().map(|more| more.format));
            let distinct: HashSet<_> = formats.iter().collect();
            assert_eq!(distinct.len(), formats.len(), "{}", preset.id);
            assert!(preset.id.parse::<crate::names::ProviderId>().is_ok(), "{}", preset.id);
            assert!(preset.docs.starts_with("https://"), "{}", preset.id);
            let is_local = url.host_str() == Some("127.0.0.1");
            assert_eq!(preset.key_variable.is_none(), is_local, "{}", preset.id);
            for more in &preset.more {
                let own = more.base_url.as_deref().map(Url::parse);
                assert!(own.is_none_or(|url| url.is_ok()), "{}", preset.id);
            }
        }
    }

    #[test]
    fn a_vendor_is_known_by_host_and_path() {
        let id = |url| preset_for(url).map(|preset| preset.id.as_str());
        assert_eq!(id("https://api.openai.com/v1/"), Some("openai"));
        assert_eq!(id("https://api.openai.com"), Some("openai"));
        assert_eq!(id("https://openai.example.com/v1"), None);
        assert_eq!(id("https://api.deepseek.com/anthropic"), None);
        assert_eq!(id("http://127.0.0.1:11434"), Some("ollama"));
        assert_eq!(id("http://127.0.0.1:9/v1"), None);
        assert_eq!(id("not a url"), None);
    }

    #[test]
    fn what_a_model_can_say_at_once_is_known_by_its_name() {
        for (model, expected) in [
            ("claude-opus-4-1-20250805", Some(32_000)),
            ("claude-opus-4-5", Some(64_000)),
            ("anthropic/claude-3-haiku", Some(4096)),
            ("openai/GPT-4o-mini", Some(16_384)),
            ("gpt-4.1-nano", Some(32_768)),
            ("o1-mini", Some(65_536)),
            ("llama-3.3-70b", None),
        ] {
            assert_eq!(max_output_tokens(model), expected, "{model}");
        }
    }
}
