//! Aliases → groups. An alias that is a target of another is one target of it, with its own
//! strategy and tiers.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;

use super::{Referent, at, lookup, providers::Providers};
use crate::{
    config::{
        Alias, AliasTarget, Config,
        problem::{Problem, join},
    },
    names::AliasId,
    routing::router::{Group, Member, Node},
};

/// All aliases, in config order.
pub(super) struct Aliases {
    pub(super) groups: IndexMap<String, Arc<Group>>,
}

impl Aliases {
    pub(super) fn compile(
        config: &Config,
        providers: &Providers,
        problems: &mut Vec<Problem>,
    ) -> Self {
        for id in config.model_aliases.keys() {
            if let Err(error) = id.parse::<AliasId>() {
                problems.push(Problem::error(join("/modelAliases", id), error.to_string()));
            }
        }
        let mut builder =
            Builder { config, providers, problems, built: HashMap::new(), path: Vec::new() };
        let groups = config
            .model_aliases
            .iter()
            .map(|(id, alias)| (id.clone(), builder.group(id, alias)))
            .collect();
        Self { groups }
    }
}

struct Builder<'a> {
    config: &'a Config,
    providers: &'a Providers,
    problems: &'a mut Vec<Problem>,
    built: HashMap<&'a str, Arc<Group>>,
    /// The aliases being built, outermost first: a cycle shows here.
    path: Vec<&'a str>,
}

impl<'a> Builder<'a> {
    fn group(&mut self, id: &'a str, alias: &'a Alias) -> Arc<Group> {
        if let Some(group) = self.built.get(id) {
            return Arc::clone(group);
        }
        self.path.push(id);
        let pointer = join("/modelAliases", id);
        let targets = self.members(&join(&pointer, "targets"), &alias.targets);
        let fallback_targets =
            self.members(&join(&pointer, "fallbackTargets"), &alias.fallback_targets);
        self.path.pop();
        if targets.is_empty() && fallback_targets.is_empty() {
            self.problems.push(
                Problem::warning(pointer, "has no target that can be reached")
                    .hint("requests for it are refused until it has one"),
            );
        }
        let group = Arc::new(Group {
            name: id.into(),
            strategy: alias.strategy,
            targets,
            fallback_targets,
        });
        self.built.insert(id, Arc::clone(&group));
        group
    }

    fn members(&mut self, pointer: &str, targets: &'a [AliasTarget]) -> Vec<Member> {
        let members = targets.iter().enumerate().filter_map(|(index, target)| {
            let node = self.node(&at(pointer, index), &target.reference)?;
            Some(Member { node, weight: target.weight.unwrap_or(1.0) })
        });
        members.collect()
    }

    fn node(&mut self, pointer: &str, reference: &'a str) -> Option<Node> {
        let id = reference.strip_prefix("alias:").unwrap_or(reference);
        if let Some((id, alias)) = self.config.model_aliases.get_key_value(id) {
            if let Some(start) = self.path.iter().position(|outer| outer == id) {
                let mut cycle = self.path[start..].to_vec();
                cycle.push(id);
                let message = format!("is a cycle: {}", cycle.join(" -> "));
                self.problems.push(Problem::error(pointer, message));
                return None;
            }
            return Some(Node::Group(self.group(id, alias)));
        }
        let aliases = || self.config.model_aliases.keys().map(String::as_str).collect();
        match lookup(reference, self.providers, |_| None, aliases) {
            Ok(Referent::Target(target)) => Some(Node::Target(target)),
            Ok(Referent::Alias(group)) => Some(Node::Group(group)),
            Ok(Referent::Unreachable(why)) => {
                let message = format!("`{reference}` is never used: {why}");
                self.problems.push(Problem::warning(pointer, message));
                None
            }
            Err((message, hint)) => {
                self.problems.push(Problem::error(pointer, message).hint(hint));
                None
            }
        }
    }
}
