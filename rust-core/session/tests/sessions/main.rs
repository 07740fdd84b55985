//! Sessions against a model that keeps every event: random cases, and the scenario files.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects without a detour"
)]

mod model;
mod properties;
mod scenarios;
