//! What decode found in a record, for the writer of its output.
//!
//! It travels with the record through the shuffle, so that the second crossing does not parse
//! again. Java does not look inside; both crossings of a record are made by one job, and in-flight
//! records do not outlive an upgrade (upgrades go through savepoints), so it carries no version.

use session::EventTime;

use crate::varint::{self, Reader};

/// An event's fields, and where its record's bytes go in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// UTF-8, as decode has seen to; nobody here needs it as text.
    pub(crate) key: &'a [u8],
    /// UTF-8 likewise.
    pub(crate) log_name: &'a [u8],
    pub(crate) at: EventTime,
    /// The opening brace; what stands before it is white space.
    pub(crate) open: usize,
    /// The closing brace; what stands behind it is white space.
    pub(crate) close: usize,
    /// Bytes between the braces that the output leaves out, ascending, not overlapping.
    pub(crate) removed: Vec<Span>,
}

/// Bytes from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> Found<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        varint::put_bytes(out, self.key);
        varint::put_bytes(out, self.log_name);
        varint::put_signed(out, self.at.0);
        varint::put(out, self.open as u64);
        varint::put(out, self.close as u64);
        varint::put(out, self.removed.len() as u64);
        for span in &self.removed {
            varint::put(out, span.start as u64);
            varint::put(out, span.end as u64);
        }
    }

    /// Reads what `encode` wrote; `None` where the bytes are not that.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Found<'a>> {
        let mut reader = Reader::new(bytes);
        let mut found = Found {
            key: reader.bytes()?,
            log_name: reader.bytes()?,
            at: EventTime(reader.signed()?),
            open: reader.length()?,
            close: reader.length()?,
            removed: Vec::new(),
        };
        for _ in 0..reader.length()? {
            found.removed.push(Span { start: reader.length()?, end: reader.length()? });
        }
        reader.at_end().then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(
            key in ".{0,40}",
            log_name in ".{0,40}",
            at in any::<i64>(),
            braces in any::<(usize, usize)>(),
            removed in vec(any::<(usize, usize)>(), 0..8),
        ) {
            let found = Found {
                key: key.as_bytes(),
                log_name: log_name.as_bytes(),
                at: EventTime(at),
                open: braces.0,
                close: braces.1,
                removed: removed.into_iter().map(|(start, end)| Span { start, end }).collect(),
            };
            let mut bytes = Vec::new();
            found.encode(&mut bytes);
            prop_assert_eq!(Found::decode(&bytes), Some(found));
        }
    }
}
