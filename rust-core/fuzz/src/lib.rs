//! What the fuzz targets hold the core against: the contract, written down a second time.
//!
//! Nothing here uses the core's own parser, rule or writer. A target is a function of bytes that
//! panics where the core does not do what the contract says.

pub mod contract;
pub mod json;
pub mod setup;
pub mod targets;
