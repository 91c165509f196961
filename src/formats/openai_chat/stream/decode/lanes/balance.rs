//! Whether the arguments of a call are complete: the format does not say so.

/// Tells when a JSON object that comes in pieces is whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Balance {
    depth: u32,
    begun: bool,
    in_string: bool,
    escaped: bool,
}

impl Balance {
    pub(super) fn take(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.begun = true;
                    self.depth += 1;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether more must come.
    pub(super) fn is_within(self) -> bool {
        self.in_string || self.depth > 0
    }

    pub(super) fn is_whole(self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_whole_when_their_object_is() {
        for (pieces, expected) in [
            (&["{}"][..], true),
            (&["{\"a\":", "\"}\"", "}"], true),
            (&["{\"a\":\"\\", "\"}"], false),
            (&["{\"a\":[1,{\"b\":2}]", "}\n"], true),
            (&["{\"a\":{}"], false),
            (&[""], false),
            (&["null"], false),
        ] {
            let mut balance = Balance::default();
            pieces.iter().for_each(|piece| balance.take(piece));
            assert_eq!(balance.is_whole(), expected, "{pieces:?}");
        }
    }
}
