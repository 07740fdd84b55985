//! What the writers need of JSON.

use std::io::Write;

/// Appends UTF-8 as a JSON string: only `"`, `\` and control characters escaped, short forms first.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    if is_as_it_stands(text) {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    // serde_json escapes exactly these. Writing a str into a Vec cannot fail.
    let _ = serde_json::to_writer(out, &String::from_utf8_lossy(text));
}

/// Whether nothing is to be escaped.
fn is_as_it_stands(text: &[u8]) -> bool {
    all_bytes(text, |byte| (byte >= b' ') & (byte != b'"') & (byte != b'\\'))
}

/// Whether a test holds for every byte. It may be asked twice about one.
#[inline(always)]
pub(crate) fn all_bytes(bytes: &[u8], test: impl Fn(u8) -> bool) -> bool {
    // In pieces of one size, and without a branch within them, the compiler takes many at once.
    let holds = |piece: &[u8]| piece.iter().fold(true, |all, byte| all & test(*byte));
    match (bytes.last_chunk::<16>(), bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(last), _, _) => bytes.chunks_exact(last.len()).all(holds) && holds(last),
        (None, Some(first), Some(last)) => holds(first) && holds(last),
        _ => holds(bytes),
    }
}

/// The length that `put_string` appends.
pub(crate) fn string_length(text: &[u8]) -> usize {
    let mut length = Count(0);
    let _ = serde_json::to_writer(&mut length, &String::from_utf8_lossy(text));
    length.0
}

/// The most that `put_string` may append: six bytes for each, and the quotes.
pub(crate) fn longest_string(text: &[u8]) -> usize {
    6 * text.len() + 2
}

/// Appends `,"name":number` or, without the comma, whatever `prefix` says.
pub(crate) fn put_number(out: &mut Vec<u8>, prefix: &str, number: impl itoa::Integer) {
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The JSON white space at the front of the bytes.
pub(crate) fn leading_space(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_space(**byte)).count()
}

/// The JSON white space at the end of the bytes.
pub(crate) fn trailing_space(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| is_space(**byte)).count()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The levels of nesting in a valid JSON value; 0 for one that is neither object nor array.
pub(crate) fn depth(valid: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    let mut in_string = false;
    let mut bytes = valid.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
