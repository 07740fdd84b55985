//! Little-endian base-128 integers, and a reader over bytes that may be damaged.

/// Appends an unsigned integer, seven bits a byte.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Appends a signed integer, small magnitudes in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends bytes behind their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what the functions above wrote; `None` where the bytes are not that.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(crate) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        // Most are lengths and counts of one byte.
        if let Some((&byte @ 0..0x80, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Some(byte.into());
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for (shift, (index, &byte)) in (0..).step_by(7).zip(self.rest.iter().enumerate()) {
            // The tenth byte holds the one bit that is left.
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.rest = self.rest.get(index + 1..)?;
                // No value ends in bits that are all zero: each has one spelling.
                return (byte != 0 || index == 0).then_some(value);
            }
        }
        None
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// Everything that is left.
    pub(crate) fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn u32_le(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*bytes))
    }

    pub(crate) fn i64_le(&mut self) -> Option<i64> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(i64::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Numbers of any length alike.
    fn numbers() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64u32).prop_map(|(number, shorter)| number >> shorter)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            numbers in vec(numbers(), 0..4),
            behind in vec(any::<u8>(), 0..10),
        ) {
            let mut bytes = Vec::new();
            for number in &numbers {
                put(&mut bytes, *number);
            }
            bytes.extend_from_slice(&behind);
            let mut reader = Reader::new(&bytes);
            for number in numbers {
                prop_assert_eq!(reader.varint(), Some(number));
            }
            prop_assert_eq!(reader.all(), behind);
        }

        #[test]
        fn what_is_read_has_no_other_spelling(bytes in vec(any::<u8>(), 0..16)) {
            let mut reader = Reader::new(&bytes);
            if let Some(number) = reader.varint() {
                let mut again = Vec::new();
                put(&mut again, number);
                prop_assert_eq!(again, &bytes[..bytes.len() - reader.rest().len()]);
            }
        }

        #[test]
        fn a_number_that_is_cut_off_is_none(number in numbers()) {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            for length in 0..bytes.len() {
                prop_assert_eq!(Reader::new(&bytes[..length]).varint(), None);
            }
        }
    }
}
