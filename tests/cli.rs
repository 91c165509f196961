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

/// Runs every `$` line of a session in a home of its own, and compares all that is said.
fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(format!("{name}.txt"));
    let session = fs::read_to_string(&path).expect("a session");
    let home = tempfile::tempdir().expect("a folder");
    let mut said = String::new();
    for line in session.lines() {
        if line.starts_with('#') {
            writeln!(said, "{line}").expect("text");
        } else if let Some(command) = line.strip_prefix("$ ") {
            if !said.is_empty() {
                said.push('\n');
            }
            writeln!(said, "$ {command}").expect("text");
            said.push_str(&steady(&run(command, home.path()), home.path()));
        }
    }
    ExpectFile { path, position: file!() }.assert_eq(&said);
}

/// `cat FILE`, `write FILE TEXT`, `mode FILE`, or `[KEY |] llm-router ...`.
fn run(command: &str, home: &Path) -> String {
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
        ["llm-router", rest @ ..] => llm_router(rest, "", home),
        other => panic!("not understood: {other:?}"),
    }
}

fn llm_router(arguments: &[&str], input: &str, home: &Path) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_llm-router"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("OPENROUTER_API_KEY", "sk-or-very-secret")
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

/// What differs from run to run has a name instead.
pub(crate) fn steady(text: &str, home: &Path) -> String {
    let home = home.canonicalize().expect("a folder");
    let text = text.replace(&home.display().to_string(), "/home/me");
    let mut steady = String::new();
    let mut rest = text.as_str();
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
    steady + rest
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
