//! What the core has to say beside its reply: log lines and panics.
//!
//! They are collected in the handle that is being called, and Java writes them on the task's
//! thread. The way there is a thread-local pointer that is set for the time of a call; it has no
//! destructor, so a thread that ends later needs nothing of this library.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::panic::PanicHookInfo;

use log::{LevelFilter, Log, Metadata, Record};
use once_cell::sync::OnceCell;

/// Log bytes kept until they are taken; what comes after is left out and counted.
const MOST_LOG_BYTES: usize = 64 * 1024;

/// Log lines and the last panic of one handle.
#[derive(Debug)]
pub struct Notes {
    filter: LevelFilter,
    log: RefCell<String>,
    left_out: Cell<usize>,
    panic: RefCell<Option<String>>,
}

thread_local! {
    static CURRENT: Cell<*const Notes> = const { Cell::new(std::ptr::null()) };
}

impl Notes {
    /// Notes that keep log lines down to a level.
    #[must_use]
    pub fn new(filter: LevelFilter) -> Notes {
        listen();
        Notes { filter, log: RefCell::default(), left_out: Cell::new(0), panic: RefCell::default() }
    }

    /// Runs a call whose log lines and panics belong here.
    pub fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        /// Puts the pointer back however the call ends.
        struct Restore(*const Notes);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        call()
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
    pub fn take_panic(&self) -> Option<String> {
        self.panic.take()
    }

    fn keep_line(&self, record: &Record<'_>) {
        if record.level() > self.filter {
            return;
        }
        let Ok(mut log) = self.log.try_borrow_mut() else { return };
        if log.len() >= MOST_LOG_BYTES {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        let text = record.args().to_string().replace('\n', " ");
        let _ = writeln!(log, "{} {} {text}", record.level(), record.target());
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
            *panic = Some(format!("{said}{place}"));
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
fn listen() {
    static LISTENING: OnceCell<()> = OnceCell::new();
    LISTENING.get_or_init(|| {
        static LOGGER: CallLogger = CallLogger;
        if log::set_logger(&LOGGER).is_ok() {
            log::set_max_level(LevelFilter::Trace);
        }
        // In place of the standard hook, which prints, and for the thread's name registers a
        // thread-local destructor.
        std::panic::set_hook(Box::new(|info| Notes::with_current(|notes| notes.keep_panic(info))));
    });
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
