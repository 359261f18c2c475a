//! How to live through one world again: said of each in which something did not hold, and
//! of one whose life did not come to its end.

use anyhow::Context;

use crate::flaw::Flaw;

/// The command that lives through the world of a seed again, and tells.
pub fn words(seed: u64, flaw: Option<Flaw>) -> String {
    let flaw = flaw.map(|flaw| format!(" --flaw {flaw:?}")).unwrap_or_default();
    format!("again: cargo xtask chaos --from {seed} --seeds 1 --story{flaw}")
}

/// Lives through something, and says how to do so again if that panics, after the panic's own
/// message. An error says it itself.
pub(crate) fn lived<T>(again: &str, say: impl Fn(&str), life: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let _guard = Guard { again, say };
    life().with_context(|| again.to_owned())
}

/// Says how to live through it again where it is dropped by a panic.
struct Guard<'a, S: Fn(&str)> {
    again: &'a str,
    say: S,
}

impl<S: Fn(&str)> Drop for Guard<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.say)(self.again);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// What is said on the way through a life, and what comes of it.
    fn said(life: impl FnOnce() -> anyhow::Result<u8>) -> (Vec<String>, Option<Result<u8, String>>) {
        let said = RefCell::new(Vec::new());
        let say = |again: &str| said.borrow_mut().push(again.to_owned());
        let lived = catch_unwind(AssertUnwindSafe(|| lived(&words(7, None), say, life)));
        (said.into_inner(), lived.ok().map(|lived| lived.map_err(|error| format!("{error:#}"))))
    }

    #[test]
    fn the_command_names_the_world_and_the_mistake() {
        assert_eq!(words(7, None), "again: cargo xtask chaos --from 7 --seeds 1 --story");
        let planted = "again: cargo xtask chaos --from 7 --seeds 1 --story --flaw HoldNotSeen";
        assert_eq!(words(7, Some(Flaw::HoldNotSeen)), planted);
    }

    #[test]
    fn a_life_that_does_not_come_to_its_end_says_how_to_live_it_again() {
        let again = words(7, None);
        assert_eq!(said(|| Ok(1)), (vec![], Some(Ok(1))));
        assert_eq!(said(|| anyhow::bail!("refused")), (vec![], Some(Err(format!("{again}: refused")))));
        assert_eq!(said(|| panic!("as planned")), (vec![again], None));
    }
}
