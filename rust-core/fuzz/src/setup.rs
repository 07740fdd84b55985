//! The options that the targets run with: as the core reads them, and in the oracle's words.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use wire::{CoreOptions, SessionCore};

/// 2024-12-14T11:40:00.000+0900, the event time of most seeds.
pub const AT_MS: i64 = 1_734_144_000_000;
pub const MINUTE_MS: i64 = 60_000;

/// A field that may hold the key, and what other fields have to hold for that.
pub type KeySource = (&'static str, &'static [(&'static str, &'static str)]);

pub struct Setup {
    pub core: SessionCore,
    /// Whether events wait for their turn.
    pub ordered: bool,
    pub key: &'static [KeySource],
    pub max_record_size: usize,
    pub max_future_ms: i64,
    pub min_event_time_ms: i64,
    pub time_zone: TimeZone,
    /// The timeout of an event that starts a session; none where it rides along.
    pub alone_ms: fn(&str) -> Option<i64>,
    pub max_duration_ms: i64,
}

const YEAR_1: i64 = -62_135_510_400_000;
pub const YEAR_2000: i64 = 946_684_800_000;
const OTHER_RULES: &str = r#"{
    "key": ["uid", {"field": "ip", "when": {"access_type": "PC"}}, "uuid"],
    "log_names": {
        "CIN": {"timeout": "90m", "check_in": "set"},
        "COUT": {"check_in": "clear"},
        "OUT": {"timeout": "1s"},
        "PUSH": {"role": "ride_along"}
    },
    "default": {"timeout": "20m"},
    "max_duration": "1h",
    "time_zone": "America/St_Johns"
}"#;

fn built_in_alone_ms(log_name: &str) -> Option<i64> {
    Some(MINUTE_MS * if log_name == "CIN" { 180 } else { 30 })
}

fn other_alone_ms(log_name: &str) -> Option<i64> {
    match log_name {
        "PUSH" => None,
        "OUT" => Some(1_000),
        "CIN" => Some(90 * MINUTE_MS),
        "COUT" => Some(30 * MINUTE_MS),
        _ => Some(20 * MINUTE_MS),
    }
}

fn core(options: &str) -> SessionCore {
    SessionCore::new(CoreOptions::parse(options).expect("options"))
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a time zone")
}

static SETUPS: LazyLock<[Setup; 4]> = LazyLock::new(|| {
    let built_in = || Setup {
        core: core("close_records=true"),
        ordered: false,
        key: &[("uid", &[])],
        max_record_size: 900 * 1024,
        max_future_ms: 10 * MINUTE_MS,
        min_event_time_ms: YEAR_2000,
        time_zone: zone("Asia/Seoul"),
        alone_ms: built_in_alone_ms,
        max_duration_ms: i64::MAX,
    };
    let small = "max_record_size=420\nmax_future_ms=0\nmin_event_time_ms=0";
    [
        built_in(),
        Setup {
            core: core(small),
            max_record_size: 420,
            max_future_ms: 0,
            min_event_time_ms: YEAR_1,
            ..built_in()
        },
        Setup {
            core: core(&format!("close_records=true\nrules={OTHER_RULES}")),
            key: &[("uid", &[]), ("ip", &[("access_type", "PC")]), ("uuid", &[])],
            time_zone: zone("America/St_Johns"),
            alone_ms: other_alone_ms,
            max_duration_ms: 60 * MINUTE_MS,
            ..built_in()
        },
        Setup { core: core("close_records=true\norder=event-time"), ordered: true, ..built_in() },
    ]
});

/// One of the setups.
pub fn setup(choice: u8) -> &'static Setup {
    &SETUPS[usize::from(choice) % SETUPS.len()]
}
