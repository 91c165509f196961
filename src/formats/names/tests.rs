//! Names go to the target and come back, whatever they are.

use proptest::prelude::*;

use super::*;
use crate::{
    chat::{Content, Message, Namespace, Role, Tool, ToolCall},
    protocol::Format,
};

const STRICT: Rules = Rules { namespaces: false, freeform: false, letter_first: true };

fn function<'a>(namespace: Option<&str>, name: &'a str) -> Tool<'a> {
    let mut tool = Tool::new(name, ToolKind::Function { schema: None, strict: None });
    tool.namespace =
        namespace.map(|name| Namespace { name: name.to_owned().into(), description: None });
    tool
}

fn request(tools: Vec<Tool<'_>>) -> Request<'_> {
    Request { tools, ..Request::new(Format::OpenAiResponses) }
}

#[test]
fn a_name_that_fits_is_left_alone() {
    let request = request(vec![function(None, "Read"), function(None, "mcp__x-y__z_1")]);
    assert!(Names::of(&request, STRICT).is_identity());
}

#[test]
fn names_that_would_become_the_same_stay_different() {
    let long = "x".repeat(64);
    let longer = "x".repeat(65);
    let tools = [
        (None, "a.b"),
        (None, "a:b"),
        (None, "a_b"),
        (None, "b__c"),
        (Some("b"), "c"),
        (None, "1"),
        (None, "_1"),
        (None, ""),
        (None, &long),
        (None, &longer),
    ];
    let request = request(tools.iter().map(|(space, name)| function(*space, name)).collect());
    let names = Names::of(&request, STRICT);
    let wire: Vec<_> = tools.iter().map(|(space, name)| names.wire(*space, name)).collect();
    for (index, name) in wire.iter().enumerate() {
        assert!(takes(name, STRICT), "{name}");
        assert!(!wire[..index].contains(name), "{name} twice");
    }
    assert_eq!([&wire[2], &wire[3], &wire[6], &wire[8]], ["a_b", "b__c", "_1", &long]);
}

#[test]
fn a_namespace_is_a_part_of_the_name_and_comes_back() {
    let request = request(vec![function(Some("agents"), "spawn")]);
    let names = Names::of(&request, STRICT);
    assert_eq!(names.wire(Some("agents"), "spawn"), "agents__spawn");
    let wire = Opening::ToolCall { id: "1".into(), name: "agents__spawn".into(), namespace: None };
    let expected = Opening::ToolCall {
        id: "1".into(),
        name: "spawn".into(),
        namespace: Some("agents".into()),
    };
    assert_eq!(names.restored(wire), expected);
}

#[test]
fn a_tool_that_is_only_in_the_history_is_renamed_alike() {
    let call = ToolCall {
        id: "1".into(),
        name: "a.b".into(),
        namespace: None,
        arguments: "".into(),
        freeform: false,
    };
    let message = Message::new(Role::Assistant, vec![Block::new(Content::ToolCall(call))]);
    let history = Request { messages: vec![message], ..Request::new(Format::Anthropic) };
    let offered = request(vec![function(None, "a.b")]);
    assert_eq!(
        Names::of(&history, STRICT).wire(None, "a.b"),
        Names::of(&offered, STRICT).wire(None, "a.b"),
    );
}

#[test]
fn the_input_of_a_freeform_tool_comes_back_as_text() {
    let tool = Tool::new("apply_patch", ToolKind::Freeform { grammar: None });
    let names = Names::of(&request(vec![tool]), STRICT);
    let input = "*** Begin\n\"ä\"\n";
    let arguments = to_arguments(input);
    let call = |text: &str| {
        let opening =
            Opening::ToolCall { id: "1".into(), name: "apply_patch".into(), namespace: None };
        let mut reply = Reply::default();
        reply.blocks.push(crate::chat::ReplyBlock::new(opening, text));
        reply
    };
    let whole = names.restore(call(&arguments));
    assert_eq!(whole.blocks[0].text, input);
    let freeform =
        Opening::FreeformCall { id: "1".into(), name: "apply_patch".into(), namespace: None };
    assert_eq!(whole.blocks[0].opening, freeform);

    let mut restore = Restore::new(names.clone());
    let mut streamed = Reply::default();
    call(&arguments).unfold(&mut |event| restore.event(event, &mut |e| streamed.absorb(&e)));
    assert_eq!(streamed, whole);
    assert_eq!(names.restore(call("no JSON")).blocks[0].text, "no JSON");
}

proptest! {
    #[test]
    fn all_names_go_there_and_come_back(
        tools in prop::collection::vec(
            (prop::option::of("[ab.]{0,3}"), prop_oneof!["[ab.:_1-]{0,3}", any::<String>(), "[a-c]{60,70}"]),
            0..12,
        ),
        namespaces in any::<bool>(),
        letter_first in any::<bool>(),
    ) {
        let rules = Rules { namespaces, freeform: true, letter_first };
        let request = request(tools.iter().map(|(space, name)| function(space.as_deref(), name)).collect());
        let names = Names::of(&request, rules);
        let mut seen = BTreeMap::new();
        for tool in &tools {
            let wire = names.wire(tool.0.as_deref(), &tool.1).into_owned();
            prop_assert!(takes(&wire, rules), "{:?} became {}", tool, wire);
            let space = tool.0.as_deref().filter(|_| namespaces);
            if let Some(other) = seen.insert((space, wire.clone()), tool) {
                prop_assert_eq!(other, tool, "both became {}", wire);
            }
            let [id, name, namespace] = ["1".to_owned(), wire, space.unwrap_or_default().to_owned()];
            let namespace = Some(namespace).filter(|_| space.is_some());
            let (client, full) = (tool.1.clone(), tool.0.clone());
            for (opening, back) in [
                (
                    Opening::ToolCall { id: id.clone(), name: name.clone(), namespace: namespace.clone() },
                    Opening::ToolCall { id: id.clone(), name: client.clone(), namespace: full.clone() },
                ),
                (
                    Opening::FreeformCall { id: id.clone(), name, namespace },
                    Opening::FreeformCall { id, name: client, namespace: full },
                ),
            ] {
                prop_assert_eq!(names.restored(opening), back);
            }
        }
    }
}
