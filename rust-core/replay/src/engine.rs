//! What Flink does for the core: keyed state, one timer a key, and the core's replies applied.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use wire::{Arrival, CoreError, Emission, SessionCore, StateChange, StepReply};

use crate::failure::{Failure, Outcome};
use crate::store::{Store, Timer};

/// A core with the state of its keys.
pub(crate) struct Engine {
    core: SessionCore,
    pub(crate) store: Store,
    frame: Vec<u8>,
    state: Vec<u8>,
}

/// An event, as decode left it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EngineEvent<'r> {
    pub(crate) key: &'r [u8],
    pub(crate) found: &'r [u8],
    pub(crate) record: &'r [u8],
    pub(crate) arrival: Arrival<'r>,
}

impl Engine {
    pub(crate) fn new(core: SessionCore, store: Store) -> Engine {
        Engine { core, store, frame: Vec::new(), state: Vec::new() }
    }

    /// Gives an event its session, or lets it wait.
    pub(crate) fn on_event(
        &mut self,
        event: EngineEvent<'_>,
        mut emit: impl FnMut(&Emission<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let EngineEvent { key, found, record, arrival } = event;
        let state = self.store.state(key)?;
        let (core, frame) = (&self.core, &mut self.frame);
        let plain = caught(|| core.on_event(state, found, record, &arrival, frame));
        let answered = plain.or_else(|_| {
            caught(|| core.on_event_guarded(state, found, record, &arrival, frame, &mut guard))
        });
        match answered {
            Ok(done) => done.map_err(refused)?,
            Err(said) => SessionCore::failed_event(&said, frame),
        }
        apply(&self.frame, &mut self.store, key, &mut emit)
    }

    /// Fires the earliest timer that is due at this watermark; `false` where none is.
    pub(crate) fn fire_next(
        &mut self,
        watermark_ms: i64,
        mut emit: impl FnMut(&Timer, &Emission<'_>) -> Outcome<()>,
    ) -> Outcome<bool> {
        let Some(timer) = self.store.take_due(watermark_ms)? else { return Ok(false) };
        let (key, at_ms) = (timer.key(), timer.at_ms());
        self.state.clear();
        self.state.extend_from_slice(self.store.state(key)?);
        let (core, frame, state) = (&self.core, &mut self.frame, &self.state);
        let plain = caught(|| core.on_timer(state, key, at_ms, watermark_ms, frame));
        let answered = plain.or_else(|_| {
            caught(|| core.on_timer_guarded(state, key, at_ms, watermark_ms, frame, &mut guard))
        });
        match answered {
            Ok(done) => done.map_err(refused)?,
            Err(said) => SessionCore::failed_timer(state, &said, frame),
        }
        apply(&self.frame, &mut self.store, key, &mut |emission| emit(&timer, emission))?;
        Ok(true)
    }
}

/// Runs what may panic; an error is what the panic said.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| said(panic.as_ref()))
}

fn guard(part: &mut dyn FnMut()) -> Result<(), String> {
    caught(part)
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the core panicked".to_owned())
}

fn refused(error: CoreError) -> Failure {
    Failure::run(error.to_string())
}

/// Does what a reply says, as the job does: state, timer, records.
fn apply(
    frame: &[u8],
    store: &mut Store,
    key: &[u8],
    emit: &mut impl FnMut(&Emission<'_>) -> Outcome<()>,
) -> Outcome<()> {
    let reply = StepReply::read(frame)
        .ok_or_else(|| Failure::run("the core's reply cannot be read: a bug"))?;
    match reply.state_change {
        StateChange::Keep => store.leave_state(key),
        StateChange::Put => store.set_state(key, reply.state),
        StateChange::Clear => store.set_state(key, &[]),
    }
    if let Some(at_ms) = reply.delete_timer_ms {
        store.delete_timer(at_ms, key);
    }
    if let Some(at_ms) = reply.register_timer_ms {
        store.register_timer(at_ms, key);
    }
    reply.emissions.iter().try_for_each(emit)
}
