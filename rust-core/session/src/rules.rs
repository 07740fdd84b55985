//! The rule: which inactivity timeout an event gives, and what it does to *checked in*.

const MINUTE_MS: i64 = 60_000;

/// Inactivity timeouts of one row, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Where the session is not checked in.
    pub unchecked_ms: i64,
    /// Where the session is checked in; never shorter than `unchecked_ms`.
    pub checked_in_ms: i64,
}

impl Timeouts {
    /// The same timeout in both states.
    #[must_use]
    pub fn always(ms: i64) -> Timeouts {
        Timeouts { unchecked_ms: ms, checked_in_ms: ms }
    }

    /// The timeout in the given state.
    #[must_use]
    pub fn of(&self, checked_in: bool) -> i64 {
        if checked_in {
            self.checked_in_ms
        } else {
            self.unchecked_ms
        }
    }
}

/// What an event does to *checked in*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckIn {
    /// Sets it, before the event's own timeout is looked up.
    Set,
    /// Clears it, after the event's own timeout was looked up.
    Clear,
    /// Leaves it as it is.
    Keep,
}

/// The row of a log name that makes and extends sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// How long the session lives on after such an event.
    pub timeouts: Timeouts,
    /// What the event does to *checked in*.
    pub check_in: CheckIn,
}

/// How events of one log name are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// They start, join and extend sessions.
    Session(SessionRow),
    /// They take the label of the session they fall into, and change nothing.
    RideAlong,
}

/// The rule table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Sorted by log name, short ones first: most names differ in length, and need no more than that
    /// compared.
    log_names: Vec<(String, Treatment)>,
    default: SessionRow,
    /// The longest a session may last from its start to its expiry, if there is such a limit.
    pub max_duration_ms: Option<i64>,
}

impl Rules {
    /// A table of the given rows; where a log name occurs twice, the last one counts.
    #[must_use]
    pub fn new(
        rows: impl IntoIterator<Item = (String, Treatment)>,
        default: Timeouts,
        max_duration_ms: Option<i64>,
    ) -> Rules {
        let by_name: std::collections::BTreeMap<_, _> = rows.into_iter().collect();
        let mut log_names: Vec<_> = by_name.into_iter().collect();
        log_names.sort_by_key(|(name, _)| name.len());
        Rules {
            log_names,
            default: SessionRow { timeouts: default, check_in: CheckIn::Keep },
            max_duration_ms,
        }
    }

    /// How an event of this log name is treated.
    #[must_use]
    pub fn treatment(&self, log_name: &str) -> Treatment {
        let order = |name: &str| name.len().cmp(&log_name.len()).then_with(|| name.cmp(log_name));
        match self.log_names.binary_search_by(|(name, _)| order(name)) {
            Ok(row) => {
                self.log_names.get(row).map_or(Treatment::Session(self.default), |(_, t)| *t)
            }
            Err(_) => Treatment::Session(self.default),
        }
    }

    /// The row that judges the newest event of a session.
    ///
    /// A log name that made sessions when the event came, and rides along by the rules of today,
    /// is judged by the default row.
    pub(crate) fn session_row(&self, log_name: &str) -> SessionRow {
        match self.treatment(log_name) {
            Treatment::Session(row) => row,
            Treatment::RideAlong => self.default,
        }
    }
}

impl Default for Rules {
    fn default() -> Rules {
        let check_in =
            SessionRow { timeouts: Timeouts::always(180 * MINUTE_MS), check_in: CheckIn::Set };
        let check_out =
            SessionRow { timeouts: Timeouts::always(30 * MINUTE_MS), check_in: CheckIn::Keep };
        Rules::new(
            [
                ("CIN".to_owned(), Treatment::Session(check_in)),
                ("COUT".to_owned(), Treatment::Session(check_out)),
            ],
            Timeouts { unchecked_ms: 30 * MINUTE_MS, checked_in_ms: 180 * MINUTE_MS },
            None,
        )
    }
}

/// The rule table and how a job applies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The rule table.
    pub rules: Rules,
    /// How long after its expiry a session is still remembered, in milliseconds.
    pub allowed_lateness_ms: i64,
    /// Whether events are counted by log name, for close records.
    pub count_log_names: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            rules: Rules::default(),
            allowed_lateness_ms: 10 * MINUTE_MS,
            count_log_names: false,
        }
    }
}
