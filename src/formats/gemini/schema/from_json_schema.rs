//! JSON Schema → Google's schema language. References are followed and put in place, within bounds.

use std::{borrow::Cow, collections::BTreeSet};

use super::node::{Members, Node};

/// How deep references may lie inside of each other.
const DEEPEST: u32 = 4;

/// How many schemas a schema may consist of when references are in place.
const MOST: u32 = 2000;

/// Converts a whole schema; with it, the keywords that are lost.
pub(super) fn convert<'a>(root: &'a Node<'a>) -> (Node<'a>, Vec<String>) {
    let mut writer = Writer { root, lost: Vec::new(), depth: 0, schemas: 0 };
    let node = writer.schema(root);
    (node, writer.lost)
}

/// How many lost keywords are told.
const MOST_LOST: usize = 20;

struct Writer<'a> {
    root: &'a Node<'a>,
    lost: Vec<String>,
    /// How many references have been followed to get here.
    depth: u32,
    schemas: u32,
}

/// The keywords of one schema, those of what it refers to included.
#[derive(Default)]
struct Parts<'a> {
    members: Vec<(&'a str, &'a Node<'a>)>,
    seen: BTreeSet<&'a str>,
    /// Of several `properties` all count, as all have to hold.
    properties: Vec<&'a Members<'a>>,
    required: Vec<&'a str>,
    followed: u32,
}

impl<'a> Writer<'a> {
    fn lose(&mut self, keyword: &str) {
        if self.lost.len() < MOST_LOST && !self.lost.iter().any(|lost| lost == keyword) {
            self.lost.push(keyword.to_owned());
        }
    }

    fn schema(&mut self, node: &'a Node<'a>) -> Node<'a> {
        self.schemas += 1;
        let mut parts = Parts::default();
        self.collect(node, &mut parts);
        self.depth += parts.followed;
        let converted = self.write(&parts);
        self.depth -= parts.followed;
        Node::Object(converted)
    }

    /// Gathers the keywords of `node`, of its references and of `allOf`. What stands nearer counts.
    fn collect(&mut self, node: &'a Node<'a>, parts: &mut Parts<'a>) {
        let Node::Object(members) = node else {
            if *node == Node::Bool(false) {
                self.lose("false");
            }
            return;
        };
        let mut behind = Vec::new();
        for (key, value) in members {
            match (&**key, value) {
                ("$ref", Node::Text(reference)) => {
                    let target = reference.strip_prefix('#').and_then(|at| self.root.at(at));
                    let room = self.depth + parts.followed < DEEPEST && self.schemas < MOST;
                    match target.filter(|_| room) {
                        Some(target) => {
                            parts.followed += 1;
                            behind.push(target);
                        }
                        None => self.lose("$ref"),
                    }
                }
                ("allOf", Node::List(list)) => behind.extend(list),
                ("properties", Node::Object(properties)) => parts.properties.push(properties),
                ("required", Node::List(names)) => {
                    parts.required.extend(names.iter().filter_map(Node::as_text));
                }
                (key, value) => {
                    if parts.seen.insert(key) {
                        parts.members.push((key, value));
                    }
                }
            }
        }
        for node in behind {
            self.collect(node, parts);
        }
    }

    fn write(&mut self, parts: &Parts<'a>) -> Members<'a> {
        let mut out = Out::default();
        let mut kinds: Vec<&str> = Vec::new();
        for (key, value) in &parts.members {
            match (*key, value) {
                ("type", Node::Text(kind)) => kinds.push(kind),
                ("type", Node::List(list)) => kinds.extend(list.iter().filter_map(Node::as_text)),
                (key, value) => self.keyword(key, value, &mut out),
            }
        }
        out.nullable |= kinds.len() > 1 && kinds.contains(&"null");
        if kinds.len() > 1 {
            kinds.retain(|kind| *kind != "null");
        }
        self.properties(parts, &mut out);
        if kinds.is_empty() {
            kinds.extend(out.implied());
        }
        self.finish(&kinds, out)
    }

    fn keyword(&mut self, key: &'a str, value: &'a Node<'a>, out: &mut Out<'a>) {
        match (key, value) {
            ("title" | "description" | "default" | "example", value) => {
                out.about.push((Cow::Borrowed(key), value.clone()));
            }
            ("examples", Node::List(list)) => {
                let first = list.first().cloned();
                out.about.extend(first.map(|first| (Cow::Borrowed("example"), first)));
            }
            ("enum", Node::List(values)) => self.values(values, "enum", out),
            ("const", value) => self.values(std::slice::from_ref(value), "const", out),
            ("format", Node::Text(format)) => out.format = Some(format),
            ("anyOf" | "oneOf", Node::List(variants)) => self.variants(variants, out),
            ("items", Node::List(items)) => {
                self.lose("items");
                out.items = items.first().map(|first| self.schema(first));
            }
            ("items", value) => out.items = Some(self.schema(value)),
            ("nullable", Node::Bool(nullable)) => out.nullable |= nullable,
            (
                "minimum" | "maximum" | "minLength" | "maxLength" | "pattern" | "minItems"
                | "maxItems" | "minProperties" | "maxProperties",
                value,
            ) => out.bounds.push((key, value.clone())),
            // Only what is declared is ever written.
            ("additionalProperties", Node::Bool(false))
            | (
                "$schema" | "$id" | "id" | "$anchor" | "$comment" | "$defs" | "definitions"
                | "propertyOrdering",
                _,
            ) => {}
            (key, _) => self.lose(key),
        }
    }

    /// Only words can be listed.
    fn values(&mut self, values: &'a [Node<'a>], keyword: &str, out: &mut Out<'a>) {
        out.nullable |= values.contains(&Node::Null);
        let words: Vec<Node<'a>> =
            values.iter().filter(|value| value.as_text().is_some()).cloned().collect();
        let others = values.iter().filter(|value| **value != Node::Null).count() - words.len();
        if others > 0 {
            self.lose(keyword);
        } else if !words.is_empty() {
            out.words = Some(words);
        }
    }

    fn variants(&mut self, variants: &'a [Node<'a>], out: &mut Out<'a>) {
        let is_null =
            |node: &&Node<'_>| node.member("type").and_then(Node::as_text) == Some("null");
        out.nullable |= variants.iter().any(|node| is_null(&node));
        for variant in variants.iter().filter(|node| !is_null(node)) {
            if self.schemas >= MOST {
                self.lose("anyOf");
                return;
            }
            out.variants.push(self.schema(variant));
        }
    }

    fn properties(&mut self, parts: &Parts<'a>, out: &mut Out<'a>) {
        let mut declared = BTreeSet::new();
        for (name, value) in parts.properties.iter().copied().flatten() {
            if self.schemas >= MOST {
                self.lose("properties");
                break;
            }
            if declared.insert(&**name) {
                let value = self.schema(value);
                out.properties.push((name.clone(), value));
            }
        }
        // What is required must be declared, and once is enough.
        let required = parts.required.iter().filter(|name| declared.remove(*name));
        out.required = required.map(|name| Node::text(*name)).collect();
    }

    fn finish(&mut self, kinds: &[&str], mut out: Out<'a>) -> Members<'a> {
        let nullable = out.nullable;
        let about = std::mem::take(&mut out.about);
        let variants = std::mem::take(&mut out.variants);
        let mut written = match kinds {
            [] => Vec::new(),
            [kind] => self.of_kind(kind, &out),
            kinds => {
                let each = kinds.iter().map(|kind| Node::Object(self.of_kind(kind, &out)));
                vec![(Cow::Borrowed("anyOf"), Node::List(each.collect()))]
            }
        };
        match (variants.len(), kinds.len()) {
            (0, _) => {}
            (1, 0) => written.extend(variants.into_iter().flat_map(|variant| match variant {
                Node::Object(members) => members,
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                    Vec::new()
                }
            })),
            (_, 0 | 1) => written.push((Cow::Borrowed("anyOf"), Node::List(variants))),
            (..) => self.lose("anyOf"),
        }
        let mut members = about;
        let known = |members: &Members<'_>, key: &str| members.iter().any(|(k, _)| k == key);
        for (key, value) in written {
            if !known(&members, &key) {
                members.push((key, value));
            }
        }
        if nullable && !known(&members, "nullable") {
            members.push((Cow::Borrowed("nullable"), Node::Bool(true)));
        }
        members
    }

    /// The schema of one type: what is said of others does not belong to it.
    fn of_kind(&mut self, kind: &str, out: &Out<'a>) -> Members<'a> {
        let kind = kind.to_ascii_uppercase();
        let mut members: Members<'a> = vec![(Cow::Borrowed("type"), Node::text(kind.clone()))];
        if let Some(format) = out.format {
            let formats: &[&str] = match &*kind {
                "STRING" => &["date-time", "enum"],
                "NUMBER" => &["float", "double"],
                "INTEGER" => &["int32", "int64"],
                _ => &[],
            };
            if formats.contains(&format) {
                members.push((Cow::Borrowed("format"), Node::text(format)));
            } else {
                self.lose("format");
            }
        }
        let bounds: &[&str] = match &*kind {
            "STRING" => &["minLength", "maxLength", "pattern"],
            "NUMBER" | "INTEGER" => &["minimum", "maximum"],
            "ARRAY" => &["minItems", "maxItems"],
            "OBJECT" => &["minProperties", "maxProperties"],
            _ => &[],
        };
        for (key, value) in out.bounds.iter().filter(|(key, _)| bounds.contains(key)) {
            members.push((Cow::Borrowed(*key), value.clone()));
        }
        let mut push = |key: &'static str, value| members.push((Cow::Borrowed(key), value));
        match &*kind {
            "STRING" => {
                if let Some(words) = &out.words {
                    push("enum", Node::List(words.clone()));
                }
            }
            // The API refuses lists without items.
            "ARRAY" => match &out.items {
                Some(items) => push("items", items.clone()),
                None => {
                    let word = vec![(Cow::Borrowed("type"), Node::text("STRING"))];
                    push("items", Node::Object(word));
                    self.lose("items");
                }
            },
            "OBJECT" if !out.properties.is_empty() => {
                push("properties", Node::Object(out.properties.clone()));
                if !out.required.is_empty() {
                    push("required", Node::List(out.required.clone()));
                }
            }
            _ => {}
        }
        members
    }
}

/// A schema under construction.
#[derive(Default)]
struct Out<'a> {
    about: Members<'a>,
    format: Option<&'a str>,
    words: Option<Vec<Node<'a>>>,
    bounds: Vec<(&'a str, Node<'a>)>,
    items: Option<Node<'a>>,
    properties: Members<'a>,
    required: Vec<Node<'a>>,
    variants: Vec<Node<'a>>,
    nullable: bool,
}

impl Out<'_> {
    /// The type that what is said belongs to, where none is named.
    fn implied(&self) -> Option<&'static str> {
        if !self.properties.is_empty() {
            Some("object")
        } else if self.items.is_some() {
            Some("array")
        } else if self.words.is_some() {
            Some("string")
        } else {
            None
        }
    }
}
