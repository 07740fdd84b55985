//! The output: the record's own bytes, and the session's members before its closing brace.

use jiff::tz::TimeZone;
use jiff::Timestamp;
use session::{EventTime, Label};

use crate::found::Found;
use crate::json;

/// The members the output adds; the input's members of these names are removed.
pub(crate) const MEMBERS: [&str; 6] = [
    "ts_str",
    "session_id",
    "session_start_ts",
    "session_last_ts",
    "session_expire_at",
    "seq_in_session",
];

/// The most bytes that the members add, beside the key twice: in `session_id`, and in the record's
/// own Kafka key.
pub(crate) const LONGEST_ADDITION: usize = 320;

/// The id of a session: `key_time`.
#[derive(Clone, Copy)]
pub(crate) struct SessionId<'a> {
    /// UTF-8.
    pub(crate) key: &'a [u8],
    time: &'a str,
}

impl<'a> SessionId<'a> {
    /// The id of a key's session. `digits` takes those of its time, which is written twice.
    pub(crate) fn new(
        key: &'a [u8],
        id_at: EventTime,
        digits: &'a mut itoa::Buffer,
    ) -> SessionId<'a> {
        SessionId { key, time: digits.format(id_at.0) }
    }

    /// Appends it as it is.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key);
        out.push(b'_');
        out.extend_from_slice(self.time.as_bytes());
    }

    /// Appends it as a JSON string.
    pub(crate) fn put_string(self, out: &mut Vec<u8>) {
        json::put_string(out, self.key);
        out.pop(); // the closing quote: the time goes before it
        out.push(b'_');
        out.extend_from_slice(self.time.as_bytes());
        out.push(b'"');
    }
}

/// Appends the output of a record. `None` where the positions found are not this record's.
///
/// Without a label (an event that rides along where no session is) the id and the three times are
/// null.
pub(crate) fn put(
    out: &mut Vec<u8>,
    record: &[u8],
    found: &Found<'_>,
    labelled: Option<(SessionId<'_>, &Label)>,
    zone: &TimeZone,
) -> Option<()> {
    let mut from = found.open;
    for span in &found.removed {
        out.extend_from_slice(record.get(from..span.start)?);
        from = span.end;
    }
    out.extend_from_slice(record.get(from..found.close)?);

    out.extend_from_slice(br#","ts_str":""#);
    put_timestamp(out, found.at, zone)?;
    out.push(b'"');
    match labelled {
        Some((id, label)) => {
            out.extend_from_slice(br#","session_id":"#);
            id.put_string(out);
            out.extend_from_slice(br#","session_start_ts":"#);
            if label.start == label.id_at {
                // So it is nearly always, and the digits are there.
                out.extend_from_slice(id.time.as_bytes());
            } else {
                json::put_number(out, "", label.start.0);
            }
            json::put_number(out, r#","session_last_ts":"#, label.last.0);
            json::put_number(out, r#","session_expire_at":"#, label.expires_at.0);
            json::put_number(out, r#","seq_in_session":"#, label.seq);
        }
        None => out.extend_from_slice(
            br#","session_id":null,"session_start_ts":null,"session_last_ts":null,"session_expire_at":null,"seq_in_session":0"#,
        ),
    }
    out.push(b'}');
    Some(())
}

/// Appends an instant as `yyyy-MM-dd'T'HH:mm:ss.SSSZ`, the offset in hours and minutes.
fn put_timestamp(out: &mut Vec<u8>, at: EventTime, zone: &TimeZone) -> Option<()> {
    let instant = Timestamp::from_millisecond(at.0).ok()?;
    let offset = zone.to_offset(instant);
    let local = offset.to_datetime(instant);
    let [y1, y2] = two_digits(local.year().unsigned_abs() / 100);
    let [y3, y4] = two_digits(local.year().unsigned_abs() % 100);
    let [o1, o2] = two_digits(local.month().unsigned_abs());
    let [d1, d2] = two_digits(local.day().unsigned_abs());
    let [h1, h2] = two_digits(local.hour().unsigned_abs());
    let [m1, m2] = two_digits(local.minute().unsigned_abs());
    let [s1, s2] = two_digits(local.second().unsigned_abs());
    let [f1, f2] = two_digits(local.millisecond().unsigned_abs() / 10);
    let [_, f3] = two_digits(local.millisecond().unsigned_abs() % 10);
    let sign = if offset.seconds() < 0 { b'-' } else { b'+' };
    let offset_minutes = (offset.seconds() / 60).unsigned_abs();
    let [z1, z2] = two_digits(offset_minutes / 60);
    let [z3, z4] = two_digits(offset_minutes % 60);
    // Appended at once: each append looks for room anew.
    out.extend_from_slice(&[
        y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'.',
        f1, f2, f3, sign, z1, z2, z3, z4,
    ]);
    Some(())
}

/// The digits of a number below a hundred. Looked up: to divide for each costs as much as all the
/// rest of a timestamp.
fn two_digits(number: impl Into<u32>) -> [u8; 2] {
    #[expect(clippy::indexing_slicing, reason = "an index too high does not compile")]
    const ALL: [[u8; 2]; 100] = {
        let mut all = [[b'0'; 2]; 100];
        let mut number = 0u8;
        while number < 100 {
            all[number as usize] = [b'0' + number / 10, b'0' + number % 10];
            number += 1;
        }
        all
    };
    ALL.get(number.into() as usize).copied().unwrap_or(*b"??")
}
