//! What ends a command, as one sentence and an exit code.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The options contradict themselves or what is there: every mistake, a sentence each.
    Usage(Vec<String>),
    /// Something failed on the way.
    Run(String),
    /// Whoever read the standard output has gone; there is nobody to tell.
    NobodyListens,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure on the way, told in this sentence.
    pub(crate) fn run(sentence: impl Into<String>) -> Failure {
        Failure::Run(sentence.into())
    }

    /// A single mistake in the options.
    pub(crate) fn usage(mistake: impl Into<String>) -> Failure {
        Failure::Usage(vec![mistake.into()])
    }

    /// A file that could not be read or written; `doing` is the verb.
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::NobodyListens;
        }
        Failure::Run(format!("cannot {doing} {}: {}", path.display(), plain(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(mistakes) => {
                write!(f, "nothing was done:\n  {}", mistakes.join("\n  "))
            }
            Failure::Run(sentence) => f.write_str(sentence),
            Failure::NobodyListens => f.write_str("the standard output was closed"),
        }
    }
}

/// The system's words without the error's number.
pub(crate) fn plain(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::StorageFull {
        return "the disk is full".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
