//! Routing on a virtual clock: scripted providers, whole requests, no I/O.
//!
//! `scenarios/*.txt` are sessions that read like a log: a config, `---`, then lines that begin with
//! `>` and what they came to. `UPDATE_EXPECT=1` writes the latter anew. The lines:
//!
//! ```text
//! > a/m says 429 retry-after: 60        what a target answers from now on: ok, connect, broken,
//!                                       timeout, breaks (after content), or a status with
//!                                       headers and a body after `|`
//! > ask chat                            one request; `ask chat x-session-id: 7` with headers;
//! > ask chat 12 times                   `ask chat | BODY` with a body; many, told as counts
//! > after 30 s                          time passes (ms, s, min, h, d)
//! > explain chat                        why, as `llm-router explain` tells it
//! > status                              cooldowns and buckets
//! ```

mod concurrency;
mod laws;
mod replay;
pub(crate) mod world;

use std::{fmt::Write, fs, path::Path, time::Duration};

use expect_test::expect_file;
use world::{Script, World};

#[test]
fn scenarios_play_as_they_are_written() {
    let folder = Path::new("tests/simulation/scenarios");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the scenarios")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 12, "scenarios are missing");
    for path in paths {
        let text = fs::read_to_string(&path).expect("a scenario");
        let (config, session) = text.split_once("\n---\n").expect("a config, ---, a session");
        let json: String = config.lines().filter(|line| !line.starts_with('#')).collect();
        let mut world = World::new(&serde_json::from_str(&json).expect("a config"));
        let mut played = format!("{config}\n---\n");
        for line in session.lines().filter_map(|line| line.strip_prefix("> ")) {
            writeln!(played, "> {line}").expect("text");
            for said in play(&mut world, line) {
                writeln!(played, "  {said}").expect("text");
            }
        }
        expect_file![std::path::absolute(&path).expect("a path")].assert_eq(&played);
    }
}

fn play(world: &mut World, line: &str) -> Vec<String> {
    if let Some(time) = line.strip_prefix("after ") {
        world.now = world.now.after(duration(time));
        return Vec::new();
    }
    if line == "status" {
        return world.status();
    }
    if let Some(asked) = line.strip_prefix("explain ") {
        return world.explain(asked).lines().map(str::to_owned).collect();
    }
    if let Some(asked) = line.strip_prefix("ask ") {
        return match asked.strip_suffix(" times").and_then(|asked| asked.rsplit_once(' ')) {
            Some((asked, times)) => world.count(asked, times.parse().expect("a number")),
            None => world.ask(asked).log,
        };
    }
    let (target, script) = line.split_once(" says ").unwrap_or_else(|| panic!("what is {line}?"));
    world.scripts.insert(target.to_owned(), Script::parse(script));
    Vec::new()
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_once(' ').expect("a number and a unit");
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => panic!("{other} is no unit"),
    };
    Duration::from_millis(number.parse::<u64>().expect("a number") * factor)
}
