//! The crossing into the core: the only crate with `unsafe`.
//!
//! One hot call ([`handle::Handle::call`]) serves decode, events and timers: numbers as arguments,
//! bytes through two buffers that the caller owns, a frame back, a status number instead of an
//! exception. A panic never leaves: it makes that record a dead letter `internal_error`.
//!
//! * [`handle`]: one core per operator instance, and the hot call;
//! * [`notes`]: what the core logs, and what a panic said, collected per handle;
//! * [`jni_exports`]: the exports that `SessionCore.java` declares;
//! * `c_abi` (feature `c-abi`): the same behind plain C functions; cbindgen writes its header.

pub mod handle;
mod log_quota;
pub mod notes;

pub mod jni_exports;

#[cfg(feature = "c-abi")]
pub mod c_abi;

/// The version of the list of exports and of the frames. `NativeLibrary.java` names the same.
pub const ABI_VERSION: i32 = 2;

/// A hash of the sources; `scripts/build-native` reckons it.
pub const BUILD_ID: &str = match option_env!("SESSION_CORE_BUILD_ID") {
    Some(id) => id,
    None => "unreleased",
};
