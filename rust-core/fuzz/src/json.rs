//! A reader of JSON by RFC 8259 that shares nothing with the core: the oracle's own eyes.
//!
//! It is slow and plain. It keeps where each member stands, the bytes of numbers, and strings as
//! UTF-16 units, so that unpaired surrogates survive.

/// A value and the bytes it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub kind: Kind,
    /// Where it begins, and where it ends: the first byte behind it.
    pub start: usize,
    pub end: usize,
    /// The levels of nesting; 0 for neither object nor array.
    pub depth: usize,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    Text(Vec<u16>),
    Array,
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: Vec<u16>,
    /// Where the name's opening quote stands.
    pub start: usize,
    pub value: Value,
}

/// UTF-16 as text, where no surrogate is unpaired.
pub fn text(units: &[u16]) -> Option<String> {
    String::from_utf16(units).ok()
}

/// The one JSON value of a text with white space around it; `None` where it is no JSON text.
pub fn read(text: &str) -> Option<Value> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    reader.space();
    let value = reader.value()?;
    reader.space();
    (reader.at == reader.bytes.len()).then_some(value)
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(0x20 | 0x09 | 0x0a | 0x0d)) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Option<Value> {
        let start = self.at;
        let mut depth = 0;
        let kind = match self.peek()? {
            b'n' => self.word(b"null", Kind::Null)?,
            b't' => self.word(b"true", Kind::Bool)?,
            b'f' => self.word(b"false", Kind::Bool)?,
            b'"' => Kind::Text(self.string()?),
            b'[' => {
                depth = 1 + self.list(b']', |reader| reader.value().map(|value| value.depth))?;
                Kind::Array
            }
            b'{' => {
                let mut members = Vec::new();
                depth = 1 + self.list(b'}', |reader| {
                    let start = reader.at;
                    let name = reader.string()?;
                    reader.space();
                    (reader.take()? == b':').then_some(())?;
                    reader.space();
                    let value = reader.value()?;
                    let depth = value.depth;
                    members.push(Member { name, start, value });
                    Some(depth)
                })?;
                Kind::Object(members)
            }
            _ => self.number()?,
        };
        Some(Value { kind, start, end: self.at, depth })
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<Kind> {
        self.bytes[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            kind
        })
    }

    /// What stands between brackets, item by item; returns the depth of the deepest item.
    fn list(
        &mut self,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Option<usize>,
    ) -> Option<usize> {
        self.take()?;
        self.space();
        if self.peek()? == close {
            self.take()?;
            return Some(0);
        }
        let mut deepest = 0;
        loop {
            self.space();
            deepest = deepest.max(item(self)?);
            self.space();
            match self.take()? {
                b',' => {}
                byte if byte == close => return Some(deepest),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<Vec<u16>> {
        (self.take()? == b'"').then_some(())?;
        let mut units = Vec::new();
        loop {
            let start = self.at;
            match self.take()? {
                b'"' => return Some(units),
                b'\\' => units.push(self.escape()?),
                0..=0x1f => return None,
                _ => {
                    // The text is UTF-8, so a character's bytes end where the next one begins.
                    while self.peek().is_some_and(|byte| byte & 0xc0 == 0x80) {
                        self.at += 1;
                    }
                    let character = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
                    units.extend(character.encode_utf16());
                }
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        Some(match self.take()? {
            quoted @ (b'"' | b'\\' | b'/') => u16::from(quoted),
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => 0x0a,
            b'r' => 0x0d,
            b't' => 0x09,
            b'u' => {
                let mut unit = 0;
                for _ in 0..4 {
                    let digit = char::from(self.take()?).to_digit(16)?;
                    unit = unit << 4 | u16::try_from(digit).ok()?;
                }
                unit
            }
            _ => return None,
        })
    }

    fn number(&mut self) -> Option<Kind> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.take()? {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.take()?.is_ascii_digit().then_some(())?;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.take()?.is_ascii_digit().then_some(())?;
            self.digits();
        }
        Some(Kind::Number)
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }
}
