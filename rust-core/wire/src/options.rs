//! What the core is opened with: the job's options that are its own, as one `name=value` a line.

use std::fmt;

use jiff::tz::TimeZone;
use session::{EventTime, Policy};

/// The core's options.
#[derive(Clone, Debug)]
pub struct CoreOptions {
    /// The rule table, the allowed lateness, and whether log names are counted.
    pub policy: Policy,
    /// How far an event time may lie after the record's own time, in milliseconds.
    pub max_future_ms: i64,
    /// Older event times are dead letters; `None` for no such limit.
    pub min_event_time: Option<EventTime>,
    /// The longest value, and the longest output, in bytes.
    pub max_record_size: usize,
    /// The time zone of `ts_str`.
    pub time_zone: TimeZone,
    /// What the core logs.
    pub log_filter: LogFilter,
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFilter {
    /// Nothing.
    Off,
    /// Errors: bugs of ours.
    Error,
    /// And warnings.
    Warn,
    /// And what an operator may want to know.
    Info,
    /// And what helps to find a mistake; may name keys.
    Debug,
    /// And everything.
    Trace,
}

/// Why the options are refused: every mistake, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionsError(Vec<String>);

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for OptionsError {}

impl CoreOptions {
    /// Reads what `CoreOptions.java` writes. What it leaves out keeps its default; `rules` stands
    /// last, and all that follows is the text of the rules file.
    ///
    /// # Errors
    ///
    /// Every name or value that is not known, all at once.
    pub fn parse(text: &str) -> Result<CoreOptions, OptionsError> {
        let mut options = CoreOptions::default();
        let mut mistakes = Vec::new();
        let (lines, rules) = text.split_once("\nrules=").unwrap_or((text, ""));
        for line in lines.lines().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            if options.set(name, value).is_none() {
                mistakes.push(format!("the core takes no option {name} with value \"{value}\""));
            }
        }
        if !rules.trim().is_empty() {
            mistakes.push("this release has its rules built in; it takes no rules file".to_owned());
        }
        if mistakes.is_empty() {
            Ok(options)
        } else {
            Err(OptionsError(mistakes))
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        let number = || value.parse::<i64>().ok().filter(|number| *number >= 0);
        match name {
            "allowed_lateness_ms" => self.policy.allowed_lateness_ms = number()?,
            "max_future_ms" => self.max_future_ms = number()?,
            "min_event_time_ms" => {
                let ms = value.parse::<i64>().ok()?;
                self.min_event_time = (ms != 0).then_some(EventTime(ms));
            }
            "max_record_size" => self.max_record_size = value.parse().ok()?,
            "close_records" => self.policy.count_log_names = value.parse().ok()?,
            "log_filter" => self.log_filter = LogFilter::parse(value)?,
            _ => return None,
        }
        Some(())
    }

    /// Whether each session gives a close record.
    pub(crate) fn close_records(&self) -> bool {
        // Log names are counted for close records alone.
        self.policy.count_log_names
    }
}

impl Default for CoreOptions {
    fn default() -> CoreOptions {
        CoreOptions {
            policy: Policy::default(),
            max_future_ms: 10 * 60_000,
            min_event_time: Some(EventTime(946_684_800_000)), // 2000-01-01T00:00:00Z
            max_record_size: 900 * 1024,
            time_zone: TimeZone::get("Asia/Seoul").unwrap_or(TimeZone::UTC),
            log_filter: LogFilter::Info,
        }
    }
}

impl LogFilter {
    fn parse(name: &str) -> Option<LogFilter> {
        Some(match name {
            "off" => LogFilter::Off,
            "error" => LogFilter::Error,
            "warn" => LogFilter::Warn,
            "info" => LogFilter::Info,
            "debug" => LogFilter::Debug,
            "trace" => LogFilter::Trace,
            _ => return None,
        })
    }
}
