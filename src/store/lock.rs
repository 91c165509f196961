//! One writer at a time, across processes: a lock on a file beside the config.

use std::{fs, path::Path, time::Duration};

use crate::commands::error::{Code, CommandError};

/// Held until it is dropped; the system lets go of it if the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
}

/// How often a lock is asked for.
const LOOK: Duration = Duration::from_millis(10);
/// How often at most: ten seconds, longer than any honest edit takes.
const LOOKS: u32 = 1000;

impl Lock {
    /// Takes the lock of the config at `target`, waiting for whoever has it.
    ///
    /// # Errors
    /// If it is held for too long, or the folder cannot be written to.
    pub fn take(target: &Path) -> Result<Self, CommandError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!("{name}.lock"));
        let mut options = fs::OpenOptions::new();
        // Never truncated and never removed: others may wait on this very file.
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| {
            CommandError::new(Code::Io, format!("cannot open {}: {error}", path.display()))
        })?;
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOOK),
                Err(fs::TryLockError::Error(error)) => {
                    let message = format!("cannot lock {}: {error}", path.display());
                    return Err(CommandError::new(Code::Io, message));
                }
            }
        }
        let message = format!("another process holds {}", path.display());
        Err(CommandError::new(Code::Locked, message).hint("try again"))
    }
}
