//! The note of a commit: what a run that goes on has to know beside states and timers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tally::Tally;
use super::Request;
use crate::failure::{Failure, Outcome};
use crate::input::{InputPlace, Mark};
use crate::options::JobOptions;
use crate::output::Lengths;
use crate::watermark::Watermarks;

/// Version 1: this note, the states of `wire`, timers as time and key.
const VERSION: u32 = 1;

/// What stands in the state folder beside states and timers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    version: u32,
    /// Every option that decides what comes out.
    settings: BTreeMap<String, String>,
    pub(crate) inputs: Vec<NotedInput>,
    /// Each output's file by its option's name.
    outputs: BTreeMap<String, PathBuf>,
    /// The wall clock of the run.
    pub(crate) now_ms: i64,
    /// Whether sessions stay open at the end.
    keep_open: bool,
    pub(crate) finished: bool,
    /// How much of each output belongs to the commit.
    pub(crate) lengths: Lengths,
    pub(crate) watermarks: Watermarks,
    pub(crate) tally: Tally,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotedInput {
    path: PathBuf,
    pub(crate) mark: Option<Mark>,
}

impl Note {
    /// The note of a run that has not begun.
    pub(super) fn new(request: &Request, job: &JobOptions) -> Note {
        let mut settings: BTreeMap<_, _> =
            job.told.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        if job.now_is_given {
            settings.insert("now".to_owned(), job.now_ms.to_string());
        }
        let closes = request.outputs.close_records.is_some();
        settings.insert("close-records".to_owned(), if closes { "wanted" } else { "none" }.into());
        settings.insert("commit-every".to_owned(), request.commit_every.to_string());
        settings.insert("format".to_owned(), format!("{:?}", request.format));
        settings.insert("output-format".to_owned(), format!("{:?}", request.output_format));
        let outputs = request
            .outputs
            .named()
            .into_iter()
            .filter_map(|(name, path)| Some((name.to_owned(), absolute(path?))))
            .collect();
        Note {
            version: VERSION,
            settings,
            inputs: request
                .inputs
                .iter()
                .map(|path| NotedInput { path: absolute(path), mark: None })
                .collect(),
            outputs,
            now_ms: job.now_ms,
            keep_open: request.keep_open,
            finished: false,
            lengths: Lengths::new(),
            watermarks: Watermarks::default(),
            tally: Tally::default(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // Maps with text for keys, numbers and text: that cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a note; `folder` is for the error.
    pub(super) fn decode(folder: &Path, bytes: &[u8]) -> Outcome<Note> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |error: serde_json::Error| {
            crate::store::damaged(folder, &format!("its note cannot be read ({error})"))
        };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version != VERSION {
            return Err(Failure::run(format!(
                "the state folder {} was written by another release (version {version}, this one \
                 knows {VERSION}). Nothing was overwritten",
                folder.display()
            )));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// Whether a run of this note may go on, or begin, with what the folder holds.
    ///
    /// A run that was stopped goes on with the same inputs, outputs and options. One that left its
    /// sessions open is followed by one with other inputs and the same options.
    pub(super) fn follows(&self, held: &Note, folder: &Path) -> Outcome<Follows> {
        let place = folder.display();
        let mut differences = Vec::new();
        for (name, wanted) in &self.settings {
            let was = held.settings.get(name).map_or("not set", String::as_str);
            if was != wanted {
                differences.push(format!("--{name} was {was}, now {wanted}"));
            }
        }
        for (name, was) in &held.settings {
            if !self.settings.contains_key(name) {
                differences.push(format!("--{name} was {was}, now not set"));
            }
        }
        let same_files = self.outputs == held.outputs
            && self
                .inputs
                .iter()
                .map(|input| &input.path)
                .eq(held.inputs.iter().map(|input| &input.path));
        if !held.finished {
            if !same_files {
                let inputs: Vec<_> =
                    held.inputs.iter().map(|input| input.path.display().to_string()).collect();
                let outputs: Vec<_> = held
                    .outputs
                    .iter()
                    .map(|(name, path)| format!("--{name} {}", path.display()))
                    .collect();
                differences.push(format!(
                    "the files were {} {}",
                    inputs.join(" "),
                    outputs.join(" ")
                ));
            }
            if self.keep_open != held.keep_open {
                differences.push("--keep-open has changed".to_owned());
            }
        }
        if !differences.is_empty() {
            let mut mistakes = vec![format!(
                "--state: {place} holds the state of a run with other options; give the same ones, \
                 or begin anew with another folder"
            )];
            mistakes.extend(differences.into_iter().map(|difference| format!("  {difference}")));
            return Err(Failure::Usage(mistakes));
        }
        match (held.finished, same_files, held.keep_open) {
            (false, _, _) => Ok(Follows::GoesOn),
            (true, true, _) => Ok(Follows::IsDone),
            (true, false, true) => Ok(Follows::Begins),
            (true, false, false) => Err(Failure::usage(format!(
                "--state: {place} belongs to a run that has ended and closed its sessions: name \
                 another folder (--keep-open leaves them open for a next run)"
            ))),
        }
    }

    /// The places where a run goes on to read.
    pub(super) fn input_places(&self) -> Vec<InputPlace> {
        self.inputs
            .iter()
            .map(|input| InputPlace { path: input.path.clone(), mark: input.mark })
            .collect()
    }
}

/// How a run relates to what its state folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// It is the same run, stopped on the way.
    GoesOn,
    /// It is the same run, and it has ended.
    IsDone,
    /// It is the next run.
    Begins,
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
