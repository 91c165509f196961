//! Vendors as data: what is known about well-known hosts, so that a config need not say it.

use std::sync::LazyLock;

use serde::Deserialize;
use url::Url;

use crate::protocol::Format;

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
                let (asked, known) = (path(&url), path(&known));
                asked == known || asked.is_empty()
            })
    })
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
            assert!(ids.insert(&preset.id), "{} stands twice", preset.id);
            assert!(places.insert(&preset.base_url), "{} is there already", preset.base_url);
            let known = preset_for(&preset.base_url).map(|preset| &preset.id);
            assert_eq!(known, Some(&preset.id));
            let formats: HashSet<_> = preset.formats.iter().collect();
            assert_eq!(formats.len(), preset.formats.len(), "{}", preset.id);
        }
    }

    #[test]
    fn a_vendor_is_known_by_host_and_path() {
        let id = |url| preset_for(url).map(|preset| preset.id.as_str());
        assert_eq!(id("https://api.openai.com/v1/"), Some("openai"));
        assert_eq!(id("https://api.openai.com"), Some("openai"));
        assert_eq!(id("https://openai.example.com/v1"), None);
        assert_eq!(id("https://api.deepseek.com/anthropic"), None);
        assert_eq!(id("not a url"), None);
    }
}
