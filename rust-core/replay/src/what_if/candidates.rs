//! The rules that are compared, each with a core and a state of its own.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use wire::{Arrival, DecodeReply, Emission, SessionCore};

use super::is_close_record;
use super::statistics::SessionStatistics;
use crate::engine::{caught, Engine, EngineEvent};
use crate::failure::{Failure, Outcome};
use crate::options::{duration_ms, JobArgs, JobOptions};
use crate::store::Store;

/// Rules to compare, and what has been found of them.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) job: JobOptions,
    pub(super) statistics: SessionStatistics,
    engine: Engine,
    /// Where its rules take the key from other fields than the first candidate's.
    own_decoder: Option<SessionCore>,
    frame: Vec<u8>,
}

/// What is read of a close record.
#[derive(Deserialize)]
struct CloseRecord {
    event_count: u64,
    duration_ms: i64,
}

/// Makes the candidates: what is in force first, then the timeouts from short to long, or the
/// further rules files in order.
pub(super) fn read(
    job: &JobArgs,
    rules: &[PathBuf],
    timeouts: &[String],
) -> Outcome<Vec<Candidate>> {
    if rules.len() < 2 && timeouts.is_empty() {
        return Err(Failure::usage("--timeout, or --rules more than once: say what to compare"));
    }
    if rules.len() > 1 && !timeouts.is_empty() {
        return Err(Failure::usage("--timeout is tried on one --rules file only"));
    }
    let in_force = job.read(true, rules.first().map(PathBuf::as_path))?;
    let mut candidates = Vec::new();
    let name = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let first = match rules.first() {
        Some(file) if timeouts.is_empty() => name(file),
        _ => "in force".to_owned(),
    };
    add(&mut candidates, first, in_force.clone());
    for file in rules.iter().skip(1) {
        add(&mut candidates, name(file), job.read(true, Some(file))?);
    }
    for (timeout, _) in in_order(timeouts)? {
        let rules = with_timeout(&in_force, timeout)?;
        let options = job.read_with_rules(true, &rules).map_err(|failure| match failure {
            Failure::Usage(mistakes) => Failure::Usage(
                mistakes.into_iter().map(|each| format!("--timeout {timeout}: {each}")).collect(),
            ),
            other => other,
        })?;
        add(&mut candidates, timeout.to_owned(), options);
    }
    Ok(candidates)
}

/// The timeouts from short to long, each once.
fn in_order(timeouts: &[String]) -> Outcome<Vec<(&str, i64)>> {
    let mut known = Vec::new();
    let mut mistakes = Vec::new();
    for timeout in timeouts {
        match duration_ms(timeout) {
            Ok(ms) => known.push((timeout.as_str(), ms)),
            Err(wanted) => mistakes.push(format!("--timeout: '{timeout}' is not {wanted}")),
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::Usage(mistakes));
    }
    known.sort_by_key(|(_, ms)| *ms);
    known.dedup_by_key(|(_, ms)| *ms);
    Ok(known)
}

/// The rules in force with another timeout of the default row.
fn with_timeout(in_force: &JobOptions, timeout: &str) -> Outcome<String> {
    let unread = |_| Failure::run("the rules in force cannot be written as JSON: a bug");
    let mut rules = serde_json::to_value(&in_force.core.rules_file).map_err(unread)?;
    if let Some(row) = rules.get_mut("default").and_then(Value::as_object_mut) {
        let checked_in = row.get("timeout_checked_in").and_then(Value::as_str).unwrap_or_default();
        if duration_ms(checked_in) < duration_ms(timeout) {
            row.insert("timeout_checked_in".to_owned(), timeout.into());
        }
        row.insert("timeout".to_owned(), timeout.into());
    }
    serde_json::to_string(&rules).map_err(unread)
}

fn add(candidates: &mut Vec<Candidate>, name: String, job: JobOptions) {
    let core = SessionCore::new(job.core.clone());
    let other_key = candidates
        .first()
        .is_some_and(|first| first.job.core.rules_file.key != job.core.rules_file.key);
    candidates.push(Candidate {
        name,
        statistics: SessionStatistics::default(),
        own_decoder: other_key.then(|| core.clone()),
        engine: Engine::new(core, Store::in_memory()),
        job,
        frame: Vec::new(),
    });
}

impl Candidate {
    /// Takes a record; `decoded` is its key and what decode found by the first candidate's rules.
    pub(super) fn take(
        &mut self,
        value: Option<&[u8]>,
        timestamp_ms: i64,
        decoded: Option<(&[u8], &[u8])>,
        arrival: Arrival<'_>,
    ) -> Outcome<()> {
        let decoded = match &self.own_decoder {
            None => decoded,
            Some(core) => {
                let (now_ms, frame) = (self.job.now_ms, &mut self.frame);
                let decode = || core.decode(value, timestamp_ms, now_ms, frame);
                if caught(decode).is_err() {
                    None
                } else {
                    match DecodeReply::read(&self.frame) {
                        Some(DecodeReply::Event { key, found, .. }) => {
                            Some((key.as_bytes(), found))
                        }
                        _ => None,
                    }
                }
            }
        };
        let Some((key, found)) = decoded else { return Ok(()) };
        let event = EngineEvent { key, found, record: value.unwrap_or_default(), arrival };
        let statistics = &mut self.statistics;
        self.engine.on_event(event, |emission| count(statistics, emission))
    }

    /// Fires the timers that are due.
    pub(super) fn fire(&mut self, watermark_ms: i64) -> Outcome<()> {
        let statistics = &mut self.statistics;
        while self.engine.fire_next(watermark_ms, |_, emission| count(statistics, emission))? {}
        Ok(())
    }
}

fn count(statistics: &mut SessionStatistics, emission: &Emission<'_>) -> Outcome<()> {
    if is_close_record(emission.kind) {
        let closed: CloseRecord = serde_json::from_slice(emission.value).map_err(|error| {
            Failure::run(format!("the core's close record cannot be read ({error}): a bug"))
        })?;
        statistics.count(closed.event_count, closed.duration_ms);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_compared_from_short_to_long_each_once() {
        let timeouts = ["1h", "30m", "60m"].map(str::to_owned);
        let names: Vec<_> = in_order(&timeouts).unwrap().into_iter().map(|each| each.0).collect();
        assert_eq!(names, ["30m", "1h"]);
        assert!(matches!(in_order(&["soon".to_owned()]), Err(Failure::Usage(_))));
    }
}
