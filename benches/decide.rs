//! What one decision costs: nanoseconds and allocations, by the number of targets.
//!
//!     cargo bench --bench decide

use std::sync::Arc;

use divan::{AllocProfiler, Bencher, black_box};
use llm_router::{
    config::read,
    protocol::Operation,
    routing::{
        decide::Question,
        fit::Needs,
        router::Router,
        state::{Answer, Op, State, affinity::AffinityKey},
    },
    time::Timestamp,
};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const NOON: Timestamp = Timestamp(1_772_366_400_000);

fn main() {
    divan::main();
}

/// An alias `x` with this many targets, spread over providers that have 20 buckets together, among
/// as many other models as `others`.
fn router(strategy: &str, targets: usize, others: usize) -> Arc<Router> {
    let providers = targets.min(10);
    let bucket = |id: usize| {
        json!({ "id": format!("b{id}"), "models": ["all"], "requests": 1_000_000_000_000_u64,
            "window": { "unit": (["minute", "month"][id % 2]), "size": 1 } })
    };
    let provider = |index: usize| {
        let models = (0..(targets + others).div_ceil(providers)).map(|model| format!("m{model}"));
        let buckets = (0..20).filter(|id| id % providers == index).map(bucket);
        json!({
            "id": format!("p{index}"), "baseUrl": "http://127.0.0.1:1", "format": "openai",
            "models": models.collect::<Vec<_>>(), "rateLimits": buckets.collect::<Vec<Value>>(),
        })
    };
    let members =
        (0..targets).map(|index| format!("p{}/m{}", index % providers, index / providers));
    let config = json!({
        "providers": (0..providers).map(provider).collect::<Vec<_>>(),
        "modelAliases": { "x": { "strategy": strategy, "targets": members.collect::<Vec<_>>() } },
    });
    let reading = read::read(&config);
    let compiled = Router::compile(&reading.config, &|_| Err(String::new()));
    Arc::new(compiled.router.expect("a router"))
}

/// The decision, leave for the call, and its success: all that routing does for one request.
fn request(bencher: Bencher<'_, '_>, strategy: &str, targets: usize, others: usize) {
    let router = router(strategy, targets, others);
    let route = Arc::clone(router.resolve(Some("x")).expect("a route"));
    let mut state = State::default();
    let question = Arc::new(Question {
        operation: Operation::ChatCompletions,
        needs: Needs::default(),
        affinity: Some(AffinityKey::new("x-session-id", b"one")),
    });
    bencher.bench_local(move || {
        let (router, route) = (black_box(&router), black_box(&route));
        let op = Op::Decide {
            router: Arc::clone(router),
            route: Arc::clone(route),
            question: Arc::clone(&question),
        };
        let Answer::Decided(decision) = state.apply(&op, NOON) else { panic!("a decision") };
        let target = decision.target(decision.order[0]);
        let op = Op::Reserve { router: Arc::clone(router), target, resting: false, counted: true };
        let Answer::Reserved(reservation) = state.apply(&op, NOON) else { panic!("leave") };
        let op = Op::Succeeded {
            router: Arc::clone(router),
            target,
            route: Arc::clone(route),
            question: Arc::clone(&question),
            reservation,
        };
        state.apply(&op, NOON);
        state.apply(&Op::Completed { router: Arc::clone(router), target }, NOON)
    });
}

#[divan::bench(args = [1, 3, 30, 300])]
fn ordered(bencher: Bencher<'_, '_>, targets: usize) {
    request(bencher, "ordered", targets, 0);
}

#[divan::bench(args = [3, 30, 300])]
fn weighted(bencher: Bencher<'_, '_>, targets: usize) {
    request(bencher, "weighted-rr", targets, 0);
}

#[divan::bench(args = [3, 30, 300])]
fn auto(bencher: Bencher<'_, '_>, targets: usize) {
    request(bencher, "auto", targets, 0);
}

/// Three targets among ever more models that have nothing to do with the request.
#[divan::bench(args = [0, 1000, 30_000])]
fn among_others(bencher: Bencher<'_, '_>, others: usize) {
    request(bencher, "auto", 3, others);
}
