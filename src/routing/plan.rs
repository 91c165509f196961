//! A route laid out for deciding: every target that may answer has one slot, every group is a row of
//! slots and groups, and everything that the state keeps is named once. Made at compile time, so
//! that a decision looks nothing up but the state.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::router::{BucketId, Group, Member, Node, Target, TargetId};
use crate::config::Strategy;

/// See the module's documentation.
#[derive(Debug)]
pub struct Plan {
    /// Targets of the tree in config order, then silent fallbacks; each target once.
    pub slots: Box<[Slot]>,
    /// The tree; the first is its root.
    pub groups: Box<[PlanGroup]>,
    /// The distinct buckets of all slots.
    pub buckets: Box<[BucketId]>,
    /// The distinct providers of all slots.
    pub providers: Box<[Arc<str>]>,
    /// How many credits the wheels of all groups have together.
    pub credits: usize,
    /// The smallest context window of all slots, if there is a choice.
    pub smallest_window: Option<u64>,
    /// Whether some slot is known to lack something, and there is a choice.
    pub lacking: bool,
    /// Whether a conversation is to stay on its target: some group is `auto` and has a choice.
    pub affine: bool,
}

/// A target's place in a plan.
#[derive(Debug)]
pub struct Slot {
    pub target: TargetId,
    pub tier: Tier,
    /// An index into [`Plan::providers`].
    pub provider: usize,
    /// Indexes into [`Plan::buckets`].
    pub buckets: Box<[usize]>,
    /// The slots that silently take over when this one fails.
    pub fallbacks: Box<[usize]>,
}

/// How a target comes into a route; the better one if it comes in twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    Target,
    /// Tried only when no target is left.
    Fallback,
    /// Of a model that is a target: tried after all of those.
    SilentFallback,
}

/// A group of a plan.
#[derive(Debug)]
pub struct PlanGroup {
    pub name: Arc<str>,
    pub strategy: Strategy,
    /// Targets, then fallback targets.
    pub tiers: [Row; 2],
}

/// Members of a group that are balanced among themselves.
#[derive(Debug)]
pub struct Row {
    pub members: Box<[PlanMember]>,
    /// The name that the row's wheel is kept under.
    pub wheel: Arc<str>,
    /// The members' names, which the wheel's credits are kept under.
    pub names: Arc<[Arc<str>]>,
    /// Where the row's credits stand among those of the plan.
    pub credits: Range<usize>,
}

/// One of a row.
#[derive(Debug, Clone, Copy)]
pub struct PlanMember {
    pub node: PlanNode,
    /// 0 or more; 0 means only when nothing else is left.
    pub weight: f64,
}

/// A slot, or a group that counts as one target of the outer group: indexes.
#[derive(Debug, Clone, Copy)]
pub enum PlanNode {
    Slot(usize),
    Group(usize),
}

impl Plan {
    /// Lays `root` out.
    #[must_use]
    pub fn new(root: &Group, targets: &[Target]) -> Self {
        let mut layout = Layout { targets, ..Layout::default() };
        layout.group(root, Tier::Target);
        let in_tree = layout.slots.len();
        let mut fallbacks = Vec::with_capacity(in_tree);
        for slot in 0..in_tree {
            let own = &layout.target(layout.slots[slot].target).fallbacks;
            let places = own.iter().map(|target| layout.slot(*target, Tier::SilentFallback));
            fallbacks.push(places.collect::<Box<[usize]>>());
        }
        for (slot, fallbacks) in layout.slots.iter_mut().zip(fallbacks) {
            slot.fallbacks = fallbacks;
        }
        let has_choice = layout.slots.len() > 1;
        let auto = layout.groups.iter().flatten().any(|group| group.strategy == Strategy::Auto);
        let all = || layout.slots.iter().map(|slot| layout.target(slot.target));
        let windows = all().filter_map(|target| target.context_window);
        let (smallest_window, lacking) = (
            windows.min().filter(|_| has_choice),
            has_choice && all().any(Target::lacks_something),
        );
        Self {
            smallest_window,
            lacking,
            slots: layout.slots.into(),
            groups: layout.groups.into_iter().flatten().collect(),
            buckets: layout.buckets.into(),
            providers: layout.providers.into(),
            credits: layout.credits,
            affine: has_choice && auto,
        }
    }

    /// Every row of every group.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.groups.iter().flat_map(|group| &group.tiers)
    }

    /// The slot of `target`, if it may answer here.
    #[must_use]
    pub fn slot_of(&self, target: TargetId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.target == target)
    }
}

#[derive(Default)]
struct Layout<'a> {
    targets: &'a [Target],
    slots: Vec<Slot>,
    slot_of: HashMap<TargetId, usize>,
    /// `None` while a group's members are being laid out.
    groups: Vec<Option<PlanGroup>>,
    buckets: Vec<BucketId>,
    providers: Vec<Arc<str>>,
    credits: usize,
}

impl<'a> Layout<'a> {
    fn target(&self, id: TargetId) -> &'a Target {
        &self.targets[usize::from(id.0)]
    }

    fn group(&mut self, group: &Group, tier: Tier) -> usize {
        let place = self.groups.len();
        self.groups.push(None);
        let targets = self.row(&group.targets, group.name.as_ref().into(), tier);
        let wheel = format!("{} fallbackTargets", group.name).into();
        let fallbacks = self.row(&group.fallback_targets, wheel, tier.max(Tier::Fallback));
        self.groups[place] = Some(PlanGroup {
            name: Arc::clone(&group.name),
            strategy: group.strategy,
            tiers: [targets, fallbacks],
        });
        place
    }

    fn row(&mut self, members: &[Member], wheel: Arc<str>, tier: Tier) -> Row {
        let mut laid = Vec::with_capacity(members.len());
        let mut names = Vec::with_capacity(members.len());
        for member in members {
            let (node, name) = match &member.node {
                Node::Target(id) => {
                    let name = Arc::clone(&self.target(*id).name);
                    (PlanNode::Slot(self.slot(*id, tier)), name)
                }
                Node::Group(group) => {
                    (PlanNode::Group(self.group(group, tier)), Arc::clone(&group.name))
                }
            };
            laid.push(PlanMember { node, weight: member.weight });
            names.push(name);
        }
        let credits = self.credits..self.credits + laid.len();
        self.credits = credits.end;
        Row { members: laid.into(), wheel, names: names.into(), credits }
    }

    /// The slot of `target`, a new one if it has none.
    fn slot(&mut self, id: TargetId, tier: Tier) -> usize {
        if let Some(&slot) = self.slot_of.get(&id) {
            self.slots[slot].tier = self.slots[slot].tier.min(tier);
            return slot;
        }
        let target = self.target(id);
        let provider = intern(&mut self.providers, &target.provider);
        let buckets = target.buckets.iter().map(|bucket| intern(&mut self.buckets, bucket));
        let slot = Slot {
            target: id,
            tier,
            provider,
            buckets: buckets.collect(),
            fallbacks: Box::default(),
        };
        self.slot_of.insert(id, self.slots.len());
        self.slots.push(slot);
        self.slots.len() - 1
    }
}

/// The place of `item` in `list`, at its end if it was not there.
fn intern<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T) -> usize {
    list.iter().position(|known| known == item).unwrap_or_else(|| {
        list.push(item.clone());
        list.len() - 1
    })
}
