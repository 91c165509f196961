//! Laws of routing, over random configs, outages and arrivals.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use llm_router::{routing::failure::Cause, time::Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    replay,
    world::{Asked, NOON, Script, World, call, standings},
};

const STRATEGIES: [&str; 5] =
    ["auto", "ordered", "round-robin", "weighted-rr", "quota-aware-weighted-rr"];

prop_compose! {
    fn bucket()(
        cap in 1_u64..30, unit in prop::sample::select(vec!["second", "minute", "hour", "day"]),
        size in 1_u32..4, all in any::<bool>(),
    ) -> Value {
        let models = if all { json!(["all"]) } else { json!(["m0"]) };
        json!({ "models": models, "requests": cap, "window": { "unit": unit, "size": size } })
    }
}

prop_compose! {
    fn provider()(
        models in 1..3_usize, buckets in prop::collection::vec(bucket(), 0..3),
        window in prop::option::of(100_u64..3000), tools in prop::option::of(any::<bool>()),
    ) -> Value {
        let models: Vec<Value> = (0..models)
            .map(|model| {
                json!({
                    "id": format!("m{model}"), "contextWindow": window,
                    "capabilities": { "tools": tools },
                })
            })
            .collect();
        json!({ "models": models, "rateLimits": buckets })
    }
}

/// A config with up to four providers, silent fallbacks, and an alias `x` that may hold another.
fn config() -> impl Strategy<Value = Value> {
    let targets = prop::collection::vec((any::<prop::sample::Index>(), 0..4_u32), 1..6);
    let fallbacks = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let strategies = (0..5_usize, 0..5_usize);
    let silent = any::<(prop::sample::Index, prop::sample::Index)>();
    let providers = prop::collection::vec(provider(), 1..5);
    (providers, targets, fallbacks, strategies, any::<bool>(), silent).prop_map(
        |(mut providers, targets, fallbacks, (outer, inner), nested, silent)| {
            let mut names = Vec::new();
            for (index, provider) in providers.iter_mut().enumerate() {
                provider["id"] = format!("p{index}").into();
                for model in provider["models"].as_array().expect("models") {
                    names.push(format!("p{index}/{}", model["id"].as_str().expect("an id")));
                }
            }
            let fallback = silent.1.get(&names).clone();
            let at = silent.0.index(providers.len());
            providers[at]["models"][0]["fallbackModels"] = json!([fallback]);
            let mut members: Vec<Value> = Vec::new();
            for (name, weight) in &targets {
                members.push(json!({ "ref": name.get(&names), "weight": f64::from(*weight) / 2.0 }));
            }
            let rest: Vec<&String> = fallbacks.iter().map(|name| name.get(&names)).collect();
            if nested {
                members.insert(members.len() / 2, json!({ "ref": "y", "weight": 2 }));
            }
            json!({
                "providers": providers,
                "modelAliases": {
                    "x": { "strategy": STRATEGIES[outer], "targets": members, "fallbackTargets": rest },
                    "y": { "strategy": STRATEGIES[inner], "targets": [names[0], names[names.len() - 1]] },
                },
            })
        },
    )
}

/// What a call comes to, by a number.
fn outcome(number: u8) -> Script {
    let says = |status: u16, header: Option<(&'static str, &'static str)>, body: &str| {
        let headers: HeaderMap = header
            .into_iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        Script::Says(StatusCode::from_u16(status).expect("a status"), headers, body.to_owned())
    };
    match number {
        0..10 => says(429, Some(("retry-after", "2")), ""),
        10..20 => says(429, None, ""),
        20..30 => says(529, None, ""),
        30..40 => says(500, None, ""),
        40..45 => says(401, None, ""),
        45..50 => says(404, None, ""),
        50..60 => says(400, None, r#"{"error":{"message":"prompt is too long"}}"#),
        60..65 => Script::Fails(Cause::Unreachable),
        65..70 => Script::Fails(Cause::Broken),
        70..75 => Script::Fails(Cause::Timeout),
        75..80 => Script::Fails(Cause::Unusable),
        80..83 => Script::Breaks,
        _ => Script::Answers,
    }
}

/// A request: a pause before it, which conversation it belongs to, how long it is, and what the
/// calls that it makes come to, in order.
type Arrival = (u64, u8, usize, Vec<u8>);

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let outcomes = prop::collection::vec(any::<u8>(), 1..6);
    prop::collection::vec((0..40_000_u64, 0..4_u8, 0..9000_usize, outcomes), 1..40)
}

fn request((_, conversation, length, _): &Arrival) -> llm_router::exchange::call::Call {
    let tools = if length % 2 == 0 { r#","tools":[{"type":"function"}]"# } else { "" };
    let body =
        format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]{tools}}}"#, "x".repeat(*length));
    call(&format!("x x-session-id: {conversation} | {body}"))
}

/// What is counted apart from the gateway.
#[derive(Default)]
struct Ledger {
    /// Calls by bucket and window.
    counts: HashMap<(Arc<str>, Timestamp), u64>,
    broken: Vec<String>,
}

impl Ledger {
    fn count(&mut self, world: &World, target: &str) {
        let router = &world.router;
        let slot = router.targets().find(|known| *known.name == *target).expect("a target");
        for bucket in router.buckets_of(slot) {
            let key = (Arc::clone(&bucket.name), bucket.span(world.now).start);
            let count = self.counts.entry(key).or_default();
            *count += 1;
            if *count > bucket.cap {
                self.broken.push(format!("{} holds {count} of {}", bucket.name, bucket.cap));
            }
        }
    }

    /// Attempts and waits are bounded, limits tell when they end, and the decision can be replayed.
    fn check_end(&mut self, world: &World, asked: &Asked) {
        let settings = &world.router.settings;
        let slots = asked.decision.as_ref().map_or(0, |decision| decision.route.plan.slots.len());
        let retries = usize::try_from(settings.retry.attempts).expect("few");
        if asked.sent.len() > slots + retries {
            self.broken.push(format!("{} calls for {slots} targets", asked.sent.len()));
        }
        if asked.waited > settings.retry.patience {
            self.broken.push(format!("waited {:?}", asked.waited));
        }
        if let Some((429, None)) = asked.refused {
            self.broken.push("a 429 without Retry-After".to_owned());
        }
        if let Some(Err(difference)) = asked.decision.as_deref().map(replay::holds) {
            self.broken.push(difference);
        }
    }

    /// A target that rests is called only when every free one has been tried.
    fn check_rest(&mut self, world: &World, target: &str, asked: &Asked) {
        let Some(decision) = &asked.decision else { return };
        let names: Vec<String> = decision
            .route
            .plan
            .slots
            .iter()
            .map(|slot| world.router.target(slot.target).name.to_string())
            .collect();
        let slot = names.iter().position(|name| name == target).expect("a slot");
        let standings = standings(world, decision);
        if !standings[slot].0 {
            return;
        }
        for (name, (_, free)) in names.iter().zip(standings) {
            if free && !asked.sent.contains(name) {
                self.broken.push(format!("{target} rests and was called before {name}"));
            }
        }
    }
}

/// Plays a session: what became of each request, and the laws that were broken.
fn play(config: &Value, arrivals: &[Arrival]) -> (Vec<Vec<String>>, Vec<String>) {
    let mut world = World::new(config);
    let (mut logs, mut ledger) = (Vec::new(), Ledger::default());
    for arrival in arrivals {
        world.now = world.now.after(Duration::from_millis(arrival.0));
        let mut outcomes = arrival.3.iter().cycle();
        let asked = world.drive(request(arrival), &mut |world, target, asked| {
            let script = outcome(*outcomes.next().expect("a cycle"));
            ledger.check_rest(world, target, asked);
            if !matches!(script, Script::Fails(Cause::Unreachable)) {
                ledger.count(world, target);
            }
            script
        });
        ledger.check_end(&world, &asked);
        logs.push(asked.log);
    }
    (logs, ledger.broken)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn requests_end_caps_hold_rest_is_kept_and_all_of_it_can_be_replayed(
        config in config(), arrivals in arrivals(),
    ) {
        let (logs, broken) = play(&config, &arrivals);
        prop_assert!(broken.is_empty(), "{broken:#?}\n{config:#}\n{logs:#?}");
        let (again, _) = play(&config, &arrivals);
        prop_assert_eq!(logs, again, "the same inputs gave other decisions");
    }

    #[test]
    fn weights_are_honoured_within_one_call_per_cycle(
        weights in prop::collection::vec(1_u32..9, 2..6),
    ) {
        let mut world = World::new(&weighted(&weights, "weighted-rr"));
        let total: u32 = weights.iter().sum();
        let mut counts = vec![0_u32; weights.len()];
        for call in 1..=3 * total {
            let answered = world.ask("x").answered.expect("an answer");
            let by: usize = answered[1..].split('/').next().expect("an id").parse().expect("a number");
            counts[by] += 1;
            for (count, weight) in counts.iter().zip(&weights) {
                let ideal = f64::from(call) * f64::from(*weight) / f64::from(total);
                prop_assert!((f64::from(*count) - ideal).abs() <= 1.0, "{counts:?} after {call}");
            }
        }
        let whole: Vec<u32> = weights.iter().map(|weight| 3 * weight).collect();
        prop_assert_eq!(counts, whole);
    }
}

fn weighted(weights: &[u32], strategy: &str) -> Value {
    let providers: Vec<Value> = (0..weights.len())
        .map(|index| json!({ "id": format!("p{index}"), "models": ["m"] }))
        .collect();
    let targets: Vec<Value> = weights
        .iter()
        .enumerate()
        .map(|(index, weight)| json!({ "ref": format!("p{index}/m"), "weight": weight }))
        .collect();
    json!({ "providers": providers, "modelAliases": { "x": { "strategy": strategy, "targets": targets } } })
}

#[test]
fn over_ten_thousand_calls_real_weights_are_honoured_within_a_hundredth() {
    for (strategy, weights) in [
        ("weighted-rr", vec![1.0, 2.5, 0.3]),
        ("quota-aware-weighted-rr", vec![0.01, 1.0]),
        ("auto", vec![7.0, 1.0, 1.0, 1.0]),
        ("round-robin", vec![5.0, 1.0]),
    ] {
        let mut config = weighted(&vec![1; weights.len()], strategy);
        for (index, weight) in weights.iter().enumerate() {
            config["modelAliases"]["x"]["targets"][index]["weight"] = json!(weight);
        }
        let mut world = World::new(&config);
        let mut counts: HashMap<String, u32> = HashMap::new();
        for _ in 0..10_000 {
            *counts.entry(world.ask("x").answered.expect("an answer")).or_default() += 1;
        }
        let equal = strategy == "round-robin";
        let total: f64 = if equal { 2.0 } else { weights.iter().sum() };
        for (index, weight) in weights.iter().enumerate() {
            let share = f64::from(counts[&format!("p{index}/m")]) / 10_000.0;
            let ideal = if equal { 0.5 } else { weight / total };
            assert!((share - ideal).abs() <= 0.01, "{strategy} {index}: {share} for {ideal}");
        }
    }
}

/// A month of 20,000 requests, in bursts by day and none at night, over a plan with a monthly quota
/// and one that is paid by use.
#[test]
fn a_months_quota_lasts_the_month_and_is_used_up_by_its_end() {
    let mut world = World::new(&json!({
        "providers": [
            { "id": "plan", "models": ["m"], "rateLimits": [
                { "id": "month", "models": ["all"], "requests": 10_000, "window": { "unit": "month" } },
                { "id": "minute", "models": ["all"], "requests": 40, "window": { "unit": "minute" } },
            ] },
            { "id": "paid", "models": ["m"] },
        ],
        "modelAliases": { "x": { "strategy": "auto", "targets": ["plan/m", "paid/m"] } },
    }));
    let start = Timestamp::from_date(2026, 4, 1);
    let used = |world: &World| {
        let bucket = world.router.buckets().next().expect("the month");
        world.state.limits().used(bucket, world.now)
    };
    for number in 0..20_000_u64 {
        // 30 days of 16 hours.
        let (day, within) = (number * 30 / 20_000, number % 667);
        let millis = day * 86_400_000 + 8 * 3_600_000 + within * 86_300;
        world.now = start.after(Duration::from_millis(millis));
        assert!(world.ask("x").answered.is_some());
        if number == 10_000 {
            let half = used(&world);
            assert!((4000..=6000).contains(&half), "{half} of 10000 at half of the month");
        }
    }
    let used = used(&world);
    assert!((9000..10_000).contains(&used), "{used} of 10000 at the end");
}

#[test]
fn a_reload_refills_nothing_and_keeps_the_rotation() {
    let config = |cap: u64| {
        let bucket =
            json!({ "id": "b", "models": ["all"], "requests": cap, "window": { "unit": "day" } });
        json!({
            "providers": [
                { "id": "a", "models": ["m"], "rateLimits": [bucket] }, { "id": "b", "models": ["m"] },
            ],
            "modelAliases": { "x": { "strategy": "round-robin", "targets": ["a/m", "b/m"] } },
        })
    };
    let mut world = World::new(&config(2));
    let order = |world: &mut World| world.ask("x").answered.expect("an answer");
    assert_eq!(order(&mut world), "a/m");
    world.reload(&config(2));
    assert_eq!(order(&mut world), "b/m");
    assert_eq!(order(&mut world), "a/m");
    world.reload(&config(2));
    assert_eq!(world.ask("a/m").refused.expect("a refusal").0, 429);
    world.reload(&config(3));
    assert_eq!(world.ask("a/m").answered.as_deref(), Some("a/m"));
    // Saved and read again, as a restart does.
    let saved = serde_json::to_string(&world.state).expect("JSON");
    world.state = serde_json::from_str(&saved).expect("a state");
    assert_eq!(world.ask("a/m").refused.expect("a refusal").0, 429);
    let at = world.now;
    assert_eq!(at, NOON, "nothing here waited");
}
