//! Records and keys that fail on purpose, for tests; not in the jar's library.

/// Panics where the bytes ask for it: `panic-in-decode`, `panic-in-event`, `panic-in-timer`.
#[cfg(feature = "failing")]
#[expect(clippy::panic, reason = "this is what the feature is for")]
pub(crate) fn fail_on_purpose(bytes: &[u8], place: &str) {
    let wanted = format!("panic-in-{place}");
    if bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
        panic!("asked to fail: {wanted}");
    }
}

#[cfg(not(feature = "failing"))]
pub(crate) fn fail_on_purpose(_bytes: &[u8], _place: &str) {}
