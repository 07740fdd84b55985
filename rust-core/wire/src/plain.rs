//! The quick reader of plain records: on one line, no escapes, nothing nested, whole numbers. Nearly
//! all are.
//!
//! It takes only what it is sure of, and leaves everything else, wrong records too, to the reader
//! of all of JSON: so what it does not know it cannot get wrong.

use crate::json;

/// Hands the members of a plain record to `take`, each with its name's text and its value as it is
/// written. `open` is where the record's brace is. Returns false where the record is not plain, or
/// `take` does not want it so; what was handed over then counts for nothing.
pub(crate) fn read_members<'r>(
    record: &'r [u8],
    open: usize,
    take: impl FnMut(&'r [u8], &'r [u8]) -> bool,
) -> bool {
    is_plain_text(record) && members(record, open, take).is_some()
}

/// Reads the members of a record in which every quote begins or ends a string; `None` where it is
/// not plain, or `take` does not want it so.
fn members<'r>(
    record: &'r [u8],
    open: usize,
    mut take: impl FnMut(&'r [u8], &'r [u8]) -> bool,
) -> Option<()> {
    let mut rest = behind(b'{', record.get(open..)?)?;
    loop {
        let (name, behind_name) = split_at_quote(behind(b'"', rest)?)?;
        let value = behind_space(behind(b':', behind_name)?);
        let behind_value = match value {
            [b'"', text @ ..] => split_at_quote(text)?.1,
            bare => behind_bare(bare)?,
        };
        let length = value.len() - behind_value.len();
        take(name, value.get(..length)?).then_some(())?;
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

/// What follows a value without quotes. It has to end the value, which the caller sees to.
fn behind_bare(value: &[u8]) -> Option<&[u8]> {
    match value {
        [b't', rest @ ..] => rest.strip_prefix(b"rue"),
        [b'f', rest @ ..] => rest.strip_prefix(b"alse"),
        [b'n', rest @ ..] => rest.strip_prefix(b"ull"),
        [b'-', digits @ ..] => behind_digits(digits),
        digits => behind_digits(digits),
    }
}

/// What follows a whole number without its sign.
fn behind_digits(digits: &[u8]) -> Option<&[u8]> {
    let count = first_behind_digits(digits)?;
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

/// What follows the spaces at the front. There are none in most records, so that this is one
/// comparison.
#[inline(always)]
fn behind_space(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b' ', rest @ ..] => behind_more_space(rest),
        _ => bytes,
    }
}

#[inline(never)]
fn behind_more_space(mut bytes: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Where the first quote stands. Names and values are short, so that a search that makes ready for
/// many bytes at once costs more than it saves: eight at a time.
fn first_quote(bytes: &[u8]) -> Option<usize> {
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    // A byte that is zero where a quote stands has its highest bit set by this, and no byte before
    // it has.
    first_place(
        bytes,
        |eight| (eight ^ QUOTES).wrapping_sub(ONES) & !(eight ^ QUOTES),
        |byte| byte == b'"',
    )
}

/// Where the first byte stands that is no digit.
fn first_behind_digits(bytes: &[u8]) -> Option<usize> {
    const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);
    const BEYOND_NINE: u64 = u64::from_ne_bytes([0x80 - (b'9' + 1); 8]);
    // Less a zero, or what is beyond nine, sets the highest bit of a byte that is no digit, and of
    // no byte before it.
    first_place(
        bytes,
        |eight| eight | eight.wrapping_sub(ZEROS) | eight.wrapping_add(BEYOND_NINE),
        |byte| !byte.is_ascii_digit(),
    )
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHEST_BITS: u64 = ONES << 7;

/// The place of the first byte that is wanted. `marks` sets the highest bit of it in eight bytes,
/// and of none before it; what it does behind it is its own affair.
#[inline(always)]
fn first_place(
    bytes: &[u8],
    marks: impl Fn(u64) -> u64,
    wanted: impl Fn(u8) -> bool,
) -> Option<usize> {
    let mut at = 0;
    let mut rest = bytes;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let marked = marks(u64::from_le_bytes(*eight)) & HIGHEST_BITS;
        if marked != 0 {
            return Some(at + marked.trailing_zeros() as usize / 8);
        }
        at += eight.len();
        rest = behind;
    }
    rest.iter().position(|byte| wanted(*byte)).map(|behind| at + behind)
}

/// Whether no byte is a control character or a backslash: then every quote begins or ends a string.
fn is_plain_text(bytes: &[u8]) -> bool {
    json::all_bytes(bytes, |byte| (byte >= b' ') & (byte != b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte, at places within and behind the first eight, before bytes that also count.
    #[test]
    fn the_first_place_is_the_same_as_byte_by_byte() {
        for (place, byte) in (0..12).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte)))
        {
            for filled in [b'0', b'5', b'9', b'!', b'#', 0x80, 0xff] {
                let mut bytes = [filled; 20];
                bytes[place] = byte;
                bytes[15..].fill(b'"');
                assert_eq!(first_quote(&bytes), bytes.iter().position(|byte| *byte == b'"'));
                assert_eq!(
                    first_behind_digits(&bytes),
                    bytes.iter().position(|byte| !byte.is_ascii_digit()),
                );
            }
        }
    }
}
