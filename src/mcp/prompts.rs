//! Prompts: whole tasks in words, from `prompts/*.md`. Clients show them as commands of their own.
//!
//! Some split what a person types at spaces, so arguments are single words, two at most.

use rmcp::model::{
    ErrorData, GetPromptRequestParams, GetPromptResult, Prompt, PromptArgument, PromptMessage, Role,
};

use super::{handler::Shared, speech};
use crate::names::did_you_mean;

/// A task.
pub struct Task {
    pub name: &'static str,
    title: &'static str,
    about: &'static str,
    pub arguments: &'static [Argument],
    text: &'static str,
}

/// A word that fits a task to the case.
pub struct Argument {
    pub name: &'static str,
    about: &'static str,
    pub of: Words,
    /// What the text says where it is not given.
    otherwise: &'static str,
}

/// What is proposed for an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    Clients,
    Providers,
    Models,
    Goals,
}

/// Every task.
pub const TASKS: &[Task] = &[
    Task {
        name: "setup",
        title: "Set up llm-router",
        about: "Set up providers, names and limits, prove that they work, then connect a coding tool",
        arguments: &[
            Argument {
                name: "client",
                about: "The coding tool to connect, for example claude-code",
                of: Words::Clients,
                otherwise: "the coding tool that the person uses (ask if it is not clear)",
            },
            Argument {
                name: "provider",
                about: "The provider to begin with, for example openrouter",
                of: Words::Providers,
                otherwise: "a provider that the person has a key for (ask which)",
            },
        ],
        text: include_str!("../../prompts/setup.md"),
    },
    Task {
        name: "diagnose",
        title: "Find out why a model fails",
        about: "Find out why requests for a model fail, are slow or go elsewhere, and mend it",
        arguments: &[Argument {
            name: "model",
            about: "The name that clients ask for: an alias or provider/model",
            of: Words::Models,
            otherwise: "the model that the person complains about (ask if it is not clear)",
        }],
        text: include_str!("../../prompts/diagnose.md"),
    },
    Task {
        name: "optimise",
        title: "Improve the routing",
        about: "Improve a working setup towards a goal: cost, speed, limits or reliability",
        arguments: &[Argument {
            name: "goal",
            about: "cost, speed, limits or reliability",
            of: Words::Goals,
            otherwise: "what matters most to the person (ask: cost, speed, limits or reliability)",
        }],
        text: include_str!("../../prompts/optimise.md"),
    },
];

/// What can be optimised.
pub const GOALS: &[&str] = &["cost", "limits", "reliability", "speed"];
/// What is taken of an argument.
const LONGEST: usize = 200;

/// The tasks as a client lists them.
#[must_use]
pub fn all() -> Vec<Prompt> {
    let argument = |argument: &Argument| {
        PromptArgument::new(argument.name).with_description(argument.about).with_required(false)
    };
    let prompt = |task: &Task| {
        let arguments = task.arguments.iter().map(argument).collect();
        Prompt::new(task.name, Some(task.about), Some(arguments)).with_title(task.title)
    };
    TASKS.iter().map(prompt).collect()
}

/// A task in words.
///
/// # Errors
/// If there is none of this name, or it has no such argument.
pub fn get(
    shared: &Shared,
    request: &GetPromptRequestParams,
) -> Result<GetPromptResult, ErrorData> {
    let Some(task) = TASKS.iter().find(|task| task.name == request.name) else {
        return Err(unknown("prompt", &request.name, TASKS.iter().map(|task| task.name)));
    };
    let given = request.arguments.clone().unwrap_or_default();
    for (name, value) in &given {
        if !task.arguments.iter().any(|argument| argument.name == name) {
            let known = task.arguments.iter().map(|argument| argument.name);
            return Err(unknown("argument", name, known));
        }
        if !value.is_string() {
            let message = format!("the argument `{name}` must be a string");
            return Err(ErrorData::invalid_params(message, None));
        }
    }
    let word = |argument: &'static Argument| -> (&'static str, String) {
        let text = given.get(argument.name).and_then(|value| value.as_str()).unwrap_or_default();
        let text: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        match text.trim() {
            "" => (argument.name, argument.otherwise.to_owned()),
            text => (argument.name, format!("`{}`", text.replace('`', "'"))),
        }
    };
    let words: Vec<(&str, String)> = task.arguments.iter().map(word).collect();
    let words: Vec<(&str, &str)> =
        words.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let text = speech::written(task.text, &shared.offered, &words);
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description(task.about))
}

/// An invalid name, with the nearest one.
pub fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> ErrorData {
    let shown: String = name.chars().take(80).collect();
    let near = did_you_mean(name, known.clone());
    let list: Vec<&str> = known.into_iter().collect();
    let list = if near.is_empty() { format!("; known: {}", list.join(", ")) } else { near };
    ErrorData::invalid_params(format!("there is no {what} `{shown}`{list}"), None)
}
