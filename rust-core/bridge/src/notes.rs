//! What the core has to say beside its reply: log lines and panics.
//!
//! They are collected in the handle that is being called, and Java writes them on the task's
//! thread. The way there is a thread-local pointer that is set for the time of a call; it has no
//! destructor, so a thread that ends later needs nothing of this library.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fmt::Write;
use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use env_filter::Filter;
use log::{Level, LevelFilter, Log, Metadata, Record};
use once_cell::sync::OnceCell;

use crate::log_quota::{LogQuota, Verdict};

/// Log bytes kept until they are taken; what comes after is left out and counted.
const MOST_LOG_BYTES: usize = 64 * 1024;

/// Log lines and the last panic of one handle.
#[derive(Debug)]
pub struct Notes {
    filter: Filter,
    quota: RefCell<LogQuota>,
    log: RefCell<String>,
    left_out: Cell<usize>,
    panic: RefCell<Option<Panic>>,
}

/// What a panic said, and where. What it said may hold a piece of a record.
#[derive(Debug, Default)]
pub struct Panic {
    said: String,
    place: String,
}

impl Panic {
    /// Tells the place to everyone, and what it said to those who look closer.
    pub fn log(&self) {
        log::error!(target: "session_core", "the core failed{}", self.place);
        log::debug!(target: "session_core", "the core failed: {self}");
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.said, self.place)
    }
}

thread_local! {
    static CURRENT: Cell<*const Notes> = const { Cell::new(std::ptr::null()) };
}

impl Notes {
    /// Notes that keep the log lines that a filter lets through.
    #[must_use]
    pub fn new(filter: Filter) -> Notes {
        listen(filter.filter());
        Notes {
            filter,
            quota: RefCell::default(),
            log: RefCell::default(),
            left_out: Cell::new(0),
            panic: RefCell::default(),
        }
    }

    /// Runs a call whose log lines and panics belong here.
    pub fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        /// Puts the pointer back however the call ends.
        struct Restore<'c>(&'c Cell<*const Notes>, *const Notes);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        // Looked up once: in a library that is loaded late, that is a call.
        CURRENT.with(|current| {
            let _restore = Restore(current, current.replace(self));
            call()
        })
    }

    /// Whether log lines wait.
    #[must_use]
    pub fn log_waits(&self) -> bool {
        !self.log.borrow().is_empty()
    }

    /// Takes the log lines, one `LEVEL target text` a line.
    #[must_use]
    pub fn take_log(&self) -> String {
        let mut log = self.log.take();
        let left_out = self.left_out.take();
        if left_out > 0 {
            let _ = writeln!(log, "WARN session_core {left_out} more log lines were left out");
        }
        log
    }

    /// Takes what the last panic said.
    #[must_use]
    pub fn take_panic(&self) -> Panic {
        self.panic.take().unwrap_or_default()
    }

    fn keep_line(&self, record: &Record<'_>) {
        if !self.filter.matches(record) {
            return;
        }
        let Ok(mut log) = self.log.try_borrow_mut() else { return };
        let Verdict::Keep { left_out } = self.verdict(record) else { return };
        if log.len() >= MOST_LOG_BYTES {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        // One line, whatever a value holds.
        let text = record.args().to_string().replace(char::is_control, " ");
        let _ = write!(log, "{} {} {text}", record.level(), record.target());
        if left_out > 0 {
            let _ = write!(log, " ({left_out} more of this were left out)");
        }
        log.push('\n');
    }

    fn verdict(&self, record: &Record<'_>) -> Verdict {
        // Who asks for debug lines wants every one.
        if record.level() >= Level::Debug {
            return Verdict::Keep { left_out: 0 };
        }
        let place = (record.file().unwrap_or_default(), record.line().unwrap_or_default());
        match self.quota.try_borrow_mut() {
            Ok(mut quota) => quota.ask(place, Instant::now()),
            Err(_) => Verdict::LeaveOut,
        }
    }

    fn keep_panic(&self, info: &PanicHookInfo<'_>) {
        let payload = info.payload();
        let said = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("panicked without a text");
        let place = info.location().map(|at| format!(" at {at}")).unwrap_or_default();
        if let Ok(mut panic) = self.panic.try_borrow_mut() {
            *panic = Some(Panic { said: said.to_owned(), place });
        }
    }

    /// The notes of the call that runs on this thread.
    fn with_current(keep: impl FnOnce(&Notes)) {
        // SAFETY: `during` sets the pointer to notes that outlive the call and takes it back when
        // the call ends, and nothing else sets it.
        if let Some(notes) = unsafe { CURRENT.get().as_ref() } {
            keep(notes);
        }
    }
}

/// Sets up the logger and the panic hook of this library, once. Both serve every handle; neither
/// touches the JVM nor another library, for each has a standard library of its own.
fn listen(level: LevelFilter) {
    static LISTENING: OnceCell<()> = OnceCell::new();
    // The most that any handle wants: below it a log line costs one comparison, and no text.
    static MOST: Mutex<LevelFilter> = Mutex::new(LevelFilter::Off);
    LISTENING.get_or_init(|| {
        static LOGGER: CallLogger = CallLogger;
        // Fails where a logger is set already, and there is none but this.
        let _ = log::set_logger(&LOGGER);
        // In place of the standard hook, which prints, and for the thread's name registers a
        // thread-local destructor.
        std::panic::set_hook(Box::new(|info| Notes::with_current(|notes| notes.keep_panic(info))));
    });
    let mut most = MOST.lock().unwrap_or_else(PoisonError::into_inner);
    *most = level.max(*most);
    log::set_max_level(*most);
}

struct CallLogger;

impl Log for CallLogger {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        Notes::with_current(|notes| notes.keep_line(record));
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(filter: &str) -> Notes {
        Notes::new(env_filter::Builder::new().parse(filter).build())
    }

    fn lines(filter: &str, call: impl FnOnce()) -> Vec<String> {
        let notes = notes(filter);
        notes.during(call);
        notes.take_log().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_filter_names_levels_for_all_and_for_single_targets() {
        let say = || {
            log::info!(target: "wire::core", "one");
            log::debug!(target: "wire::core", "two");
            log::debug!(target: "wire::state", "three");
            log::error!(target: "wire::state", "four");
        };
        let kept = ["INFO wire::core one", "DEBUG wire::core two", "ERROR wire::state four"];
        assert_eq!(lines("info,wire::core=debug", say), kept);
        assert_eq!(lines("error", say), ["ERROR wire::state four"]);
        assert_eq!(lines("off", say), [] as [&str; 0]);
    }

    #[test]
    fn a_place_that_logs_for_each_record_is_stopped_unless_debug_is_asked_for() {
        let flood = || (0..100).for_each(|number| log::warn!("record {number}"));
        assert_eq!(lines("info", flood).len(), 5);
        let debug = || (0..100).for_each(|number| log::debug!("record {number}"));
        assert_eq!(lines("debug", debug).len(), 100);
    }

    #[test]
    fn a_line_stays_one_line_whatever_it_holds() {
        let say = || log::info!(target: "t", "a\nERROR forged\r\x1b[31m");
        assert_eq!(lines("info", say), ["INFO t a ERROR forged  [31m"]);
    }

    #[test]
    fn lines_beyond_the_room_are_counted() {
        let filled = lines("debug", || {
            for _ in 0..3 {
                log::debug!("{}", "x".repeat(MOST_LOG_BYTES));
            }
        });
        assert_eq!(filled.len(), 2);
        assert_eq!(filled.last().unwrap(), "WARN session_core 2 more log lines were left out");
    }

    #[test]
    fn what_a_panic_said_is_for_debug_its_place_for_all() {
        let panic = Panic { said: "user u1".to_owned(), place: " at a.rs:1:2".to_owned() };
        let told = lines("info", || panic.log());
        assert_eq!(told, ["ERROR session_core the core failed at a.rs:1:2"]);
        assert!(lines("debug", || panic.log()).iter().any(|line| line.contains("user u1")));
    }
}
