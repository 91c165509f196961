//! Streams as providers send them, in any pieces.
