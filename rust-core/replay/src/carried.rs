//! What an output takes along from its input beside the value: where it stood, when, its headers.

use std::borrow::Cow;

use crate::capture::Content;

/// A length that says: none.
const NONE: u32 = u32::MAX;

/// What an output takes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Negative for none.
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Content<'a>,
    pub(crate) headers: Vec<(Cow<'a, str>, Content<'a>)>,
}

impl<'a> Carried<'a> {
    /// Appends it as bytes, which the core may keep for a while.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.partition.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.timestamp_ms.to_le_bytes());
        put_bytes(out, Some(self.topic.as_bytes()));
        put_bytes(out, self.key.bytes());
        for (name, content) in &self.headers {
            put_bytes(out, Some(name.as_bytes()));
            put_bytes(out, content.bytes());
        }
    }

    /// Reads what `encode` wrote; `None` where the bytes are not that.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Carried<'a>> {
        let (partition, rest) = bytes.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (timestamp_ms, mut rest) = rest.split_first_chunk::<8>()?;
        let mut carried = Carried {
            topic: text(take(&mut rest)?)?,
            partition: i32::from_le_bytes(*partition),
            offset: i64::from_le_bytes(*offset),
            timestamp_ms: i64::from_le_bytes(*timestamp_ms),
            key: Content(take(&mut rest)?.map(Cow::Borrowed)),
            headers: Vec::new(),
        };
        while !rest.is_empty() {
            let name = text(take(&mut rest)?)?;
            let content = take(&mut rest)?.map(Cow::Borrowed);
            carried.headers.push((Cow::Borrowed(name), Content(content)));
        }
        Some(carried)
    }
}

/// Lengths are `u32`: a line is bounded far below.
fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let length = bytes.map_or(NONE, |bytes| u32::try_from(bytes.len()).unwrap_or(NONE));
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, behind) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    if length == NONE {
        *rest = behind;
        return Some(None);
    }
    let (bytes, behind) = behind.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some(Some(bytes))
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was_encoded() {
        let carried = Carried {
            topic: "log-before",
            partition: 3,
            offset: i64::MAX,
            timestamp_ms: -1,
            key: Content(None),
            headers: vec![
                ("trace".into(), Content::of(b"\xff")),
                ("nothing".into(), Content(None)),
                ("".into(), Content::of(b"")),
            ],
        };
        let mut bytes = Vec::new();
        carried.encode(&mut bytes);
        assert_eq!(Carried::decode(&bytes), Some(carried));
        for length in 0..bytes.len() - 4 {
            let cut = Carried::decode(&bytes[..length]);
            assert!(cut.is_none_or(|cut| cut.headers.len() < 3), "{length}");
        }
    }
}
