//! Sessions on the command line, word for word: what is typed, what comes on stdout and stderr, and
//! the exit code. `UPDATE_EXPECT=1` rewrites them.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use expect_test::ExpectFile;

/// Where a session plays: a home of its own, and whoever else is there.
struct World {
    home: tempfile::TempDir,
    /// What stands in the session for what differs from run to run.
    names: Vec<(String, String)>,
    gateway: Option<std::process::Child>,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().canonicalize().expect("a folder").display().to_string();
        let program = ("LLM-ROUTER".to_owned(), env!("CARGO_BIN_EXE_llm-router").to_owned());
        let mut names = vec![("/home/me".to_owned(), path), program];
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let user = home.path().metadata().expect("a folder").uid();
            names.push(("gui/USER".to_owned(), format!("gui/{user}")));
        }
        Self { home, names, gateway: None }
    }

    /// Runs every `$` line of a session, and compares all that is said.
    fn check(&mut self, name: &str) {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(format!("{name}.txt"));
        let session = fs::read_to_string(&path).expect("a session");
        let mut said = String::new();
        for (place, line) in session.lines().enumerate() {
            // What a command says may begin with the same mark; a comment stands before one.
            let mut after = session
                .lines()
                .skip(place)
                .skip_while(|line| line.is_empty() || line.starts_with('#'));
            let is_comment = after.next().is_some_and(|line| line.starts_with("$ "));
            if line.starts_with('#') && is_comment {
                writeln!(said, "{line}").expect("text");
            } else if let Some(command) = line.strip_prefix("$ ") {
                if !said.is_empty() {
                    said.push('\n');
                }
                writeln!(said, "$ {command}").expect("text");
                let mut real = command.to_owned();
                for (name, value) in &self.names {
                    real = real.replace(name.as_str(), value);
                }
                let output = self.run(&real);
                said.push_str(&self.steady(&output));
            }
        }
        ExpectFile { path, position: file!() }.assert_eq(&said);
    }

    /// `cat FILE`, `write FILE TEXT`, `mode FILE`, or `[KEY |] llm-router ... [&]`.
    fn run(&mut self, command: &str) -> String {
        let home = self.home.path();
        let words = split(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cat", file] => fs::read_to_string(home.join(file)).expect("a file"),
            ["write", file, text] => {
                fs::write(home.join(file), text.replace("\\n", "\n").replace("\\t", "\t"))
                    .expect("a file");
                String::new()
            }
            #[cfg(unix)]
            ["mode", file] => {
                use std::os::unix::fs::PermissionsExt;
                let mode = fs::metadata(home.join(file)).expect("a file").permissions().mode();
                format!("{:o}\n", mode & 0o777)
            }
            ["echo", text, "|", "llm-router", rest @ ..] => llm_router(rest, text, home),
            ["llm-router", rest @ .., "&"] => {
                self.start(rest);
                String::new()
            }
            ["llm-router", rest @ ..] => llm_router(rest, "", home),
            other => panic!("not understood: {other:?}"),
        }
    }

    /// Starts a gateway on a free port, and waits until it says where it listens.
    fn start(&mut self, arguments: &[&str]) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_llm-router"))
            .args(arguments)
            .args(["--port", "0"])
            .env_clear()
            .env("HOME", self.home.path())
            .env("PROVIDER_KEY", "up-very-secret")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        let stdout = child.stdout.take().expect("stdout");
        self.gateway = Some(child);
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stdout));
        let line = lines.find_map(|line| line.ok().filter(|line| line.contains("listens on")));
        let line = line.expect("a banner");
        let address = line.rsplit("http://").next().expect("an address").trim().to_owned();
        self.names.push(("GATEWAY".to_owned(), address));
        // What it says later goes nowhere, but it must be able to say it.
        std::thread::spawn(move || lines.for_each(drop));
    }

    /// What differs from run to run has a name instead.
    fn steady(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.names {
            text = text.replace(value.as_str(), name);
        }
        steady(&text)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(gateway) = &mut self.gateway {
            drop(gateway.kill());
            drop(gateway.wait());
        }
    }
}

fn check(name: &str) {
    World::new().check(name);
}

fn llm_router(arguments: &[&str], input: &str, home: &Path) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_llm-router"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("OPENROUTER_API_KEY", "sk-or-very-secret")
        .env("PROVIDER_KEY", "up-very-secret")
        .env("PATH", home.join("bin"))
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = child.stdin.take().expect("stdin");
    // A program that does not read may be gone already.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let output = child.wait_with_output().expect("an end");
    let mut said = String::from_utf8(output.stdout).expect("text");
    for line in String::from_utf8(output.stderr).expect("text").lines() {
        writeln!(said, "! {line}").expect("text");
    }
    let code = output.status.code().unwrap_or(-1);
    if code != 0 {
        writeln!(said, "[exit {code}]").expect("text");
    }
    assert!(!said.contains("very-secret"), "{said}");
    said
}

/// Words, with single quotes around those that hold space.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("a word").push(c),
        }
    }
    words
}

/// Times have no digits.
pub(crate) fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some(place) = rest.find("20").filter(|place| rest.len() >= place + 20) {
        let (before, from) = rest.split_at(place);
        steady.push_str(before);
        let is_time = from.is_char_boundary(20)
            && from[..20].ends_with('Z')
            && from[..20].chars().filter(|c| *c == ':').count() == 2;
        let (time, after) = from.split_at(if is_time { 20 } else { 2 });
        steady.push_str(if is_time { "0000-00-00T00:00:00Z" } else { time });
        rest = after;
    }
    let whole = steady + rest;
    // Durations, ids and process numbers.
    let mut named = String::new();
    for line in whole.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let mut line = Vec::new();
        for (place, word) in words.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|place| words.get(place)).unwrap_or(&"");
            let after = words.get(place + 1).copied().unwrap_or_default();
            let bare = word.trim_end_matches([',', ':', ';', ')', '.']);
            let is_number =
                |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
            let is_timed = after.starts_with("ms")
                || before.ends_with("_ms\":")
                || ["up", "s"].contains(&after)
                || ["process", "(process"].contains(before);
            if is_number(bare) && is_timed {
                line.push(word.replace(bare, "N"));
            } else if *before == "up" && bare.strip_suffix('s').is_some_and(is_number) {
                line.push("Ns".to_owned());
            } else if bare.starts_with("req_") {
                line.push(word.replace(bare, "REQUEST-ID"));
            } else {
                line.push((*word).to_owned());
            }
        }
        named.push_str(&line.join(" "));
        named.push('\n');
    }
    if !whole.ends_with('\n') {
        named.pop();
    }
    named
}

#[test]
fn a_gateway_is_set_up_from_nothing() {
    check("setup");
}

#[test]
fn a_change_is_tried_made_and_taken_back() {
    check("undo");
}

#[test]
fn help_says_what_there_is() {
    check("help");
}

#[test]
fn what_is_wrong_is_told() {
    check("wrong");
}

#[test]
fn a_key_is_handed_over_by_a_person() {
    check("keys");
}

#[test]
fn machines_read_json() {
    check("json");
}

#[test]
fn the_older_spelling_works() {
    check("legacy");
}

#[test]
fn what_is_removed_leaves_nothing_hanging() {
    check("remove");
}

#[test]
fn completions_and_the_man_page_name_every_command() {
    let home = tempfile::tempdir().expect("a folder");
    for arguments in [["completions", "bash"], ["completions", "zsh"], ["completions", "fish"]] {
        let said = llm_router(&arguments, "", home.path());
        for entry in llm_router::commands::CATALOG {
            assert!(said.contains(entry.name), "{arguments:?}: {}", entry.name);
        }
    }
    let said = llm_router(&["man"], "", home.path());
    for entry in llm_router::commands::CATALOG {
        assert!(said.contains(&entry.name.to_uppercase()), "{}", entry.name);
    }
}

mod disk;
mod live;
