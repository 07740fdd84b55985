//! The input: a record's bytes become an event, or a dead letter with its reason.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use session::EventTime;

use crate::dead_letter::{DeadLetter, Reason};
use crate::found::{Found, Span};
use crate::json;
use crate::key_fields::KeyFields;
use crate::log_after::{LONGEST_ADDITION, MEMBERS};
use crate::options::CoreOptions;
use crate::plain;
use crate::rules_file::KeySource;

const LOG_NAME_FIELD: &str = "log_name";
const EVENT_TIME_FIELD: &str = "ts";

/// The longest key, in bytes of UTF-8.
const LONGEST_KEY: usize = 1024;
/// The longest log name, in bytes of UTF-8.
pub(crate) const LONGEST_LOG_NAME: usize = 256;
/// The deepest nesting; the record's own object is level 1.
const DEEPEST_NESTING: usize = 128;
/// The longest spelling of `ts` as a number, and as a string.
const LONGEST_TS_NUMBER: usize = 40;
const LONGEST_TS_STRING: usize = 20;
/// The latest event time: still in the year 9999 in every time zone.
const LATEST_EVENT_TIME: EventTime = EventTime(253_402_207_200_000);
/// The earliest one where *min-event-time* is off: already in the year 1 in every time zone.
const EARLIEST_EVENT_TIME: EventTime = EventTime(-62_135_510_400_000);
/// A record timestamp before 2000 is no clock's, and counts as none.
const EARLIEST_RECORD_TIME_MS: i64 = 946_684_800_000;

/// An event and what its output needs, borrowed from the record where nothing is escaped.
pub(crate) struct Decoded<'r> {
    key: Cow<'r, [u8]>,
    log_name: Cow<'r, [u8]>,
    at: EventTime,
    open: usize,
    close: usize,
    removed: Vec<Span>,
}

impl Decoded<'_> {
    pub(crate) fn found(&self) -> Found<'_> {
        Found {
            key: &self.key,
            log_name: &self.log_name,
            at: self.at,
            open: self.open,
            close: self.close,
            removed: self.removed.clone(),
        }
    }
}

/// Decides what a record is. `record_time_ms` is the Kafka timestamp, `now_ms` the wall clock.
pub(crate) fn decode<'r>(
    value: Option<&'r [u8]>,
    record_time_ms: i64,
    now_ms: i64,
    options: &CoreOptions,
    keys: &KeyFields,
) -> Result<Decoded<'r>, DeadLetter> {
    let value =
        value.ok_or_else(|| DeadLetter::new(Reason::NullValue, "the record has no value"))?;
    check_size(value.len(), options)?;
    check_text(value)?;
    let open = json::leading_space(value);
    if value.get(open) != Some(&b'{') {
        return Err(not_an_object(value));
    }
    let members = Members::read(value, open, keys)?;

    // What is wrong with the text of a name that counts makes the record invalid JSON, and so
    // comes before all that is merely missing.
    let key = members.key()?;
    let log_name = members.log_name.map(|raw| members.log_name_text(raw)).transpose()?.flatten();
    if let Some(key) = &key {
        let without_key = value.len() + LONGEST_ADDITION;
        // Counted only where it could matter.
        if without_key + 2 * json::longest_string(key) > options.max_record_size {
            check_size(without_key + 2 * json::string_length(key), options)?;
        }
    }
    let key =
        key.ok_or_else(|| DeadLetter::new(Reason::MissingKey, no_key(&options.rules_file.key)))?;
    let log_name = log_name
        .ok_or_else(|| DeadLetter::new(Reason::MissingLogName, "no usable \"log_name\""))?;
    let at = members.ts.map(|raw| members.event_time(raw)).transpose()?.flatten();
    let at = at.ok_or_else(|| DeadLetter::new(Reason::MissingTs, "no \"ts\""))?;
    check_range(at, options)?;
    check_future(at, record_time_ms, now_ms, options)?;

    let close = value.len() - json::trailing_space(value) - 1;
    let removed = if members.removes { members.removed_spans(value, open) } else { Vec::new() };
    Ok(Decoded { key, log_name, at, open, close, removed })
}

fn check_size(length: usize, options: &CoreOptions) -> Result<(), DeadLetter> {
    if length > options.max_record_size {
        let most = options.max_record_size;
        return Err(DeadLetter::new(
            Reason::TooLarge,
            format!("{length} bytes, or as many in the output; max-record-size is {most}"),
        ));
    }
    Ok(())
}

fn check_text(value: &[u8]) -> Result<(), DeadLetter> {
    // Nearly every record is ASCII, which is found out sooner.
    if value.is_ascii() {
        return Ok(());
    }
    match std::str::from_utf8(value) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_json(format!("not UTF-8 from byte {} on", error.valid_up_to()))),
    }
}

fn not_an_object(record: &[u8]) -> DeadLetter {
    match serde_json::from_slice::<&RawValue>(record) {
        Ok(value) if json::depth(value.get().as_bytes()) > DEEPEST_NESTING => nested_too_deep(),
        Ok(_) => DeadLetter::new(Reason::NotAnObject, "JSON, but not an object"),
        Err(error) => invalid_json(error.to_string()),
    }
}

fn invalid_json(detail: impl Into<Cow<'static, str>>) -> DeadLetter {
    DeadLetter::new(Reason::InvalidJson, detail)
}

fn nested_too_deep() -> DeadLetter {
    invalid_json(format!("nested deeper than {DEEPEST_NESTING} levels"))
}

fn no_key(sources: &[KeySource]) -> String {
    let fields: Vec<_> = sources.iter().map(|source| format!("\"{}\"", source.field)).collect();
    format!("no usable key in {}", fields.join(", "))
}

fn digits(text: &[u8]) -> Option<i64> {
    let fits = (1..=LONGEST_TS_STRING).contains(&text.len());
    (fits && text.iter().all(u8::is_ascii_digit)).then(|| whole_number(text)).flatten()
}

/// The value of a short number in plain spelling. Of bytes: to make text of them first, which the
/// standard library wants, costs more than all the rest.
fn short_number(text: &[u8]) -> Option<i64> {
    /// So many digits fit, whichever they are.
    const MOST_DIGITS: usize = 18;
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let fits = (1..=MOST_DIGITS).contains(&digits.len());
    let mut value = 0;
    for byte in digits.iter().take(MOST_DIGITS) {
        value = 10 * value + i64::from(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?);
    }
    fits.then_some(sign * value)
}

/// The exact value of a JSON number, where that is an integer of 64 bits.
fn whole_number(text: &[u8]) -> Option<i64> {
    if text.len() > LONGEST_TS_NUMBER {
        return None;
    }
    if let Some(short) = short_number(text) {
        return Some(short);
    }
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(plain) = text.parse() {
        return Some(plain);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        // At most 38 digits of exponent; all that do not fit are far out of range alike.
        Some((mantissa, exponent)) => {
            let far = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
            (mantissa, exponent.parse().unwrap_or(far))
        }
        None => (text, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let significant = format!("{whole}{fraction}");
    let trimmed = significant.trim_end_matches('0');
    if trimmed.is_empty() {
        return Some(0);
    }
    let dropped = i64::try_from(significant.len() - trimmed.len()).ok()?;
    let scale = i64::try_from(fraction.len()).ok()?;
    let zeros = exponent.saturating_sub(scale).saturating_add(dropped);
    // A 64-bit integer has at most 19 digits; what is left of the point must be no fraction.
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros <= 19)?;
    format!("{sign}{trimmed}{}", "0".repeat(zeros)).parse().ok()
}

fn check_range(at: EventTime, options: &CoreOptions) -> Result<(), DeadLetter> {
    let earliest = options.min_event_time.unwrap_or(EARLIEST_EVENT_TIME).max(EARLIEST_EVENT_TIME);
    if at < earliest || at > LATEST_EVENT_TIME {
        return Err(DeadLetter::new(
            Reason::InvalidTs,
            format!(
                "\"ts\" is out of range: milliseconds from {} to {} are taken",
                earliest.0, LATEST_EVENT_TIME.0
            ),
        ));
    }
    Ok(())
}

fn check_future(
    at: EventTime,
    record_time_ms: i64,
    now_ms: i64,
    options: &CoreOptions,
) -> Result<(), DeadLetter> {
    let own_time_ms =
        if record_time_ms < EARLIEST_RECORD_TIME_MS { now_ms } else { record_time_ms.min(now_ms) };
    let ahead_ms = at.since(EventTime(own_time_ms));
    if ahead_ms > options.max_future_ms {
        return Err(DeadLetter::new(
            Reason::FutureTs,
            format!(
                "\"ts\" is {ahead_ms} ms after the record's own time; max-future is {} ms",
                options.max_future_ms
            ),
        ));
    }
    Ok(())
}

/// The members of a record's object: the values that count, and where each member ends.
struct Members<'r, 'k> {
    keys: &'k KeyFields,
    /// The values of the key fields, the first one's and those of the others.
    first_key: Option<&'r [u8]>,
    other_keys: Vec<Option<&'r [u8]>>,
    log_name: Option<&'r [u8]>,
    ts: Option<&'r [u8]>,
    /// Whether the record is plain: then no string holds an escape.
    plain: bool,
    /// Every member in order; of a plain record none, for nothing asks for them.
    all: Vec<Member<'r>>,
    /// Whether one of them is to be removed.
    removes: bool,
    /// Whether a name holds a control character, escaped or not.
    has_control_name: bool,
}

/// Whether a JSON number has neither fraction nor exponent.
fn is_whole(number: &[u8]) -> bool {
    !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

fn is_output_member(name: &[u8]) -> bool {
    MEMBERS.iter().any(|member| member.as_bytes() == name)
}

struct Member<'r> {
    value: &'r [u8],
    removed: bool,
}

impl<'r, 'k> Members<'r, 'k> {
    fn read(
        record: &'r [u8],
        open: usize,
        keys: &'k KeyFields,
    ) -> Result<Members<'r, 'k>, DeadLetter> {
        let mut members = Members::none(keys);
        let plain = plain::read_members(record, open, |name, value| {
            members.take(name, value);
            !is_output_member(name)
        });
        if plain {
            return Ok(members);
        }
        let mut members = Members { plain: false, ..Members::none(keys) };
        let mut reader = serde_json::Deserializer::from_slice(record);
        reader
            .deserialize_map(&mut members)
            .and_then(|()| reader.end())
            .map_err(|error| invalid_json(error.to_string()))?;
        members.check_names(record)?;
        members.check_nesting()?;
        Ok(members)
    }

    /// Those of a record that nothing was read of yet.
    fn none(keys: &'k KeyFields) -> Members<'r, 'k> {
        Members {
            keys,
            first_key: None,
            other_keys: vec![None; keys.others.len()],
            log_name: None,
            ts: None,
            all: Vec::new(),
            plain: true,
            removes: false,
            has_control_name: false,
        }
    }

    /// The first usable key.
    fn key(&self) -> Result<Option<Cow<'r, [u8]>>, DeadLetter> {
        for source in &self.keys.sources {
            let Some(raw) = self.key_value(source.field) else { continue };
            let holds = |(field, text): &(usize, String)| {
                self.key_value(*field)
                    .filter(|raw| raw.starts_with(b"\""))
                    .and_then(|raw| self.unescape(raw))
                    .is_some_and(|value| value.eq_ignore_ascii_case(text.as_bytes()))
            };
            if source.when.iter().all(holds) {
                let key = self.key_text(raw, self.keys.name(source.field))?;
                if key.is_some() {
                    return Ok(key);
                }
            }
        }
        Ok(None)
    }

    /// The value of a key field, by its place.
    fn key_value(&self, place: usize) -> Option<&'r [u8]> {
        match place.checked_sub(1) {
            None => self.first_key,
            Some(other) => self.other_keys.get(other).copied().flatten(),
        }
    }

    /// The key as text; `None` where it is no usable one.
    fn key_text(&self, raw: &'r [u8], field: &str) -> Result<Option<Cow<'r, [u8]>>, DeadLetter> {
        let text = match raw {
            [b'"', ..] => self.string_text(raw, field)?,
            [b'-' | b'0'..=b'9', ..] if is_whole(raw) => Cow::Borrowed(raw),
            _ => return Ok(None),
        };
        Ok((1..=LONGEST_KEY).contains(&text.len()).then_some(text))
    }

    /// The log name as text; `None` where it is no usable one.
    fn log_name_text(&self, raw: &'r [u8]) -> Result<Option<Cow<'r, [u8]>>, DeadLetter> {
        if !raw.starts_with(b"\"") {
            return Ok(None);
        }
        let text = self.string_text(raw, LOG_NAME_FIELD)?;
        Ok((1..=LONGEST_LOG_NAME).contains(&text.len()).then_some(text))
    }

    fn string_text(&self, raw: &'r [u8], field: &str) -> Result<Cow<'r, [u8]>, DeadLetter> {
        self.unescape(raw)
            .ok_or_else(|| invalid_json(format!("an unpaired surrogate escape in \"{field}\"")))
    }

    /// The text of a JSON string; `None` where it holds an unpaired surrogate.
    fn unescape(&self, raw: &'r [u8]) -> Option<Cow<'r, [u8]>> {
        let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        // Texts are short: a search that makes ready for long ones costs more than it saves.
        if !self.plain && inner.contains(&b'\\') {
            serde_json::from_slice::<String>(raw).ok().map(|text| Cow::Owned(text.into_bytes()))
        } else {
            Some(Cow::Borrowed(inner))
        }
    }

    /// The event time; `None` where it is null.
    fn event_time(&self, raw: &'r [u8]) -> Result<Option<EventTime>, DeadLetter> {
        let ms = match raw {
            b"null" => return Ok(None),
            [b'"', ..] => self.unescape(raw).and_then(|text| digits(&text)),
            [b'-' | b'0'..=b'9', ..] => whole_number(raw),
            _ => None,
        };
        match ms {
            Some(ms) => Ok(Some(EventTime(ms))),
            None => Err(DeadLetter::new(Reason::InvalidTs, "\"ts\" is no whole number")),
        }
    }

    /// Takes note of a member. The last one of a name counts, whatever it holds.
    #[inline(always)]
    fn take(&mut self, name: &[u8], value: &'r [u8]) {
        if self.keys.first.as_bytes() == name {
            self.first_key = Some(value);
        }
        for (field, place) in self.keys.others.iter().zip(&mut self.other_keys) {
            if field.as_bytes() == name {
                *place = Some(value);
            }
        }
        if name == LOG_NAME_FIELD.as_bytes() {
            self.log_name = Some(value);
        } else if name == EVENT_TIME_FIELD.as_bytes() {
            self.ts = Some(value);
        }
    }

    /// Takes note of a member of a record that is not plain.
    fn take_in_order(&mut self, name: &[u8], value: &'r [u8]) {
        let removed = is_output_member(name);
        self.removes |= removed;
        self.has_control_name |= name.iter().any(u8::is_ascii_control);
        self.all.push(Member { value, removed });
        self.take(name, value);
    }

    /// Names are read as bytes, which lets unescaped control characters pass. Where there is one
    /// at all, the whole record is read once more as JSON values are, which does not.
    fn check_names(&self, record: &[u8]) -> Result<(), DeadLetter> {
        if self.has_control_name {
            serde_json::from_slice::<&RawValue>(record)
                .map_err(|error| invalid_json(error.to_string()))?;
        }
        Ok(())
    }

    fn check_nesting(&self) -> Result<(), DeadLetter> {
        let nested = self.all.iter().map(|member| member.value);
        let deepest = nested
            .filter(|value| matches!(value, [b'{' | b'[', ..]))
            .map(|value| 1 + json::depth(value))
            .max();
        if deepest.is_some_and(|deepest| deepest > DEEPEST_NESTING) {
            return Err(nested_too_deep());
        }
        Ok(())
    }

    /// The bytes that the output leaves out: from the end of the previous member's value to the end
    /// of the member's own and the spaces after it; at the front, from the opening brace to the
    /// next member's name.
    fn removed_spans(&self, record: &[u8], open: usize) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let after_brace = open + 1;
        let mut previous_end = after_brace;
        let mut at_front = true;
        for member in &self.all {
            let start = member.value.as_ptr() as usize - record.as_ptr() as usize;
            let end = start + member.value.len();
            let rest = |from: usize| record.get(from..).unwrap_or_default();
            if member.removed && !at_front {
                let end = end + json::leading_space(rest(end));
                match spans.last_mut() {
                    // The member before went too: what stood between them goes with both.
                    Some(last) if last.end >= previous_end => last.end = end,
                    _ => spans.push(Span { start: previous_end, end }),
                }
            } else if !member.removed && at_front {
                at_front = false;
                if previous_end > after_brace {
                    // Behind the last removed value: spaces, the comma, spaces, this one's name.
                    let comma = previous_end + json::leading_space(rest(previous_end));
                    let name = comma + 1 + json::leading_space(rest(comma + 1));
                    spans.push(Span { start: after_brace, end: name });
                }
            }
            previous_end = end;
        }
        spans
    }
}

impl<'de> Visitor<'de> for &mut Members<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            self.take_in_order(&name, value.get().as_bytes());
        }
        Ok(())
    }
}

/// A member's name, unescaped. Bytes, not text: it may hold an unpaired surrogate.
struct Name<'de>(Cow<'de, [u8]>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_bytes<E>(self, name: &'de [u8]) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_bytes<E>(self, name: &[u8]) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_vec())))
            }
        }

        deserializer.deserialize_bytes(NameVisitor)
    }
}
