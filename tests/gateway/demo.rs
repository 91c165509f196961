//! What the built-in demo provider answers.

use serde_json::{Value, json};

use crate::support::Running;

#[tokio::test]
async fn the_demo_calls_a_tool_by_its_name_and_its_namespace() {
    let gateway = Running::start(&json!({})).await;
    let tools = json!([{
        "type": "namespace", "name": "exec", "description": "Runs code.",
        "tools": [
            { "type": "custom", "name": "apply_patch", "description": "Patches." },
            { "type": "function", "name": "wait", "parameters": { "type": "object", "properties": {} } },
        ],
    }]);
    for (name, kind) in [("apply_patch", "custom_tool_call"), ("wait", "function_call")] {
        let body = json!({
            "model": "demo/agent", "tools": tools, "input": format!("call the tool {name}"),
        });
        let request = gateway.http.post(format!("{}/v1/responses", gateway.url));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("an answer").bytes().await.expect("a body");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let output = answer["output"].as_array().expect("items");
        let call = output.iter().find(|item| item["type"] == kind);
        let call = call.unwrap_or_else(|| panic!("no {kind}: {answer}"));
        assert_eq!((&call["name"], &call["namespace"]), (&json!(name), &json!("exec")), "{answer}");
    }
}
