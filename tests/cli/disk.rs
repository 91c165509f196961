//! What several processes do to one config at once, and what a running gateway makes of a change.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use llm_router::{
    commands::{self, CATALOG, Effect},
    store::{
        ConfigFile,
        session::{Purpose, Session},
    },
    time::Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-router"));
    command.args(arguments).env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

#[test]
fn processes_that_write_at_once_lose_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join(".llm-router.json");
    let start = "{\"providers\": [{\"id\": \"p\", \"baseUrl\": \"http://127.0.0.1:9/v1\"}]}\n";
    fs::write(&path, start).expect("a config");
    for round in 0..6 {
        let writers: Vec<Child> = (0..4)
            .map(|writer| {
                let model = format!("p/m-{round}-{writer}");
                let mut command = command(home.path(), &["add-model", &model]);
                command.stdout(Stdio::null()).spawn().expect("the program")
            })
            .collect();
        for mut writer in writers {
            assert!(writer.wait().expect("an end").success());
        }
    }
    let document: Value =
        serde_json::from_str(&fs::read_to_string(&path).expect("a config")).expect("JSON");
    assert_eq!(document["providers"][0]["models"].as_array().expect("models").len(), 24);
    let output = command(home.path(), &["history", "--limit", "50", "--json"]).output();
    let history: Value = serde_json::from_slice(&output.expect("an end").stdout).expect("JSON");
    assert_eq!(history["total"], 24);

    // And all the way back, to the byte.
    assert!(
        command(home.path(), &["undo", "1"])
            .stdout(Stdio::null())
            .status()
            .expect("an end")
            .success()
    );
    assert_eq!(fs::read_to_string(&path).expect("a config"), start);
    let left: Vec<String> = fs::read_dir(home.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".tmp"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn the_history_does_not_grow_for_ever() {
    use llm_router::{commands::history::Change, store::history::History};
    let home = tempfile::tempdir().expect("a folder");
    let history = History::of(&home.path().join("c.json"));
    for id in 1..=130 {
        let change = Change {
            id,
            at: String::new(),
            by: "cli".to_owned(),
            summary: String::new(),
            diff: String::new(),
            revision_before: String::new(),
            revision_after: String::new(),
            undoes: None,
            before: Some(id.to_string()),
        };
        history.record(&change).expect("recorded");
    }
    let changes = history.changes(None, Timestamp(0));
    assert_eq!(changes.len(), 100);
    assert_eq!(changes.first().and_then(|change| change.before.as_deref()), Some("31"));
    let files = fs::read_dir(home.path().join("c.history")).expect("a folder").count();
    assert_eq!(files, 200);
}

#[test]
fn a_writer_that_dies_half_way_leaves_no_riddle() {
    use llm_router::{commands::history::Change, config::edit::revision, store::history::History};
    let home = tempfile::tempdir().expect("a folder");
    let history = History::of(&home.path().join("c.json"));
    let change = |id: u64, before: &str, after: &str| Change {
        id,
        at: String::new(),
        by: "cli".to_owned(),
        summary: String::new(),
        diff: String::new(),
        revision_before: revision(Some(before)),
        revision_after: revision(Some(after)),
        undoes: None,
        before: Some(before.to_owned()),
    };
    let told = |current: &str| -> Vec<(u64, String)> {
        history.settle(Some(current), Timestamp(0)).expect("settled");
        let changes = history.changes(Some(current), Timestamp(0));
        changes.into_iter().map(|change| (change.id, change.by)).collect()
    };
    let (cli, file_edit) = ("cli".to_owned(), "file edit".to_owned());
    history.record(&change(1, "a", "b")).expect("recorded");
    history.remember(Some("b")).expect("remembered");
    assert_eq!(told("b"), [(1, cli.clone())]);
    // It died before it wrote the config: the change did not happen.
    history.record(&change(2, "b", "c")).expect("recorded");
    assert_eq!(told("b"), [(1, cli.clone())]);
    // It died before it could say so: the change did happen.
    history.record(&change(2, "b", "c")).expect("recorded");
    assert_eq!(told("c"), [(1, cli.clone()), (2, cli.clone())]);
    // And this was somebody in an editor.
    assert_eq!(told("d"), [(1, cli.clone()), (2, cli), (3, file_edit)]);
}

#[test]
fn what_a_change_tells_holds_no_key_and_only_its_owner_may_read_the_rest() {
    let home = tempfile::tempdir().expect("a folder");
    let config = json!({ "providers": [{
        "id": "p", "baseUrl": "http://127.0.0.1:9/v1", "apiKey": "sk-live-abcdef", "models": ["m"],
        "headers": { "x-team": "sk-live-abcdef" },
    }] });
    let path = home.path().join(".llm-router.json");
    fs::write(&path, format!("{config:#}\n")).expect("a config");
    let mut said = String::new();
    for arguments in [
        &["set-provider", "p", "--api-key", "env:K"][..],
        &["undo"],
        &["history", "1"],
        &["history", "2", "--json"],
        &["get-config", "--full"],
        &["list"],
        &["remove-provider", "p", "--dry-run"],
    ] {
        let output = command(home.path(), arguments).output().expect("an end");
        assert!(output.status.success(), "{arguments:?}");
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    assert!(said.contains("••••") && !said.contains("sk-live"), "{said}");
    for entry in fs::read_dir(home.path().join(".llm-router.history")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        let holds_bytes = path.extension().is_some_and(|extension| extension == "before")
            || path.ends_with("latest.json");
        assert!(holds_bytes || !text.contains("sk-live"), "{}", path.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = path.metadata().expect("a file").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_followed_and_stays() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("dotfiles")).expect("a folder");
    let link = home.path().join(".llm-router.json");
    symlink("dotfiles/router.json", &link).expect("a link");
    let add = ["add-provider", "p", "--base-url", "http://127.0.0.1:9/v1", "--model", "m"];
    for _ in 0..2 {
        let status = command(home.path(), &add).stdout(Stdio::null()).status().expect("an end");
        assert!(status.success());
        assert!(link.symlink_metadata().expect("a link").is_symlink());
    }
    let text = fs::read_to_string(home.path().join("dotfiles/router.json")).expect("a config");
    assert!(text.contains("\"id\": \"p\""), "{text}");
    // With the first change, the file goes too.
    assert!(
        command(home.path(), &["undo"]).stdout(Stdio::null()).status().expect("an end").success()
    );
    assert!(!home.path().join("dotfiles/router.json").exists());
}

#[test]
fn a_running_gateway_takes_a_change_over_and_the_command_says_so() {
    use std::io::{BufRead, BufReader};
    let home = tempfile::tempdir().expect("a folder");
    let add =
        ["add-provider", "p", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--json"];
    let gateway_of = |output: std::process::Output| -> Value {
        let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        result["gateway"].clone()
    };
    let output = command(home.path(), &add).output().expect("an end");
    assert_eq!(gateway_of(output), "not-running");

    let mut gateway = command(home.path(), &["start", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the gateway");
    let mut lines = BufReader::new(gateway.stdout.take().expect("stdout")).lines();
    // The last line of the banner comes when it listens.
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("Models"))));
    let output = command(home.path(), &["add-model", "p/n", "--json"]).output().expect("an end");
    assert_eq!(gateway_of(output), "taken-over");
    let output = command(home.path(), &["undo", "--json"]).output().expect("an end");
    assert_eq!(gateway_of(output), "taken-over");
    assert!(
        command(home.path(), &["stop"]).stdout(Stdio::null()).status().expect("an end").success()
    );
    drop(lines);
    assert!(gateway.wait().expect("an end").success());
}

/// Runs a command on the disk, as every shell does; whether it was done.
fn done(file: &ConfigFile, name: &str, arguments: &Value) -> bool {
    let entry = commands::find(name).expect(name);
    let mut session =
        Session::open(file, "test", Timestamp(0), Purpose::Change).expect("a session");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let result = runtime.block_on(entry.run(arguments.clone(), &mut session.workspace));
    let changed = result.as_ref().is_ok_and(|outcome| outcome.json["changed"] == json!(true));
    let saved = session.save().expect("saved");
    assert_eq!(saved.is_some(), changed, "{name} {arguments}");
    result.is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever is done in whatever order, by commands and by hand: undoing all of it restores the
    /// bytes of each step, one after the other.
    #[test]
    fn undo_goes_back_step_by_step_to_the_byte(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8), 1..8),
        crlf in any::<bool>(),
    ) {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("config.json");
        let file = ConfigFile { path: path.clone(), environment: std::collections::BTreeMap::new() };
        let start = super::super::commands::CONFIG;
        let start = if crlf { start.replace('\n', "\r\n") } else { start.to_owned() };
        fs::write(&path, &start).expect("a config");
        let calls: Vec<(&str, Value)> = CATALOG
            .iter()
            .filter(|entry| entry.effect != Effect::Read && entry.name != "undo")
            .flat_map(|entry| entry.examples.iter().map(|text| {
                let mut arguments: Value = serde_json::from_str(text).expect("JSON");
                arguments["dry_run"] = json!(false);
                (entry.name, arguments)
            }))
            .collect();
        let read = || fs::read_to_string(&path).expect("a config");
        let (mut versions, mut was_by_hand) = (vec![start], false);
        for (index, by_hand) in steps {
            if by_hand == 0 && versions.len() > 1 {
                fs::write(&path, read() + " ").expect("a config");
                if was_by_hand {
                    // Nobody looked in between: two edits by hand are one.
                    versions.pop();
                }
                was_by_hand = true;
            } else {
                was_by_hand = false;
                let (name, arguments) = index.get(&calls);
                done(&file, name, arguments);
            }
            if versions.last() != Some(&read()) {
                versions.push(read());
            }
        }
        while versions.pop().is_some() {
            if let Some(before) = versions.last() {
                let undone = done(&file, "undo", &json!({}));
                prop_assert!(undone);
                prop_assert_eq!(&read(), before);
            }
        }
    }
}
