//! The grammar, the golden tables of `slots.txt`, and the ends of time.

use jiff::fmt::strtime;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn daily_at(hour: i8, minute: i8) -> Schedule {
    Schedule::Days { every: 1, at: Time::constant(hour, minute, 0, 0) }
}

#[test]
fn values_are_read_without_regard_to_case_and_blanks() {
    let _proof = ebskeep_proofs::proves(&["2.1.1", "2.1.2", "2.1.11"]);
    let half_past_three = Time::constant(3, 30, 0, 0);
    for (text, backup) in [
        (" Yes ", Backup::Default),
        ("TRUE", Backup::Default),
        ("1", Backup::Default),
        ("off", Backup::No),
        ("Every-Run", Backup::On(Schedule::EveryRun)),
        ("hourly", Backup::On(Schedule::Minutes(60))),
        ("every 15m", Backup::On(Schedule::Minutes(15))),
        ("EVERY 6h", Backup::On(Schedule::Hours(6))),
        ("every  2 d", Backup::On(Schedule::Days { every: 2, at: Time::midnight() })),
        ("every 1d", Backup::On(Schedule::DAILY)),
        ("every 1234d", Backup::On(Schedule::Days { every: 1234, at: Time::midnight() })),
        ("every 2d @ 03:30", Backup::On(Schedule::Days { every: 2, at: half_past_three })),
        ("daily @ 03:30", Backup::On(daily_at(3, 30))),
        ("  Daily@3:30 ", Backup::On(daily_at(3, 30))),
        ("daily @ 00:00", Backup::On(Schedule::DAILY)),
        ("DAILY  @\t23:59", Backup::On(daily_at(23, 59))),
        ("weekly @ sun 03:30", Backup::On(Schedule::Weekly { day: Weekday::Sunday, at: half_past_three })),
        ("weekly@Thursday  03:30", Backup::On(Schedule::Weekly { day: Weekday::Thursday, at: half_past_three })),
        ("monthly @ 1 03:30", Backup::On(Schedule::Monthly { day: 1, at: half_past_three })),
        ("Monthly @ 31 03:30", Backup::On(Schedule::Monthly { day: 31, at: half_past_three })),
    ] {
        assert_eq!(Backup::parse(text), Ok(backup), "{text:?}");
    }
    for (text, same) in [
        (" 0  3 * * MON-Fri", "0 3 * * mon-fri"),
        ("0\t0 1 JAN *", "0 0 1 jan *"),
        ("5,10 1-3/2 * * 7 ", "5,10 1-3/2 * * 7"),
    ] {
        assert_eq!(Schedule::parse(text), Schedule::parse(same), "{text:?}");
        assert_eq!(Schedule::parse(text).unwrap().to_string(), same);
    }
}

/// What is refused, and the part of the error that says why or what to write.
#[test]
fn errors_say_what_is_wrong_and_what_to_write() {
    let _proof = ebskeep_proofs::proves(&["2.1.13", "2.1.14"]);
    for (text, says) in [
        ("", "none of yes, no"),
        ("Yse", "none of yes, no"),
        ("ja", "none of yes, no"),
        ("every", "none of yes, no"),
        ("14", "none of yes, no"),
        ("every 7m", "minutes must divide the hour"),
        ("every 5h", "hours must divide the day"),
        ("every 0d", "days must be 1 or more"),
        ("every 0h", "hours must divide the day"),
        ("every 0m", "minutes must divide the hour"),
        ("every 12345d", "write a number and m, h or d"),
        ("every -1h", "write a number and m, h or d"),
        ("every h", "write a number and m, h or d"),
        ("every 6x", "write a number and m, h or d"),
        // Times of day.
        ("daily @", "write for example \"daily @ 03:30\""),
        ("daily @ 24:00", "\"24:00\" is no time of day; write 00:00 to 23:59"),
        ("daily @ 03:60", "no time of day"),
        ("daily @ 03:3", "no time of day"),
        ("daily @ 003:30", "no time of day"),
        ("daily @ 03:30:00", "no time of day"),
        ("daily @ +3:30", "no time of day"),
        ("daily @ 3", "no time of day"),
        ("daily @ 3pm", "no time of day"),
        ("daily @ sun 03:30", "belongs a time and nothing else"),
        ("daily @ 03:30 @ 04:30", "belongs a time and nothing else"),
        ("weekly @ 03:30", "write for example \"weekly @ sun 03:30\""),
        ("weekly @ sun", "write for example \"weekly @ sun 03:30\""),
        ("weekly @ son 03:30", "\"son\" is no day of the week; write mon, tue"),
        ("weekly @ su 03:30", "no day of the week"),
        ("weekly @ sundays 03:30", "no day of the week"),
        ("weekly @ 0 03:30", "no day of the week"),
        ("monthly @ 03:30", "write for example \"monthly @ 1 03:30\""),
        ("monthly @ 0 03:30", "write 1 to 31"),
        ("monthly @ 32 03:30", "write 1 to 31"),
        ("monthly @ -1 03:30", "write 1 to 31"),
        ("monthly @ +5 03:30", "write 1 to 31"),
        ("monthly @ 005 03:30", "write 1 to 31"),
        ("monthly @ last 03:30", "31 is always the last"),
        ("yearly @ 03:30", "write cron, such as \"30 3 1 1 *\""),
        ("hourly @ 15", "write cron, such as \"15 * * * *\""),
        ("every 6h @ 03:30", "write cron, such as \"30 */6 * * *\""),
        ("every 7h @ 03:30", "hours must divide the day"),
        ("every 2d @ noon", "no time of day"),
        ("every 2d @ 03:30 04:30", "write for example \"every 2d @ 03:30\""),
        ("yes @ 03:30", "takes no time of day; write for example \"daily @ 03:30\""),
        ("@daily", "\"@daily\" is not understood; write hourly, daily"),
        ("@ 03:30", "not understood"),
        // Cron.
        ("0 3 * *", "cron has five fields, minute, hour, day of the month, month and day of the week, and this has 4"),
        ("0 0 3 * * *", "this has 6"),
        ("0 0 3 * * * 2026", "without seconds and years"),
        ("60 3 * * *", "its minute \"60\" is not understood; write *, or of 0 to 59"),
        ("0 24 * * *", "its hour \"24\" is not understood; write *, or of 0 to 23"),
        ("0 3 0 * *", "its day of the month \"0\""),
        ("0 3 32 * *", "its day of the month \"32\""),
        ("0 3 l * *", "for the last day of each month \"monthly @ 31 03:30\""),
        ("0 3 15w * *", "its day of the month \"15w\""),
        ("0 3 ? * *", "its day of the month \"?\""),
        ("0 3 * 13 *", "its month \"13\""),
        ("0 3 * january *", "its month \"january\" is not understood; write *, or of 1 to 12 or jan to dec"),
        ("0 3 * mon *", "its month \"mon\""),
        ("0 3 * * 8", "its day of the week \"8\""),
        ("0 3 * * 5l", "its day of the week \"5l\""),
        ("0 3 * * mon#2", "its day of the week \"mon#2\""),
        ("0 3 * * +1", "its day of the week \"+1\""),
        ("0 3 * * jan", "its day of the week \"jan\""),
        ("0 3 * * monday", "its day of the week \"monday\""),
        ("0 3 * * sunmon", "its day of the week \"sunmon\""),
        ("0 jan * * *", "its hour \"jan\""),
        ("*/0 3 * * *", "its minute \"*/0\""),
        ("5/10 3 * * *", "its minute \"5/10\""),
        ("/10 3 * * *", "none of yes, no"),
        ("1,,2 3 * * *", "its minute \"1,,2\""),
        ("1, 3 * * *", "its minute \"1,\""),
        ("1-2-3 3 * * *", "its minute \"1-2-3\""),
        ("30-10 3 * * *", "its minute \"30-10\""),
        ("0 3 * * fri-mon", "its day of the week \"fri-mon\""),
        ("*-5 3 * * *", "its minute \"*-5\""),
        ("*/*  3 * * *", "its minute \"*/*\""),
        ("** 3 * * *", "its minute \"**\""),
        ("0 999999999999 * * *", "its hour"),
        // Days that never come.
        ("0 0 30 2 *", "no 30 of the month 2 ever comes"),
        ("0 0 31 feb,apr,jun,sep,nov *", "ever comes"),
        ("0 0 30-31 2 *", "ever comes"),
    ] {
        match Backup::parse(text) {
            Ok(backup) => panic!("{text:?} was read as {backup:?}"),
            Err(error) => assert!(error.contains(says), "{text:?}: {error}"),
        }
    }
    for text in ["0 0 29 2 *", "0 0 30 2,3 *", "0 0 30 2 mon", "0 0 31 12 *", "* * * * *"] {
        assert!(Schedule::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_schedule_is_shown_as_text_that_means_the_same() {
    for text in [
        "every-run",
        "hourly",
        "every 15m",
        "every 6h",
        "every 24h",
        "daily",
        "daily @ 03:30",
        "every 2d",
        "every 2d @ 03:30",
        "weekly",
        "weekly @ mon 03:30",
        "weekly @ sun 00:00",
        "monthly",
        "monthly @ 1 03:30",
        "monthly @ 31 00:00",
        "yearly",
        "30 3 * * mon-fri",
    ] {
        let schedule = Schedule::parse(text).unwrap();
        assert_eq!(schedule.to_string(), text);
        assert_eq!(Schedule::parse(&schedule.to_string()), Ok(schedule));
    }
}

#[test]
fn golden_tables_of_consecutive_slots() {
    let _proof = ebskeep_proofs::proves(&["2.1.4", "2.1.5", "2.1.6", "2.1.7", "2.1.8", "2.1.9", "2.1.10", "2.1.12"]);
    let (mut schedule, mut before, mut lines) = (None, None, 0);
    for line in include_str!("slots.txt").lines() {
        if let Some(slot) = line.strip_prefix("  ") {
            let slot = slot.split('#').next().unwrap().trim();
            let (schedule, zone) = schedule.as_ref().unwrap();
            check_slot(schedule, zone, before, slot);
            before = Some(instant(slot));
            lines += 1;
        } else if let Some((text, zone)) = line.split_once(" | ") {
            schedule = Some((Schedule::parse(text).unwrap(), calendar::zone(zone).unwrap()));
            before = None;
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{line:?}");
        }
    }
    assert!(lines > 200, "the tables were not read");
}

fn instant(slot: &str) -> Timestamp {
    strtime::parse("%Y-%m-%d %H:%M%:z", slot).and_then(|parsed| parsed.to_timestamp()).unwrap()
}

/// One line: it is a slot, and the one that follows the line before.
fn check_slot(schedule: &Schedule, zone: &TimeZone, before: Option<Timestamp>, slot: &str) {
    let case = format!("{schedule} at {slot}");
    let shown = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M%:z").to_string();
    let slot_at = |now: Timestamp| shown(schedule.slot(now, zone, now));
    let this = instant(slot);
    assert_eq!(shown(this), slot, "the table has an offset that was not in force");
    assert_eq!(slot_at(this), slot, "{case}");
    assert_eq!(slot_at(this.checked_add(59.seconds()).unwrap()), slot, "{case}");
    if let Some(before) = before {
        assert_eq!(slot_at(this.checked_sub(1.nanosecond()).unwrap()), shown(before), "just before {case}");
        assert_eq!(schedule.slot_before(this, zone).map(shown), Some(shown(before)), "before {case}");
        assert_eq!(schedule.slot_after(before, zone).map(shown).as_deref(), Some(slot), "after {}", shown(before));
    }
}

#[test]
fn the_slot_is_the_latest_instant_not_after_now() {
    let _proof = ebskeep_proofs::proves(&["2.1.8", "2.1.5"]);
    for (schedule, zone_name, now, slot) in [
        ("hourly", "UTC", "2026-03-10T12:34:56Z", "2026-03-10T12:00:00Z"),
        ("hourly", "Asia/Kathmandu", "2026-03-10T12:34:56Z", "2026-03-10T12:15:00Z"),
        ("every 15m", "UTC", "2026-03-10T12:44:59Z", "2026-03-10T12:30:00Z"),
        ("daily", "UTC", "2026-03-10T00:00:00Z", "2026-03-10T00:00:00Z"),
        ("daily", "America/New_York", "2026-03-10T03:00:00Z", "2026-03-09T04:00:00Z"),
        ("weekly", "UTC", "2026-03-15T23:59:59Z", "2026-03-09T00:00:00Z"),
        ("monthly", "Europe/London", "2026-04-01T00:30:00Z", "2026-03-31T23:00:00Z"),
        ("yearly", "Pacific/Auckland", "2025-12-31T12:00:00Z", "2025-12-31T11:00:00Z"),
        ("every 6h", "UTC", "2026-03-10T17:59:00Z", "2026-03-10T12:00:00Z"),
        ("every 2d", "UTC", "1970-01-04T12:00:00Z", "1970-01-03T00:00:00Z"),
        ("daily @ 03:30", "UTC", "2026-03-10T03:29:59.999999999Z", "2026-03-09T03:30:00Z"),
        ("monthly @ 31 03:30", "UTC", "2026-04-15T00:00:00Z", "2026-03-31T03:30:00Z"),
        ("0 3 * * mon-fri", "UTC", "2026-03-15T12:00:00Z", "2026-03-13T03:00:00Z"),
        // London, 01:10 to 01:40 for the second time: 01:30 was, the first time.
        ("daily @ 01:30", "Europe/London", "2026-10-25T01:10:00Z", "2026-10-25T00:30:00Z"),
        ("daily @ 01:30", "Europe/London", "2026-10-25T01:40:00Z", "2026-10-25T00:30:00Z"),
        ("30 1 * * *", "Europe/London", "2026-10-25T01:10:00Z", "2026-10-25T00:30:00Z"),
        ("30 * * * *", "Europe/London", "2026-10-25T01:10:00Z", "2026-10-25T00:30:00Z"),
        ("30 * * * *", "Europe/London", "2026-10-25T01:40:00Z", "2026-10-25T01:30:00Z"),
        // Havana, 00:30 for the first and the second time: midnight was the first time.
        ("daily", "America/Havana", "2025-11-02T04:30:00Z", "2025-11-02T04:00:00Z"),
        ("daily", "America/Havana", "2025-11-02T05:30:00Z", "2025-11-02T04:00:00Z"),
        // Sao Paulo, 23:15 for the second time, still on the 17th.
        ("daily", "America/Sao_Paulo", "2018-02-18T02:15:00Z", "2018-02-17T02:00:00Z"),
    ] {
        let zone = calendar::zone(zone_name).unwrap();
        let now = at(now);
        let got = Schedule::parse(schedule).unwrap().slot(now, &zone, now);
        assert_eq!(got, at(slot), "{schedule} in {zone_name} at {now}");
    }
}

#[test]
fn every_run_is_its_own_slot_and_has_none_before_or_after() {
    let (now, trigger) = (at("2026-03-10T12:00:05Z"), at("2026-03-10T12:00:00Z"));
    assert_eq!(Schedule::EveryRun.slot(now, &TimeZone::UTC, trigger), trigger);
    assert_eq!(Schedule::EveryRun.slot_before(trigger, &TimeZone::UTC), None);
    assert_eq!(Schedule::EveryRun.slot_after(trigger, &TimeZone::UTC), None);
}

#[test]
fn at_the_ends_of_time_there_are_no_more_slots() {
    for text in
        ["hourly", "every 6h", "daily @ 03:30", "weekly", "monthly", "yearly", "0 * * * *", "0 * 29 2 *", "0 0 29 2 *"]
    {
        let schedule = Schedule::parse(text).unwrap();
        for zone in ["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"] {
            let zone = calendar::zone(zone).unwrap();
            assert_eq!(schedule.slot(Timestamp::MIN, &zone, Timestamp::MIN), Timestamp::MIN, "{text}");
            assert_eq!(schedule.slot_before(Timestamp::MIN, &zone), None, "{text}");
            assert_eq!(schedule.slot_after(Timestamp::MAX, &zone), None, "{text}");
            let first = schedule.slot_after(Timestamp::MIN, &zone).unwrap();
            assert_eq!(schedule.slot_before(first, &zone), None, "{text}");
            let last = schedule.slot(Timestamp::MAX, &zone, Timestamp::MAX);
            assert_eq!(schedule.slot_after(last, &zone), None, "{text}");
        }
    }
}
