//! Writing files so that no reader ever sees half of one, and nobody else can read them.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Tells the neighbours of one process apart.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The file that a path means: a symbolic link is followed, also to a file that is not there yet.
#[must_use]
pub fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many links as systems follow; a longer chain is a circle.
    for _ in 0..40 {
        let Ok(link) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or_else(|| Path::new(".")).join(link);
    }
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Writes a file that only this user may read: to a neighbour first, to the disk, then renamed.
///
/// # Errors
/// If the folder cannot be written to. Then the file is as it was.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("not a file name"))?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let neighbour = format!(".{}.{}.{count}.tmp", name.to_string_lossy(), std::process::id());
    let neighbour = path.with_file_name(neighbour);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&neighbour).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&neighbour, path));
    if renamed.is_err() {
        // Nothing is left behind; that it cannot be removed matters less than what went wrong.
        drop(fs::remove_file(&neighbour));
    }
    renamed?;
    sync_folder(path);
    Ok(())
}

/// Makes a rename last. Not every file system can; the file itself is on the disk already.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| fs::File::open(folder).ok()) {
        drop(folder.sync_all());
    }
}

/// Makes a folder that only this user may look into.
///
/// # Errors
/// If it cannot be made.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
