//! The order in which the targets of a route are tried.

use super::router::{Group, Member, Node, Route, Router, TargetId};
use crate::config::Strategy;

impl Router {
    /// The candidates of `route` in the order of its strategies, each once: the targets of the
    /// group, its fallback targets, then the silent fallbacks of all of them.
    #[must_use]
    pub fn rank(&self, route: &Route) -> Vec<TargetId> {
        let mut order = Vec::new();
        rank_group(&route.group, &mut order);
        for place in 0..order.len() {
            for &fallback in &self.target(order[place]).fallbacks {
                push_once(&mut order, fallback);
            }
        }
        order
    }
}

fn rank_group(group: &Group, order: &mut Vec<TargetId>) {
    for members in [&group.targets, &group.fallback_targets] {
        rank_members(group.strategy, members, order);
    }
}

fn rank_members(strategy: Strategy, members: &[Member], order: &mut Vec<TargetId>) {
    match strategy {
        // All strategies keep the config's order until balancing has state to work with.
        Strategy::Ordered
        | Strategy::Auto
        | Strategy::RoundRobin
        | Strategy::WeightedRr
        | Strategy::QuotaAwareWeightedRr => {
            for member in members {
                match &member.node {
                    Node::Target(target) => push_once(order, *target),
                    Node::Group(inner) => rank_group(inner, order),
                }
            }
        }
    }
}

/// Lists are short (a handful of targets), so a scan beats a set.
fn push_once(order: &mut Vec<TargetId>, target: TargetId) {
    if !order.contains(&target) {
        order.push(target);
    }
}
