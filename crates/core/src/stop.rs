//! The one signal that ends a run early: Ctrl-C, SIGTERM, or a deadline near.
//!
//! After it no new call is made; those in flight are awaited for a while, and
//! what was done is reported. Knows nothing of signals or timers; the binaries
//! raise it.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::Shared;

/// Why a run was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A person or the machine asked (SIGINT, SIGTERM).
    Interrupted,
    /// The time given to the run is nearly over; it is safe to run again.
    Deadline,
}

/// A handle that can be raised once and seen by everybody who holds a clone.
#[derive(Clone)]
pub struct Stop {
    sender: Rc<RefCell<Option<oneshot::Sender<Why>>>>,
    receiver: Shared<oneshot::Receiver<Why>>,
}

impl Stop {
    /// A signal nobody has raised yet.
    pub fn new() -> Self {
        let (sender, receiver) = oneshot::channel();
        Self { sender: Rc::new(RefCell::new(Some(sender))), receiver: receiver.shared() }
    }

    /// Tells the run to stop. The first reason counts.
    pub fn raise(&self, why: Why) {
        if let Some(sender) = self.sender.borrow_mut().take() {
            // Nobody listening any more is fine: the run is over.
            let _ = sender.send(why);
        }
    }

    /// Whether it was raised, and why.
    pub fn raised(&self) -> Option<Why> {
        self.receiver.clone().now_or_never().and_then(Result::ok)
    }

    /// Returns once it is raised; never, if it never is.
    pub async fn wait(&self) -> Why {
        match self.receiver.clone().await {
            Ok(why) => why,
            Err(oneshot::Canceled) => futures::future::pending().await,
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
