//! A key from stdin: a line from a pipe, or asked for on a terminal and not shown.

use std::io::{BufRead, IsTerminal, Read};

use anyhow::{Context, bail};

use super::complain;
use crate::config::secret::Secret;

/// Reads one line.
///
/// # Errors
/// If there is none, or it holds no key.
pub fn read() -> anyhow::Result<Secret> {
    let stdin = std::io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        complain("Key (not shown): ");
        let hidden = Hidden::begin();
        let typed = typed(stdin.lock().bytes());
        drop(hidden);
        complain("\n");
        line = typed.context("read the key from the terminal")?;
    } else {
        stdin.lock().read_line(&mut line).context("read the key from stdin")?;
    }
    match line.trim() {
        "" => bail!("no key came from stdin"),
        key => Ok(Secret::new(key)),
    }
}

/// What is typed until the line ends. The terminal hands over every key stroke, those that erase
/// and that interrupt too: it has to be put in order again before this program ends.
fn typed(strokes: impl Iterator<Item = std::io::Result<u8>>) -> anyhow::Result<String> {
    let mut line = Vec::new();
    for stroke in strokes {
        match stroke? {
            b'\n' | b'\r' => break,
            // Ctrl+C; Ctrl+D.
            3 => bail!("interrupted"),
            4 => break,
            // Backspace, in both of its codes.
            8 | 127 => drop(line.pop()),
            // Ctrl+U.
            21 => line.clear(),
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).context("a key is text")
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Hidden {
    #[cfg(unix)]
    fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
            // A terminal that cannot be told shows the key to the one who types it.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &modes);
        }
        Self { before }
    }

    #[cfg(not(unix))]
    fn begin() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_strokes_become_a_line() {
        for (strokes, expected) in [
            ("sk-abc\r", Some("sk-abc")),
            ("sk-x\u{7f}abc\nrest", Some("sk-abc")),
            ("\u{7f}\u{8}a\n", Some("a")),
            ("wrong\u{15}right\n", Some("right")),
            ("abc\u{3}", None),
            ("abc\u{4}", Some("abc")),
        ] {
            let typed = typed(strokes.bytes().map(Ok)).ok();
            assert_eq!(typed.as_deref(), expected, "{strokes:?}");
        }
    }
}
