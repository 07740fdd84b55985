//! The capture format: a Kafka record as one JSON object a line.
//!
//! ```json
//! {"topic":"log-before","partition":3,"offset":17,"timestamp":1734144000000,"key":"u21",
//!  "headers":[["trace","a"],["raw",{"base64":"//8="}],["nothing",null]],"value":"{\"uid\":...}"}
//! ```
//!
//! Key, header values and value are text where they are UTF-8, else `{"base64": "..."}`, and null
//! where Kafka has none. A null timestamp is none; a null topic, partition or offset says that the
//! record stands on no topic yet. `scripts/capture` writes and reads the same.

use std::borrow::Cow;
use std::fmt;

use base64::prelude::{Engine, BASE64_STANDARD};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// A record as it stands, or stood, on a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureRecord<'a> {
    #[serde(borrow)]
    pub(crate) topic: Option<Cow<'a, str>>,
    pub(crate) partition: Option<i32>,
    pub(crate) offset: Option<i64>,
    pub(crate) timestamp: Option<i64>,
    #[serde(borrow)]
    pub(crate) key: Content<'a>,
    #[serde(borrow, default)]
    pub(crate) headers: Vec<(Cow<'a, str>, Content<'a>)>,
    #[serde(borrow)]
    pub(crate) value: Content<'a>,
}

/// Bytes, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content<'a>(pub(crate) Option<Cow<'a, [u8]>>);

impl<'a> Content<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Content<'a> {
        Content(Some(Cow::Borrowed(bytes)))
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

impl<'a> CaptureRecord<'a> {
    /// Reads a line. The error says what is wrong with it.
    pub(crate) fn read(line: &'a [u8]) -> Result<CaptureRecord<'a>, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

/// Appends a line, its end included.
pub(crate) fn put(
    out: &mut Vec<u8>,
    timestamp_ms: Option<i64>,
    key: Option<&[u8]>,
    headers: &[(Cow<'_, str>, Content<'_>)],
    value: Option<&[u8]>,
) {
    out.extend_from_slice(br#"{"topic":null,"partition":null,"offset":null,"timestamp":"#);
    put_json(out, &timestamp_ms);
    out.extend_from_slice(br#","key":"#);
    put_content(out, key);
    out.extend_from_slice(br#","headers":["#);
    for (index, (name, content)) in headers.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        put_json(out, name);
        out.push(b',');
        put_content(out, content.bytes());
        out.push(b']');
    }
    out.extend_from_slice(br#"],"value":"#);
    put_content(out, value);
    out.extend_from_slice(b"}\n");
}

/// Appends bytes as text where they are, else as base64; null where there are none.
pub(crate) fn put_content(out: &mut Vec<u8>, content: Option<&[u8]>) {
    match content.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => out.extend_from_slice(b"null"),
        Some((_, Ok(text))) => put_json(out, text),
        Some((bytes, Err(_))) => {
            out.extend_from_slice(br#"{"base64":""#);
            out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(br#""}"#);
        }
    }
}

/// Appends a value as JSON. Writing text or numbers into a Vec cannot fail.
pub(crate) fn put_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let _ = serde_json::to_writer(out, value);
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Content<'a>, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, {\"base64\": text} or null")
    }

    fn visit_unit<E>(self) -> Result<Content<'de>, E> {
        Ok(Content(None))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
        Ok(Content(Some(Cow::Borrowed(text.as_bytes()))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
        Ok(Content(Some(Cow::Owned(text.as_bytes().to_vec()))))
    }

    fn visit_string<E>(self, text: String) -> Result<Content<'de>, E> {
        Ok(Content(Some(Cow::Owned(text.into_bytes()))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content<'de>, A::Error> {
        let wanted = || de::Error::custom("expected the one member \"base64\"");
        let (name, text) = map.next_entry::<Cow<'de, str>, Cow<'de, str>>()?.ok_or_else(wanted)?;
        if name != "base64" || map.next_key::<Cow<'de, str>>()?.is_some() {
            return Err(wanted());
        }
        let bytes = BASE64_STANDARD.decode(text.as_bytes()).map_err(de::Error::custom)?;
        Ok(Content(Some(Cow::Owned(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let headers = [
            (Cow::from("a \"quoted\" name"), Content::of(b"text")),
            (Cow::from("raw"), Content::of(b"\xff\xfe")),
            (Cow::from("nothing"), Content(None)),
            (Cow::from("raw"), Content::of(b"")),
        ];
        let contents: [Option<&[u8]>; 4] =
            [None, Some(b""), Some("{\"uid\":\"사용자\"}\n".as_bytes()), Some(b"\x80")];
        for value in contents {
            for timestamp in [None, Some(1_734_144_000_000)] {
                let mut line = Vec::new();
                put(&mut line, timestamp, value, &headers, value);
                assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                let read = CaptureRecord::read(&line).unwrap();
                assert_eq!(read.timestamp, timestamp);
                assert_eq!(read.key.bytes(), value);
                assert_eq!(read.value.bytes(), value);
                assert_eq!(read.headers, headers);
            }
        }
    }

    #[test]
    fn what_is_no_capture_line_is_refused() {
        let whole =
            r#"{"topic":"t","partition":0,"offset":1,"timestamp":null,"key":null,"value":"x"}"#;
        assert!(CaptureRecord::read(whole.as_bytes()).is_ok());
        for spoilt in [
            whole.replace(r#""value":"x""#, r#""value":7"#),
            whole.replace(r#""value":"x""#, r#""value":{"base64":"*"}"#),
            whole.replace(r#""value":"x""#, r#""value":{"hex":"00"}"#),
            whole.replace(r#""topic""#, r#""subject""#),
            whole[..whole.len() - 3].to_owned(),
        ] {
            assert!(CaptureRecord::read(spoilt.as_bytes()).is_err(), "{spoilt}");
        }
    }
}
