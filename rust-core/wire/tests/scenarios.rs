//! Plays every scenario file on the core.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects without a detour"
)]

use scenario::play::{play_all, Engine};
use wire::{Arrival, CoreOptions, SessionCore};

/// The core, called as a library.
struct Direct(SessionCore);

impl Engine for Direct {
    fn decode(&mut self, value: &[u8], record_time_ms: i64, now_ms: i64) -> Vec<u8> {
        let mut frame = Vec::new();
        self.0.decode(Some(value), record_time_ms, now_ms, &mut frame);
        frame
    }

    fn on_event(
        &mut self,
        state: &[u8],
        found: &[u8],
        record: &[u8],
        arrival: &Arrival<'_>,
    ) -> Vec<u8> {
        let mut frame = Vec::new();
        self.0.on_event(state, found, record, arrival, &mut frame).expect("a step");
        frame
    }

    fn on_timer(&mut self, state: &[u8], key: &str, timer_ms: i64, watermark_ms: i64) -> Vec<u8> {
        let mut frame = Vec::new();
        self.0.on_timer(state, key.as_bytes(), timer_ms, watermark_ms, &mut frame).expect("a step");
        frame
    }
}

#[test]
fn every_scenario_holds() {
    play_all(|options| match CoreOptions::parse(options) {
        Ok(options) => Direct(SessionCore::new(options)),
        Err(error) => panic!("{options}: {error}"),
    });
}
