//! What the core is opened with: the job's options that are its own, as one `name=value` a line.

use std::fmt;

use env_filter::Filter;
use jiff::tz::TimeZone;
use log::LevelFilter;
use session::{EventTime, Policy};

use crate::rules_file::RulesFile;

/// The core's options.
#[derive(Clone, Debug)]
pub struct CoreOptions {
    /// The rule table, the allowed lateness, and whether log names are counted.
    pub policy: Policy,
    /// In which order a key's events get their sessions.
    pub order: Order,
    /// How far an event time may lie after the record's own time, in milliseconds.
    pub max_future_ms: i64,
    /// Older event times are dead letters; `None` for no such limit.
    pub min_event_time: Option<EventTime>,
    /// The longest value, and the longest output, in bytes.
    pub max_record_size: usize,
    /// The rules in force; the policy's table and the time zone are made from them.
    pub rules_file: RulesFile,
    /// The time zone of `ts_str`.
    pub time_zone: TimeZone,
    /// What the core logs.
    pub log_filter: LogFilter,
}

/// In which order a key's events get their sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they arrive, each at once.
    Arrival,
    /// By event time: an event waits until the watermark has reached it.
    EventTime,
}

/// Which log lines are wanted, as in `RUST_LOG`: levels, each for all targets or for those below
/// one, by commas. `info,wire::core=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

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
        match RulesFile::parse(rules) {
            Ok(rules) => options.set_rules(rules),
            Err(error) => mistakes.extend(error.mistakes),
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
            "order" => self.order = Order::parse(value)?,
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

    fn set_rules(&mut self, rules: RulesFile) {
        self.policy.rules = rules.rules();
        self.time_zone = rules.time_zone();
        self.rules_file = rules;
    }

    /// Whether each session gives a close record.
    pub(crate) fn close_records(&self) -> bool {
        // Log names are counted for close records alone.
        self.policy.count_log_names
    }
}

impl Default for CoreOptions {
    fn default() -> CoreOptions {
        let rules = RulesFile::default();
        CoreOptions {
            policy: Policy::default(),
            order: Order::Arrival,
            max_future_ms: 10 * 60_000,
            min_event_time: Some(EventTime(946_684_800_000)), // 2000-01-01T00:00:00Z
            max_record_size: 900 * 1024,
            time_zone: rules.time_zone(),
            rules_file: rules,
            log_filter: LogFilter("info".to_owned()),
        }
    }
}

impl Order {
    fn parse(name: &str) -> Option<Order> {
        match name {
            "arrival" => Some(Order::Arrival),
            "event-time" => Some(Order::EventTime),
            _ => None,
        }
    }
}

impl LogFilter {
    /// A bare word has to be a level. `RUST_LOG` takes it for a target, and a misspelt level then
    /// silences everything else.
    fn parse(text: &str) -> Option<LogFilter> {
        for directive in text.split(',') {
            let level = directive.split_once('=').map_or(directive, |(_, level)| level);
            level.parse::<LevelFilter>().ok()?;
        }
        env_filter::Builder::new().try_parse(text).ok()?;
        Some(LogFilter(text.to_owned()))
    }

    /// The filter, ready to be asked.
    #[must_use]
    pub fn compile(&self) -> Filter {
        // It was parsed once already, so nothing of it is left out here.
        env_filter::Builder::new().parse(&self.0).build()
    }
}
