//! Ctrl-C and SIGTERM: the first asks the run to stop, the second ends at once.

use std::pin::pin;

use ebskeep_core::stop::{Stop, Why};
use futures::future::{Either, select};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Exit, Failure};
use crate::ui::Ui;

/// The signals that ask to stop.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    pub(crate) fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::failed(error.into()));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Returns once one arrives.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Does the work, while signals raise `stop`.
pub(crate) async fn obeyed<T>(work: impl Future<Output = T>, stop: &Stop, ui: &Ui) -> Result<T, Failure> {
    let mut signals = Signals::new()?;
    let obey = async {
        signals.next().await;
        stop.raise(Why::Interrupted);
        ui.say("stopping: no new calls; what is under way is awaited for up to 10 s (once more ends at once)");
        signals.next().await;
        ui.end_at_once(Exit::Interrupted)
    };
    match select(pin!(work), pin!(obey)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right((never, _)) => never,
    }
}

/// Awaits something that can be left off at any time without harm.
pub(crate) async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, Failure> {
    match select(pin!(work), pin!(stop.wait())).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(_) => Err(Failure::interrupted()),
    }
}
