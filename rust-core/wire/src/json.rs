//! What the writers need of JSON.

use std::io::Write;

/// Appends a JSON string: only `"`, `\` and control characters escaped, short forms first.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    if is_as_it_stands(text.as_bytes()) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // serde_json escapes exactly these. Writing a str into a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Whether nothing is to be escaped.
fn is_as_it_stands(text: &[u8]) -> bool {
    // Without a branch a byte, so that the compiler takes many at once.
    !text
        .iter()
        .fold(false, |escaped, byte| escaped | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\'))
}

/// The length that `put_string` appends.
pub(crate) fn string_length(text: &str) -> usize {
    let mut length = Count(0);
    let _ = serde_json::to_writer(&mut length, text);
    length.0
}

/// The most that `put_string` may append: six bytes for each, and the quotes.
pub(crate) fn longest_string(text: &str) -> usize {
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
