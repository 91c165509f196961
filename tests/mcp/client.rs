//! A client of the MCP server as plain as can be: lines in, lines out, of the real binary.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// When a test is given up. Nothing waits for it that goes well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server and both ends of its conversation.
pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Receiver<String>,
    next: u64,
}

/// The server with nothing in its environment but a home.
pub(crate) fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-router"));
    command.arg("mcp").args(arguments).env_clear().env("HOME", home).current_dir(home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn lines_of(source: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Client {
    /// Starts a server that has not been greeted yet.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program");
        let stdin = child.stdin.take();
        let lines = lines_of(child.stdout.take().expect("stdout"));
        let errors = child.stderr.take().map_or_else(|| channel().1, lines_of);
        Self { child, stdin, lines, errors, next: 0 }
    }

    /// Starts a server and greets it as a client of 2025-11-25 does.
    pub(crate) fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut client = Self::spawn(command(home, arguments));
        client.greet("2025-11-25");
        client
    }

    pub(crate) fn greet(&mut self, revision: &str) -> Value {
        let params = json!({
            "protocolVersion": revision,
            "capabilities": {},
            "clientInfo": { "name": "test-client", "version": "1" },
        });
        let answer = self.ask("initialize", &params);
        self.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        answer
    }

    /// Sends a line as it is.
    pub(crate) fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("an open stdin");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("a server that listens");
        stdin.flush().expect("a server that listens");
    }

    /// The next line that the server writes.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line of the server")
    }

    pub(crate) fn message(&self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Sends a request without waiting, and says its id.
    pub(crate) fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let id = self.next;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(&request.to_string());
        id
    }

    /// The whole answer to a request.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.message();
        assert_eq!(answer["id"], id, "{method}: {answer}");
        answer
    }

    /// The result of a tool.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        let mut answer = self.ask("tools/call", &params);
        assert!(answer.get("error").is_none(), "{tool} {arguments}: {answer}");
        answer["result"].take()
    }

    /// What a tool that did its work says.
    pub(crate) fn done(&mut self, tool: &str, arguments: &Value) -> Value {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool} {arguments}: {result}");
        result["structuredContent"].take()
    }

    /// The text of a tool that refuses.
    pub(crate) fn refused(&mut self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
        assert!(result.get("structuredContent").is_none(), "{result}");
        result["content"][0]["text"].as_str().expect("a text").to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes the client's end.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end, at most `patience`; what was written until then on stdout and stderr.
    pub(crate) fn end(mut self, patience: Duration) -> (ExitStatus, Vec<String>, Vec<String>) {
        // Kept open unless the test has closed it: some ends come with an open stdin.
        let stdin = self.stdin.take();
        let (sender, ended) = channel();
        let mut child = self.child;
        thread::spawn(move || sender.send(child.wait()));
        let status = ended.recv_timeout(patience).expect("an end").expect("a status");
        drop(stdin);
        (status, self.lines.iter().collect(), self.errors.iter().collect())
    }
}
