//! Execution: what the paced cloud, the observation and the executor do to an
//! EC2 that has state, virtual time and faults.

#[cfg(test)]
mod adopting;
#[cfg(test)]
mod applying_copies;
#[cfg(test)]
mod applying_creates;
#[cfg(test)]
mod applying_deletes;
#[cfg(test)]
mod applying_sets;
#[cfg(test)]
mod backlog;
#[cfg(test)]
mod checking;
#[cfg(test)]
mod checking_copies;
#[cfg(test)]
mod copy_pages;
#[cfg(test)]
mod copying;
#[cfg(test)]
mod deleted_volumes;
#[cfg(test)]
mod explaining;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod forecasting;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod gone_volumes;
#[cfg(test)]
mod hint_meanings;
#[cfg(test)]
mod hint_values;
#[cfg(test)]
mod holding;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod migrating;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod naming;
#[cfg(test)]
mod observing;
#[cfg(test)]
mod pacing;
#[cfg(test)]
mod planning;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reporting;
#[cfg(test)]
mod retagging;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod running;
#[cfg(test)]
mod second_opinion;
#[cfg(test)]
mod sets;
#[cfg(test)]
mod source_gone;
#[cfg(test)]
mod steady;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod watching;
#[cfg(test)]
mod what_if;
#[cfg(test)]
#[path = "../support/world.rs"]
#[expect(dead_code, reason = "scenarios also render plans, and run by untagged instances")]
mod world;
