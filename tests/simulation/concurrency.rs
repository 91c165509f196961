//! Every interleaving of requests that share a bucket: none exceeds the cap, and none is refused
//! while there is room.

use std::sync::Arc;

use llm_router::{
    exchange::{Exchange, Step},
    routing::{failure::Cause, router::Router, state::State},
};
use serde_json::json;

use super::world::{NOON, call, router};

const CAP: usize = 2;

/// What became of the requests of one schedule.
#[derive(Debug, Default)]
struct Outcome {
    sent: usize,
    unsent: usize,
    refused: usize,
}

/// Three requests, of which `unreachable` find nobody at home, stepped in the order of `schedule`.
fn run(router: &Arc<Router>, schedule: &[usize], unreachable: usize) -> Outcome {
    let mut state = State::default();
    let mut outcome = Outcome::default();
    let mut exchanges: Vec<Option<Exchange>> = (0..3)
        .map(|_| Some(Exchange::open(Arc::clone(router), call("a/m")).expect("an exchange")))
        .collect();
    for &turn in schedule.iter().chain([0, 1, 2].iter().cycle().take(30)) {
        let Some(exchange) = &mut exchanges[turn] else { continue };
        match exchange.step() {
            Step::Ask(op) => {
                let answer = state.apply(&op, NOON);
                exchange.told(answer, NOON);
            }
            Step::Send(..) if turn < unreachable => {
                outcome.unsent += 1;
                exchange.failed(Cause::Unreachable.into(), None, "nobody".to_owned());
            }
            Step::Send(..) => {
                outcome.sent += 1;
                let begun = exchange.answered();
                for op in begun.into_iter().chain(exchange.ended(None)) {
                    state.apply(&op, NOON);
                }
                exchanges[turn] = None;
            }
            Step::Refuse(_) => {
                outcome.refused += 1;
                exchanges[turn] = None;
            }
            Step::Wait(_) | Step::Demo(_) | Step::Count(_) => {
                panic!("there is nothing to wait for")
            }
        }
    }
    assert!(exchanges.iter().all(Option::is_none), "a request has not ended");
    outcome
}

/// Every order in which three requests can take `steps` steps each.
fn schedules(left: [usize; 3], prefix: &mut Vec<usize>, visit: &mut dyn FnMut(&[usize])) {
    if left == [0; 3] {
        visit(prefix);
    }
    for turn in 0..3 {
        if left[turn] > 0 {
            let mut fewer = left;
            fewer[turn] -= 1;
            prefix.push(turn);
            schedules(fewer, prefix, visit);
            prefix.pop();
        }
    }
}

#[test]
fn no_interleaving_exceeds_a_cap_or_wastes_a_place() {
    let router = router(&json!({
        "server": { "retry": { "attempts": 1 } },
        "providers": [{
            "id": "a", "models": ["m"],
            "rateLimits": [{ "id": "b", "models": ["all"], "requests": CAP, "window": { "unit": "day" } }],
        }],
    }));
    let mut count = 0;
    // Deciding, leave and the call are three steps each; a fourth tells of a failure.
    schedules([4; 3], &mut Vec::new(), &mut |schedule| {
        count += 1;
        let all = run(&router, schedule, 0);
        assert_eq!((all.sent, all.refused), (CAP, 1), "{schedule:?}");
        let one = run(&router, schedule, 1);
        assert!(one.sent <= CAP && one.sent >= CAP - 1, "{schedule:?}: {one:?}");
        assert!(one.unsent <= 1, "{schedule:?}: {one:?}");
    });
    assert_eq!(count, 34_650, "12! / 4!^3");
}
