//! Doors for the fuzz targets, which need formats apart that cross only together.

use crate::found::Found;
use crate::state::{self, StateError};

/// Reads keyed state and writes it again.
///
/// # Errors
///
/// State that cannot be read.
pub fn state_again(bytes: &[u8]) -> Result<Vec<u8>, StateError> {
    let mut again = Vec::new();
    let key_state = state::decode(bytes)?;
    if !key_state.is_empty() {
        state::encode(&mut again, &key_state);
    }
    Ok(again)
}

/// Reads what decode found in a record and writes it again; `None` where it is not that.
#[must_use]
pub fn found_again(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut again = Vec::new();
    Found::decode(bytes)?.encode(&mut again);
    Some(again)
}
