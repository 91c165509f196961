//! A text and the document that it shall say → the text with only that changed.
//!
//! Works on the places of values in the text, not on a tree that is printed again: what has not
//! changed is copied byte for byte.

mod layout;
mod spans;

use serde_json::{Map, Value};

use layout::{Layout, Style};
use spans::{Body, Node, Part};

/// Writes `new` into `text`, which must hold a JSON object, or nothing at all.
///
/// The result says exactly `new`; where `text` says so already it is untouched.
#[must_use]
pub fn overlay(text: &str, new: &Value) -> String {
    let body = text.trim_start_matches('\u{feff}');
    let (mark, is_blank) = (&text[..text.len() - body.len()], body.trim().is_empty());
    let old: Value = match serde_json::from_str(body) {
        Ok(old) => old,
        Err(_) if is_blank => Value::Object(Map::new()),
        // Nothing can be kept of a text that is no JSON.
        Err(_) => return format!("{new:#}\n"),
    };
    if is_blank {
        if old == *new {
            return text.to_owned();
        }
        let mut out = mark.to_owned();
        Style::default().fresh(new, &Layout::Block(String::new()), &mut out);
        out.push('\n');
        return out;
    }
    let root = spans::parse(body);
    let writer = Writer { text: body, style: Style::of(body, &root) };
    let mut out = format!("{mark}{}", &body[..root.start]);
    writer.value(&root, &old, new, &mut out);
    out.push_str(&body[root.end..]);
    out
}

/// Lists on one line that would be longer get a line for each element.
const LONGEST_LINE: usize = 90;

struct Writer<'t> {
    text: &'t str,
    style: Style,
}

impl Writer<'_> {
    fn value(&self, node: &Node, old: &Value, new: &Value, out: &mut String) {
        match (&node.body, old, new) {
            _ if old == new => out.push_str(&self.text[node.start..node.end]),
            (Body::Object(parts), Value::Object(old), Value::Object(new))
                if !parts.is_empty() && !new.is_empty() =>
            {
                self.object(parts, old, new, out);
            }
            (Body::List(parts), Value::Array(old), Value::Array(new))
                if !parts.is_empty() && !new.is_empty() =>
            {
                let start = out.len();
                self.list(parts, old, new, out);
                if self.outgrew_its_line(node, old, new, &out[start..]) {
                    out.truncate(start);
                    out.push_str(&self.spread(node, new));
                }
            }
            _ => {
                let layout = self.layout_at(node.start);
                self.style.fresh(new, &layout, out);
            }
        }
    }

    /// Whether a list that stood on one line has become too much for it.
    fn outgrew_its_line(&self, node: &Node, old: &[Value], new: &[Value], written: &str) -> bool {
        let was_line = !self.style.is_minified && !self.text[node.start..node.end].contains('\n');
        let objects = |list: &[Value]| list.iter().filter(|value| value.is_object()).count();
        let is_long = written.chars().count() > LONGEST_LINE && new.len() > old.len();
        was_line && (objects(new) > objects(old) || is_long)
    }

    /// A list with a line for each element.
    fn spread(&self, node: &Node, new: &[Value]) -> String {
        let Layout::Block(indent) = self.layout_at(node.start) else { return String::new() };
        let mut out = String::new();
        self.style.lines(['[', ']'], new.iter().map(|value| (None, value)), &indent, &mut out);
        out
    }

    /// Members keep their places; those that are new come last.
    fn object(
        &self,
        parts: &[Part],
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        out: &mut String,
    ) {
        let mut pieces: Vec<Piece<'_>> = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let Some(value) = new.get(&part.key) else { continue };
            // Of a key that stands twice, the last one counts; the others are copied.
            let counts = parts[place + 1..].iter().all(|later| later.key != part.key);
            let mut text = self.text[part.lead.end..part.node.start].to_owned();
            match old.get(&part.key) {
                Some(old) if counts => self.value(&part.node, old, value, &mut text),
                Some(_) | None => text.push_str(&self.text[part.node.start..part.node.end]),
            }
            pieces.push(Piece { of: Some((place, part)), text });
        }
        let layout = self.layout_of(parts);
        for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            let mut text = format!("{}{}", Value::from(key.as_str()), self.style.colon);
            self.style.fresh(value, &layout, &mut text);
            pieces.push(Piece { of: None, text });
        }
        self.join(['{', '}'], parts, &pieces, out);
    }

    /// An element that was there keeps its text: found by equality, else by what names it.
    fn list(&self, parts: &[Part], old: &[Value], new: &[Value], out: &mut String) {
        let layout = self.layout_of(parts);
        let mut taken = vec![false; parts.len()];
        let mut found: Vec<Option<usize>> = vec![None; new.len()];
        for same in [|a: &Value, b: &Value| a == b, same_name] {
            for (value, found) in new.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let place = (0..old.len().min(parts.len()))
                    .find(|place| !taken[*place] && same(&old[*place], value));
                if let Some(place) = place {
                    taken[place] = true;
                    *found = Some(place);
                }
            }
        }
        let mut pieces = Vec::with_capacity(new.len());
        for (value, found) in new.iter().zip(found) {
            let mut text = String::new();
            match found {
                Some(place) => self.value(&parts[place].node, &old[place], value, &mut text),
                None => self.style.fresh(value, &layout, &mut text),
            }
            pieces.push(Piece { of: found.map(|place| (place, &parts[place])), text });
        }
        self.join(['[', ']'], parts, &pieces, out);
    }

    /// Puts pieces together with the space that stood around them, or around their neighbours.
    fn join(
        &self,
        [open, close]: [char; 2],
        parts: &[Part],
        pieces: &[Piece<'_>],
        out: &mut String,
    ) {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
        let lead_of_first = &self.text[first.lead.clone()];
        let lead_of_others = if parts.len() > 1 {
            &self.text[last.lead.clone()]
        } else if lead_of_first.contains('\n') {
            lead_of_first
        } else {
            self.style.gap()
        };
        out.push(open);
        for (place, piece) in pieces.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            out.push_str(match piece.of {
                _ if place == 0 => lead_of_first,
                Some((was, part)) if was > 0 => &self.text[part.lead.clone()],
                Some(_) | None => lead_of_others,
            });
            out.push_str(&piece.text);
            let is_last = place + 1 == pieces.len();
            if is_last {
                out.push_str(&self.text[last.trail.clone()]);
            } else if let Some((was, part)) = piece.of
                && was + 1 < parts.len()
            {
                out.push_str(&self.text[part.trail.clone()]);
            }
        }
        out.push(close);
    }

    /// How a value is laid out that is new in this list or object.
    fn layout_of(&self, parts: &[Part]) -> Layout {
        let lead = parts.last().map_or("", |part| &self.text[part.lead.clone()]);
        match lead.rsplit_once('\n') {
            Some((_, indent)) => Layout::Block(indent.to_owned()),
            None => Layout::Inline,
        }
    }

    /// How a value is laid out that takes the place of another one.
    fn layout_at(&self, start: usize) -> Layout {
        if self.style.is_minified {
            return Layout::Inline;
        }
        let line =
            self.text[..start].rsplit_once('\n').map_or(&self.text[..start], |(_, line)| line);
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        Layout::Block(line[..indent].to_owned())
    }
}

/// A member or element as it will be written, and what it was.
struct Piece<'p> {
    of: Option<(usize, &'p Part)>,
    text: String,
}

/// Whether two elements of a list are versions of one thing: providers and models by `id`, targets
/// by `ref`, and the short forms of both.
fn same_name(a: &Value, b: &Value) -> bool {
    fn name(value: &Value) -> Option<&str> {
        let keys = ["id", "ref", "name", "model", "target", "route"];
        value.as_str().or_else(|| keys.iter().find_map(|key| value.get(key)?.as_str()))
    }
    name(a).is_some_and(|a| name(b) == Some(a))
}

#[cfg(test)]
mod tests;
