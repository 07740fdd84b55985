//! The lines of the outputs.

use std::borrow::Cow;

use crate::capture::{self, put_content, put_json, Content};
use crate::carried::Carried;

const ORIGIN: &str = "session.origin";
/// Before the names that Kafka Connect gives the headers of its dead letters.
const ERRORS: &str = "__connect.errors.";

/// A record's value in one line. A line break in JSON text is white space between tokens, and
/// becomes another white space; there is hardly ever one, and then nothing is copied.
pub(super) fn in_one_line(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\n', b'\r', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut line = value.to_vec();
    for byte in line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    Cow::Owned(line)
}

/// A log-after record as the job writes it: the headers of its input, and where that stood.
pub(super) fn put_log_after(line: &mut Vec<u8>, key: &[u8], value: &[u8], carried: Carried<'_>) {
    let origin = format!("{}/{}/{}", carried.topic, carried.partition, carried.offset);
    let timestamp_ms = Some(carried.timestamp_ms).filter(|ms| *ms >= 0);
    let mut headers = carried.headers;
    headers.retain(|(name, _)| name != ORIGIN);
    headers.push((ORIGIN.into(), Content(Some(Cow::Owned(origin.into_bytes())))));
    capture::put(line, timestamp_ms, Some(key), &headers, Some(value));
}

/// A record that is no event, or that the core failed on.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetter<'a> {
    pub(crate) reason: &'a [u8],
    pub(crate) detail: &'a [u8],
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    /// Where it stood; none for the state of a key.
    pub(crate) origin: Option<Origin<'a>>,
}

/// Where a record stood, and what it had beside key and value.
#[derive(Clone, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) topic: &'a [u8],
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Negative for none.
    pub(crate) timestamp_ms: i64,
    /// Encoded, see [`Carried`]; empty where nothing is carried.
    pub(crate) carried: &'a [u8],
}

impl DeadLetter<'_> {
    /// One JSON object that says what, why and from where.
    pub(super) fn put_json(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(br#"{"reason":"#);
        put_content(line, Some(self.reason));
        line.extend_from_slice(br#","detail":"#);
        put_content(line, Some(self.detail));
        if let Some(origin) = &self.origin {
            line.extend_from_slice(br#","topic":"#);
            put_content(line, Some(origin.topic));
            line.extend_from_slice(br#","partition":"#);
            put_json(line, &origin.partition);
            line.extend_from_slice(br#","offset":"#);
            put_json(line, &origin.offset);
        }
        line.extend_from_slice(br#","key":"#);
        put_content(line, self.key);
        line.extend_from_slice(br#","value":"#);
        put_content(line, self.value);
        line.extend_from_slice(b"}\n");
    }

    /// The Kafka record that the job writes.
    pub(super) fn put_capture(&self, line: &mut Vec<u8>) {
        let carried = self.origin.as_ref().and_then(|origin| Carried::decode(origin.carried));
        let mut headers = carried.map(|carried| carried.headers).unwrap_or_default();
        headers.retain(|(name, _)| !is_ours(name));
        let mut add = |name: &str, text: &[u8]| {
            let content = Content(Some(Cow::Owned(text.to_vec())));
            headers.push((format!("{ERRORS}{name}").into(), content));
        };
        add("reason", self.reason);
        add("exception.message", self.detail);
        if let Some(origin) = &self.origin {
            add("topic", origin.topic);
            add("partition", origin.partition.to_string().as_bytes());
            add("offset", origin.offset.to_string().as_bytes());
        }
        let timestamp_ms = self.origin.as_ref().map(|origin| origin.timestamp_ms);
        let timestamp_ms = timestamp_ms.filter(|ms| *ms >= 0);
        capture::put(line, timestamp_ms, self.key, &headers, self.value);
    }
}

/// The headers that the job sets itself on a dead letter.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(ERRORS).is_some_and(|rest| {
        matches!(
            rest,
            "reason"
                | "exception.message"
                | "topic"
                | "partition"
                | "offset"
                | "truncated"
                | "value.length"
                | "value.sha256"
                | "key.length"
                | "key.sha256"
                | "headers.dropped"
        )
    })
}
