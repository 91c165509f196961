//! The house: floors, file sizes, headers, names that documents mention.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Lowest first. `AGENTS.md` says what each floor is for.
const FLOORS: &[&[&str]] = &[
    &["time", "names", "protocol", "chat"],
    &["config"],
    &["formats", "routing"],
    &["exchange"],
    &["status"],
    &["commands"],
    &["store"],
    &["server"],
    &["mcp"],
    &["cli"],
];

/// Within floor 0 these may use each other, in this order.
const GROUND: &[&str] = &["time", "names", "protocol", "chat"];

fn rust_files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ["target", "node_modules", ".venv", "corpus"].contains(&name.as_str()) {
            // What tools put there is not ours.
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            files.push((path, text));
        }
    }
    files
}

/// `crate::a::B` and `use crate::{a, b::C}`: the modules that a file names.
fn modules_named(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (place, _) in text.match_indices("crate::") {
        let rest = &text[place + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            continue;
        };
        let mut depth = 0;
        let mut name = String::new();
        let mut fresh = true;
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.push(std::mem::take(&mut name));
                    fresh = true;
                }
                c if depth == 0 && fresh && (c.is_alphanumeric() || c == '_') => name.push(c),
                c if c.is_whitespace() => {}
                _ => fresh = false,
            }
        }
        names.push(name);
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn modules_use_only_lower_floors() {
    let floor_of: BTreeMap<&str, usize> = FLOORS
        .iter()
        .zip(0..)
        .flat_map(|(names, floor)| names.iter().map(move |name| (*name, floor)))
        .collect();
    let mut problems = Vec::new();
    let mut seen = 0;
    for (path, text) in rust_files(Path::new("src")) {
        let place = path.strip_prefix("src").expect("below src").to_string_lossy().into_owned();
        let module = place.split(['/', '.']).next().unwrap_or_default().to_owned();
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some(&floor) = floor_of.get(module.as_str()) else {
            problems.push(format!("{place}: `{module}` has no floor"));
            continue;
        };
        // Documentation may point upwards; code may not.
        let code: Vec<&str> =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for used in modules_named(&code.join("\n")) {
            seen += 1;
            let lower = floor_of.get(used.as_str()).is_some_and(|below| *below < floor);
            let ground = |name: &str| GROUND.iter().position(|ground| *ground == name);
            let earlier = ground(&used).zip(ground(&module)).is_some_and(|(a, b)| a < b);
            if used != module && !lower && !earlier {
                problems.push(format!("{place}: `{module}` (floor {floor}) uses `{used}`"));
            }
        }
    }
    assert!(seen > 50, "the search for imports finds nothing");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut problems = Vec::new();
    for (path, text) in
        rust_files(Path::new("src")).into_iter().chain(rust_files(Path::new("tests")))
    {
        let path = path.display();
        if !text.starts_with("//!") {
            problems.push(format!("{path} does not begin with //!"));
        }
        if text.lines().count() > 600 {
            problems.push(format!("{path} has more than 600 lines"));
        }
        for word in ["TO".to_owned() + "DO", "FIX".to_owned() + "ME"] {
            if text.contains(&word) {
                problems.push(format!("{path} holds a {word}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_map_names_every_module() {
    let map = fs::read_to_string("AGENTS.md").expect("AGENTS.md");
    for name in FLOORS.iter().copied().flatten() {
        assert!(map.contains(&format!("`{name}")), "AGENTS.md does not name `{name}`");
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let found = modules_named("use crate::{a, b::C, d::{e, f}};\nuse crate::g::H; crate::i");
    assert_eq!(found, ["a", "b", "d", "g", "i"]);
}
