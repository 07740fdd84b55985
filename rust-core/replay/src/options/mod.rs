//! Options by the job's names, and the core's options made of them.

mod settings;
mod text;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use wire::CoreOptions;

use self::settings::Settings;
use crate::failure::{Failure, Outcome};
use crate::watermark::Bounds;

pub(crate) use self::text::{duration_ms, duration_text, size};

/// The job's own options that decide what comes out. Times are texts here, read all at once, so
/// that everything wrong is told at once.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The job's options")]
pub(crate) struct JobArgs {
    /// The job's config file (Java properties): what it says of the options here, and of the
    /// rules. The command line wins over the job's environment (SESSION_JOB_ORDER=...), that over
    /// the file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// In which order a user's events get their sessions: arrival, as they come in the files; or
    /// event-time, where an event waits until the watermark has reached it [default: arrival]
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Bound of disorder for the watermark, per partition [default: 5s]
    #[arg(long, value_name = "DURATION")]
    out_of_orderness: Option<String>,
    /// By the records' own times, after it a silent partition no longer holds the watermark back;
    /// 0: it always does. Without record times a partition counts until its file ends [default:
    /// 60s]
    #[arg(long, value_name = "DURATION")]
    idle_timeout: Option<String>,
    /// How long after its expiry a session is still remembered [default: 10m]
    #[arg(long, value_name = "DURATION")]
    allowed_lateness: Option<String>,
    /// Event time may be that much after the record's own time [default: 10m]
    #[arg(long, value_name = "DURATION")]
    max_future: Option<String>,
    /// Older event times are dead letters: a date (UTC), a date-time with its offset, or
    /// milliseconds; 0: off [default: 2000-01-01]
    #[arg(long, value_name = "TIME")]
    min_event_time: Option<String>,
    /// Larger records are dead letters [default: 900kb]
    #[arg(long, value_name = "SIZE")]
    max_record_size: Option<String>,
    /// Changes nothing here: a file is never silent, and at its end all sessions are closed
    #[arg(long, value_name = "DURATION")]
    advance_when_silent: Option<String>,
    /// Changes nothing here: records are taken in one order, so partitions do not drift apart
    #[arg(long, value_name = "DURATION")]
    watermark_alignment: Option<String>,
    /// The wall clock that --max-future falls back on, in the forms of --min-event-time [default:
    /// when the run first began]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// How many partitions the captured topic has. Until each has begun, or is idle, event time
    /// stands still, as in the job [default: a partition counts from its first event on]
    #[arg(long, value_name = "COUNT")]
    partitions: Option<usize>,
}

/// The options in force, checked.
#[derive(Clone, Debug)]
pub(crate) struct JobOptions {
    pub(crate) core: CoreOptions,
    /// What bounds the watermark.
    pub(crate) bounds: Bounds,
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
        let mut settings = Settings::read(self.config.as_deref())?;
        let given = rules.map(|file| file.display().to_string());
        let file = settings.find("rules", given.as_deref()).map(|setting| setting.text.clone());
        let file = file.as_deref().map(Path::new);
        let text = file.map(read_rules).transpose()?.unwrap_or_default();
        self.read_from(&mut settings, close_records, &text, file)
    }

    /// The same with the text of the rules.
    pub(crate) fn read_with_rules(&self, close_records: bool, rules: &str) -> Outcome<JobOptions> {
        let mut settings = Settings::read(self.config.as_deref())?;
        self.read_from(&mut settings, close_records, rules, None)
    }

    /// `rules_file` is for the errors.
    fn read_from(
        &self,
        settings: &mut Settings,
        close_records: bool,
        rules: &str,
        rules_file: Option<&Path>,
    ) -> Outcome<JobOptions> {
        let duration = text::duration_ms;
        let order = settings.value("order", self.order.as_ref(), "arrival", order);
        let out_of_orderness_ms =
            settings.value("out-of-orderness", self.out_of_orderness.as_ref(), "5s", duration);
        let idle_timeout_ms =
            settings.value("idle-timeout", self.idle_timeout.as_ref(), "60s", duration);
        let allowed_lateness_ms =
            settings.value("allowed-lateness", self.allowed_lateness.as_ref(), "10m", duration);
        let max_future_ms = settings.value("max-future", self.max_future.as_ref(), "10m", duration);
        let min_event_time_ms = settings.value(
            "min-event-time",
            self.min_event_time.as_ref(),
            "2000-01-01",
            text::instant_ms,
        );
        let max_record_size = settings.value(
            "max-record-size",
            self.max_record_size.as_ref(),
            "900kb",
            text::record_size,
        );
        settings.value("advance-when-silent", self.advance_when_silent.as_ref(), "0", duration);
        settings.value("watermark-alignment", self.watermark_alignment.as_ref(), "0", duration);
        let clock = wall_clock_ms().to_string();
        let now_ms = settings.value("now", self.now.as_ref(), &clock, text::instant_ms);
        let text = format!(
            "allowed_lateness_ms={allowed_lateness_ms}\nmax_future_ms={max_future_ms}\n\
             min_event_time_ms={min_event_time_ms}\nmax_record_size={max_record_size}\n\
             close_records={close_records}\norder={order}\nlog_filter=off\nrules={rules}",
        );
        let core = match CoreOptions::parse(&text) {
            Ok(core) => Some(core),
            Err(error) => {
                let place = rules_file.map(|file| format!("--rules {}: ", file.display()));
                let place = place.unwrap_or_default();
                let lines = error.to_string();
                settings.mistakes.extend(lines.lines().map(|line| format!("{place}{line}")));
                None
            }
        };
        match core {
            Some(core) if settings.mistakes.is_empty() => Ok(JobOptions {
                told: self.told(settings, &core),
                core,
                bounds: Bounds {
                    out_of_orderness_ms,
                    idle_timeout_ms,
                    partitions: self.partitions.unwrap_or(0),
                },
                now_ms,
                now_is_given: self.now.is_some(),
            }),
            _ => Err(Failure::Usage(std::mem::take(&mut settings.mistakes))),
        }
    }

    fn told(&self, settings: &Settings, core: &CoreOptions) -> Vec<(&'static str, String)> {
        let mut told = settings.in_force.clone();
        let silent = ["advance-when-silent", "watermark-alignment", "now"];
        told.retain(|(name, _)| !silent.contains(name));
        told.push(("rules", serde_json::to_string(&core.rules_file).unwrap_or_default()));
        if let Some(partitions) = self.partitions {
            told.push(("partitions", partitions.to_string()));
        }
        told
    }
}

/// The text of a rules file.
fn read_rules(file: &Path) -> Outcome<String> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("--rules: {}: {error}", file.display())))
}

/// An order by its name. The error ends the sentence "'x' is not ...".
fn order(text: &str) -> Result<String, String> {
    if ["arrival", "event-time"].contains(&text) {
        Ok(text.to_owned())
    } else {
        Err("arrival or event-time".to_owned())
    }
}

fn wall_clock_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
