//! Two texts → what differs, in the form that people know from `diff -u`.

use std::fmt::Write;

/// How many lines around a change are shown.
const CONTEXT: usize = 2;
/// Larger changes are shown as one removal and one addition.
const LARGEST: usize = 4_000_000;

/// One line of a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// The differences with two lines of context; empty if there are none.
#[must_use]
pub fn unified(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = compare(&old, &new);
    let mut out = String::new();
    let mut place = 0;
    while let Some(first) = (place..lines.len()).find(|at| !matches!(lines[*at], Line::Same(_))) {
        let start = first.saturating_sub(CONTEXT).max(place);
        let mut end = first;
        while let Some(next) = (end..lines.len().min(end + 2 * CONTEXT + 1))
            .find(|at| !matches!(lines[*at], Line::Same(_)))
        {
            end = next + 1;
        }
        let end = (end + CONTEXT).min(lines.len());
        write_hunk(&mut out, &lines, start, end);
        place = end;
    }
    out
}

fn write_hunk(out: &mut String, lines: &[Line<'_>], start: usize, end: usize) {
    let count = |lines: &[Line<'_>], new: bool| {
        let counted = lines.iter().filter(|line| match line {
            Line::Same(_) => true,
            Line::Gone(_) => !new,
            Line::New(_) => new,
        });
        counted.count()
    };
    let (before, hunk) = (&lines[..start], &lines[start..end]);
    let header = format!(
        "@@ -{},{} +{},{} @@",
        count(before, false) + 1,
        count(hunk, false),
        count(before, true) + 1,
        count(hunk, true)
    );
    out.push_str(&header);
    out.push('\n');
    for line in hunk {
        let (mark, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Gone(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        writeln!(out, "{mark}{text}").unwrap_or_default();
    }
}

fn compare<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut lines: Vec<Line<'t>> = old[..head].iter().map(|line| Line::Same(line)).collect();
    let (old_middle, new_middle) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    middle(old_middle, new_middle, &mut lines);
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// The longest common subsequence, by the table that everybody learns.
fn middle<'t>(old: &[&'t str], new: &[&'t str], lines: &mut Vec<Line<'t>>) {
    let width = new.len() + 1;
    if old.len().saturating_mul(width) > LARGEST {
        lines.extend(old.iter().map(|line| Line::Gone(line)));
        lines.extend(new.iter().map(|line| Line::New(line)));
        return;
    }
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i * width + j] = if a == b {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len()
            || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            lines.push(Line::Gone(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn changes_are_shown_with_their_neighbours() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
        let new = "a\nb\nC\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        expect![[r"
            @@ -1,5 +1,5 @@
             a
             b
            -c
            +C
             d
             e
            @@ -10,2 +10,3 @@
             j
             k
            +l
        "]]
        .assert_eq(&unified(old, new));
        assert_eq!(unified(old, old), "");
        assert_eq!(unified("", "x\n"), "@@ -1,0 +1,1 @@\n+x\n");
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_out_of_a_comparison(
            old in prop::collection::vec("[a-d]", 0..12),
            new in prop::collection::vec("[a-d]", 0..12),
        ) {
            let old: Vec<&str> = old.iter().map(String::as_str).collect();
            let new: Vec<&str> = new.iter().map(String::as_str).collect();
            let lines = compare(&old, &new);
            let side = |gone: bool| -> Vec<&str> {
                lines.iter().filter_map(|line| match line {
                    Line::Same(text) => Some(*text),
                    Line::Gone(text) => gone.then_some(*text),
                    Line::New(text) => (!gone).then_some(*text),
                }).collect()
            };
            prop_assert_eq!(side(true), old);
            prop_assert_eq!(side(false), new);
        }
    }
}
