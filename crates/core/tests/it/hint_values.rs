//! Values that people write, each with what `watch` says of it: what was found in the field.

use ebskeep_core::setting::Settings;
use ebskeep_core::watch::{Look, watch};

use crate::adopting::account;

/// What is said of a value: nothing, that it is a problem, or also what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said<'a> {
    Fine,
    Bad,
    Write(&'a str),
}

use Said::{Bad, Fine, Write};

/// Holds what is said of these against the table, each on a volume of its own.
#[track_caller]
fn check(key: &str, more: &[(&str, &str)], setting: &str, table: &[(&str, Said<'_>)]) {
    let mut settings = Settings::default();
    settings.set("time-zone", setting).unwrap();
    for (value, expected) in table {
        let mut inventory = account([]);
        inventory.instances.items.clear();
        inventory.volumes.items.truncate(1);
        let volume = &mut inventory.volumes.items[0];
        volume.attachments.clear();
        volume.tags = more.iter().copied().chain([(key, *value)]).collect();
        let entries = watch(&inventory, &settings, &Look::ALL).entries;
        let about = entries.iter().find(|entry| entry.key.as_deref() == Some(key));
        let written = about.and_then(|entry| entry.instead.as_ref()?.value.as_deref());
        let said = match (about, written) {
            (None, _) => Fine,
            (Some(_), None) => Bad,
            (Some(_), Some(value)) => Write(value),
        };
        assert_eq!(said, *expected, "{key}={value:?}: {entries:#?}");
    }
}

#[test]
fn a_retention_as_people_write_it() {
    let _proof = ebskeep_proofs::proves(&["2.2.4", "2.2.7", "2.2.10", "6.71", "6.100", "6.104"]);
    let table = [
        ("14 daily=7", Bad),
        ("daily=7,14", Bad),
        ("7 days", Write("7")),
        ("30d", Fine),
        ("30D", Fine),
        ("P7D", Write("7")),
        ("P1M", Write("1m")),
        ("PT12H", Write("12h")),
        ("2555", Fine),
        ("delete_after=7", Bad),
        ("retain_count=5", Bad),
        ("5 snapshots", Bad),
        ("1M", Fine),
        ("1 month", Write("1m")),
        ("1mo", Write("1m")),
        ("6M", Fine),
        ("0", Bad),
        ("00", Bad),
        ("07", Fine),
        ("-1", Bad),
        ("1.5", Bad),
        ("1e3", Bad),
        ("٧", Bad),
        ("７", Bad),
        ("14;", Write("14")),
        ("14,", Write("14")),
        ("forever ", Fine),
        ("Forever", Fine),
        // Never deleted, or never kept.
        ("never", Bad),
        ("indefinite", Write("forever")),
        ("unlimited", Write("forever")),
        ("none", Bad),
        ("all", Bad),
        ("no", Bad),
        ("daily=0", Bad),
        ("daily=07", Fine),
        ("daily=-1", Bad),
        ("daily=all", Fine),
        ("last=1000000", Fine),
        ("hourly=24 hourly=24", Bad),
        ("keep-daily=7", Write("daily=7")),
        ("--keep-daily 7", Write("daily=7")),
        ("daily 7", Write("daily=7")),
        ("daily:7", Write("daily=7")),
        ("7 daily", Write("daily=7")),
        ("7d 4w 12m", Bad),
        // Longer than any calendar: forever.
        ("99999999999999999999", Fine),
        ("36500", Fine),
        ("36501", Fine),
        ("1y1y", Bad),
        // Half past twelve hours, or thirty months.
        ("12h30m", Bad),
        ("15m", Fine),
        ("within=7m", Fine),
        ("within=30d daily", Bad),
        ("last=5 # prod", Bad),
        ("", Bad),
        ("  ", Bad),
        ("daily=7\tweekly=4", Fine),
        ("daily=7\nweekly=4", Fine),
        ("daily = 7", Write("daily=7")),
        ("DAILY=7", Fine),
        ("keep 14", Bad),
    ];
    check("Retention", &[("Backup", "Yes")], "UTC", &table);
    check("Copy_Retention", &[("Backup", "Yes"), ("Copy_Dest", "us-east-1")], "UTC", &table);
}

#[test]
fn a_backup_as_people_write_it() {
    let _proof =
        ebskeep_proofs::proves(&["2.1.26", "2.1.27", "2.1.28", "6.71", "6.100", "6.101", "6.102", "6.103", "6.104"]);
    let table = [
        ("cron(0 22 ? * 7 *)", Write("0 22 * * sat")),
        ("cron(0 12 * * ? *)", Write("0 12 * * *")),
        ("cron(0 0 31 12 ? *)", Write("0 0 31 12 *")),
        ("0 22 ? * 7 *", Write("0 22 * * sat")),
        ("0 3 ? * SUN", Write("0 3 * * sun")),
        ("0 22 * * 7", Fine),
        ("0 22 * * 6", Fine),
        ("rate(12 hours)", Write("every 12h")),
        ("rate(1 day)", Write("daily")),
        ("every 12 hours", Write("every 12h")),
        ("every daily 03:30", Bad),
        ("every monthly 15 03:30", Bad),
        ("every 1h", Fine),
        ("every 24h", Fine),
        ("every 48h", Write("every 2d")),
        ("every 5h", Bad),
        ("every 90m", Bad),
        ("every 1d", Fine),
        // At noon, or every twelve hours.
        ("12h", Bad),
        ("24", Bad),
        ("23:45", Write("daily @ 23:45")),
        ("daily@03:30", Fine),
        ("daily @ 3:30", Fine),
        ("daily @ 24:00", Bad),
        ("daily @ 03:30Z", Bad),
        ("daily @ 03:30 UTC", Write("daily @ 03:30")),
        ("daily 03:30", Write("daily @ 03:30")),
        ("DAILY", Fine),
        ("Daily ", Fine),
        ("weekly @ sunday 03:30", Fine),
        ("weekly @ 7 03:30", Bad),
        ("weekly @ sun", Write("weekly @ sun 00:00")),
        ("monthly @ last 03:30", Bad),
        ("monthly @ 0 03:30", Bad),
        ("monthly @ 32 03:30", Bad),
        ("yearly @ 12-31 23:00", Bad),
        ("@daily", Write("daily")),
        ("*/15 * * * *", Fine),
        ("0 3 * * 1-5", Fine),
        ("0 3 * * mon-fri", Fine),
        ("0 3 * * fri-mon", Bad),
        ("0 3 L * *", Bad),
        ("0 24 * * *", Bad),
        ("60 3 * * *", Bad),
        ("0 3 31 2 *", Bad),
        ("0 3 29 2 *", Fine),
        ("True", Fine),
        ("TRUE", Fine),
        ("yes please", Bad),
        ("y", Write("Yes")),
        ("Y", Write("Yes")),
        ("n", Write("No")),
        ("N", Write("No")),
        ("T", Bad),
        ("0", Fine),
        ("1", Fine),
        ("2", Bad),
        ("default", Bad),
        ("daily=7", Bad),
        ("14", Bad),
        ("true;7;utc;all", Bad),
        ("2330;15;utc;all", Bad),
        ("no backup", Bad),
        ("NOT", Bad),
        ("disabled", Fine),
        ("never", Write("No")),
        ("exclude", Bad),
        ("every-run", Fine),
        ("everyrun", Write("every-run")),
        ("every run", Write("every-run")),
        ("Yes,No", Bad),
        ("hourly,daily", Bad),
        ("hourly daily", Bad),
        ("", Bad),
        // What scripts write where there is no value.
        ("None", Bad),
        ("null", Bad),
        ("ノー", Bad),
        ("да", Bad),
    ];
    check("Backup", &[("Retention", "7")], "UTC", &table);
    // In another zone a value that counts in UTC has no equal; everything else is as it is.
    let counts_in_utc = |value: &str| {
        let aws = ["cron(", "rate(", "0 22 ? * 7 *", "0 3 ? * SUN", "daily @ 03:30 UTC"];
        aws.iter().any(|begins| value.starts_with(begins))
    };
    let elsewhere: Vec<(&str, Said<'_>)> =
        table.iter().map(|(value, said)| (*value, if counts_in_utc(value) { Bad } else { *said })).collect();
    check("Backup", &[("Retention", "7"), ("Backup_TimeZone", "America/New_York")], "UTC", &elsewhere);
    check("Backup", &[("Retention", "7")], "Europe/London", &elsewhere);
    // The tag of the zone counts, once it is mended too.
    check("Backup", &[("Backup_TimeZone", "Etc/UTC")], "America/New_York", &table);
    check("Backup", &[("Backup_TimeZone", "New York")], "UTC", &elsewhere);
    check("Backup", &[("BackupTZ", "New York")], "UTC", &elsewhere);
}

#[test]
fn a_time_zone_as_people_write_it() {
    let _proof = ebskeep_proofs::proves(&["2.0.19", "6.71", "6.100", "6.104", "6.105"]);
    check(
        "Backup_TimeZone",
        &[("Backup", "Yes"), ("Retention", "7")],
        "UTC",
        &[
            ("EST", Write("Etc/GMT+5")),
            // In Asia and in Europe.
            ("Nicosia", Bad),
            ("mst", Write("Etc/GMT+7")),
            ("EST5EDT", Fine),
            ("CET", Fine),
            // POSIX counts it the other way round.
            ("GMT+2", Bad),
            ("UTC+2", Write("Etc/GMT-2")),
            ("Europe/london", Fine),
            ("europe/London", Fine),
            ("Europe/Londn", Write("Europe/London")),
            ("London", Write("Europe/London")),
            ("Pacific Standard Time", Bad),
            ("America/Los Angeles", Write("America/Los_Angeles")),
            ("Asia/Calcutta", Fine),
            ("US/Pacific", Fine),
            ("Etc/GMT+5", Fine),
            ("Z", Bad),
            ("utc", Fine),
            ("", Bad),
            ("Europe/London ", Fine),
            ("Europe/Kiev", Fine),
            ("Europe/Kyiv", Fine),
            ("America/Ciudad_Juarez", Fine),
            // India's, or Sri Lanka's.
            ("+05:30", Bad),
            ("Local", Bad),
        ],
    );
}

#[test]
fn est_is_a_hint_and_no_problem() {
    let _proof = ebskeep_proofs::proves(&["6.105"]);
    let mut inventory = account([]);
    inventory.instances.items[0].tags.set("backup_timezone", "Est");
    let entries = watch(&inventory, &Settings::default(), &Look::ALL).entries;
    assert_eq!(entries.len(), 1, "{entries:#?}");
    assert_eq!((entries[0].code, entries[0].severity), ("fixed-zone", ebskeep_core::watch::Severity::NearMiss));
    assert_eq!(entries[0].wrong, "EST has no daylight saving time; America/New_York has");
    assert_eq!(entries[0].key.as_deref(), Some("backup_timezone"));
}
