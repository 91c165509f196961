//! A decision can be made again from what was recorded of it, and comes out the same.

use std::sync::Arc;

use llm_router::routing::{
    decide::{Decision, decide},
    trace::Trace,
};

/// Decides again from the recorded inputs.
pub(crate) fn replay(decision: &Decision) -> Decision {
    let (router, route) = (Arc::clone(&decision.router), Arc::clone(&decision.route));
    decide(&router, &route, &decision.question, decision.observed.clone(), decision.at)
}

/// Holds a decision to its own record.
pub(crate) fn holds(decision: &Decision) -> Result<(), String> {
    let again = replay(decision);
    if again.order != decision.order || again.turn != decision.turn {
        return Err(format!("{:?} became {:?}", decision.order, again.order));
    }
    let (first, second) = (Trace::of(decision), Trace::of(&again));
    if first == second { Ok(()) } else { Err(format!("{first:#?} became {second:#?}")) }
}
