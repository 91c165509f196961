//! What would happen to a request, before it is sent: the same decision as for a real one, made on a
//! copy of the state.

use std::sync::Arc;

use super::{Exchange, Step, call::Call, error::GatewayError, record::Explained};
use crate::{
    routing::{router::Router, state::State},
    time::Timestamp,
};

/// Decides about `call` and says why. `state` is a copy: nothing is remembered of this.
///
/// # Errors
/// If the model is unknown, or none of its targets can be asked.
pub fn plan(
    router: Arc<Router>,
    call: Call,
    mut state: State,
    now: Timestamp,
) -> Result<Explained, GatewayError> {
    let mut exchange = Exchange::open(router, call)?;
    if let Step::Ask(op) = exchange.step() {
        let answer = state.apply(&op, now);
        exchange.told(answer, now);
    }
    Ok(exchange.record().explain())
}
