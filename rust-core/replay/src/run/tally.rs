//! What a run has counted, and how it tells it.

use std::collections::BTreeMap;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::{Deserialize, Serialize};

/// Records in = events out + dead letters; and what became of the sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) records: u64,
    pub(crate) events: u64,
    /// By reason.
    pub(crate) dead_letters: BTreeMap<String, u64>,
    /// Sessions closed; counted where close records are asked for.
    pub(crate) closed: u64,
}

impl Tally {
    pub(crate) fn dead_letter(&mut self, reason: &[u8]) {
        let reason = String::from_utf8_lossy(reason);
        match self.dead_letters.get_mut(reason.as_ref()) {
            Some(count) => *count += 1,
            None => {
                self.dead_letters.insert(reason.into_owned(), 1);
            }
        }
    }

    /// The ledger as a table.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(NOTHING);
        let mut row = |name: &str, count: u64| {
            table.add_row([format!("  {name}"), thousands(count)]);
        };
        row("records in", self.records);
        row("events out", self.events);
        row("dead letters", self.dead_letters.values().sum());
        for (reason, count) in &self.dead_letters {
            row(&format!("  {reason}"), *count);
        }
        if self.closed > 0 {
            row("close records", self.closed);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// A number with a comma for each thousand.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The most memory that the process has had, in bytes, where the system tells.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kb: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kb * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")]
        {
            assert_eq!(thousands(number), text);
        }
    }
}
