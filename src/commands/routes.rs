//! What a change of the config means for requests: names that come, go, or stand for something
//! else.

use indexmap::IndexMap;

use super::changed::bounded_lines;
use crate::routing::router::{Group, Member, Node, Router};

/// More than this is not read.
const LONGEST: usize = 1500;

/// A line for every name that differs; none if one of the configs does not hold.
#[must_use]
pub fn changes(before: Option<&Router>, after: Option<&Router>) -> Vec<String> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let (before, after) = (view(before), view(after));
    let mut lines = Vec::new();
    for (name, meaning) in &before {
        match after.get(name) {
            None => lines.push(format!("- {name}")),
            Some(other) if other != meaning => {
                lines.push(format!("~ {name}: {meaning} => {other}"));
            }
            Some(_) => {}
        }
    }
    for (name, meaning) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        lines.push(format!("+ {name}: {meaning}"));
    }
    bounded_lines(lines, LONGEST)
}

/// Every name with what it stands for.
fn view(router: &Router) -> IndexMap<String, String> {
    let default = router.default_name().unwrap_or("nothing").to_owned();
    let mut view = IndexMap::from_iter([("smart".to_owned(), default)]);
    for listed in router.listed() {
        let meaning = match router.alias(&listed.id) {
            Some(group) => group_text(router, group),
            None => format!("a model of {}", listed.owner),
        };
        view.insert(listed.id.to_string(), meaning);
    }
    view
}

fn group_text(router: &Router, group: &Group) -> String {
    let names = |members: &[Member]| {
        let name = |member: &Member| {
            let name = match &member.node {
                Node::Target(id) => &*router.target(*id).name,
                Node::Group(group) => &*group.name,
            };
            if (member.weight - 1.0).abs() < f64::EPSILON {
                name.to_owned()
            } else {
                format!("{name} x{}", member.weight)
            }
        };
        members.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let mut text = format!("{} of {}", group.strategy.name(), names(&group.targets));
    if !group.fallback_targets.is_empty() {
        text.push_str(&format!(", then {}", names(&group.fallback_targets)));
    }
    text
}
