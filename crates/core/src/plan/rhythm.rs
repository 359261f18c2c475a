//! Backups that come at a steady rhythm, but slower than their schedule (docs/semantics.md 2.1).
//!
//! Nothing of such a lineage expires (R7), so it is reported. Knows nothing of what keeps a snapshot.

use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::Notice;
use crate::config::{Scope, Wanted};
use crate::inventory::Volume;
use crate::lineage::Managed;
use crate::schedule::Schedule;
use crate::setting::Settings;

/// Backups whose gaps show a rhythm (docs/semantics.md 2.1).
const BACKUPS: usize = 6;

/// Slots whose longest gap is the interval of a schedule: more than a week of a daily one, and
/// more than half a year of a monthly one.
const SLOTS: usize = 8;

/// What `every-run` counts as: without a backup for 48 hours it is behind (R7), and 1.5 times
/// this interval are 48 hours.
const EVERY_RUN: SignedDuration = SignedDuration::from_hours(32);

/// How much later than a schedule of whole days backups may come and still be at its rhythm.
const JITTER: i64 = 60 * 60;

const DAY: i64 = 24 * 60 * 60;

/// The finding of a volume whose backups come at a slower rhythm than its schedule names.
pub(super) fn finding(
    volume: &Volume,
    snapshots: &[Managed<'_>],
    scopes: &[Scope<'_>],
    settings: &Settings,
    now: Timestamp,
) -> Option<Notice> {
    let (rhythm, schedule) = scopes.iter().find_map(|scope| {
        let Wanted::On(schedule) = &scope.backup else { return None };
        Some((slower(snapshots, scope, now)?, schedule))
    })?;
    let detail = format!(
        "its schedule is {schedule}, and its good backups come every {}: nothing of it expires while the newest is \
         behind the schedule; run create more often, or tag it {}={}",
        in_words(rhythm),
        settings.keys.backup,
        tag_for(rhythm)
    );
    Some(Notice { resource: SmolStr::new(volume.id.as_str()), code: "slower-than-schedule", detail })
}

/// The rhythm of a lineage's good backups, where it is steady, slower than the schedule of the
/// scope, and still kept: the newest is at most twice as old.
pub(super) fn slower(snapshots: &[Managed<'_>], scope: &Scope<'_>, now: Timestamp) -> Option<SignedDuration> {
    let Wanted::On(schedule) = &scope.backup else { return None };
    let starts = newest_starts(snapshots);
    let rhythm = steady(&starts)?;
    let kept = starts.first().is_some_and(|newest| newest.duration_until(now) <= rhythm.saturating_mul(2));
    (kept && is_slower(rhythm, schedule, scope, now)).then_some(rhythm)
}

/// When the newest good backups began, newest first; of several with one slot the newest.
fn newest_starts(snapshots: &[Managed<'_>]) -> Vec<Timestamp> {
    let mut seen: Vec<&Managed<'_>> = Vec::with_capacity(BACKUPS);
    for managed in snapshots.iter().filter(|managed| managed.is_good()) {
        let surplus = |newer: &&Managed<'_>| managed.has_slot && newer.has_slot && newer.time == managed.time;
        if !seen.last().is_some_and(surplus) {
            seen.push(managed);
        }
        if seen.len() == BACKUPS {
            break;
        }
    }
    let mut starts: Vec<Timestamp> = seen.iter().map(|managed| managed.start).collect();
    starts.sort_by(|a, b| b.cmp(a));
    starts
}

/// The median of the gaps between so many backups, if none is further from it than a fifth.
fn steady(starts: &[Timestamp]) -> Option<SignedDuration> {
    if starts.len() < BACKUPS {
        return None;
    }
    let gaps = starts.iter().zip(starts.iter().skip(1)).map(|(newer, older)| newer.duration_since(*older));
    let mut gaps: Vec<SignedDuration> = gaps.collect();
    gaps.sort();
    let median = *gaps.get(gaps.len() / 2)?;
    let near = |gap: &SignedDuration| (*gap - median).abs().saturating_mul(5) <= median;
    (median.is_positive() && gaps.iter().all(near)).then_some(median)
}

/// Whether a rhythm is at least one and a half times the interval of a schedule.
fn is_slower(rhythm: SignedDuration, schedule: &Schedule, scope: &Scope<'_>, now: Timestamp) -> bool {
    let is = |interval: SignedDuration| rhythm.saturating_mul(2) >= interval.saturating_mul(3);
    if *schedule == Schedule::EveryRun {
        return rhythm.saturating_mul(2) > EVERY_RUN.saturating_mul(3);
    }
    let mut slot = schedule.slot(now, &scope.zone, now);
    for _ in 1..SLOTS {
        let Some(before) = schedule.slot_before(slot, &scope.zone) else { return false };
        // Of all these gaps the longest decides.
        if !is(slot.duration_since(before)) {
            return false;
        }
        slot = before;
    }
    true
}

/// The value of `Backup` that names this rhythm: the first schedule that is not faster.
fn tag_for(rhythm: SignedDuration) -> String {
    let seconds = rhythm.as_secs();
    let hours = [(1, "hourly".to_owned())].into_iter();
    let hours = hours.chain([2, 3, 4, 6, 8, 12].map(|n| (n, format!("every {n}h"))));
    // A twentieth of so little is more than a run is late.
    for (hours, name) in hours {
        if hours * 60 * 60 * 20 >= seconds * 19 {
            return name;
        }
    }
    match (seconds - JITTER + DAY - 1).div_euclid(DAY) {
        ..=1 => "daily".to_owned(),
        7 => "weekly".to_owned(),
        29..=31 => "monthly".to_owned(),
        365.. => "yearly".to_owned(),
        days => format!("every {days}d"),
    }
}

/// A rhythm as people say it, to a tenth.
fn in_words(rhythm: SignedDuration) -> String {
    let (unit, name) = match rhythm.as_secs() {
        ..5_400 => (60, "minutes"),
        5_400..129_600 => (60 * 60, "hours"),
        _ => (DAY, "days"),
    };
    let tenths = (rhythm.as_secs() * 10 + unit / 2) / unit;
    if tenths % 10 == 0 { format!("{} {name}", tenths / 10) } else { format!("{}.{} {name}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::schedule::Backup;

    const HOUR: i64 = 60 * 60;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    /// Newest first, so far apart.
    fn starts(gaps: &[i64]) -> Vec<Timestamp> {
        let mut seconds = 0;
        let mut starts = vec![at(0)];
        for gap in gaps {
            seconds -= gap;
            starts.push(at(seconds));
        }
        starts
    }

    #[test]
    fn five_gaps_within_a_fifth_of_their_median_are_steady() {
        let _proof = ebskeep_proofs::proves(&["2.1.35"]);
        let week = 7 * DAY;
        let fifth = week / 5;
        for (gaps, rhythm) in [
            (&[week; 5][..], Some(week)),
            (&[week, week + fifth, week - fifth, week, week], Some(week)),
            (&[week, week + fifth + 1, week, week, week], None),
            (&[week, week - fifth - 1, week, week, week], None),
            // In the middle, not near it.
            (&[6 * DAY, 6 * DAY, week, week, 8 * DAY], Some(week)),
            (&[week; 4], None),
            (&[0; 5], None),
            // A backup that dies.
            (&[8 * DAY, 5 * DAY, 3 * DAY, 2 * DAY, DAY], None),
        ] {
            assert_eq!(steady(&starts(gaps)).map(|rhythm| rhythm.as_secs()), rhythm, "{gaps:?}");
        }
    }

    #[test]
    fn slower_is_one_and_a_half_times_the_longest_gap_of_the_schedule() {
        let _proof = ebskeep_proofs::proves(&["2.1.35"]);
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        for (schedule, slow, not) in [
            ("daily", 36 * HOUR, 36 * HOUR - 1),
            ("hourly", 90 * 60, 90 * 60 - 1),
            ("weekly", 252 * HOUR, 252 * HOUR - 1),
            // From Friday to Monday.
            ("0 3 * * mon-fri", 108 * HOUR, 108 * HOUR - 1),
            ("every-run", 48 * HOUR + 1, 48 * HOUR),
        ] {
            let Ok(Backup::On(on)) = Backup::parse(schedule) else { panic!("{schedule}") };
            let scope = Scope {
                instance: None,
                unlisted: None,
                device: None,
                backup: Wanted::On(on.clone()),
                retention: None,
                zone: TimeZone::UTC,
                zone_tag: None,
                copy_to: None,
                copy_retention: None,
            };
            for (seconds, expected) in [(slow, true), (not, false)] {
                let got = is_slower(SignedDuration::from_secs(seconds), &on, &scope, now);
                assert_eq!(got, expected, "{schedule} {seconds}");
            }
        }
    }

    #[test]
    fn the_tag_to_write_names_the_rhythm() {
        let _proof = ebskeep_proofs::proves(&["2.1.36"]);
        for (seconds, tag) in [
            (30 * 60, "hourly"),
            (HOUR + 60, "hourly"),
            (2 * HOUR, "every 2h"),
            (150 * 60, "every 3h"),
            (3 * HOUR + 300, "every 3h"),
            (5 * HOUR, "every 6h"),
            (13 * HOUR, "daily"),
            (DAY + 600, "daily"),
            (36 * HOUR, "every 2d"),
            (2 * DAY, "every 2d"),
            (7 * DAY - 600, "weekly"),
            (7 * DAY + 600, "weekly"),
            (7 * DAY + 2 * HOUR, "every 8d"),
            (14 * DAY, "every 14d"),
            (28 * DAY, "every 28d"),
            (30 * DAY, "monthly"),
            (31 * DAY + HOUR, "monthly"),
            (92 * DAY, "every 92d"),
            (365 * DAY, "yearly"),
            (800 * DAY, "yearly"),
        ] {
            let got = tag_for(SignedDuration::from_secs(seconds));
            assert_eq!(got, tag, "{seconds}");
            assert!(matches!(Backup::parse(&got), Ok(Backup::On(_))), "{got}");
        }
    }

    #[test]
    fn a_rhythm_is_said_in_the_largest_unit_that_tells_it() {
        for (seconds, words) in [
            (30 * 60, "30 minutes"),
            (3 * HOUR, "3 hours"),
            (150 * 60, "2.5 hours"),
            (3 * HOUR + 200, "3.1 hours"),
            (36 * HOUR, "1.5 days"),
            (7 * DAY + 60, "7 days"),
        ] {
            assert_eq!(in_words(SignedDuration::from_secs(seconds)), words);
        }
    }
}
