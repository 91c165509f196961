//! Config → [`Router`], or every problem that it has. The only validation there is: at start, at
//! every reload and before every write.

mod aliases;
mod amp;
mod buckets;
mod providers;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    plan::Plan,
    router::{Group, Listed, Member, Node, Route, RouteKind, Router, Target, TargetId},
    settings::Settings,
};
use crate::{
    config::{
        Config, Strategy,
        problem::{Problem, join},
        secret::SecretFinder,
    },
    names::did_you_mean,
};
use aliases::Aliases;
use providers::Providers;

/// A router, and what is doubtful about its config; or nothing but problems.
#[derive(Debug)]
pub struct Compiled {
    /// `None` if any problem is an error.
    pub router: Option<Router>,
    pub problems: Vec<Problem>,
}

impl Router {
    /// Checks and indexes `config`. Reports every problem, not only the first.
    ///
    /// `find` supplies the values of secrets. A provider whose key it cannot find is no problem of
    /// the config: requests to it fail with a message that says so.
    #[must_use]
    pub fn compile(config: &Config, find: &SecretFinder<'_>) -> Compiled {
        let mut problems = Vec::new();
        let settings = Settings::compile(config, find, &mut problems);
        let mut providers = Providers::compile(config, find, &mut problems);
        let buckets = buckets::compile(config, &mut problems);
        buckets::assign(&buckets, &mut providers.targets);
        let aliases = Aliases::compile(config, &providers, &mut problems);
        let names = Names { providers: &providers, aliases: &aliases };
        let default = compile_default(config, &names, &mut problems);
        let amp = amp::compile(config, &names, find, &mut problems);
        problems.sort();
        if problems.iter().any(Problem::is_error) {
            return Compiled { router: None, problems };
        }
        let (routes, listed) = (index_routes(config, &names), list(&names));
        let demo = config.providers.is_empty();
        let default = default
            .or_else(|| demo.then(|| DEMO_MODEL.to_owned()))
            .and_then(|name| routes.get(name.as_str()).cloned());
        let targets = providers.targets;
        let buckets = buckets.into_iter().map(|scoped| scoped.bucket).collect();
        let router = Some(Self { targets, buckets, routes, default, listed, demo, settings, amp });
        Compiled { router, problems }
    }
}

/// What answers when no provider is configured and no model is named.
const DEMO_MODEL: &str = "demo/echo";

/// All names that a reference in the config may use.
struct Names<'a> {
    providers: &'a Providers,
    aliases: &'a Aliases,
}

/// What a reference in the config points to.
enum Referent {
    Alias(Arc<Group>),
    Target(TargetId),
    /// Configured, but switched off or not supported: why.
    Unreachable(String),
}

impl Names<'_> {
    /// What `reference` stands for.
    ///
    /// # Errors
    /// What is wrong with it and the nearest names, if it stands for nothing.
    fn lookup(&self, reference: &str) -> Result<Referent, (String, String)> {
        lookup(
            reference,
            self.providers,
            |id| self.aliases.groups.get(id).cloned(),
            || self.aliases.groups.keys().map(|id| &**id).collect(),
        )
    }

    /// Reports `reference` at `pointer` unless it stands for something; a warning if that is
    /// switched off.
    fn check(&self, pointer: String, reference: &str, problems: &mut Vec<Problem>) {
        match self.lookup(reference) {
            Ok(Referent::Alias(_) | Referent::Target(_)) => {}
            Ok(Referent::Unreachable(why)) => {
                problems
                    .push(Problem::warning(pointer, format!("`{reference}` is never used: {why}")));
            }
            Err((message, hint)) => problems.push(Problem::error(pointer, message).hint(hint)),
        }
    }
}

/// The reference grammar: `alias:<id>`, `provider/model` (split at the first slash), or an alias id.
fn lookup<'a>(
    reference: &str,
    providers: &'a Providers,
    alias: impl Fn(&str) -> Option<Arc<Group>>,
    alias_ids: impl Fn() -> Vec<&'a str>,
) -> Result<Referent, (String, String)> {
    let id = reference.strip_prefix("alias:").unwrap_or(reference);
    if let Some(group) = alias(id) {
        return Ok(Referent::Alias(group));
    }
    if let Some(&target) = providers.by_name.get(reference) {
        return Ok(Referent::Target(target));
    }
    if let Some(why) = providers.unreachable.get(reference) {
        return Ok(Referent::Unreachable(why.clone()));
    }
    if let Some((provider, _)) = reference.split_once('/')
        && let Some(why) = providers.unreachable_providers.get(provider)
    {
        return Ok(Referent::Unreachable(why.clone()));
    }
    let ids = alias_ids();
    let known = ids.into_iter().chain(providers.by_name.keys().map(|name| &**name));
    let hint = did_you_mean(reference, known);
    let hint = hint.trim_start_matches("; ").to_owned();
    let kind = if reference.contains('/') { "model" } else { "alias" };
    Err((format!("there is no {kind} `{reference}`"), hint))
}

fn compile_default(
    config: &Config,
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let name = config.default_model.as_deref().map(str::trim).filter(|name| !name.is_empty())?;
    // `smart` stands for the default model; naming it here says nothing, unless it is an alias.
    if name == "smart" && !names.aliases.groups.contains_key("smart") {
        return None;
    }
    names.check("/defaultModel".to_owned(), name, problems);
    Some(name.strip_prefix("alias:").unwrap_or(name).to_owned())
}

/// Every name that a client may use, with what it stands for. On a clash the more explicit wins:
/// alias, then `provider/model`, then a bare model id, then a model's own aliases.
fn index_routes(config: &Config, names: &Names<'_>) -> HashMap<Box<str>, Arc<Route>> {
    let mut routes: HashMap<Box<str>, Arc<Route>> = HashMap::new();
    let targets = &names.providers.targets;
    for (id, group) in &names.aliases.groups {
        let route = Arc::new(Route {
            kind: RouteKind::Alias,
            name: Arc::clone(&group.name),
            group: Arc::clone(group),
            on_loss: config.model_aliases.get(id).and_then(|alias| alias.on_loss),
            plan: Plan::new(group, targets),
        });
        routes.insert(format!("alias:{id}").into(), Arc::clone(&route));
        routes.insert(id.as_str().into(), route);
    }
    for (name, &target) in &names.providers.by_name {
        let canonical = Arc::clone(&targets[usize::from(target.0)].name);
        let route = Arc::new(single(RouteKind::Direct, canonical, vec![target], targets));
        routes.entry(name.to_string().into()).or_insert(route);
    }
    for bare in [&names.providers.bare, &names.providers.bare_aliases] {
        for (model, ids) in bare {
            let route = single(RouteKind::Bare, Arc::clone(model), ids.clone(), targets);
            let route = Arc::new(route);
            routes.entry(model.to_string().into()).or_insert(route);
        }
    }
    routes
}

fn single(kind: RouteKind, name: Arc<str>, ids: Vec<TargetId>, targets: &[Target]) -> Route {
    let members = ids.into_iter().map(|id| Member { node: Node::Target(id), weight: 1.0 });
    let group = Group {
        name: Arc::clone(&name),
        strategy: Strategy::Ordered,
        targets: members.collect(),
        fallback_targets: Vec::new(),
    };
    let plan = Plan::new(&group, targets);
    Route { kind, name, group: Arc::new(group), on_loss: None, plan }
}

fn list(names: &Names<'_>) -> Vec<Listed> {
    let targets = &names.providers.targets;
    let aliases = names.aliases.groups.values().filter(|group| !is_empty(group)).map(|group| {
        let mut ids = Vec::new();
        collect(group, &mut ids);
        let windows: Option<Vec<u64>> =
            ids.into_iter().map(|id| targets[usize::from(id.0)].context_window).collect();
        Listed {
            id: Arc::clone(&group.name),
            display_name: group.name.to_string(),
            owner: "llm-router".to_owned(),
            context_window: windows.and_then(|windows| windows.into_iter().min()),
        }
    });
    let models = targets.iter().map(|target| Listed {
        id: Arc::clone(&target.name),
        display_name: target.reference.model().to_owned(),
        owner: target.reference.provider().to_owned(),
        context_window: target.context_window,
    });
    let mut seen = BTreeSet::new();
    aliases.chain(models).filter(|listed| seen.insert(Arc::clone(&listed.id))).collect()
}

fn members(group: &Group) -> impl Iterator<Item = &Member> {
    group.targets.iter().chain(&group.fallback_targets)
}

fn is_empty(group: &Group) -> bool {
    members(group).all(|member| match &member.node {
        Node::Target(_) => false,
        Node::Group(inner) => is_empty(inner),
    })
}

fn collect(group: &Group, ids: &mut Vec<TargetId>) {
    for member in members(group) {
        match &member.node {
            Node::Target(id) => ids.push(*id),
            Node::Group(inner) => collect(inner, ids),
        }
    }
}

/// A pointer to element `index` of the list at `pointer`.
fn at(pointer: &str, index: usize) -> String {
    join(pointer, &index.to_string())
}
