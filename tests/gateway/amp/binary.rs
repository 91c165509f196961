//! The binary itself, for what only its environment decides.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
};

use tempfile::TempDir;

/// A running binary in a home of its own, stopped at the end.
pub(super) struct Binary {
    child: Child,
    pub(super) url: String,
    _home: TempDir,
}

impl Drop for Binary {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Binary {
    /// Starts it with this config, if any, and no other environment than this.
    pub(super) fn start(config: Option<&serde_json::Value>, variables: &[(&str, &Path)]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        if let Some(config) = config {
            let path = home.path().join(".llm-router.json");
            std::fs::write(path, config.to_string()).expect("a config");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_llm-router"));
        command.args(["start", "--port", "0"]).env_clear().env("HOME", home.path());
        for (name, value) in variables {
            command.env(name, value);
        }
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        let stdout = child.stdout.take().expect("stdout");
        let mut lines = BufReader::new(stdout).lines();
        let url = lines.find_map(|line| {
            let line = line.expect("a line");
            Some(line[line.find("http://127.0.0.1:")?..].split(' ').next()?.to_owned())
        });
        Self { child, url: url.expect("the address"), _home: home }
    }

    /// Stops it, and gives what it wrote to stderr.
    pub(super) fn stop(mut self) -> ChildStderr {
        self.child.stderr.take().expect("stderr")
    }
}
