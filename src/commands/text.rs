//! Results for people: lines of at most 80 columns, with a little colour where there is a terminal.

use std::fmt::Write;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Plain,
    /// Headings and what matters most.
    Strong,
    /// Side notes.
    Faint,
    /// What is new, or good.
    Good,
    /// What is gone, or bad.
    Bad,
    /// What is doubtful.
    Doubtful,
}

/// Text in pieces, each with its look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(Vec<(Look, String)>);

/// The width that everything fits into.
pub const WIDTH: usize = 80;

impl Text {
    /// Adds a line.
    pub fn line(&mut self, look: Look, text: impl Into<String>) -> &mut Self {
        self.0.push((look, clean(&text.into())));
        self
    }

    /// Adds an empty line, unless it would be the first.
    pub fn gap(&mut self) -> &mut Self {
        if !self.0.is_empty() {
            self.0.push((Look::Plain, String::new()));
        }
        self
    }

    /// Adds a line that is broken where it is too wide; what follows is indented.
    pub fn wrapped(&mut self, look: Look, first: &str, indent: &str, text: &str) -> &mut Self {
        let mut line = first.to_owned();
        let mut is_fresh = true;
        for word in text.split_whitespace() {
            let width = line.chars().count() + word.chars().count() + usize::from(!is_fresh);
            if !is_fresh && width > WIDTH {
                self.line(look, std::mem::replace(&mut line, indent.to_owned()));
                is_fresh = true;
            }
            if !is_fresh {
                line.push(' ');
            }
            line.push_str(word);
            is_fresh = false;
        }
        self.line(look, line)
    }

    /// Adds another text.
    pub fn append(&mut self, other: Self) -> &mut Self {
        self.0.extend(other.0);
        self
    }

    /// Adds a table: columns as wide as they must be, the widest cut so that all fits.
    pub fn table(&mut self, header: &[&str], rows: &[Vec<String>]) -> &mut Self {
        let count = header.len();
        let width_of = |text: &str| text.chars().count();
        let mut widths: Vec<usize> = header.iter().map(|title| width_of(title)).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(width_of(cell));
            }
        }
        let gaps = 2 * count.saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > WIDTH {
            let Some(widest) = widths.iter_mut().max() else { break };
            *widest -= 1;
        }
        let line = |cells: &[String]| {
            let mut line = String::new();
            for (cell, width) in cells.iter().zip(&widths) {
                let cell = cut(cell, *width);
                write!(line, "{cell:<width$}  ").unwrap_or_default();
            }
            line.trim_end().to_owned()
        };
        let titles: Vec<String> = header.iter().map(|title| (*title).to_owned()).collect();
        self.line(Look::Strong, line(&titles));
        for row in rows {
            self.line(Look::Plain, line(row));
        }
        self
    }

    /// Adds a unified diff.
    pub fn diff(&mut self, diff: &str) -> &mut Self {
        for line in diff.lines() {
            let look = match line.chars().next() {
                Some('+') => Look::Good,
                Some('-') => Look::Bad,
                Some('@') => Look::Faint,
                Some(_) | None => Look::Plain,
            };
            self.line(look, format!("  {line}"));
        }
        self
    }

    /// The text with every line ended, coloured or not.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for (look, line) in &self.0 {
            let code = match look {
                Look::Plain => "",
                Look::Strong => "1",
                Look::Faint => "2",
                Look::Good => "32",
                Look::Bad => "31",
                Look::Doubtful => "33",
            };
            if colour && !code.is_empty() && !line.is_empty() {
                writeln!(out, "\x1b[{code}m{line}\x1b[0m").unwrap_or_default();
            } else {
                writeln!(out, "{line}").unwrap_or_default();
            }
        }
        out
    }
}

/// What stands in a config must not steer the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

/// At most `width` characters, the last one an ellipsis if some are missing.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn tables_fit_and_nothing_steers_the_terminal() {
        let mut text = Text::default();
        let long = "x".repeat(90);
        text.table(
            &["id", "what", "n"],
            &[
                vec!["a".to_owned(), long.clone(), "1".to_owned()],
                vec!["\x1b[31mb".to_owned(), "y".to_owned(), "2".to_owned()],
            ],
        );
        text.wrapped(Look::Plain, "- ", "  ", &"word ".repeat(20));
        let shown = text.render(false);
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
        assert!(!shown.contains('\x1b'));
        assert!(text.render(true).starts_with("\x1b[1mid"));
        expect![[r"
            - word word word word word word word word word word word word word word word
              word word word word word
        "]]
        .assert_eq(&shown.lines().skip(3).map(|line| format!("{line}\n")).collect::<String>());
    }
}
