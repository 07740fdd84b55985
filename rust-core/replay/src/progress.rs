//! How far a run is, on a terminal.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over the bytes of the inputs as they lie on the disk. Without a terminal it is silent.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn start<'p>(inputs: impl Iterator<Item = &'p Path>) -> Progress {
        let sizes: Option<u64> =
            inputs.map(|path| std::fs::metadata(path).map(|metadata| metadata.len()).ok()).sum();
        let bar = match sizes {
            Some(bytes) => ProgressBar::new(bytes),
            None => ProgressBar::new_spinner(), // standard input
        };
        let template = if sizes.is_some() {
            "{bar:30} {percent:>3}%  {msg}  {eta} left"
        } else {
            "{spinner} {msg}  {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(bar)
    }

    /// So many bytes are read, so many records taken.
    pub(crate) fn at(&self, bytes: u64, records: u64) {
        self.0.set_position(bytes);
        if !self.0.is_hidden() {
            self.0.set_message(format!("{} records", crate::run::thousands(records)));
        }
    }

    /// All is read.
    pub(crate) fn closing(&self) {
        self.0.set_message("closing sessions");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
