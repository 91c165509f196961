//! How values look that are new in a text: like those that are there.

use serde_json::Value;

use super::spans::{Body, Node};

/// The habits of a text.
pub(super) struct Style {
    /// One step of indentation.
    indent: String,
    newline: &'static str,
    /// What stands between a key and its value.
    pub(super) colon: String,
    /// The whole document on one line.
    pub(super) is_minified: bool,
    /// Lists of plain values have a line for each of them.
    spread_lists: bool,
    /// Objects of plain values have a line for each of them, however short.
    spread_objects: bool,
}

/// Where a new value is put.
pub(super) enum Layout {
    /// On a line of its own with this indentation.
    Block(String),
    /// On a line with others.
    Inline,
}

/// The longest list of plain values that is put on one line.
const SHORT: usize = 72;

impl Default for Style {
    fn default() -> Self {
        Self {
            indent: "  ".to_owned(),
            newline: "\n",
            colon: ": ".to_owned(),
            is_minified: false,
            spread_lists: false,
            spread_objects: false,
        }
    }
}

impl Style {
    /// Looks at what is there. A text without members has no habits.
    pub(super) fn of(text: &str, root: &Node) -> Self {
        let mut style = Self::default();
        let Body::Object(parts) = &root.body else { return style };
        let Some(first) = parts.first() else { return style };
        if text.contains("\r\n") {
            style.newline = "\r\n";
        }
        let between = text[first.lead.end..first.node.start].trim_start();
        if let Some(colon) = between.rfind(':') {
            let space =
                if between[colon + 1..].contains('\n') { " " } else { &between[colon + 1..] };
            style.colon = format!(":{space}");
        }
        match text[first.lead.clone()].rsplit_once('\n') {
            Some((_, indent)) => style.indent = indent.to_owned(),
            None => style.is_minified = !text[root.start..root.end].contains('\n'),
        }
        let (lists, objects) = spreads(text, root);
        (style.spread_lists, style.spread_objects) = (lists, objects);
        style
    }

    /// The space between two things on one line.
    pub(super) fn gap(&self) -> &'static str {
        if self.is_minified && self.colon == ":" { "" } else { " " }
    }

    /// Writes a value that was not there before.
    pub(super) fn fresh(&self, value: &Value, layout: &Layout, out: &mut String) {
        let indent = match layout {
            Layout::Inline => return self.inline(value, out),
            Layout::Block(indent) => indent,
        };
        if let Some(line) = self.short(value)
            && !indent.is_empty()
        {
            out.push_str(&line);
            return;
        }
        match value {
            Value::Array(list) if !list.is_empty() => {
                self.lines(['[', ']'], list.iter().map(|element| (None, element)), indent, out);
            }
            Value::Object(map) if !map.is_empty() => {
                let members = map.iter().map(|(key, value)| (Some(key), value));
                self.lines(['{', '}'], members, indent, out);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => out.push_str(&value.to_string()),
        }
    }

    /// A list or object of plain values on one line, if it is short and such are here.
    fn short(&self, value: &Value) -> Option<String> {
        let is_plain = |value: &Value| !value.is_array() && !value.is_object();
        let fits = match value {
            Value::Array(list) => !self.spread_lists && list.iter().all(is_plain),
            Value::Object(map) => !self.spread_objects && map.values().all(is_plain),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        let mut line = String::new();
        self.inline(value, &mut line);
        (fits && line.chars().count() <= SHORT).then_some(line)
    }

    pub(super) fn lines<'v>(
        &self,
        [open, close]: [char; 2],
        parts: impl Iterator<Item = (Option<&'v String>, &'v Value)>,
        indent: &str,
        out: &mut String,
    ) {
        let inner = Layout::Block(format!("{indent}{}", self.indent));
        out.push(open);
        for (place, (key, value)) in parts.enumerate() {
            if place > 0 {
                out.push(',');
            }
            out.push_str(self.newline);
            out.push_str(indent);
            out.push_str(&self.indent);
            if let Some(key) = key {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(&self.colon);
            }
            self.fresh(value, &inner, out);
        }
        out.push_str(self.newline);
        out.push_str(indent);
        out.push(close);
    }

    fn inline(&self, value: &Value, out: &mut String) {
        let gap = self.gap();
        match value {
            Value::Array(list) => {
                out.push('[');
                for (place, element) in list.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                        out.push_str(gap);
                    }
                    self.inline(element, out);
                }
                out.push(']');
            }
            Value::Object(map) if !map.is_empty() => {
                out.push('{');
                out.push_str(gap);
                for (place, (key, value)) in map.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                        out.push_str(gap);
                    }
                    out.push_str(&Value::from(key.as_str()).to_string());
                    out.push_str(&self.colon);
                    self.inline(value, out);
                }
                out.push_str(gap);
                out.push('}');
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => out.push_str(&value.to_string()),
        }
    }
}

/// Of lists and of objects of plain values: whether some has a line for each, and none is on one
/// line.
fn spreads(text: &str, root: &Node) -> (bool, bool) {
    fn look(text: &str, node: &Node, seen: &mut [(bool, bool); 2]) {
        let (Body::List(parts) | Body::Object(parts)) = &node.body else { return };
        let kind = usize::from(matches!(node.body, Body::Object(_)));
        let is_plain = parts.iter().all(|part| matches!(part.node.body, Body::Scalar));
        if is_plain && !parts.is_empty() {
            let spread = text[node.start..node.end].contains('\n');
            seen[kind].0 |= spread;
            seen[kind].1 |= !spread;
        }
        for part in parts {
            look(text, &part.node, seen);
        }
    }
    let mut seen = [(false, false); 2];
    if let Body::Object(parts) | Body::List(parts) = &root.body {
        for part in parts {
            look(text, &part.node, &mut seen);
        }
    }
    let [lists, objects] = seen.map(|(spread, on_one_line)| spread && !on_one_line);
    (lists, objects)
}
