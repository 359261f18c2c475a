//! Stretches of time as AWS's filter `start-time` takes them, and how all time falls
//! into them.

use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::super::FILTER_VALUES;
use crate::cloud::{Filter, Query};

/// Listings to begin with. With 100,000 snapshots, the most of a Region, each has
/// four or five pages.
pub(super) const PARTS: usize = 24;

/// A stretch of time as the beginnings of its dates: `2026`, `2026-03`, `2026-03-0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part(Vec<SmolStr>);

impl Part {
    /// All time, one stretch after the other, parted so that of what is known each part
    /// has about as much.
    pub(super) fn all(known: &[SmolStr]) -> Vec<Self> {
        let enough = known.len().div_ceil(PARTS).max(1);
        let (mut parts, mut part, mut of_part) = (Vec::new(), Vec::new(), 0);
        let mut stretches: Vec<SmolStr> = digits(&SmolStr::default()).rev().collect();
        while let Some(stretch) = stretches.pop() {
            let count = known.iter().filter(|started| started.starts_with(stretch.as_str())).count();
            let smaller = smaller(&stretch);
            if count * 2 > enough && !smaller.is_empty() {
                stretches.extend(smaller.into_iter().rev());
            } else {
                part.push(stretch);
                of_part += count;
                if of_part >= enough || part.len() == FILTER_VALUES {
                    parts.push(Self(std::mem::take(&mut part)));
                    of_part = 0;
                }
            }
        }
        parts.extend(Some(Self(part)).filter(|part| !part.0.is_empty()));
        parts
    }

    /// The same stretch in smaller ones; none for an hour.
    pub(super) fn parted(&self) -> Vec<Self> {
        match self.0.as_slice() {
            [one] => smaller(one).into_iter().map(|one| Self(vec![one])).collect(),
            many => {
                let (first, second) = many.split_at(many.len() / 2);
                vec![Self(first.to_vec()), Self(second.to_vec())]
            }
        }
    }

    /// What asks AWS for it.
    pub(super) fn query(&self) -> Query {
        let values = self.0.iter().map(|start| format_smolstr!("{start}*")).collect();
        Query::Filters(vec![Filter { name: "start-time".into(), values }])
    }

    /// Whether what began then belongs to it.
    pub(super) fn holds(&self, started: Timestamp) -> bool {
        let started = text(started);
        self.0.iter().any(|start| started.starts_with(start.as_str()))
    }
}

/// When something began, as AWS writes it and its filter compares it.
pub(super) fn text(started: Timestamp) -> SmolStr {
    format_smolstr!("{started}")
}

/// What a beginning of a date can go on with, all of it; nothing for an hour.
fn smaller(stretch: &SmolStr) -> Vec<SmolStr> {
    match stretch.len() {
        // Centuries, decades, and the days of a month by tens and by one.
        0..4 | 9 => digits(stretch).collect(),
        4 => (1..=12).map(|month| format_smolstr!("{stretch}-{month:02}")).collect(),
        7 => (0..=3).map(|tens| format_smolstr!("{stretch}-{tens}")).collect(),
        10 => (0..24).map(|hour| format_smolstr!("{stretch}T{hour:02}")).collect(),
        _ => Vec::new(),
    }
}

fn digits(stem: &SmolStr) -> impl DoubleEndedIterator<Item = SmolStr> {
    (0..10).map(move |digit| format_smolstr!("{stem}{digit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANTS: [&str; 13] = [
        "0000-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2006-08-24T00:00:00Z",
        "2019-02-28T12:00:00Z",
        "2024-02-29T00:00:00Z",
        "2025-01-01T00:00:00Z",
        "2025-12-31T23:59:59.999Z",
        "2026-01-01T00:00:00Z",
        "2026-10-31T00:00:00Z",
        "2026-11-25T19:00:00Z",
        "2027-01-01T00:00:00Z",
        "2100-01-01T00:00:00Z",
        "9999-12-30T21:59:59Z",
    ];

    fn at(instant: &str) -> Timestamp {
        instant.parse().unwrap()
    }

    /// So many instants, one each so many hours back from a day of 2026.
    fn known(count: i64, hours: i64) -> Vec<SmolStr> {
        let end = at("2026-11-25T19:00:00Z");
        (0..count).map(|n| text(end - jiff::SignedDuration::from_hours(n * hours))).collect()
    }

    #[test]
    fn parts_hold_every_instant_once_however_often_they_are_parted() {
        for known in [known(0, 0), known(1, 1), known(1_000, 1), known(1_000, 17), known(1_000, 50)] {
            let mut parts = Part::all(&known);
            for _ in 0..20 {
                for instant in INSTANTS {
                    let holding = parts.iter().filter(|part| part.holds(at(instant))).count();
                    assert_eq!(holding, 1, "{instant} in {parts:?}");
                }
                assert!(parts.iter().all(|part| (1..=FILTER_VALUES).contains(&part.0.len())));
                let smaller = |part: &Part| if part.parted().is_empty() { vec![part.clone()] } else { part.parted() };
                // Only those are parted further in which an instant lies: there are millions.
                let matters = |part: &Part| INSTANTS.iter().any(|instant| part.holds(at(instant)));
                parts = parts.iter().flat_map(smaller).filter(matters).collect();
            }
            assert!(parts.iter().all(|part| part.0.len() == 1 && part.0[0].len() == 13), "{parts:?}");
        }
    }

    #[test]
    fn parts_have_about_as_much_each() {
        for known in [known(1_000, 1), known(1_000, 17), known(1_000, 50), known(1_000, 200)] {
            let counts: Vec<usize> = (Part::all(&known).iter())
                .map(|part| known.iter().filter(|began| part.holds(at(began))).count())
                .collect();
            assert!((16..=PARTS + 2).contains(&counts.len()), "{counts:?}");
            assert!(counts.iter().all(|count| *count <= 2 * known.len() / PARTS), "{counts:?}");
            assert_eq!(counts.iter().sum::<usize>(), known.len());
        }
    }

    #[test]
    fn a_part_is_asked_for_by_the_beginnings_of_its_dates() {
        let part = Part(vec!["2025".into(), "2026-0".into()]);
        let Query::Filters(filters) = part.query() else { panic!("no filter") };
        let [filter] = filters.as_slice() else { panic!("{filters:?}") };
        assert_eq!(
            (filter.name.as_str(), filter.values.as_slice()),
            ("start-time", &["2025*".into(), "2026-0*".into()][..])
        );
    }
}
