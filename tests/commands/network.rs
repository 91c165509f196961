//! Commands that ask the network: through the workspace, and before they run.

use std::sync::Arc;

use llm_router::commands::{
    Command, Effect, Entry, NetworkCommand,
    error::{Code, CommandError},
    network::{self, Manner},
    text::{Look, Text},
    workspace::Workspace,
};
use serde_json::json;

use super::{run, usual};

/// Ask a provider whether it is there
#[derive(Debug, clap::Args, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Knock {
    /// Where
    url: String,
    #[arg(skip)]
    #[serde(skip)]
    answer: String,
}

impl Command for Knock {
    const NAME: &'static str = "knock";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &[r#"{"url": "http://a.test/"}"#];
    type Output = Self;

    fn run(self, _: &mut Workspace) -> Result<Self, CommandError> {
        Ok(Self { url: self.answer, answer: String::new() })
    }

    fn text(output: &Self) -> Text {
        let mut text = Text::default();
        text.line(Look::Plain, output.url.as_str());
        text
    }
}

impl NetworkCommand for Knock {
    async fn ask(&mut self, workspace: &Workspace) -> Result<(), CommandError> {
        let request = http::Request::get(&self.url).body(bytes::Bytes::new());
        let request = request.map_err(|error| CommandError::arguments(error.to_string()))?;
        let manner = Manner::new("knock", std::time::Duration::from_secs(1));
        let answer = network::fetch(workspace, request, manner).await;
        let answer = answer.map_err(network::unreachable)?;
        self.answer = String::from_utf8_lossy(answer.body()).into_owned();
        Ok(())
    }
}

#[test]
fn a_command_asks_the_network_through_the_workspace_only() {
    let entry = Entry::of_network::<Knock>();
    let arguments = json!({ "url": "http://a.test/" });
    let mut workspace = usual();
    workspace.fetch = None;
    let error = run(&entry, arguments.clone(), &mut workspace).expect_err("no network");
    assert_eq!(error.code, Code::Upstream);
    workspace.fetch = Some(Arc::new(|request| {
        Box::pin(async move { Ok(http::Response::new(format!("at {}", request.uri()).into())) })
    }));
    let outcome = run(&entry, arguments, &mut workspace).expect("an answer");
    assert_eq!(outcome.json["url"], "at http://a.test/");
    let error = run(&entry, json!({ "uri": 1 }), &mut workspace).expect_err("checked first");
    assert_eq!(error.problems.len(), 2);
}
