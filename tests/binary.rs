//! The real binary in a home of its own.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::client;

/// A home directory, and the binary with nothing but it in its environment.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn new(config: &Value) -> Self {
        let home = Self { folder: tempfile::tempdir().expect("a folder"), variables: Vec::new() };
        fs::write(home.file(".llm-router.json"), config.to_string()).expect("a config");
        home
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The state that is saved, if it is whole; null if there is none.
    pub(crate) fn saved(&self) -> Value {
        let text = fs::read(self.file(".llm-router.state.json")).unwrap_or_default();
        if text.is_empty() { Value::Null } else { serde_json::from_slice(&text).expect("whole") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llm-router"));
        command.args(arguments).env_clear().env("HOME", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end: exit code, stdout, stderr.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } =
            self.command(arguments).output().expect("the binary");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    /// Starts a gateway on a free port and waits until it answers. `name` tells its log from others.
    pub(crate) async fn start(&self, name: &str) -> Process {
        let log = self.file(&format!("{name}.log"));
        let mut command = self.command(&["start", "--port", "0"]);
        command.stdout(Stdio::null()).stderr(File::create(&log).expect("a log"));
        let record = self.file(".llm-router.runtime.json");
        let child = command.spawn().expect("the binary");
        let pid = child.id();
        let mut process = Process { child, url: String::new(), log };
        process.url = eventually("the gateway says where it listens", || {
            let record: Value = serde_json::from_slice(&fs::read(&record).ok()?).ok()?;
            (record["pid"] == pid).then(|| record["url"].as_str().map(str::to_owned))?
        })
        .await;
        process
    }
}

/// A gateway that runs; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    log: PathBuf,
}

impl Process {
    /// Asks for a chat completion: the status, and the id of the request.
    pub(crate) async fn chat(&self, model: &str) -> (u16, String) {
        let http = client().build().expect("a client");
        let request = http.post(format!("{}/v1/chat/completions", self.url));
        let body = format!(r#"{{"model":"{model}","messages":[]}}"#);
        let answer = request.header("content-type", "application/json").body(body).send().await;
        let answer = answer.expect("an answer");
        let id = answer.headers()["x-llm-router-request-id"].to_str().expect("an id").to_owned();
        (answer.status().as_u16(), id)
    }

    pub(crate) async fn status(&self) -> Value {
        let http = client().build().expect("a client");
        let answer = http.get(format!("{}/-/status", self.url)).send().await.expect("an answer");
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    /// Ends it at once, whatever it is doing: `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process");
        self.child.wait().expect("an end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What `look` finds at last: for what other processes do, who tell nobody.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3000 {
        if let Some(found) = look() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}: never");
}
