//! Edits of the raw document, for everything that writes a config.
//!
//! Commands change a [`draft::Draft`]: the document as the user wrote it, with every key that is
//! not understood. [`text::overlay`] then writes only what has changed into the text, so that
//! unknown keys, key order, indentation and the line at the end stay as they are. Nothing here
//! touches a file.

pub mod diff;
pub mod draft;
pub mod migrate;
pub mod redact;
pub mod references;
pub mod spelling;
pub mod text;

use sha2::{Digest, Sha256};

/// The revision of a config file: the first 12 hex digits of the SHA-256 of its bytes. A file that
/// is not there has the revision of an empty one.
#[must_use]
pub fn revision(text: Option<&str>) -> String {
    hex(text.unwrap_or_default().as_bytes(), 12)
}

/// The first `digits` hex digits of the SHA-256 of `bytes`.
fn hex(bytes: &[u8], digits: usize) -> String {
    let mut text: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}
