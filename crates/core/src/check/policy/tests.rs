//! What the second opinion reads, text by text.

use smol_str::{SmolStr, format_smolstr};

use super::*;
use crate::id::AccountId;
use crate::inventory::StorageTier;
use crate::tags::Tags;

#[test]
fn ages_are_over_or_not_and_what_nobody_understands_never_is() {
    let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    for (text, at, over) in [
        ("7", "2026-03-08T00:00:00Z", true),
        ("7", "2026-03-06T22:00:00Z", true),
        ("7", "2026-03-06T21:59:59Z", false),
        ("1w", "2026-03-08T00:00:00Z", true),
        ("1d12h", "2026-03-02T12:00:00Z", true),
        ("1m", "2026-04-01T00:00:00Z", true),
        ("1m", "2026-03-30T00:00:00Z", false),
        ("1y", "2027-02-27T22:00:00Z", true),
        ("1y", "2027-02-27T21:59:59Z", false),
        ("1y6m", "2027-09-01T00:00:00Z", true),
        ("1y6m", "2027-08-30T00:00:00Z", false),
        (" 2W ", "2026-03-15T00:00:00Z", true),
        ("forever", "2036-03-01T00:00:00Z", false),
        ("7x", "2036-03-01T00:00:00Z", false),
        ("d", "2036-03-01T00:00:00Z", false),
        ("1d12", "2036-03-01T00:00:00Z", false),
        ("0", "2036-03-01T00:00:00Z", false),
        ("0d", "2036-03-01T00:00:00Z", false),
        ("", "2036-03-01T00:00:00Z", false),
        ("unset", "2036-03-01T00:00:00Z", false),
        // In a record units stand in any order, each once.
        ("12h1d", "2026-03-02T12:00:00Z", true),
        ("12h30m", "2028-08-30T09:59:59Z", false),
        ("12h30m", "2028-09-01T12:00:00Z", true),
        ("1d1d", "2036-03-01T00:00:00Z", false),
        ("invalid | 12h30m", "2036-03-01T00:00:00Z", false),
        // What no calendar reaches is never over.
        ("7973y", "2036-03-01T00:00:00Z", false),
        ("99999y", "9999-12-30T00:00:00Z", false),
        ("99999999999999999999", "9999-12-30T00:00:00Z", false),
        ("99999999999999999999h", "9999-12-30T00:00:00Z", false),
    ] {
        assert_eq!(age_is_over(text, start, &TimeZone::UTC, at.parse().unwrap()), over, "{text:?} at {at}");
    }
}

#[test]
fn units_of_a_live_tag_descend() {
    let _proof = ebskeep_proofs::proves(&["2.2.7"]);
    for text in
        ["14", "14d", "1y2m3w4d5h", "2W1D", "forever", "daily=7 weekly=all", "within=1y6m,daily=7", "within-daily=30d"]
    {
        assert!(units_descend(text), "{text}");
    }
    for text in ["12h30m", "1d1w", "1d1d", "within=12h30m", "daily=7 within-weekly=1d2w", "WITHIN=1D1Y"] {
        assert!(!units_descend(text), "{text}");
    }
}

#[test]
fn what_is_longer_than_any_calendar_keeps_all() {
    let _proof = ebskeep_proofs::proves(&["2.2.10", "2.2.11"]);
    let day = |at: usize| one(at, &format!("2026-03-{:02}T00:00:00Z", at + 1), &[]);
    let history: Vec<Snapshot> = (0..4).map(day).collect();
    let (now, settings) = ("9999-12-30T00:00:00Z".parse().unwrap(), Settings::default());
    for (text, keeps) in [
        ("99999y", "0 1 2 3"),
        ("99999999999999999999", "0 1 2 3"),
        ("within=9999y", "0 1 2 3"),
        ("within=99999y", "0 1 2 3"),
        ("within-daily=99999999999999999999d", "0 1 2 3"),
        ("daily=99999999999999999999", "0 1 2 3"),
        // Of each year the newest, and the oldest there is.
        ("within-yearly=1y99999999999999999999h", "0 3"),
        ("yearly=99999999999999999999", "0 3"),
        // What nobody understands keeps all.
        ("within-yearly=99999999999999999999x", "0 1 2 3"),
        ("within-yearly=99999y99999y", "0 1 2 3"),
        ("within-yearly=0d", "0 1 2 3"),
        ("yearly=99999999999999999999x", "0 1 2 3"),
    ] {
        let mut read = Read::new(history.iter());
        let kept = history.iter().enumerate().filter(|(_, snapshot)| read.keeps(text, "", snapshot, now, &settings));
        let kept: Vec<String> = kept.map(|(at, _)| at.to_string()).collect();
        assert_eq!(kept.join(" "), keeps, "{text}");
        assert!(!read.span_is_over(text, "", now, &settings), "{text}");
        assert!(!copies_are_over(text, "", &history[0], now, &settings), "{text}");
    }
}

fn one(at: usize, started: &str, tags: &[(&str, &str)]) -> Snapshot {
    Snapshot {
        id: SnapshotId::new(format!("snap-{at}")),
        owner: AccountId::new("111122223333"),
        volume: "vol-1".into(),
        state: SnapshotState::Completed,
        state_message: None,
        started: started.parse().unwrap(),
        size_gib: 8,
        tier: StorageTier::Standard,
        restore_expires: None,
        site: None,
        encrypted: false,
        description: SmolStr::default(),
        tags: tags.iter().copied().collect::<Tags>(),
    }
}

/// The ends of the ids of what is kept of a history, such as `0 2`; `?` where the rules are
/// not understood.
fn kept(text: &str, zone: &str, history: &[Snapshot]) -> SmolStr {
    let zone = named(zone, &Settings::default()).unwrap();
    let Some(kept) = rules_keep(text, &zone, &Read::new(history.iter()).good, Timestamp::MIN) else {
        return "?".into();
    };
    kept.iter().fold(SmolStr::default(), |all, id| {
        let end = id.as_str().trim_start_matches("snap-");
        if all.is_empty() { end.into() } else { format_smolstr!("{all} {end}") }
    })
}

#[test]
fn rules_keep_the_newest_of_each_period_and_the_oldest_while_count_is_left() {
    // From Sunday to Tuesday, over the turn of a week.
    let times = [
        "2026-03-01T00:00:00Z",
        "2026-03-01T12:00:00Z",
        "2026-03-02T00:00:00Z",
        "2026-03-03T00:00:00Z",
        "2026-03-03T06:00:00Z",
    ];
    let history: Vec<Snapshot> = times.iter().enumerate().map(|(at, time)| one(at, time, &[])).collect();
    for (text, keeps) in [
        ("last=2", "3 4"),
        ("hourly=1", "4"),
        ("hourly=3", "2 3 4"),
        ("daily=2", "2 4"),
        ("daily=3", "1 2 4"),
        ("daily=4", "0 1 2 4"),
        ("daily=all", "0 1 2 4"),
        ("weekly=1", "4"),
        ("weekly=2", "1 4"),
        ("weekly=3", "0 1 4"),
        ("monthly=1", "4"),
        ("monthly=2", "0 4"),
        ("yearly=1", "4"),
        ("yearly=2", "0 4"),
        // What began just so long ago is not within.
        ("within=54h", "1 2 3 4"),
        ("within=55h", "0 1 2 3 4"),
        ("within-daily=54h", "1 2 4"),
        ("within-daily=55h", "0 1 2 4"),
        ("within-weekly=2d", "1 4"),
        ("within-monthly=1m", "0 4"),
        // Any one of several keeps.
        ("last=1, weekly=2\tdaily=2", "1 2 4"),
        ("DAILY=2", "2 4"),
        ("", ""),
        ("daily", "?"),
        ("daily=many", "?"),
        ("fortnightly=2", "?"),
        ("within=2", "?"),
        ("within=0d", "?"),
        ("within-fortnightly=2d", "?"),
        ("daily=2 nonsense", "?"),
    ] {
        assert_eq!(kept(text, "UTC", &history), keeps, "{text}");
    }
}

#[test]
fn periods_are_those_of_the_zone() {
    let history =
        |times: &[&str]| -> Vec<Snapshot> { times.iter().enumerate().map(|(at, time)| one(at, time, &[])).collect() };
    // New Year's Eve in New York is three days of UTC's two years.
    let eve = history(&["2025-12-31T23:00:00Z", "2026-01-01T04:00:00Z", "2026-01-01T06:00:00Z"]);
    for (text, zone, keeps) in [
        ("daily=2", "UTC", "0 2"),
        ("daily=2", "America/New_York", "1 2"),
        ("monthly=2", "America/New_York", "1 2"),
        ("yearly=2", "UTC", "0 2"),
        ("yearly=2", "America/New_York", "1 2"),
    ] {
        assert_eq!(kept(text, zone, &eve), keeps, "{text} in {zone}");
    }
    // The hour that London has twice is two hours.
    let twice = history(&["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:40:00Z"]);
    assert_eq!(kept("hourly=2", "Europe/London", &twice), "0 2");
    // The week of New Year belongs to one year alone.
    let week = history(&["2025-12-29T00:00:00Z", "2026-01-04T23:00:00Z", "2026-01-05T00:00:00Z"]);
    assert_eq!(kept("weekly=2", "UTC", &week), "1 2");
}

#[test]
fn a_slot_has_one_good_one_the_last_begun_and_counts_by_its_own_time() {
    let slot = |of| ("ebskeep:slot", of);
    let (first, second) = ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z");
    let mut failed = one(3, "2026-03-02T00:03:00Z", &[slot(second)]);
    failed.state = SnapshotState::Error;
    let history = [
        one(0, "2026-03-01T00:01:00Z", &[slot(first)]),
        one(1, "2026-03-01T00:02:00Z", &[slot(first)]),
        // Begun a day late it is still that day's.
        one(2, "2026-03-03T00:02:00Z", &[slot(second)]),
        failed,
    ];
    assert_eq!(kept("last=9", "UTC", &history), "1 2");
    assert_eq!(kept("within=25h", "UTC", &history), "1 2");
    // A slot after the start is none, and neither is what nobody can read: two of them are two.
    let history = [
        one(0, "2026-03-01T00:01:00Z", &[slot(second)]),
        one(1, "2026-03-01T00:02:00Z", &[slot("soon")]),
        one(2, "2026-03-02T00:01:00Z", &[slot(second)]),
    ];
    assert_eq!(kept("last=9", "UTC", &history), "0 1 2");
    assert_eq!(kept("daily=1", "UTC", &history), "2");
    // At the same instant, without a slot, none stands for the other.
    let history = [one(0, first, &[]), one(1, first, &[]), one(2, first, &[slot(first)])];
    assert_eq!(kept("last=9", "UTC", &history), "0 1 2");
}

#[test]
fn a_copy_is_as_old_as_what_it_was_copied_from() {
    let source = ("ebskeep:started", "2026-03-01T00:00:00Z");
    let copied = [source, ("Source_SnapshotId", "snap-9")];
    assert_eq!(began(&one(0, "2026-03-05T00:00:00Z", &copied)).to_string(), source.1);
    assert_eq!(began(&one(0, "2026-03-05T00:00:00Z", &[source])).to_string(), "2026-03-05T00:00:00Z");
    assert_eq!(began(&one(0, "2026-03-05T00:00:00Z", &copied[1..])).to_string(), "2026-03-05T00:00:00Z");
}

#[test]
fn an_age_keeps_in_the_zone_that_is_known_and_rules_in_one_that_is_not_keep_all() {
    let history = [one(0, "2026-03-01T00:00:00Z", &[("ebskeep:slot", "2026-03-01T00:00:00Z")])];
    let mut read = Read::new(history.iter());
    let settings = Settings::default();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let late = at("2027-03-01T00:00:00Z");
    for (text, zone, now, keeps) in [
        ("7", "", late, false),
        ("7", "Mars/Olympus", late, false),
        ("forever", "", late, true),
        ("daily=7", "Mars/Olympus", late, true),
        ("nonsense=7", "", late, true),
        ("daily=1", "", late, true),
        // In New York it began in February, and its month is over in March.
        ("1m", "", at("2026-03-30T21:59:59Z"), true),
        ("1m", "", at("2026-03-30T22:00:00Z"), false),
        ("1m", "America/New_York", at("2026-03-27T20:59:59Z"), true),
        ("1m", "America/New_York", at("2026-03-27T21:00:00Z"), false),
    ] {
        assert_eq!(read.keeps(text, zone, &history[0], now, &settings), keeps, "{text} in {zone:?} at {now}");
    }
    // The original's have no slot, and count in dates of UTC whatever is tagged.
    let old = one(1, "2026-03-01T00:00:00Z", &[]);
    for (now, keeps) in [("2026-03-30T21:59:59Z", true), ("2026-03-30T22:00:00Z", false)] {
        assert_eq!(read.keeps("1m", "America/New_York", &old, at(now), &settings), keeps, "{now}");
    }
}
