//! A router, its state and a clock that only the test moves.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use llm_router::{
    config::read,
    exchange::{
        Exchange, Refusal, Step, UpstreamError,
        call::{Call, Envelope},
        explain, retry_after, verdict,
    },
    protocol::Operation,
    routing::{
        decide::{Decision, Standing, View},
        failure::{Cause, Failure},
        router::Router,
        state::{Answer, Op, State},
        trace::cooldown_text,
    },
    time::Timestamp,
};
use serde_json::Value;

/// 2026-03-01T12:00:00Z, a Sunday.
pub(crate) const NOON: Timestamp = Timestamp(1_772_366_400_000);

/// What a target answers.
#[derive(Debug, Clone, Default)]
pub(crate) enum Script {
    #[default]
    Answers,
    /// Begins well, and then breaks off.
    Breaks,
    Fails(Cause),
    Says(StatusCode, HeaderMap, String),
}

impl Script {
    /// `ok`, `breaks`, `connect`, `broken`, `timeout`, or `429 retry-after: 60 | {"error":...}`.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "ok" => return Self::Answers,
            "breaks" => return Self::Breaks,
            "connect" => return Self::Fails(Cause::Unreachable),
            "broken" => return Self::Fails(Cause::Broken),
            "timeout" => return Self::Fails(Cause::Timeout),
            _ => {}
        }
        let (head, body) = text.split_once(" | ").unwrap_or((text, ""));
        let (status, header) = head.split_once(' ').unwrap_or((head, ""));
        Self::Says(status.parse().expect("a status"), headers(header), body.to_owned())
    }
}

/// One request that has ended.
pub(crate) struct Asked {
    pub(crate) log: Vec<String>,
    /// The targets that were called, in order.
    pub(crate) sent: Vec<String>,
    pub(crate) answered: Option<String>,
    /// The status of the refusal, and its `Retry-After` in seconds.
    pub(crate) refused: Option<(u16, Option<u64>)>,
    pub(crate) waited: Duration,
    pub(crate) decision: Option<Arc<Decision>>,
}

/// Asked what a target answers, before it is called.
pub(crate) type Scripts<'a> = &'a mut dyn FnMut(&World, &str, &Asked) -> Script;

pub(crate) struct World {
    pub(crate) router: Arc<Router>,
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) scripts: BTreeMap<String, Script>,
}

impl World {
    pub(crate) fn new(config: &Value) -> Self {
        Self {
            router: router(config),
            state: State::default(),
            now: NOON,
            scripts: BTreeMap::new(),
        }
    }

    /// Another config, the same state: what a reload does.
    pub(crate) fn reload(&mut self, config: &Value) {
        self.router = router(config);
    }

    /// One request: `model`, then headers, then ` | ` and a body.
    pub(crate) fn ask(&mut self, asked: &str) -> Asked {
        let scripts = self.scripts.clone();
        let mut script =
            |_: &Self, target: &str, _: &Asked| scripts.get(target).cloned().unwrap_or_default();
        self.drive(call(asked), &mut script)
    }

    /// Drives one exchange to its end.
    pub(crate) fn drive(&mut self, call: Call, scripts: Scripts<'_>) -> Asked {
        let mut asked = Asked {
            log: Vec::new(),
            sent: Vec::new(),
            answered: None,
            refused: None,
            waited: Duration::ZERO,
            decision: None,
        };
        let mut exchange = match Exchange::open(Arc::clone(&self.router), call) {
            Ok(exchange) => exchange,
            Err(error) => {
                asked.log.push(format!(
                    "refused {}: {}",
                    error.kind.status().as_u16(),
                    error.message
                ));
                asked.refused = Some((error.kind.status().as_u16(), None));
                return asked;
            }
        };
        for _ in 0..10_000 {
            match exchange.step() {
                Step::Ask(op) => {
                    let answer = self.state.apply(&op, self.now);
                    if let Answer::Decided(decision) = &answer {
                        asked.decision = Some(Arc::clone(decision));
                    }
                    exchange.told(answer, self.now);
                }
                Step::Wait(pause) => {
                    asked.log.push(format!("wait {pause:?}"));
                    asked.waited += pause;
                    self.now = self.now.after(pause);
                }
                Step::Demo(_) | Step::Count(_) => panic!("only providers are simulated"),
                Step::Send(..) => {
                    let target = exchange.target().expect("a target").name.to_string();
                    let script = scripts(self, &target, &asked);
                    asked.sent.push(target.clone());
                    if self.attempt(&mut exchange, &target, script, &mut asked) {
                        return asked;
                    }
                }
                Step::Refuse(refusal) => {
                    refused(&exchange, refusal, &mut asked);
                    return asked;
                }
            }
        }
        panic!("the request does not end: {:?}", asked.log);
    }

    /// One call; whether it was answered.
    fn attempt(
        &mut self,
        exchange: &mut Exchange,
        target: &str,
        script: Script,
        asked: &mut Asked,
    ) -> bool {
        let (failure, answer) = match script {
            Script::Answers => {
                asked.log.push(format!("{target} answers"));
                self.answer(exchange, target, None, asked);
                return true;
            }
            Script::Breaks => {
                asked.log.push(format!("{target} answers and breaks off"));
                self.answer(exchange, target, Some(Cause::Broken.into()), asked);
                return true;
            }
            Script::Fails(cause) => (cause.into(), None),
            Script::Says(status, headers, body) => {
                let failure = verdict::judge(status, &headers, body.as_bytes(), self.now);
                (failure, Some(UpstreamError { status, headers, body: body.into() }))
            }
        };
        let status = answer.as_ref().map(|answer| format!(" {}", answer.status.as_u16()));
        let word = failure.cause.word();
        asked.log.push(format!("{target} fails:{} {word}", status.unwrap_or_default()));
        exchange.failed(failure, answer, "failed".to_owned());
        false
    }

    fn answer(
        &mut self,
        exchange: &mut Exchange,
        target: &str,
        failure: Option<Failure>,
        asked: &mut Asked,
    ) {
        asked.answered = Some(target.to_owned());
        let begun = exchange.answered();
        for op in begun.into_iter().chain(exchange.ended(failure)) {
            self.apply(&op);
        }
    }

    pub(crate) fn apply(&mut self, op: &Op) -> Answer {
        self.state.apply(op, self.now)
    }

    /// Many requests, and how many of them each target answered.
    pub(crate) fn count(&mut self, asked: &str, times: usize) -> Vec<String> {
        let mut order = String::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..times {
            let one = self.ask(asked);
            let by = one.answered.unwrap_or_else(|| {
                format!("refused {}", one.refused.map_or(0, |(status, _)| status))
            });
            if times <= 24 {
                order.push(' ');
                order.push_str(by.split('/').next().unwrap_or_default());
            }
            *counts.entry(by).or_default() += 1;
        }
        let counts = counts.iter().map(|(by, count)| format!("{by} {count}"));
        let mut lines = vec![counts.collect::<Vec<_>>().join(", ")];
        if !order.is_empty() {
            lines.push(format!("in the order:{order}"));
        }
        lines
    }

    pub(crate) fn explain(&self, asked: &str) -> String {
        let (router, state) = (Arc::clone(&self.router), self.state.clone());
        let explained = explain::plan(router, call(asked), state, self.now).expect("a plan");
        explained.decision.expect("a decision").text()
    }

    pub(crate) fn status(&self) -> Vec<String> {
        let cooldowns = self.state.cooldowns(self.now);
        let mut lines: Vec<String> = cooldowns
            .map(|(name, cooldown)| format!("{name}: {}", cooldown_text(cooldown, self.now)))
            .collect();
        lines.sort();
        lines.extend(self.router.buckets().map(|bucket| {
            let used = self.state.limits().used(bucket, self.now);
            format!("{}: {used}/{}, resets {}", bucket.name, bucket.cap, bucket.span(self.now).end)
        }));
        if self.state.conversations() > 0 {
            lines.push(format!("{} conversations", self.state.conversations()));
        }
        if lines.is_empty() {
            lines.push("nothing rests".to_owned());
        }
        lines
    }
}

fn refused(exchange: &Exchange, refusal: Refusal, asked: &mut Asked) {
    let (status, headers, words) = match refusal {
        Refusal::Local(error) => (error.kind.status(), *error.headers, error.message),
        Refusal::Upstream { target, error } => {
            let name = &exchange.router().target(target).name;
            (error.status, error.headers, format!("the answer of {name}"))
        }
    };
    let wait = retry_after::read(&headers, b"", NOON, true).map(|wait| wait.as_secs());
    let shown = wait.map_or_else(String::new, |wait| format!(", retry after {wait} s"));
    asked.log.push(format!("refused {}{shown}: {words}", status.as_u16()));
    asked.refused = Some((status.as_u16(), wait));
}

/// Compiles a config in which every provider is at a made-up address and speaks Chat.
pub(crate) fn router(config: &Value) -> Arc<Router> {
    let mut config = config.clone();
    for provider in config["providers"].as_array_mut().into_iter().flatten() {
        let id = provider["id"].as_str().unwrap_or_default().to_owned();
        provider["baseUrl"] = format!("http://{id}.test").into();
        provider["format"] = "openai".into();
    }
    let reading = read::read(&config);
    let compiled = Router::compile(&reading.config, &|_| Err("there are no secrets".to_owned()));
    let problems: Vec<_> = reading.problems.iter().chain(&compiled.problems).collect();
    assert!(!problems.iter().any(|problem| problem.is_error()), "{problems:#?}");
    Arc::new(compiled.router.expect("a router"))
}

/// A call as the client would send it.
pub(crate) fn call(asked: &str) -> Call {
    let (head, body) = asked.split_once(" | ").unwrap_or((asked, "{}"));
    let (model, header) = head.split_once(' ').unwrap_or((head, ""));
    let envelope = Envelope {
        operation: Some(Operation::ChatCompletions),
        model: Some(model.to_owned()),
        headers: headers(header),
        query: None,
        amp: None,
        request_id: "req".into(),
    };
    Call::read(envelope, body.to_owned().into()).expect("a call")
}

/// `name: value, name: value`
fn headers(text: &str) -> HeaderMap {
    let pairs = text.split(", ").filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once(": ").expect("name: value");
        (
            name.parse::<HeaderName>().expect("a name"),
            value.parse::<HeaderValue>().expect("a value"),
        )
    });
    pairs.collect()
}

/// How every target of a decision stands now: whether it rests, and whether it could be called.
pub(crate) fn standings(world: &World, decision: &Decision) -> Vec<(bool, bool)> {
    let Decision { router, route, question, .. } = decision;
    let observed = world.state.observe(router, route, question, world.now);
    let view = View { observed: &observed, now: world.now, ..decision.view() };
    let standing = |slot: usize| {
        let free = matches!(view.standing(slot), Standing::Ready | Standing::Misfit(_));
        (observed.slots[slot].cooldown.is_some(), free)
    };
    (0..route.plan.slots.len()).map(standing).collect()
}
