//! The texts for models in `prompts/`: they name only what there is, and fit.

use std::{collections::BTreeSet, fs, path::Path};

use llm_router::{
    commands::{CATALOG, Entry},
    mcp::{speech, tools},
};

fn texts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts");
    fs::read_dir(folder)
        .expect("prompts")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("a prompt"))
        })
        .collect()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
}

#[test]
fn instructions_are_read_whole() {
    let text = fs::read_to_string("prompts/mcp-instructions.md").expect("instructions");
    for read_only in [false, true] {
        let written = speech::written(&text, &tools::offered(read_only), &[]);
        // Claude Code cuts at 4,096 letters.
        assert!((400..=4096).contains(&written.len()), "{}", written.len());
    }
}

#[test]
fn texts_name_tools_that_there_are() {
    let tools: BTreeSet<String> = CATALOG.iter().map(Entry::tool_name).collect();
    let arguments: BTreeSet<String> = CATALOG
        .iter()
        .flat_map(|entry| entry.input()["properties"].as_object().expect("properties").clone())
        .map(|(name, _)| name)
        .collect();
    for (file, text) in texts() {
        for read_only in [false, true] {
            let offered = tools::offered(read_only);
            let written = speech::written(&text, &offered, &[]);
            // Words with an underscore are tools or arguments.
            for word in words(&written).into_iter().filter(|word| word.contains('_')) {
                let is_offered = offered.iter().any(|entry| entry.tool_name() == word);
                let known = is_offered || arguments.contains(word);
                assert!(known, "{file} (read-only: {read_only}) names `{word}`");
            }
        }
        for line in text.lines().filter(|line| line.starts_with(['?', '!'])) {
            let tool = line[1..].split(' ').next().unwrap_or_default();
            assert!(tools.contains(tool) || TO_COME.contains(&tool), "{file} waits for `{tool}`");
        }
    }
}

/// Tools that ask the network.
const TO_COME: &[&str] = &[
    "client_config",
    "discover_models",
    "explain",
    "startup",
    "status",
    "test_provider",
    "test_route",
];

#[test]
fn command_lines_of_the_catalog_are_spoken_as_tools() {
    for (written, spoken) in [
        ("take it back: llm-router undo 3", "take it back: undo 3"),
        ("llm-router set-default-model x, llm-router list", "set_default_model x, list"),
        (
            "llm-router set-alias NAME --fallback-targets p/x.1-y",
            "set_alias NAME fallback_targets p/x.1-y",
        ),
        ("llm-router set-provider x --api-key env:X", "add_provider x api_key env:X"),
        ("llm-router", "llm-router"),
        ("llm-router is good", "llm-router is good"),
        ("llm-router start", "llm-router start"),
        ("", ""),
    ] {
        assert_eq!(speech::spoken(written), spoken);
    }
}
