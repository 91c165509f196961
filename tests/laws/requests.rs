//! Generated requests: every kind of block, tool and wish. Deterministic texts, no shrinking into
//! nonsense: histories are well formed, as clients send them.

use std::borrow::Cow;

use llm_router::{
    chat::{
        Block, CacheMark, CacheTtl, Content, Document, Effort, Grammar, Image, Json, Message,
        Namespace, Output, Reasoning, ReasoningMode, Request, Retention, Role, Sampling, Seal,
        SealKind, ServiceTier, Source, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Verbosity,
    },
    protocol::Format,
};
use proptest::{option, prelude::*};
use serde_json::json;

/// Text that is not only white space: some formats refuse that.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,9}",
        "[a-zäß€😀\"\\\\\n ]{0,8}[a-z😀]",
        Just("data: x\n\nevent: y".to_owned())
    ]
}

/// A JSON object as source, without white space that a rewrite would lose.
pub(crate) fn json_object() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        text().prop_map(|text| json!(text)),
        any::<i32>().prop_map(|number| json!(number)),
        Just(json!([1, { "a": null }, true])),
    ];
    prop::collection::btree_map("[a-z]{1,5}", leaf, 0..3).prop_map(|map| json!(map).to_string())
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-zA-Z_][a-zA-Z0-9_-]{0,9}", 1 => "[a-z.:/]{1,9}", 1 => "x{60,70}"]
}

fn cow(text: impl Into<String>) -> Cow<'static, str> {
    Cow::Owned(text.into())
}

fn mark() -> impl Strategy<Value = Option<CacheMark>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(CacheMark { ttl: None })),
        1 => Just(Some(CacheMark { ttl: Some(CacheTtl::OneHour) })),
    ]
}

fn source(media_type: &'static str) -> impl Strategy<Value = Source<'static>> {
    prop_oneof![
        Just(Source::Base64 { media_type: media_type.into(), data: "iVBORw0KGgo=".into() }),
        "[a-z]{1,5}".prop_map(|name| Source::Url {
            url: cow(format!("https://example.com/{name}")),
            media_type: None,
        }),
        Just(Source::File { format: Format::Anthropic, id: "file_1".into() }),
    ]
}

fn image() -> impl Strategy<Value = Content<'static>> {
    source("image/png").prop_map(|source| Content::Image(Image { source, detail: None }))
}

fn plain() -> impl Strategy<Value = Content<'static>> {
    text().prop_map(|text| Content::Text { text: cow(text), citations: Vec::new() })
}

/// What a user says.
fn said() -> impl Strategy<Value = Block<'static>> {
    let document =
        prop_oneof![source("application/pdf"), text().prop_map(|text| Source::Text(cow(text))),];
    let document = (document, option::of("[a-z]{1,5}\\.pdf"))
        .prop_map(|(source, title)| Content::Document(Document { source, title: title.map(cow) }));
    let audio = Just(Content::Audio(Source::Base64 {
        media_type: "audio/wav".into(),
        data: "UklGRg==".into(),
    }));
    let content = prop_oneof![6 => plain(), 2 => image(), 1 => document, 1 => audio];
    (content, mark()).prop_map(|(content, cache)| Block { cache, ..Block::new(content) })
}

fn reasoning() -> impl Strategy<Value = Block<'static>> {
    let seals = [
        None,
        Some((Format::Anthropic, SealKind::Signature)),
        Some((Format::OpenAiResponses, SealKind::Encrypted)),
        Some((Format::Gemini, SealKind::Signature)),
    ];
    (text(), prop::sample::select(seals.to_vec())).prop_map(|(text, seal)| {
        let summary = match seal {
            Some((_, SealKind::Encrypted)) => vec![cow(&*text)],
            Some(_) | None => Vec::new(),
        };
        let text = if summary.is_empty() { cow(text) } else { cow("") };
        let mut block = Block::new(Content::Reasoning(Reasoning { text, summary }));
        block.seal = seal.map(|(format, kind)| {
            let item = (kind == SealKind::Encrypted).then(|| cow("rs_1"));
            Seal { format, kind, data: "EqQBCkYI".into(), item }
        });
        block
    })
}

/// An exchange: what the user says, what the model answers, and the results of its calls.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    system: Option<(Role, String)>,
    said: Vec<Block<'static>>,
    thought: Option<Block<'static>>,
    answer: Option<String>,
    refused: bool,
    calls: Vec<Call>,
}

#[derive(Debug, Clone)]
struct Call {
    name: String,
    arguments: String,
    results: Vec<Content<'static>>,
    is_error: Option<bool>,
    freeform: bool,
    /// Whether the client told its result: it does not if the user interrupted the tool.
    answered: bool,
    /// Gemini signs calls.
    sealed: bool,
}

fn call() -> impl Strategy<Value = Call> {
    let result = prop_oneof![
        4 => plain(),
        1 => image(),
        1 => name().prop_map(|name| Content::ToolReference(cow(name))),
    ];
    let results = prop::collection::vec(result, 1..3);
    let arguments = prop_oneof![
        12 => json_object(),
        1 => Just(String::new()),
        // Models write such things, and agents send them back.
        1 => Just("{\"path\": \"a".to_owned()),
        1 => Just("[1, 2]".to_owned()),
    ];
    let flags = [0.1, 0.9, 0.1].map(prop::bool::weighted);
    (name(), arguments, results, option::of(any::<bool>()), flags).prop_map(
        |(name, arguments, results, is_error, [freeform, answered, sealed])| Call {
            name,
            arguments,
            results,
            is_error,
            freeform,
            answered,
            sealed,
        },
    )
}

pub(crate) fn turn() -> impl Strategy<Value = Turn> {
    let role = prop_oneof![Just(Role::System), Just(Role::Developer)];
    (
        option::weighted(0.2, (role, text())),
        prop::collection::vec(said(), 1..3),
        option::weighted(0.3, reasoning()),
        option::weighted(0.8, text()),
        prop::bool::weighted(0.1),
        prop::collection::vec(call(), 0..3),
    )
        .prop_map(|(system, said, thought, answer, refused, calls)| Turn {
            system,
            said,
            thought,
            answer,
            refused,
            calls,
        })
}

/// The messages of `turns`, the user's last words at the end. Ids of calls count up.
pub(crate) fn messages(turns: &[Turn]) -> Vec<Message<'static>> {
    let mut messages = Vec::new();
    for (number, turn) in turns.iter().enumerate() {
        if let Some((role, text)) = &turn.system {
            messages.push(Message::new(*role, vec![Block::plain(text.clone())]));
        }
        messages.push(Message::new(Role::User, turn.said.clone()));
        let mut answer: Vec<Block<'static>> = turn.thought.iter().cloned().collect();
        answer.extend(turn.answer.iter().map(|text| {
            if turn.refused {
                Block::new(Content::Refusal(cow(&**text)))
            } else {
                Block::plain(text.clone())
            }
        }));
        let mut results = Vec::new();
        for (index, call) in turn.calls.iter().enumerate() {
            let id = cow(format!("call_{number}_{index}"));
            let mut block = Block::new(Content::ToolCall(ToolCall {
                id: id.clone(),
                name: cow(&*call.name),
                namespace: None,
                arguments: cow(&*call.arguments),
                freeform: call.freeform,
            }));
            block.seal = call.sealed.then(|| Seal {
                format: Format::Gemini,
                kind: SealKind::Signature,
                data: "EqQBCkYI".into(),
                item: None,
            });
            answer.push(block);
            if !call.answered {
                continue;
            }
            results.push(Block::new(Content::ToolResult(ToolResult {
                call: id,
                name: Some(cow(&*call.name)),
                blocks: call.results.iter().cloned().map(Block::new).collect(),
                is_error: call.is_error,
                freeform: call.freeform,
            })));
        }
        if turn.answer.is_some() || !turn.calls.is_empty() {
            messages.push(Message::new(Role::Assistant, answer));
        }
        if !results.is_empty() {
            messages.push(Message::new(Role::Tool, results));
        }
    }
    messages.push(Message::new(Role::User, vec![Block::plain("Go on.")]));
    messages
}

fn tool() -> impl Strategy<Value = Tool<'static>> {
    let schema = json!({
        "type": "object", "properties": { "path": { "type": "string", "enum": ["a", "b"] } },
        "required": ["path"], "additionalProperties": false,
    });
    let function = option::of(any::<bool>())
        .prop_map(move |strict| ToolKind::Function { schema: Some(Json::of(&schema)), strict });
    let grammar = Grammar { syntax: "lark".into(), definition: "start: /x+/".into() };
    let kind = prop_oneof![
        6 => function,
        1 => Just(ToolKind::Freeform { grammar: Some(grammar) }),
        1 => Just(ToolKind::Freeform { grammar: None }),
    ];
    let space = option::weighted(0.1, "[a-z]{1,5}");
    let deferred = prop::bool::weighted(0.1);
    (name(), option::of(text()), kind, mark(), space, deferred).prop_map(
        |(name, description, kind, cache, space, deferred)| Tool {
            description: description.map(cow),
            cache,
            deferred,
            namespace: space.map(|name| Namespace { name: cow(name), description: None }),
            ..Tool::new(name, kind)
        },
    )
}

fn wishes(mut request: Request<'static>, dice: &Dice) -> Request<'static> {
    let Dice { temperature, top_p, top_k, seed, max_tokens, stop, effort, off, output, .. } = dice;
    request.sampling = Sampling {
        temperature: temperature.map(|tenths| f64::from(tenths) / 10.0),
        top_p: top_p.map(|tenths| f64::from(tenths) / 10.0),
        top_k: top_k.map(u64::from),
        seed: seed.map(i64::from),
        ..Sampling::default()
    };
    request.max_tokens = max_tokens.map(u64::from);
    request.stop = stop.iter().cloned().map(cow).collect();
    request.reasoning.effort = *effort;
    request.reasoning.mode = off.then_some(ReasoningMode::Off).filter(|_| effort.is_none());
    request.output = match output {
        0 => Some(Output::JsonObject),
        1 => Some(Output::JsonSchema {
            name: Some(cow("answer")),
            description: None,
            schema: Json::of(&json!({ "type": "object", "properties": {} })),
            strict: Some(true),
        }),
        _ => None,
    };
    request.parallel_tools = dice.parallel.filter(|_| !request.tools.is_empty());
    request.cache.key = dice.key.clone().map(cow);
    request.cache.retention = dice.day.then_some(Retention::Day);
    request.user.id = dice.user.clone().map(cow);
    request.stream = dice.stream;
    let [low, high, tier, safety, metadata, store] = dice.rare;
    request.verbosity = low.then_some(Verbosity::Low);
    request.sampling.presence_penalty = high.then_some(0.5);
    request.sampling.frequency_penalty = high.then_some(-0.5);
    request.tier = tier.then_some(ServiceTier::Auto);
    request.user.safety_id = safety.then(|| cow("s1"));
    request.user.metadata = metadata.then(|| Json::of(&json!({ "k": "v" })));
    request.store = store.then_some(false);
    request
}

/// What the wishes of a request are drawn with.
#[derive(Debug, Clone)]
struct Dice {
    temperature: Option<u8>,
    top_p: Option<u8>,
    top_k: Option<u8>,
    seed: Option<i32>,
    max_tokens: Option<u16>,
    stop: Vec<String>,
    effort: Option<Effort>,
    off: bool,
    output: u8,
    parallel: Option<bool>,
    key: Option<String>,
    day: bool,
    user: Option<String>,
    stream: bool,
    rare: [bool; 6],
}

fn dice() -> impl Strategy<Value = Dice> {
    let numbers = (
        option::weighted(0.3, 0..21u8),
        option::weighted(0.2, 0..11u8),
        option::weighted(0.2, 1..99u8),
        option::weighted(0.2, any::<i32>()),
        option::weighted(0.5, 1..9999u16),
        prop::collection::vec("[A-Z]{1,4}", 0..3),
    );
    let efforts = option::weighted(0.3, prop::sample::select(&Effort::ALL[..]));
    let rest = (efforts, any::<bool>(), 0..6u8, option::of(any::<bool>()));
    let words = (option::of("[a-z]{1,8}"), any::<bool>(), option::of("[a-z]{1,8}"), any::<bool>());
    let rare = [(); 6].map(|()| prop::bool::weighted(0.1));
    (numbers, rest, words, rare).prop_map(|(numbers, rest, words, rare)| Dice {
        temperature: numbers.0,
        top_p: numbers.1,
        top_k: numbers.2,
        seed: numbers.3,
        max_tokens: numbers.4,
        stop: numbers.5,
        effort: rest.0,
        off: rest.1,
        output: rest.2,
        parallel: rest.3,
        key: words.0,
        day: words.1,
        user: words.2,
        stream: words.3,
        rare,
    })
}

/// A request without messages: tools, their choice, and wishes.
fn frame() -> impl Strategy<Value = Request<'static>> {
    (prop::collection::vec(tool(), 0..4), 0..8u8, dice()).prop_map(|(mut tools, choice, dice)| {
        let mut names = std::collections::BTreeSet::new();
        tools.retain(|tool| names.insert(tool.name.clone()));
        let mut request = Request::new(Format::Anthropic);
        request.model = cow("any");
        request.tool_choice = match (choice, tools.first()) {
            (0, Some(_)) => ToolChoice::None,
            (1, Some(_)) => ToolChoice::Required,
            (2, Some(tool)) => ToolChoice::Named(tool.name.clone()),
            (3, Some(tool)) => {
                ToolChoice::Allowed { names: vec![tool.name.clone()], required: false }
            }
            (4, Some(tool)) => {
                ToolChoice::Allowed { names: vec![tool.name.clone()], required: true }
            }
            _ => ToolChoice::Auto,
        };
        request.tools = tools;
        wishes(request, &dice)
    })
}

/// A request, and how many of its turns a shorter request has that it extends.
pub(crate) fn request() -> impl Strategy<Value = (Request<'static>, Request<'static>)> {
    (frame(), prop::collection::vec(turn(), 1..4), option::of(text()), 0..4usize).prop_map(
        |(frame, turns, system, shorter)| {
            let whole = |turns: &[Turn]| {
                let system = system
                    .iter()
                    .map(|text| Message::new(Role::System, vec![Block::plain(text.clone())]));
                let mut request = frame.clone();
                request.messages = system.chain(messages(turns)).collect();
                request
            };
            (whole(&turns), whole(&turns[..shorter.min(turns.len() - 1)]))
        },
    )
}

/// A generator that never makes a kind of block proves nothing about it.
#[test]
fn generated_requests_have_every_kind_of_block() {
    use std::{cell::RefCell, collections::BTreeSet};

    let seen = RefCell::new(BTreeSet::new());
    proptest!(ProptestConfig::with_cases(400), |((request, shorter) in request())| {
        prop_assert!(shorter.messages.len() <= request.messages.len());
        let mut queue: Vec<&Block<'_>> = request.messages.iter().flat_map(|m| &m.blocks).collect();
        while let Some(block) = queue.pop() {
            seen.borrow_mut().insert(match &block.content {
                Content::Text { .. } => "text",
                Content::Image(_) => "image",
                Content::Document(_) => "document",
                Content::Audio(_) => "audio",
                Content::Reasoning(_) if block.seal.is_some() => "sealed reasoning",
                Content::Reasoning(_) => "reasoning",
                Content::ToolCall(call) if call.freeform => "freeform call",
                Content::ToolCall(_) => "call",
                Content::ToolResult(result) => {
                    queue.extend(&result.blocks);
                    "result"
                }
                Content::ToolReference(_) => "reference",
                Content::Refusal(_) => "refusal",
                // Only formats themselves write these; golden cases have them.
                Content::Hosted(_) | Content::Opaque { .. } => "raw",
            });
        }
    });
    let seen: Vec<_> = seen.into_inner().into_iter().collect();
    assert_eq!(
        seen,
        [
            "audio",
            "call",
            "document",
            "freeform call",
            "image",
            "reasoning",
            "reference",
            "refusal",
            "result",
            "sealed reasoning",
            "text",
        ]
    );
}
