//! The findings as tables for a terminal, and as CSV.

use comfy_table::{CellAlignment, Table};
use hdrhistogram::Histogram;

use super::statistics::{GapClass, GapStatistics};
use super::{Candidate, Findings};
use crate::failure::{Failure, Outcome};
use crate::options::duration_text;
use crate::run::thousands;
use crate::table::table;

/// The columns of the comparison; all but the first are numbers.
pub(super) const COLUMNS: [&str; 9] = [
    "rules",
    "sessions",
    "joined",
    "events/session",
    "p50",
    "p90",
    "single event",
    "duration p50",
    "p90",
];

/// What the columns mean, below the table.
pub(super) const LEGEND: &str = "joined: how many sessions fewer than in the row before. \
single event: share of the sessions that have one event. duration: from a session's first to its \
last event.";

/// The tables.
pub(super) fn text(findings: &Findings) -> String {
    let mut comparison = numbers(&COLUMNS);
    comparison.add_rows(rows(findings));
    let mut gaps = numbers(&["gap up to", "gaps", "share", "up to here", ""]);
    gaps.add_rows(gap_rows(findings));
    format!("{comparison}\n{LEGEND}\n\n{gaps}\n{}\n", foot(findings))
}

/// What was read, in a sentence.
pub(super) fn foot(findings: &Findings) -> String {
    format!(
        "{} records, {} of them dead letters; {} gaps between a user's events, {} events out of \
         order.",
        thousands(findings.records),
        thousands(findings.dead_letters),
        thousands(findings.gaps.gaps),
        thousands(findings.gaps.out_of_order)
    )
}

fn numbers(header: &[&str]) -> Table {
    let mut table = table(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A row for each candidate.
pub(super) fn rows(findings: &Findings) -> Vec<Vec<String>> {
    let mut before: Option<u64> = None;
    findings
        .candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| {
            let found = &candidate.statistics;
            // Timeouts grow from the second row on; the first is what is in force.
            let joined = before.filter(|_| index > 1).map_or(String::new(), |before| {
                signed(i128::from(before) - i128::from(found.sessions))
            });
            before = Some(found.sessions);
            vec![
                candidate.name.clone(),
                thousands(found.sessions),
                joined,
                format!("{:.2}", mean(candidate)),
                thousands(quantile(&found.events_per_session, 0.5)),
                thousands(quantile(&found.events_per_session, 0.9)),
                format!("{:.1}%", found.single_share() * 100.0),
                duration_s(quantile(&found.duration_s, 0.5)),
                duration_s(quantile(&found.duration_s, 0.9)),
            ]
        })
        .collect()
}

fn signed(number: i128) -> String {
    let digits = thousands(u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX));
    if number < 0 {
        format!("-{digits}")
    } else {
        digits
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn mean(candidate: &Candidate) -> f64 {
    let found = &candidate.statistics;
    found.events as f64 / found.sessions.max(1) as f64
}

/// 0 where nothing was counted.
fn quantile(histogram: &Histogram<u64>, quantile: f64) -> u64 {
    histogram.value_at_quantile(quantile)
}

fn duration_s(seconds: u64) -> String {
    duration_text(i64::try_from(seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000))
}

/// A row for each class of gaps, with the timeouts that fall into it.
pub(super) fn gap_rows(findings: &Findings) -> Vec<Vec<String>> {
    let mut share_before = 0.0;
    let mut from_ms = -1;
    findings
        .gaps
        .classes()
        .into_iter()
        .map(|class| {
            let to_ms = class.up_to_ms.unwrap_or(i64::MAX);
            let marks: Vec<_> = timeouts(findings.candidates.first())
                .into_iter()
                .filter(|(_, ms)| *ms > from_ms && *ms <= to_ms)
                .map(|(name, ms)| format!("< {name} {}", duration_text(ms)))
                .collect();
            let row = vec![
                limit(&class),
                thousands(class.gaps),
                format!("{:.1}%", (class.up_to_share - share_before) * 100.0),
                format!("{:.1}%", class.up_to_share * 100.0),
                marks.join(", "),
            ];
            share_before = class.up_to_share;
            from_ms = to_ms;
            row
        })
        .collect()
}

/// The upper end of a class.
pub(super) fn limit(class: &GapClass) -> String {
    class.up_to_ms.map_or_else(|| "beyond".to_owned(), duration_text)
}

/// Every timeout of the candidates' rules, each duration once, with the log names that have it.
pub(super) fn timeouts<'c>(
    candidates: impl IntoIterator<Item = &'c Candidate>,
) -> Vec<(String, i64)> {
    let mut found: Vec<(String, i64)> = Vec::new();
    for candidate in candidates {
        let rules = serde_json::to_value(&candidate.job.core.rules_file).unwrap_or_default();
        let mut rows: Vec<(String, &serde_json::Value)> = Vec::new();
        if let Some(row) = rules.get("default") {
            rows.push(("default".to_owned(), row));
        }
        if let Some(names) = rules.get("log_names").and_then(serde_json::Value::as_object) {
            rows.extend(names.iter().map(|(name, row)| (name.clone(), row)));
        }
        for (name, row) in rows {
            for (field, suffix) in [("timeout", ""), ("timeout_checked_in", " checked in")] {
                let text = row.get(field).and_then(serde_json::Value::as_str);
                let Some(Ok(ms)) = text.map(crate::options::duration_ms) else { continue };
                let told = format!("{name}{suffix}");
                match found.iter_mut().find(|(_, known)| *known == ms) {
                    Some((names, _)) if names.split(", ").any(|known| known == told) => {}
                    Some((names, _)) => *names = format!("{names}, {told}"),
                    None => found.push((told, ms)),
                }
            }
        }
    }
    found.sort_by_key(|(_, ms)| *ms);
    found
}

/// The comparison as CSV; durations in seconds, shares from 0 to 1.
pub(super) fn csv(findings: &Findings) -> Outcome<Vec<u8>> {
    let mut rows = vec![[
        "rules",
        "sessions",
        "events",
        "events_per_session_mean",
        "events_per_session_p50",
        "events_per_session_p90",
        "events_per_session_p99",
        "single_event_share",
        "duration_s_p50",
        "duration_s_p90",
        "duration_s_p99",
    ]
    .map(str::to_owned)
    .to_vec()];
    for candidate in &findings.candidates {
        let found = &candidate.statistics;
        let mut row = vec![
            candidate.name.clone(),
            found.sessions.to_string(),
            found.events.to_string(),
            format!("{:.4}", mean(candidate)),
        ];
        row.extend([0.5, 0.9, 0.99].map(|at| quantile(&found.events_per_session, at).to_string()));
        row.push(format!("{:.6}", found.single_share()));
        row.extend([0.5, 0.9, 0.99].map(|at| quantile(&found.duration_s, at).to_string()));
        rows.push(row);
    }
    written(rows)
}

/// The distribution of gaps as CSV.
pub(super) fn gaps_csv(gaps: &GapStatistics) -> Outcome<Vec<u8>> {
    let mut rows = vec![["gap_up_to_ms", "gaps", "share_up_to_here"].map(str::to_owned).to_vec()];
    for class in gaps.classes() {
        rows.push(vec![
            class.up_to_ms.map_or(String::new(), |ms| ms.to_string()),
            class.gaps.to_string(),
            format!("{:.6}", class.up_to_share),
        ]);
    }
    written(rows)
}

fn written(rows: Vec<Vec<String>>) -> Outcome<Vec<u8>> {
    let failed = |error: String| Failure::run(format!("cannot write CSV: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| failed(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| failed(error.to_string()))
}
