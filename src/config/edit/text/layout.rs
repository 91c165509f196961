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
        style.spread_lists = spreads(text, root);
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
        match value {
            Value::Array(list) if !list.is_empty() => {
                let mut line = String::new();
                self.inline(value, &mut line);
                let is_plain =
                    !list.iter().any(|element| element.is_array() || element.is_object());
                if is_plain && !self.spread_lists && line.len() <= SHORT {
                    out.push_str(&line);
                    return;
                }
                self.lines('[', list.iter().map(|element| (None, element)), ']', indent, out);
            }
            Value::Object(map) if !map.is_empty() => {
                let members = map.iter().map(|(key, value)| (Some(key), value));
                self.lines('{', members, '}', indent, out);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => out.push_str(&value.to_string()),
        }
    }

    fn lines<'v>(
        &self,
        open: char,
        parts: impl Iterator<Item = (Option<&'v String>, &'v Value)>,
        close: char,
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

/// Whether some list of plain values has a line for each, and none is on one line.
fn spreads(text: &str, root: &Node) -> bool {
    fn look(text: &str, node: &Node, seen: &mut (bool, bool)) {
        let (Body::List(parts) | Body::Object(parts)) = &node.body else { return };
        let is_list = matches!(node.body, Body::List(_));
        let is_plain = parts.iter().all(|part| matches!(part.node.body, Body::Scalar));
        if is_list && is_plain && !parts.is_empty() {
            let spread = text[node.start..node.end].contains('\n');
            seen.0 |= spread;
            seen.1 |= !spread;
        }
        for part in parts {
            look(text, &part.node, seen);
        }
    }
    let mut seen = (false, false);
    look(text, root, &mut seen);
    seen.0 && !seen.1
}
