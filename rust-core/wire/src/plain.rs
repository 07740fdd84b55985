//! The quick reader of plain records: on one line, no escapes, nothing nested, whole numbers. Nearly
//! all are.
//!
//! It takes only what it is sure of, and leaves everything else, wrong records too, to the reader
//! of all of JSON: so what it does not know it cannot get wrong.

use std::ops::Range;

/// Hands the members of a plain record to `take`, each with its name's text and where its value
/// stands. `open` is where the record's brace is. Returns false where the record is not plain, or
/// `take` does not want it so; what was handed over then counts for nothing.
pub(crate) fn read_members<'r>(
    record: &'r [u8],
    open: usize,
    take: impl FnMut(&'r [u8], Range<usize>) -> bool,
) -> bool {
    is_plain_text(record) && Reader { record, at: open }.members(take).is_some()
}

struct Reader<'r> {
    record: &'r [u8],
    /// What was read ends here.
    at: usize,
}

impl<'r> Reader<'r> {
    fn members(&mut self, mut take: impl FnMut(&'r [u8], Range<usize>) -> bool) -> Option<()> {
        self.expect(b'{')?;
        loop {
            self.expect(b'"')?;
            let name = self.string_behind_quote()?;
            self.expect(b':')?;
            let first = self.next_behind_space()?;
            let start = self.at - 1;
            self.skip_value_behind(first)?;
            take(name, start..self.at).then_some(())?;
            match self.next_behind_space()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.rest()?.iter().all(|byte| *byte == b' ').then_some(())
    }

    fn rest(&self) -> Option<&'r [u8]> {
        self.record.get(self.at..)
    }

    /// The rest of any value that is not nested. What follows has to end it, which the caller sees
    /// to.
    fn skip_value_behind(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string_behind_quote().map(|_| ()),
            b't' => self.skip(b"rue"),
            b'f' => self.skip(b"alse"),
            b'n' => self.skip(b"ull"),
            b'-' => {
                let digit = self.next()?;
                self.skip_digits_behind(digit)
            }
            digit => self.skip_digits_behind(digit),
        }
    }

    /// What stands before the next quote.
    fn string_behind_quote(&mut self) -> Option<&'r [u8]> {
        let rest = self.rest()?;
        let end = first_quote(rest)?;
        self.at += end + 1;
        rest.get(..end)
    }

    /// The rest of a whole number behind its first digit.
    fn skip_digits_behind(&mut self, digit: u8) -> Option<()> {
        let count = self.rest()?.iter().position(|byte| !byte.is_ascii_digit())?;
        self.at += count;
        (matches!(digit, b'1'..=b'9') || digit == b'0' && count == 0).then_some(())
    }

    fn skip(&mut self, word: &[u8]) -> Option<()> {
        self.at += word.len();
        self.record.get(..self.at)?.ends_with(word).then_some(())
    }

    /// The next byte that is no space has to be this one.
    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next_behind_space()? == wanted).then_some(())
    }

    fn next_behind_space(&mut self) -> Option<u8> {
        loop {
            match self.next()? {
                b' ' => {}
                byte => return Some(byte),
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.record.get(self.at)?;
        self.at += 1;
        Some(*byte)
    }
}

/// Where the first quote stands. Names and values are short, so that a search that makes ready for
/// many bytes at once costs more than it saves: eight at a time.
fn first_quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    let mut at = 0;
    let mut rest = bytes;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        // A byte that is zero where a quote stands has its highest bit set by this, and no byte
        // before it has.
        let zero_at_quote = u64::from_le_bytes(*eight) ^ QUOTES;
        let found = zero_at_quote.wrapping_sub(ONES) & !zero_at_quote & (ONES << 7);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += eight.len();
        rest = behind;
    }
    rest.iter().position(|byte| *byte == b'"').map(|behind| at + behind)
}

/// Whether no byte is a control character or a backslash: then every quote begins or ends a string.
fn is_plain_text(bytes: &[u8]) -> bool {
    // Without a branch a byte, so that the compiler takes many at once.
    !bytes.iter().fold(false, |found, byte| found | (*byte < b' ') | (*byte == b'\\'))
}
