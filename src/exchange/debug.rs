//! The headers that tell how a request was routed, where the gateway is told to send them
//! (`LLM_ROUTER_DEBUG_ROUTING`).

use http::{HeaderMap, HeaderName};

use super::{Exchange, record::Record, reply::printable};
use crate::{
    formats::head::Field,
    routing::{
        decide::Standing,
        fit::Misfit,
        trace::{Candidate, ReasonCode, Trace},
    },
};

const REQUESTED_MODEL: HeaderName = HeaderName::from_static("x-llm-router-requested-model");
const ROUTE_TYPE: HeaderName = HeaderName::from_static("x-llm-router-route-type");
const ROUTE_REF: HeaderName = HeaderName::from_static("x-llm-router-route-ref");
const ROUTE_STRATEGY: HeaderName = HeaderName::from_static("x-llm-router-route-strategy");
const SELECTED: HeaderName = HeaderName::from_static("x-llm-router-selected-candidate");
const SKIPPED: HeaderName = HeaderName::from_static("x-llm-router-skipped-candidates");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-llm-router-attempts");
const CONTEXT_REQUIRED: HeaderName = HeaderName::from_static("x-llm-router-context-required");
const CONTEXT_SOURCE: HeaderName = HeaderName::from_static("x-llm-router-context-hint-source");
const CONTEXT_RISK: HeaderName = HeaderName::from_static("x-llm-router-context-risk");
const TRANSLATED: HeaderName = HeaderName::from_static("x-llm-router-translated");
const DROPPED: HeaderName = HeaderName::from_static("x-llm-router-dropped");
const TOOL_TYPES: HeaderName = HeaderName::from_static("x-llm-router-tool-types");

/// Lists are cut after this many items.
const LONGEST_LIST: usize = 8;

/// Adds the headers for an exchange that has ended.
pub fn add(exchange: &Exchange, headers: &mut HeaderMap) {
    let record = exchange.record();
    let Some(decision) = &record.decision else { return };
    let trace = Trace::of(decision);
    let first = trace.candidates.iter().find(|candidate| candidate.place == Some(1));
    let selected = record.answered.as_deref().or(first.map(|first| first.target.as_str()));
    let mut set = |name: HeaderName, value: &str| {
        if !value.is_empty() {
            headers.insert(name, printable(value));
        }
    };
    set(REQUESTED_MODEL, record.requested.as_deref().unwrap_or("smart"));
    set(ROUTE_TYPE, &trace.route_type);
    set(ROUTE_REF, &trace.route);
    set(ROUTE_STRATEGY, &trace.strategy);
    set(SELECTED, selected.unwrap_or_default());
    set(SKIPPED, &list(trace.candidates.iter().filter_map(skipped)));
    set(ATTEMPTS, &attempts(&record));
    if trace.context_required > 0 {
        set(CONTEXT_REQUIRED, &trace.context_required.to_string());
        set(CONTEXT_SOURCE, "request-body-estimate");
        set(CONTEXT_RISK, &context_risk(exchange).unwrap_or_default());
    }
    if let Some(format) = exchange.translated_to() {
        set(TRANSLATED, &format!("{}>{format}", exchange.call().format()));
    }
    let dropped = exchange.dropped().iter();
    set(DROPPED, &list(dropped.map(|loss| format!("{} ({})", loss.path, loss.reason))));
    set(TOOL_TYPES, &tool_types(exchange));
}

/// `provider/model:reason+reason`
fn skipped(candidate: &Candidate) -> Option<String> {
    let mut reasons: Vec<&str> = candidate.skipped_for().map(ReasonCode::word).collect();
    reasons.dedup();
    (!reasons.is_empty()).then(|| format!("{}:{}", candidate.target, reasons.join("+")))
}

/// `provider/model:429/rate-limited#1`, `ok` for the one that answered.
fn attempts(record: &Record) -> String {
    let failed = record.attempts.iter().enumerate().map(|(place, attempt)| {
        let status = attempt.status.map_or_else(|| "error".to_owned(), |status| status.to_string());
        format!("{}:{status}/{}#{}", attempt.target, attempt.cause.word(), place + 1)
    });
    let answered = record
        .answered
        .iter()
        .map(|target| format!("{target}:200/ok#{}", record.attempts.len() + 1));
    list(failed.chain(answered))
}

/// What the estimate means for the target that answered.
fn context_risk(exchange: &Exchange) -> Option<String> {
    let target = exchange.target()?;
    let decision = exchange.record().decision?;
    let slot = exchange
        .route()
        .plan
        .slots
        .iter()
        .position(|slot| std::ptr::eq(exchange.router().target(slot.target), target))?;
    if target.context_window.is_none() {
        return Some("selected-context-window-unknown".to_owned());
    }
    match decision.view().standing(slot) {
        Standing::Misfit(Misfit::Context { window, needed }) => {
            Some(format!("selected-context-window-below-required:{window}<{needed}"))
        }
        Standing::Misfit(Misfit::Lacks(_))
        | Standing::Ready
        | Standing::Resting(_)
        | Standing::Full(_)
        | Standing::Mute => None,
    }
}

/// The kinds of tools that are not functions.
fn tool_types(exchange: &Exchange) -> String {
    #[derive(serde::Deserialize)]
    struct Tool<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<std::borrow::Cow<'a, str>>,
    }
    let call = exchange.call();
    let tools = call.places.get(Field::Tools, &call.body).unwrap_or("[]");
    let tools: Vec<Tool<'_>> = serde_json::from_str(tools).unwrap_or_default();
    let mut kinds: Vec<String> = Vec::new();
    for kind in tools.into_iter().filter_map(|tool| tool.kind) {
        if kind != "function" && !kinds.iter().any(|known| *known == *kind) {
            kinds.push(kind.into_owned());
        }
    }
    list(kinds.into_iter())
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.take(LONGEST_LIST).collect::<Vec<_>>().join(",")
}
