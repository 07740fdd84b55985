//! Options by the job's names, and the core's options made of them.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use wire::CoreOptions;

use crate::failure::{Failure, Outcome};
use crate::watermark::Bounds;

/// The job's own options that decide what comes out. Times are texts here, read all at once, so
/// that everything wrong is told at once.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The job's options")]
pub(crate) struct JobArgs {
    /// In which order a user's events get their sessions
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = OrderArg::Arrival)]
    order: OrderArg,
    /// Bound of disorder for the watermark, per partition
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    out_of_orderness: String,
    /// By the records' own times, after it a silent partition no longer holds the watermark back;
    /// 0: it always does. Without record times a partition counts until its file ends
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    idle_timeout: String,
    /// How long after its expiry a session is still remembered
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    allowed_lateness: String,
    /// Event time may be that much after the record's own time
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    max_future: String,
    /// Older event times are dead letters: a date (UTC), a date-time with its offset, or
    /// milliseconds; 0: off
    #[arg(long, value_name = "TIME", default_value = "2000-01-01")]
    min_event_time: String,
    /// Larger records are dead letters
    #[arg(long, value_name = "SIZE", default_value = "900kb")]
    max_record_size: String,
    /// The wall clock that --max-future falls back on, in the forms of --min-event-time [default:
    /// when the run first began]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OrderArg {
    /// As they come in the files
    Arrival,
    /// By event time: an event waits until the watermark has reached it
    EventTime,
}

impl OrderArg {
    fn name(self) -> &'static str {
        match self {
            OrderArg::Arrival => "arrival",
            OrderArg::EventTime => "event-time",
        }
    }
}

/// The options in force, checked.
#[derive(Clone, Debug)]
pub(crate) struct JobOptions {
    pub(crate) core: CoreOptions,
    out_of_orderness_ms: i64,
    idle_timeout_ms: i64,
    /// The wall clock, fixed for the whole run.
    pub(crate) now_ms: i64,
    pub(crate) now_is_given: bool,
    /// Each option that decides what comes out, as it was written; the rules as they are in force.
    pub(crate) told: Vec<(&'static str, String)>,
}

impl JobArgs {
    /// Reads and checks every option; `close_records` says whether sessions are wanted as they
    /// close.
    pub(crate) fn read(&self, close_records: bool, rules: Option<&Path>) -> Outcome<JobOptions> {
        let text = rules.map(read_rules).transpose()?.unwrap_or_default();
        self.read_with_rules(close_records, &text, rules)
    }

    /// The same with the text of the rules; `rules_file` is for the errors.
    pub(crate) fn read_with_rules(
        &self,
        close_records: bool,
        rules: &str,
        rules_file: Option<&Path>,
    ) -> Outcome<JobOptions> {
        let mut mistakes = Vec::new();
        let mut number = |name: &str, text: &str, read: fn(&str) -> Result<i64, String>| {
            read(text).unwrap_or_else(|wanted| {
                mistakes.push(format!("--{name}: '{text}' is not {wanted}"));
                0
            })
        };
        let out_of_orderness_ms = number("out-of-orderness", &self.out_of_orderness, duration_ms);
        let idle_timeout_ms = number("idle-timeout", &self.idle_timeout, duration_ms);
        let allowed_lateness_ms = number("allowed-lateness", &self.allowed_lateness, duration_ms);
        let max_future_ms = number("max-future", &self.max_future, duration_ms);
        let min_event_time_ms = number("min-event-time", &self.min_event_time, instant_ms);
        let max_record_size = number("max-record-size", &self.max_record_size, record_size);
        let now_ms = match &self.now {
            Some(text) => number("now", text, instant_ms),
            None => wall_clock_ms(),
        };
        let text = format!(
            "allowed_lateness_ms={allowed_lateness_ms}\nmax_future_ms={max_future_ms}\n\
             min_event_time_ms={min_event_time_ms}\nmax_record_size={max_record_size}\n\
             close_records={close_records}\norder={}\nlog_filter=off\nrules={rules}",
            self.order.name()
        );
        let core = match CoreOptions::parse(&text) {
            Ok(core) => Some(core),
            Err(error) => {
                let place = rules_file.map(|file| format!("--rules {}: ", file.display()));
                let place = place.unwrap_or_default();
                mistakes.extend(error.to_string().lines().map(|line| format!("{place}{line}")));
                None
            }
        };
        match core {
            Some(core) if mistakes.is_empty() => Ok(JobOptions {
                told: self.told(&core),
                core,
                out_of_orderness_ms,
                idle_timeout_ms,
                now_ms,
                now_is_given: self.now.is_some(),
            }),
            _ => Err(Failure::Usage(mistakes)),
        }
    }

    fn told(&self, core: &CoreOptions) -> Vec<(&'static str, String)> {
        let rules = serde_json::to_string(&core.rules_file).unwrap_or_default();
        vec![
            ("rules", rules),
            ("order", self.order.name().to_owned()),
            ("out-of-orderness", self.out_of_orderness.clone()),
            ("idle-timeout", self.idle_timeout.clone()),
            ("allowed-lateness", self.allowed_lateness.clone()),
            ("max-future", self.max_future.clone()),
            ("min-event-time", self.min_event_time.clone()),
            ("max-record-size", self.max_record_size.clone()),
        ]
    }
}

impl JobOptions {
    /// What bounds the watermark.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            out_of_orderness_ms: self.out_of_orderness_ms,
            idle_timeout_ms: self.idle_timeout_ms,
        }
    }
}

/// The text of a rules file.
fn read_rules(file: &Path) -> Outcome<String> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("--rules: {}: {error}", file.display())))
}

fn wall_clock_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

const DURATION_UNITS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const LONGEST_DURATION_MS: i64 = 10_000 * 86_400_000;

/// A duration as the job's options write it. The error ends the sentence "'x' is not ...".
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
fn record_size(text: &str) -> Result<i64, String> {
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
fn instant_ms(text: &str) -> Result<i64, String> {
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
