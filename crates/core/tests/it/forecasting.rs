//! A forecast is what living through the span gives, and nothing else.

use ebskeep_core::age::Age;
use ebskeep_core::calendar;
use ebskeep_core::forecast::{Forecast, Imagined, Lives, OfVolume, Question, Subject, forecast};
use ebskeep_core::inventory::{Inventory, SnapshotState};
use ebskeep_core::job::Request;
use ebskeep_core::lineage::classify;
use ebskeep_core::plan::{ExpireVerdict, Job, decide};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use crate::fake::snapshot;
use crate::plans::tags;
use crate::properties::{carried_out, config_of_runs, world};

fn asked(inventory: &Inventory, zone: &TimeZone, span: &str, on: &[&str]) -> Forecast {
    forecast(&Question {
        inventory,
        subject: Subject::ImaginedVolume(OfVolume {
            schedule: String::new(),
            retention: String::new(),
            size_gib: 8,
            copy_retention: None,
        }),
        settings: &Settings::default(),
        span: Age::parse(span).unwrap(),
        expire_every: Age::days(1),
        zone: zone.clone(),
        on: on.iter().map(|date| date.parse().unwrap()).collect(),
        lives: Lives::Told,
    })
}

fn imagined(schedule: &str, retention: &str, zone: &str, start: &str) -> Inventory {
    let imagined = Imagined {
        schedule: schedule.to_owned(),
        retention: Some(retention.to_owned()),
        time_zone: Some(zone.to_owned()),
        size_gib: 8,
        copy_to: None,
        copy_retention: None,
    };
    let start = calendar::start_of_day(start.parse().unwrap(), &calendar::zone(zone).unwrap());
    let mut inventory = imagined.inventory(start, &Settings::default());
    // Whose they are to those who carry plans out here.
    inventory.place.account = "111122223333".into();
    inventory
}

/// How many snapshots of ours there are at the end of each day, if the creator
/// runs every few minutes and expire at 00:10: over the whole inventory, by
/// whole plans, each carried out.
fn lived(mut world: Inventory, zone: &TimeZone, days: i64, minutes: i64) -> Vec<usize> {
    let settings = Settings::default();
    let start = world.now;
    let first = zone.to_datetime(start).date();
    let (mut counts, mut taken) = (Vec::new(), 0);
    for snapshot in world.snapshots.items.iter_mut().filter(|s| s.state == SnapshotState::Pending) {
        snapshot.state = SnapshotState::Completed;
    }
    let mut job = |world: &mut Inventory, job: Job, at: Timestamp| {
        (world.now, world.observed_at) = (at, at);
        let plan = decide(world, &Request::new([job]), &settings);
        *world = carried_out(world, &plan);
        for snapshot in world.snapshots.items.iter_mut().filter(|s| s.state == SnapshotState::Pending) {
            snapshot.state = SnapshotState::Completed;
            taken += 1;
            snapshot.id = format!("snap-taken-{taken:06}").as_str().into();
        }
    };
    let mut at = start;
    for day in 0..days {
        let date = first.saturating_add(day.days());
        let expire = calendar::instant(date.at(0, 10, 0, 0), zone);
        let end = calendar::start_of_day(date.saturating_add(1.day()), zone);
        let mut expired = expire < start;
        while at < end {
            if at >= expire && !expired {
                // What is due by then is taken before.
                job(&mut world, Job::Create, expire);
                job(&mut world, Job::Expire, expire);
                expired = true;
            }
            job(&mut world, Job::Create, at);
            at += SignedDuration::from_mins(minutes);
        }
        counts.push(
            world.snapshots.items.iter().filter(|s| classify(s, &world.place, &settings.deployment).is_ok()).count(),
        );
    }
    counts
}

fn counts(forecast: &Forecast) -> Vec<usize> {
    forecast.days.iter().map(|day| day.snapshots).collect()
}

#[test]
fn a_forecast_is_what_living_through_it_gives() {
    let _proof = ebskeep_proofs::proves(&["6.56"]);
    for (schedule, retention, zone, start, days) in [
        ("daily", "7", "UTC", "2026-02-20", 20),
        ("daily", "36h", "Europe/London", "2026-03-25", 10),
        ("hourly", "3d", "Europe/London", "2026-03-26", 9),
        ("hourly", "3d", "Europe/London", "2026-10-22", 9),
        ("hourly", "2d", "Australia/Lord_Howe", "2026-04-02", 7),
        ("every 15m", "1d", "Asia/Kathmandu", "2026-01-01", 4),
        ("every 6h", "1m", "America/New_York", "2026-02-20", 45),
        ("every 2d", "5d12h", "America/Sao_Paulo", "2018-10-28", 20),
        ("weekly", "10d", "Pacific/Apia", "2011-12-15", 40),
        ("every 6h", "forever", "UTC", "2026-01-20", 12),
        ("daily @ 03:30", "daily=3 weekly=2 monthly=2", "America/New_York", "2026-02-20", 50),
        ("hourly", "hourly=5 daily=2", "Europe/London", "2026-03-26", 9),
        ("every 6h", "last=3 within=2d within-daily=1w", "Asia/Kathmandu", "2026-12-20", 20),
        ("0 */8 * * 1-5", "daily=4 weekly=all", "Europe/London", "2026-10-12", 25),
    ] {
        let zone_of_days = calendar::zone(zone).unwrap();
        let inventory = imagined(schedule, retention, zone, start);
        let minutes = match zone {
            "Asia/Kathmandu" => 15,
            "Australia/Lord_Howe" => 30,
            _ => 60,
        };
        assert_eq!(
            counts(&asked(&inventory, &zone_of_days, &format!("{days}d"), &[])),
            lived(inventory, &zone_of_days, days, minutes),
            "Backup={schedule} Retention={retention} in {zone} from {start}"
        );
    }
}

/// 2.4: the mark is not on the newest one, and no snapshot records anything.
#[test]
fn what_a_mark_on_an_older_snapshot_names_governs_the_backups_to_come() {
    let _proof = ebskeep_proofs::proves(&["2.4.30"]);
    let mut inventory = imagined("daily", "7", "UTC", "2026-03-10");
    let volume = &mut inventory.volumes.items[0];
    volume.tags.remove("Retention");
    let mark = format!("2026-03-02T00:00:00Z/2026-03-03T00:00:00Z {} daily=20 UTC", volume.id);
    for (id, started, more) in [
        ("snap-1", "2026-03-01T00:00:00Z", ("ebskeep:policy-since", mark.as_str())),
        ("snap-2", "2026-03-09T00:00:00Z", ("DeleteOn", "2026-03-16")),
    ] {
        let tags = tags([("Type", "Automated"), ("ebskeep:slot", started), more]);
        inventory.snapshots.items.push(snapshot(id, volume.id.as_str(), started.parse().unwrap(), tags));
    }
    let forecast = counts(&asked(&inventory, &TimeZone::UTC, "40d", &[]));
    assert_eq!(forecast, lived(inventory, &TimeZone::UTC, 40, 60));
    assert_eq!(forecast.last(), Some(&20));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config_of_runs().cases / 60, ..config_of_runs() })]

    /// Lineage by lineage, with what need not be asked left out, is the same as
    /// all of it at once.
    #[test]
    fn of_any_world_too(mut inventory in world()) {
        // A run every hour would take one of these every hour, and the slots of Kathmandu's hours
        // late.
        let at_full_hours = |tags: &mut Tags| {
            for (key, value, instead) in [
                ("Backup", "every-run", "every 6h"),
                ("backup", "every-run", "every 6h"),
                ("Backup_TimeZone", "Asia/Kathmandu", "Asia/Tokyo"),
            ] {
                if tags.get(key) == Some(value) {
                    tags.set(key, instead);
                }
            }
        };
        inventory.volumes.items.iter_mut().for_each(|volume| at_full_hours(&mut volume.tags));
        inventory.instances.items.iter_mut().for_each(|instance| at_full_hours(&mut instance.tags));
        let forecast = asked(&inventory, &TimeZone::UTC, "5d", &[]);
        // Days are those of dates: the world's now is five past midnight.
        prop_assert_eq!(counts(&forecast)[..5].to_vec(), lived(inventory, &TimeZone::UTC, 5, 60));
    }
}

#[test]
fn a_year_of_hours_has_as_many_whatever_the_clocks_do() {
    for (zone, start, slots) in [
        // 365 days of 24 hours; March has an hour less, October one more.
        ("Europe/London", "2026-01-01", 8_760),
        // 2028 has 366 days.
        ("Europe/London", "2028-01-01", 8_784),
        // It goes back by half an hour at 02:00 of 5 April, before the hour is full, and forward by
        // as much at 02:00 of 4 October, over the full hour: both times the next full hour comes 90
        // minutes after the last. 525,600 minutes are 2 of 90 and 8,757 of 60.
        ("Australia/Lord_Howe", "2026-01-01", 8_759),
    ] {
        let inventory = imagined("hourly", "2d", zone, start);
        let forecast = asked(&inventory, &calendar::zone(zone).unwrap(), "1y", &[]);
        assert_eq!(forecast.totals.created, slots, "{zone}");
        assert_eq!(forecast.totals.created - forecast.totals.deleted, forecast.totals.at_end, "{zone}");
    }
}

#[test]
fn an_hour_more_or_less_in_a_day_shows_in_its_counts() {
    // Retention=48h, expire at 00:10 local. At a day's end there are its own 24, the 24 of the day
    // before, and of the day before that those that began after 00:10: 23 in all but two weeks.
    let inventory = imagined("hourly", "48h", "Europe/London", "2026-01-01");
    let forecast = asked(&inventory, &calendar::zone("Europe/London").unwrap(), "1y", &[]);
    for (date, created, there) in [
        ("2026-01-01", 24, 24),
        ("2026-01-02", 24, 48),
        ("2026-01-03", 24, 71),
        ("2026-03-28", 24, 71),
        // 23 hours. Expire ran at 00:10, 48 real hours after 00:10 of the 27th.
        ("2026-03-29", 23, 70),
        // Expire ran at 23:10 UTC of the 29th, 48 hours after 23:10 of the 27th, which was that
        // day's last hour but for 50 minutes: none of it is left. 24 + 23 + 24.
        ("2026-03-30", 24, 71),
        ("2026-03-31", 24, 71),
        ("2026-10-24", 24, 71),
        // 25 hours. Expire ran at 23:10 UTC of the 24th.
        ("2026-10-25", 25, 72),
        // At 00:10 UTC of the 26th: from 01:00 UTC (02:00 local) of the 24th on, 22; and 25, and 24.
        ("2026-10-26", 24, 71),
        ("2026-10-27", 24, 71),
    ] {
        let date: jiff::civil::Date = date.parse().unwrap();
        let day = forecast.days.iter().find(|day| day.date == date).unwrap();
        assert_eq!((day.created, day.snapshots), (created, there), "{date}");
    }
}

/// A day's date, and how many there are at its end.
fn there(forecast: &Forecast, date: &str) -> usize {
    let date = date.parse().unwrap();
    forecast.days.iter().find(|day| day.date == date).unwrap().snapshots
}

/// The numbers are those of twenty lines of Python, which live through the same
/// days: insert the day's snapshot, then keep by 2.3 what the rules name.
#[test]
fn two_years_of_days_under_rules_have_exact_counts() {
    let inventory = imagined("daily", "daily=7 weekly=4 monthly=12 yearly=2", "UTC", "2026-01-01");
    let forecast = asked(&inventory, &TimeZone::UTC, "2y", &["2027-03-01"]);
    for (date, count) in [
        ("2026-01-01", 1),
        // All of the first seven are daily; the first stays on as the oldest of every rule.
        ("2026-01-07", 7),
        ("2026-01-08", 8),
        // 5 to 11 January; Sunday the 4th is its week's still; and the 1st.
        ("2026-01-11", 9),
        // A Monday begins a fifth week, and the 4th goes.
        ("2026-01-25", 11),
        ("2026-01-26", 10),
        // 1 to 7 February, the 25th and 18th of January, its last as its month's; and the 1st.
        ("2026-02-07", 11),
        ("2026-02-08", 12),
        // With 2027 there are two years and a thirteenth month: the first day of 2026, which was
        // kept as the oldest, the last of its January, and the eighth day go.
        ("2026-12-31", 21),
        ("2027-01-01", 19),
        // A Monday, the first of a month: its own day, week, month and year.
        ("2027-03-01", 19),
        ("2027-11-30", 20),
        ("2027-12-31", 21),
    ] {
        assert_eq!(there(&forecast, date), count, "{date}");
    }
    let all: usize = forecast.days.iter().map(|day| day.snapshots).sum();
    let totals = forecast.totals;
    assert_eq!((all, totals.created, totals.deleted, totals.most), (12_846, 730, 709, 22));
    let on: Vec<(String, String)> = forecast.on[0]
        .snapshots
        .iter()
        .map(|present| {
            let rules: Vec<&str> = present.reasons.iter().map(|r| r.rule).filter(|r| *r != "newest-good").collect();
            (present.started.strftime("%Y-%m-%d").to_string(), rules.join(" "))
        })
        .collect();
    let expected = [
        ("2027-03-01", "daily weekly monthly yearly"),
        // A Sunday and the last of its month.
        ("2027-02-28", "daily weekly monthly"),
        ("2027-02-27", "daily"),
        ("2027-02-26", "daily"),
        ("2027-02-25", "daily"),
        ("2027-02-24", "daily"),
        ("2027-02-23", "daily"),
        ("2027-02-21", "weekly"),
        ("2027-02-14", "weekly"),
        ("2027-01-31", "monthly"),
        ("2026-12-31", "monthly yearly"),
        ("2026-11-30", "monthly"),
        ("2026-10-31", "monthly"),
        ("2026-09-30", "monthly"),
        ("2026-08-31", "monthly"),
        ("2026-07-31", "monthly"),
        ("2026-06-30", "monthly"),
        ("2026-05-31", "monthly"),
        ("2026-04-30", "monthly"),
    ];
    assert_eq!(on, expected.map(|(date, rules)| (date.to_owned(), rules.to_owned())));
}

#[test]
fn a_year_of_hours_under_rules_has_exact_counts_through_both_switches() {
    let inventory = imagined("hourly", "hourly=24 daily=7", "Europe/London", "2026-01-01");
    let forecast = asked(&inventory, &calendar::zone("Europe/London").unwrap(), "1y", &[]);
    // Expire at 00:10 leaves 24 hours, the last of them the newest of the day before, and the last
    // of 5 more days: 29. The day adds 23 more hours after that, 22 or 24 where the clocks change.
    for (date, count) in [
        ("2026-01-01", 24),
        ("2026-01-02", 48),
        ("2026-01-03", 49),
        ("2026-01-06", 52),
        ("2026-03-28", 52),
        ("2026-03-29", 51),
        ("2026-03-30", 52),
        ("2026-10-24", 52),
        ("2026-10-25", 53),
        ("2026-10-26", 52),
        ("2026-12-31", 52),
    ] {
        assert_eq!(there(&forecast, date), count, "{date}");
    }
    let all: usize = forecast.days.iter().map(|day| day.snapshots).sum();
    assert_eq!((all, forecast.totals.created, forecast.totals.deleted), (18_942, 8_760, 8_708));
}

#[test]
fn what_exists_on_a_date_is_told_with_its_reasons_and_its_end() {
    let inventory = imagined("daily", "7", "UTC", "2026-01-01");
    let forecast = asked(&inventory, &TimeZone::UTC, "1m", &["2026-01-20", "2026-01-31"]);
    let [on, last] = forecast.on.as_slice() else { panic!("two dates") };
    let began: Vec<String> = on.snapshots.iter().map(|s| s.started.strftime("%d").to_string()).collect();
    assert_eq!(began, ["20", "19", "18", "17", "16", "15", "14"]);
    for present in &on.snapshots {
        assert_eq!(present.verdict, ExpireVerdict::Keep);
        assert!(present.reasons.iter().any(|reason| reason.rule == "age"), "{:?}", present.reasons);
        // Seven days later, ten past midnight.
        let ends = present.started + SignedDuration::from_mins(7 * 24 * 60 + 10);
        assert_eq!(present.deleted, Some(ends));
        assert_eq!(present.snapshot_id, None);
    }
    assert!(on.snapshots[0].reasons.iter().any(|reason| reason.rule == "newest-good"));
    assert!(last.snapshots.iter().all(|present| present.deleted.is_none()), "they outlive the span");
    let lives = forecast.lives.unwrap();
    assert_eq!((lives.len(), lives.iter().filter(|life| life.deleted.is_some()).count()), (31, 24));
    assert!(lives[0].reasons.iter().any(|reason| reason.rule == "age"), "{:?}", lives[0].reasons);
}
