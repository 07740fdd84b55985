//! Durations, sizes and instants as the job's options write them. An error ends the sentence
//! "'x' is not ...".

const DURATION_UNITS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const LONGEST_DURATION_MS: i64 = 10_000 * 86_400_000;

/// A duration as the job's options write it.
pub(crate) fn duration_ms(text: &str) -> Result<i64, String> {
    let wanted = || "a duration with its unit (500ms, 30s, 10m, 3h, 2d; 0 needs none)".to_owned();
    if text == "0" {
        return Ok(0);
    }
    let (number, unit) = number_and_unit(text).ok_or_else(wanted)?;
    let (_, unit_ms) =
        DURATION_UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wanted)?;
    let number: i64 = number.parse().map_err(|_| wanted())?;
    number
        .checked_mul(unit_ms)
        .filter(|ms| *ms <= LONGEST_DURATION_MS)
        .ok_or_else(|| "a duration of at most 10000d".to_owned())
}

/// A duration for a person: its two largest units.
pub(crate) fn duration_text(ms: i64) -> String {
    let mut rest = ms;
    let mut parts = Vec::new();
    for (unit, unit_ms) in DURATION_UNITS.into_iter().rev() {
        if rest >= unit_ms {
            parts.push(format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// A record's size, bounded as the job bounds it.
pub(super) fn record_size(text: &str) -> Result<i64, String> {
    size(text)
        .filter(|bytes| (1 << 10..=64 << 20).contains(bytes))
        .ok_or_else(|| "a size with its unit from 1kb to 64mb (900kb, 1mb)".to_owned())
}

/// A size in bytes: `900kb`, `1.5mb`, `2gb`; 1 kb = 1024 bytes.
pub(crate) fn size(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let unit: f64 = match unit {
        "b" => 1.0,
        "kb" => 1024.0,
        "mb" => 1024.0 * 1024.0,
        "gb" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let well_formed = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.parse().ok().filter(|_| well_formed)?;
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    Some((number * unit) as i64)
}

/// An instant: a date in UTC, a date-time with its offset, or milliseconds since 1970.
pub(super) fn instant_ms(text: &str) -> Result<i64, String> {
    let wanted = || {
        "a date (2000-01-01), a date-time with its offset (2000-01-01T00:00:00+09:00) or \
         milliseconds since 1970"
            .to_owned()
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let instant = if digits && (1..=15).contains(&text.len()) {
        return text.parse().map_err(|_| wanted());
    } else if text.contains('T') {
        text.parse::<jiff::Timestamp>().ok()
    } else {
        let date = text.parse::<jiff::civil::Date>().ok();
        date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|zoned| zoned.timestamp())
    };
    instant.map(jiff::Timestamp::as_millisecond).filter(|ms| *ms >= 0).ok_or_else(wanted)
}

fn number_and_unit(text: &str) -> Option<(&str, &str)> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    (1..=15).contains(&unit_at).then(|| text.split_at(unit_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_job_reads_them() {
        for (text, ms) in [("0", 0), ("500ms", 500), ("30s", 30_000), ("2d", 172_800_000)] {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
        for text in ["", "10", "m", "1.5h", "10 m", "-1s", "10001d", "1w"] {
            assert!(duration_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_are_dates_date_times_or_milliseconds() {
        for text in ["2000-01-01", "2000-01-01T09:00:00+09:00", "946684800000"] {
            assert_eq!(instant_ms(text), Ok(946_684_800_000), "{text}");
        }
        assert_eq!(instant_ms("0"), Ok(0));
        for text in ["", "yesterday", "2000-13-01", "2000-01-01T00:00:00", "1969-01-01"] {
            assert!(instant_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_told_by_their_two_largest_units() {
        for (ms, text) in [
            (0, "0s"),
            (999, "999ms"),
            (1_800_000, "30m"),
            (90_061_001, "1d 1h"),
            (61_000, "1m 1s"),
        ] {
            assert_eq!(duration_text(ms), text);
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size("900kb"), Some(921_600));
        assert_eq!(size("1.5MB"), Some(1_572_864));
        assert_eq!(size("2gb"), Some(2 << 30));
        for text in ["", "12", "kb", "1tb", "-1kb", "1e3kb"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
