//! `diff`: two log-after files, user by user: which sessions differ, and since which event.
//!
//! Two passes. The first keeps one checksum a session and finds the users that differ; the second
//! looks at those alone. So memory is bounded by the sessions, not by the events.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use crate::capture::CaptureRecord;
use crate::failure::{Failure, Outcome};
use crate::input::{Format, InputFile};
use crate::run::thousands;
use crate::say;
use crate::table::table;

/// Examples for the help of `diff`.
pub(crate) const EXAMPLES: &str = "\
Examples:
  session-replay diff job.capture.gz replay.capture.gz --format capture
  session-replay diff old-rules.jsonl new-rules.jsonl --csv differences.csv

Exits with 0 where nothing differs, with 1 where something does.";

/// The options of `diff`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DiffArgs {
    /// A log-after file, plain, gzip or zstd
    #[arg(value_name = "LEFT")]
    left: PathBuf,
    /// The log-after file to compare it with
    #[arg(value_name = "RIGHT")]
    right: PathBuf,
    /// What the lines of both are
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::JsonLines)]
    format: Format,
    /// How many users are shown
    #[arg(long, value_name = "USERS", default_value_t = 20)]
    limit: usize,
    /// Write all differences as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// An output, as far as it is compared.
struct Output {
    user: String,
    /// None for an event that rides along without a session.
    session: Option<String>,
    at: String,
    value: Vec<u8>,
}

/// A checksum over the values of each session, by user and id.
type Checksums = HashMap<(Arc<str>, Option<String>), u64>;

/// One user's sessions: the values of each, in the file's order.
type Sessions = BTreeMap<String, Vec<(String, Vec<u8>)>>;

/// A session that is not the same on both sides.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    user: String,
    session: String,
    what: &'static str,
    /// Time of the first event that differs.
    since: String,
    left: Option<String>,
    right: Option<String>,
}

/// Runs `diff`; `true` where nothing differs.
pub(crate) fn diff(args: &DiffArgs) -> Outcome<bool> {
    let left = checksums(&args.left, args.format)?;
    let right = checksums(&args.right, args.format)?;
    let differing = differing_users(&left, &right);
    let (sessions_left, sessions_right) = (left.len(), right.len());
    drop((left, right));

    let sides = if differing.is_empty() {
        [HashMap::new(), HashMap::new()]
    } else {
        [&args.left, &args.right]
            .map(|path| sessions_of(path, args.format, &differing))
            .into_iter()
            .collect::<Outcome<Vec<_>>>()?
            .try_into()
            .unwrap_or_default()
    };
    let differences = compare(&sides[0], &sides[1], &differing);
    if let Some(path) = &args.csv {
        write_csv(path, &differences)?;
    }
    show(args, &differences, differing.len(), sessions_left, sessions_right)?;
    Ok(differing.is_empty())
}

/// A session's user and a checksum over its values in order.
fn checksums(path: &Path, format: Format) -> Outcome<Checksums> {
    let mut users: HashSet<Arc<str>> = HashSet::new();
    let mut found = Checksums::new();
    for_each_output(path, format, |output| {
        let user = match users.get(output.user.as_str()) {
            Some(user) => Arc::clone(user),
            None => {
                let user: Arc<str> = Arc::from(output.user.as_str());
                users.insert(Arc::clone(&user));
                user
            }
        };
        let checksum = found.entry((user, output.session)).or_default();
        let mut hasher = DefaultHasher::new();
        (*checksum, output.value).hash(&mut hasher);
        *checksum = hasher.finish();
    })?;
    Ok(found)
}

fn differing_users(left: &Checksums, right: &Checksums) -> HashSet<String> {
    let unlike = |one: &Checksums, other: &Checksums| -> Vec<String> {
        one.iter()
            .filter(|(session, checksum)| other.get(*session) != Some(checksum))
            .map(|((user, _), _)| user.to_string())
            .collect()
    };
    unlike(left, right).into_iter().chain(unlike(right, left)).collect()
}

fn sessions_of(
    path: &Path,
    format: Format,
    users: &HashSet<String>,
) -> Outcome<HashMap<String, Sessions>> {
    let mut found: HashMap<String, Sessions> = HashMap::new();
    for_each_output(path, format, |output| {
        if users.contains(&output.user) {
            let session = output.session.unwrap_or_else(|| "no session".to_owned());
            let sessions = found.entry(output.user).or_default();
            sessions.entry(session).or_default().push((output.at, output.value));
        }
    })?;
    Ok(found)
}

fn compare(
    left: &HashMap<String, Sessions>,
    right: &HashMap<String, Sessions>,
    users: &HashSet<String>,
) -> Vec<Difference> {
    let none = Sessions::new();
    let mut users: Vec<_> = users.iter().collect();
    users.sort();
    let mut differences = Vec::new();
    for user in users {
        let (left, right) = (left.get(user).unwrap_or(&none), right.get(user).unwrap_or(&none));
        let sessions: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
        let mut of_user: Vec<Difference> = sessions
            .into_iter()
            .filter_map(|session| {
                let (left, right) = (left.get(session), right.get(session));
                difference(left.map(Vec::as_slice), right.map(Vec::as_slice)).map(
                    |(what, since, left, right)| Difference {
                        user: user.clone(),
                        session: session.clone(),
                        what,
                        since,
                        left,
                        right,
                    },
                )
            })
            .collect();
        of_user.sort_by(|one, other| one.since.cmp(&other.since));
        differences.extend(of_user);
    }
    differences
}

type Values = [(String, Vec<u8>)];

/// How a session differs, since when, and the value there on both sides.
fn difference(
    left: Option<&Values>,
    right: Option<&Values>,
) -> Option<(&'static str, String, Option<String>, Option<String>)> {
    let text = |value: &(String, Vec<u8>)| String::from_utf8_lossy(&value.1).into_owned();
    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
    let longest = left.len().max(right.len());
    let at = (0..longest).find(|at| left.get(*at) != right.get(*at))?;
    let (one, other) = (left.get(at), right.get(at));
    let what = match (left.is_empty(), right.is_empty()) {
        (false, true) => "left only",
        (true, false) => "right only",
        _ if one.is_none() || other.is_none() => "another number of events",
        _ => "other values",
    };
    let since = one.or(other).map(|(at, _)| at.clone()).unwrap_or_default();
    Some((what, since, one.map(text), other.map(text)))
}

fn for_each_output(path: &Path, format: Format, mut visit: impl FnMut(Output)) -> Outcome<()> {
    let mut file = InputFile::open(path, Arc::default())?;
    let mut line = Vec::new();
    while file.read_line(&mut line)? {
        if line.is_empty() {
            continue;
        }
        let wrong = |what: String| {
            Failure::run(format!("{}, line {}: {what}", path.display(), file.position().lines))
        };
        let output = match format {
            Format::JsonLines => read_output(&line, None),
            Format::Capture => {
                let record = CaptureRecord::read(&line)
                    .map_err(|error| wrong(format!("no record in the capture format: {error}")))?;
                read_output(record.value.bytes().unwrap_or_default(), record.key.bytes())
            }
        };
        visit(output.map_err(wrong)?);
    }
    Ok(())
}

/// Reads an output. The user is what stands before the last `_` of the session's id; without a
/// session it is the Kafka key, or the field `uid`.
fn read_output(value: &[u8], kafka_key: Option<&[u8]>) -> Result<Output, String> {
    let read: Value =
        serde_json::from_slice(value).map_err(|error| format!("no log-after record: {error}"))?;
    let at = read.get("ts_str").and_then(Value::as_str).ok_or("no log-after record: no ts_str")?;
    let session = match read.get("session_id") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Null) => None,
        _ => return Err("no log-after record: no session_id".to_owned()),
    };
    let user = match (&session, kafka_key) {
        (Some(id), _) => id.rsplit_once('_').map_or(id.as_str(), |(user, _)| user).to_owned(),
        (None, Some(key)) => String::from_utf8_lossy(key).into_owned(),
        (None, None) => match read.get("uid") {
            Some(Value::String(uid)) => uid.clone(),
            other => other.map(Value::to_string).unwrap_or_default(),
        },
    };
    Ok(Output { user, session, at: at.to_owned(), value: value.to_vec() })
}

fn show(
    args: &DiffArgs,
    differences: &[Difference],
    users: usize,
    sessions_left: usize,
    sessions_right: usize,
) -> Outcome<()> {
    let compared = format!(
        "{} sessions left, {} right",
        thousands(sessions_left as u64),
        thousands(sessions_right as u64)
    );
    if differences.is_empty() {
        return say(&format!("{compared}: the same values in each, in the same order\n"));
    }
    let mut table = table(&["user", "session", "differs", "since the event of"]);
    let mut shown = HashSet::new();
    for difference in differences {
        if shown.len() == args.limit && !shown.contains(&difference.user) {
            break;
        }
        shown.insert(&difference.user);
        table.add_row([&difference.user, &difference.session, difference.what, &difference.since]);
    }
    let first = differences.first().map_or(String::new(), |first| {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        format!("the first one:\n  left   {}\n  right  {}\n", side(&first.left), side(&first.right))
    });
    let more = if users > shown.len() {
        format!("and {} more users\n", thousands((users - shown.len()) as u64))
    } else {
        String::new()
    };
    say(&format!(
        "{table}\n{more}{compared}; {} sessions of {} users differ\n{first}",
        thousands(differences.len() as u64),
        thousands(users as u64)
    ))
}

fn write_csv(path: &Path, differences: &[Difference]) -> Outcome<()> {
    let failed =
        |error: csv::Error| Failure::run(format!("cannot write {}: {error}", path.display()));
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    writer
        .write_record(["user", "session", "differs", "since", "left", "right"])
        .map_err(failed)?;
    for difference in differences {
        writer
            .write_record([
                &difference.user,
                &difference.session,
                difference.what,
                &difference.since,
                difference.left.as_deref().unwrap_or_default(),
                difference.right.as_deref().unwrap_or_default(),
            ])
            .map_err(failed)?;
    }
    writer.flush().map_err(|error| Failure::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(texts: &[&str]) -> Vec<(String, Vec<u8>)> {
        texts.iter().map(|text| (format!("at {text}"), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_session_differs_since_its_first_other_event() {
        let told = |left: &[&str], right: &[&str]| {
            difference(Some(&values(left)), Some(&values(right)))
                .map(|(what, since, ..)| (what, since))
        };
        assert_eq!(told(&["a", "b"], &["a", "b"]), None);
        assert_eq!(told(&["a", "b"], &["a", "c"]), Some(("other values", "at b".to_owned())));
        assert_eq!(told(&["a", "b"], &["b", "a"]), Some(("other values", "at a".to_owned())));
        assert_eq!(
            told(&["a"], &["a", "b"]),
            Some(("another number of events", "at b".to_owned()))
        );
        assert_eq!(told(&[], &["a"]), Some(("right only", "at a".to_owned())));
        assert_eq!(told(&["a"], &[]), Some(("left only", "at a".to_owned())));
    }

    #[test]
    fn the_user_is_read_off_the_session() {
        let value = br#"{"uid":"x","ts_str":"t","session_id":"a_b_17"}"#;
        assert_eq!(read_output(value, None).unwrap().user, "a_b");
        let alone = br#"{"uid":7,"ts_str":"t","session_id":null}"#;
        assert_eq!(read_output(alone, None).unwrap().user, "7");
        assert_eq!(read_output(alone, Some(b"k")).unwrap().user, "k");
        assert!(read_output(br#"{"uid":"x"}"#, None).is_err());
    }
}
