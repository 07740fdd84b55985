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
    is_plain_text(record) && members(record, open, take).is_some()
}

/// Reads the members of a record in which every quote begins or ends a string; `None` where it is
/// not plain, or `take` does not want it so.
fn members<'r>(
    record: &'r [u8],
    open: usize,
    mut take: impl FnMut(&'r [u8], Range<usize>) -> bool,
) -> Option<()> {
    let mut rest = behind(b'{', record.get(open..)?)?;
    loop {
        let (name, behind_name) = split_at_quote(behind(b'"', rest)?)?;
        let value = behind_space(behind(b':', behind_name)?);
        let behind_value = behind_value(value)?;
        let end = record.len() - behind_value.len();
        take(name, record.len() - value.len()..end).then_some(())?;
        rest = behind_space(behind_value);
        match rest {
            [b',', behind @ ..] => rest = behind,
            [b'}', behind @ ..] => {
                rest = behind;
                break;
            }
            _ => return None,
        }
    }
    behind_space(rest).is_empty().then_some(())
}

/// What follows a value that is not nested. It has to end the value, which the caller sees to.
fn behind_value(value: &[u8]) -> Option<&[u8]> {
    match value {
        [b'"', rest @ ..] => split_at_quote(rest).map(|(_, behind)| behind),
        [b't', rest @ ..] => rest.strip_prefix(b"rue"),
        [b'f', rest @ ..] => rest.strip_prefix(b"alse"),
        [b'n', rest @ ..] => rest.strip_prefix(b"ull"),
        [b'-', digits @ ..] => behind_digits(digits),
        digits => behind_digits(digits),
    }
}

/// What follows a whole number without its sign.
fn behind_digits(digits: &[u8]) -> Option<&[u8]> {
    let count = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    let (number, behind) = digits.split_at_checked(count)?;
    matches!(number, [b'0'] | [b'1'..=b'9', ..]).then_some(behind)
}

/// What stands before the next quote, and what behind it.
fn split_at_quote(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (text, from_quote) = bytes.split_at_checked(first_quote(bytes)?)?;
    Some((text, from_quote.get(1..)?))
}

/// What follows this byte, which has to be the next one that is no space.
fn behind(wanted: u8, bytes: &[u8]) -> Option<&[u8]> {
    match behind_space(bytes) {
        [byte, rest @ ..] if *byte == wanted => Some(rest),
        _ => None,
    }
}

/// What follows the spaces at the front, if any.
fn behind_space(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
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
