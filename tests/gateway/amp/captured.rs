//! The lines of `LLM_ROUTER_DEBUG_AMP_CAPTURE`, as the binary writes them.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A running binary, stopped at the end.
struct Binary(Child);

impl Drop for Binary {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn every_stage_of_amp_is_one_line_and_nothing_else_is() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_llm-router"))
        .args(["start", "--port", "0"])
        .env_clear()
        .env("HOME", home.path())
        .env("LLM_ROUTER_LOG", "off")
        .env("LLM_ROUTER_DEBUG_AMP_CAPTURE", "true")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let (stdout, stderr) =
        (child.stdout.take().expect("stdout"), child.stderr.take().expect("stderr"));
    let binary = Binary(child);
    let mut lines = BufReader::new(stdout).lines();
    let url = lines
        .find_map(|line| {
            let line = line.expect("a line");
            Some(line[line.find("http://127.0.0.1:")?..].split(' ').next()?.to_owned())
        })
        .expect("the address");
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (path, amp) in [
        ("/v1/messages", None),
        ("/api/provider/anthropic/v1/messages", Some("deep")),
        ("/api/internal?getUserInfo", Some("deep")),
    ] {
        let body = r#"{"model":"claude-x","max_tokens":5,"messages":[{"role":"user","content":"my-prompt"}]}"#;
        let mut request = http.post(format!("{url}{path}")).body(body);
        request = request.header("content-type", "application/json");
        request = request.header("authorization", "Bearer my-secret");
        if let Some(mode) = amp {
            request = request.header("x-amp-mode", mode);
        }
        assert_ne!(request.send().await.expect("an answer").status(), 500, "{path}");
    }
    drop(binary);
    let mut told = String::new();
    BufReader::new(stderr).read_to_string(&mut told).expect("text");
    assert!(!told.contains("my-prompt") && !told.contains("my-secret"), "{told}");
    let lines: Vec<Value> = told
        .lines()
        .map(|line| {
            let json = line.strip_prefix("[llm-router][amp-capture] ").expect("the prefix");
            serde_json::from_str(json).expect("JSON")
        })
        .collect();
    let stages: Vec<&str> = lines.iter().filter_map(|line| line["stage"].as_str()).collect();
    assert_eq!(stages, ["incoming", "route", "incoming", "amp-internal-response"]);
    let ids: Vec<&str> = lines.iter().filter_map(|line| line["requestId"].as_str()).collect();
    assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2], "{ids:?}");
    assert_eq!(lines[1]["ampMode"], "deep");
    assert_eq!(lines[1]["ampMatchedBy"], "fallback");
}
