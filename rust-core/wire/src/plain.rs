//! The quick reader of plain records: on one line, no escapes, nothing nested, whole numbers. Nearly
//! all are.
//!
//! It takes only what it is sure of, and leaves everything else, wrong records too, to the reader
//! of all of JSON: so what it does not know it cannot get wrong.

/// Hands the members of a plain record to `take`, each with its name's text and its value as it
/// stands. `open` is where the record's brace is. Returns false where the record is not plain, or
/// `take` does not want it so; what was handed over then counts for nothing.
pub(crate) fn read_members<'r>(
    record: &'r str,
    open: usize,
    take: impl FnMut(&'r str, &'r str) -> bool,
) -> bool {
    is_plain_text(record.as_bytes()) && Reader { record, at: open }.members(take).is_some()
}

struct Reader<'r> {
    record: &'r str,
    at: usize,
}

impl<'r> Reader<'r> {
    fn members(&mut self, mut take: impl FnMut(&'r str, &'r str) -> bool) -> Option<()> {
        self.expect(b'{')?;
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let start = self.at;
            self.skip_value()?;
            let value = self.record.get(start..self.at)?;
            take(name, value).then_some(())?;
            self.skip_space();
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.skip_space();
        (self.at == self.record.len()).then_some(())
    }

    /// Any value that is not nested. What follows has to end it, which the caller sees to.
    fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.whole_number(),
        }
    }

    /// A string: what stands between its quotes.
    fn string(&mut self) -> Option<&'r str> {
        self.expect(b'"')?;
        let start = self.at;
        self.at += memchr::memchr(b'"', self.rest())?;
        let text = self.record.get(start..self.at);
        self.at += 1;
        text
    }

    fn whole_number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let starts_with_zero = self.peek()? == b'0';
        self.at += digits;
        (digits == 1 || digits > 1 && !starts_with_zero).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.record.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'r [u8] {
        self.record.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// Whether no byte is a control character or a backslash: then every quote begins or ends a string.
fn is_plain_text(bytes: &[u8]) -> bool {
    // Without a branch a byte, so that the compiler takes many at once.
    !bytes.iter().fold(false, |found, byte| found | (*byte < b' ') | (*byte == b'\\'))
}
