//! A key from stdin: a line from a pipe, or asked for on a terminal and not shown.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, bail};

use super::complain;
use crate::config::secret::Secret;

/// Reads one line.
///
/// # Errors
/// If there is none, or it holds no key.
pub fn read() -> anyhow::Result<Secret> {
    let stdin = std::io::stdin();
    let is_asked = stdin.is_terminal();
    let hidden = is_asked.then(Hidden::begin);
    if is_asked {
        complain("Key (not shown): ");
    }
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    drop(hidden);
    if is_asked {
        complain("\n");
    }
    read.context("read the key from stdin")?;
    match line.trim() {
        "" => bail!("no key came from stdin"),
        key => Ok(Secret::new(key)),
    }
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
            modes.local_modes.remove(LocalModes::ECHO);
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
