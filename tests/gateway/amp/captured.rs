//! The lines of `LLM_ROUTER_DEBUG_AMP_CAPTURE`, as the binary writes them.

use std::{io::Read, path::Path};

use serde_json::Value;

use super::binary::Binary;
use crate::support::client;

#[tokio::test]
async fn every_stage_of_amp_is_one_line_and_nothing_else_is() {
    let on =
        [("LLM_ROUTER_LOG", Path::new("off")), ("LLM_ROUTER_DEBUG_AMP_CAPTURE", Path::new("true"))];
    let binary = Binary::start(None, &on);
    let url = &binary.url;
    let http = client().build().expect("a client");
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
    let mut told = String::new();
    binary.stop().read_to_string(&mut told).expect("text");
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
