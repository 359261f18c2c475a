use super::*;
use crate::calendar;
use crate::retention::Policy;
use crate::schedule::Backup;

type Suggest = fn(&str) -> Option<String>;
type Understood = fn(&str) -> bool;

/// Value → what to write instead, by what reads it.
#[track_caller]
fn check(suggest: Suggest, understood: Understood, table: &[(&str, Option<&str>)]) {
    for (text, expected) in table {
        assert_eq!(suggest(text).as_deref(), *expected, "{text:?}");
        if let Some(expected) = expected {
            assert!(understood(expected), "{text:?}: nobody understands {expected:?}");
            assert_eq!(suggest(expected).as_deref(), Some(*expected), "a suggestion is its own");
        }
    }
}

#[test]
fn a_backup_that_resembles_one() {
    let _proof = ebskeep_proofs::proves(&["6.71"]);
    check(
        |text| backup(text, true),
        |text| Backup::parse(text).is_ok(),
        &[
            ("Yse", Some("Yes")),
            ("Yes!", Some("Yes")),
            ("\"yes\"", Some("Yes")),
            ("y", Some("Yes")),
            ("ture", Some("Yes")),
            ("No.", Some("No")),
            ("n", Some("No")),
            ("never", Some("No")),
            ("dialy", Some("daily")),
            ("Nightly", Some("daily")),
            ("nihgtly", Some("daily")),
            ("@daily", Some("daily")),
            ("every day", Some("daily")),
            ("every run", Some("every-run")),
            ("EVERY_RUN", Some("every-run")),
            ("wekly", Some("weekly")),
            ("daily 3:30", Some("daily @ 03:30")),
            ("daily at 3am", Some("daily @ 03:00")),
            ("daily @ 3:30 pm", Some("daily @ 15:30")),
            ("daily @ 0330", Some("daily @ 03:30")),
            ("03:30", Some("daily @ 03:30")),
            ("weekly sunday 3:30", Some("weekly @ sun 03:30")),
            ("weekly @ sunady 3:30", Some("weekly @ sun 03:30")),
            ("weekly on sundays", Some("weekly @ sun 00:00")),
            ("Sunday", Some("weekly @ sun 00:00")),
            ("monthly on the 1st at 03:30", Some("monthly @ 1 03:30")),
            ("monthly @ 31", Some("monthly @ 31 00:00")),
            ("every 6 hours", Some("every 6h")),
            ("every 2 days at 03:30", Some("every 2d @ 03:30")),
            ("rate(6 hours)", Some("every 6h")),
            ("rate(1 day)", Some("daily")),
            ("every 48h", Some("every 2d")),
            ("every 48 hours at 03:30", Some("every 2d @ 03:30")),
            ("every 24 hours", Some("every 24h")),
            ("every 36h", None),
            ("every 1440m", None),
            ("daily 03:30 UTC", Some("daily @ 03:30")),
            ("tue", Some("weekly @ tue 00:00")),
            ("midnight", Some("daily")),
            // An hour of the day or a period; a period or an age.
            ("6h", None),
            ("7 days", None),
            ("every 3h30", None),
            ("0330", None),
            ("2026", None),
            ("3.30", None),
            ("!yes", None),
            // What scripts write where there is no value.
            ("None", None),
            ("null", None),
            // As near to one word as to another, or a word of its own.
            ("noo", None),
            ("inabled", None),
            ("early", None),
            ("yet", None),
            ("every 7h", None),
            ("monthly @ 32 03:30", None),
            ("fortnightly", None),
            ("gold", None),
            ("non", None),
            ("of", None),
            ("ok", None),
            ("daily weekly", None),
            ("daily @ 03:30 or so", None),
            ("", None),
        ],
    );
}

#[test]
fn a_schedule_of_aws() {
    let _proof = ebskeep_proofs::proves(&["6.71", "6.101"]);
    check(
        |text| backup(text, true),
        |text| Backup::parse(text).is_ok(),
        &[
            ("cron(30 3 * * ? *)", Some("30 3 * * *")),
            ("cron(0 22 ? * 7 *)", Some("0 22 * * sat")),
            ("0 22 ? * 7 *", Some("0 22 * * sat")),
            ("cron(30 3 ? * 1 *)", Some("30 3 * * sun")),
            ("0 22 ? * 2-6 *", Some("0 22 * * mon-fri")),
            ("0 22 ? * 1-1 *", Some("0 22 * * sun")),
            ("0 22 ? * SUN-SUN *", Some("0 22 * * sun")),
            ("0 22 ? * 7-1 *", None),
            ("0 22 ? * MON,4 *", Some("0 22 * * mon,wed")),
            ("0 0 31 12 ? *", Some("0 0 31 12 *")),
            ("0/15 8-17 ? * 2-6 *", Some("0-59/15 8-17 * * mon-fri")),
            ("5 0/6 1/10 1/3 ? *", Some("5 0-23/6 1-31/10 1-12/3 *")),
            ("30 3 ? * *", Some("30 3 * * *")),
            ("0 3 ? * SUN", Some("0 3 * * sun")),
            ("rate(6 hours)", Some("every 6h")),
            ("rate(48 hours)", Some("every 2d")),
            ("rate(1 day)", Some("daily")),
            ("rate(30 minutes)", Some("every 30m")),
            ("rate(5 hours)", None),
            ("rate(1 week)", None),
            ("rate(12)", None),
            // Never seconds first; without a ? they are not AWS's six either.
            ("0 30 3 * * *", None),
            ("0 12 * * * *", None),
            ("0 30 3 ? * *", None),
            ("30 3 ? * ? *", None),
            // Some years alone.
            ("0 22 ? * 7 2027", None),
            ("0 22 ? * 7 2026-2030", None),
            ("0 22 ? * 7 */2", None),
            // No equal here.
            ("0 3 L * ? *", None),
            ("0 3 1W * ? *", None),
            ("0 3 ? * 6L *", None),
            ("0 3 ? * 6#3 *", None),
            ("0 3 ? * */2 *", None),
            ("0 3 ? * 8 *", None),
            ("0 3 ? * 0 *", None),
            ("0 3 ? * FRI-MON *", None),
            ("0 3 30 2 ? *", None),
            ("? 3 * * ? *", None),
            // Of five fields it is not known whether Sunday is 0 or 1.
            ("0 3 ? * 1", None),
            ("cron(0 3 1 * MON)", None),
            ("cron(0 3 * * 1)", None),
            ("cron(0 3 * * *", None),
        ],
    );
}

#[test]
fn utc_is_left_out_where_it_is_so_alone() {
    let _proof = ebskeep_proofs::proves(&["6.102"]);
    for text in ["daily @ 03:30 UTC", "0 22 ? * 7 *", "cron(0 12 * * ? *)", "rate(12 hours)", "0 3 ? * SUN"] {
        assert!(backup(text, true).is_some(), "{text}");
        assert_eq!(backup(text, false), None, "{text}");
    }
    for text in ["daily 03:30", "every 48h", "Yse", "03:30"] {
        assert_eq!(backup(text, true), backup(text, false), "{text}");
        assert!(backup(text, false).is_some(), "{text}");
    }
}

#[test]
fn a_retention_that_resembles_one() {
    let _proof = ebskeep_proofs::proves(&["6.71", "6.72"]);
    check(
        retention,
        |text| Policy::parse(text).is_ok(),
        &[
            ("7 days", Some("7")),
            ("7days", Some("7")),
            ("7 Day", Some("7")),
            ("\"7\"", Some("7")),
            ("days: 7", Some("7")),
            ("seven days", Some("7")),
            ("a week", Some("1w")),
            ("1month", Some("1m")),
            ("6 months", Some("6m")),
            ("1 year 6 months", Some("1y6m")),
            ("1 year and 6 months", Some("1y6m")),
            ("36 hours", Some("36h")),
            ("2 wks", Some("2w")),
            ("for ever", Some("forever")),
            ("fourever", Some("forever")),
            ("unlimited", Some("forever")),
            ("daily:7", Some("daily=7")),
            ("daily = 7", Some("daily=7")),
            ("dialy=7", Some("daily=7")),
            ("daily=7;weekly=4", Some("daily=7 weekly=4")),
            ("daily: 7, weekly: 4", Some("daily=7 weekly=4")),
            ("7 daily, 4 weekly", Some("daily=7 weekly=4")),
            ("--keep-daily 7 --keep-weekly 4", Some("daily=7 weekly=4")),
            ("keep_daily=7", Some("daily=7")),
            ("P7D", Some("7")),
            ("P1M", Some("1m")),
            ("p1y6m", Some("1y6m")),
            ("PT12H", Some("12h")),
            ("P1DT12H", Some("1d12h")),
            ("PT30M", None),
            ("P1.5D", None),
            ("P0D", None),
            ("P", None),
            ("PT", None),
            ("1y2d3w", Some("1y3w2d")),
            // Minutes, or months; an age, or rules.
            ("12h30m", None),
            ("1y2d6m", None),
            ("7d4w", None),
            ("daily=7d", None),
            // Seven at least.
            ("7+ days", None),
            // Never deleted, or never kept.
            ("never", None),
            (".5", None),
            ("5 snapshots", None),
            ("all", None),
            ("weekly all", Some("weekly=all")),
            ("within=7", Some("within=7d")),
            ("within 2 weeks", Some("within=2w")),
            // An age, or rules? Neither is guessed.
            ("7d 4w 12m", None),
            ("daily=7m", None),
            ("last 7 days", None),
            ("0", None),
            ("0 days", None),
            ("-1", None),
            ("-7 days", None),
            ("7.5 days", None),
            ("1,5 days", None),
            ("7 or 8 days", None),
            ("7 14", None),
            ("daily=7 daily=8", None),
            ("99999999999 days", None),
            ("none", None),
            ("delete", None),
            ("gold", None),
            ("", None),
        ],
    );
}

#[test]
fn a_time_zone_that_resembles_one() {
    let _proof = ebskeep_proofs::proves(&["6.71"]);
    check(
        zone,
        |text| calendar::zone(text).is_some(),
        &[
            ("London", Some("Europe/London")),
            ("europe-london", Some("Europe/London")),
            ("Europe/Londn", Some("Europe/London")),
            ("Eurpoe/London", Some("Europe/London")),
            ("New York", Some("America/New_York")),
            ("America/New York", Some("America/New_York")),
            ("Berlin", Some("Europe/Berlin")),
            ("Louisville", Some("America/Louisville")),
            ("UTC-05:00", Some("Etc/GMT+5")),
            ("+0100", Some("Etc/GMT-1")),
            ("uk", Some("Europe/London")),
            ("UTC+0", Some("UTC")),
            ("EST5EDT", Some("EST5EDT")),
            ("EST", Some("EST")),
            ("utc ", Some("UTC")),
            ("\"Europe/London\"", Some("Europe/London")),
            // India's, Ireland's or Israel's.
            ("IST", None),
            ("GMT+3:17", None),
            ("GMT+99", None),
            ("UTC+99", None),
            // POSIX counts it the other way round.
            ("GMT+1", None),
            ("etc gmt-5", None),
            // India's, or Sri Lanka's.
            ("+0530", None),
            ("+05:30", None),
            // Half of a year, and of which country.
            ("PST", None),
            ("CEST", None),
            ("BST", None),
            // Other cities, and no zones.
            ("Europe/Lublin", None),
            ("Europe/Kiel", None),
            ("Asia/Delhi", None),
            ("Londn", None),
            ("None", None),
            ("Home", None),
            ("East", None),
            ("Local", None),
            ("Z", None),
            ("Middle Earth", None),
            ("", None),
        ],
    );
}

#[test]
fn a_date_that_can_be_read_in_one_way() {
    let _proof = ebskeep_proofs::proves(&["6.71", "6.72"]);
    check(
        date,
        |text| text.parse::<jiff::civil::Date>().is_ok(),
        &[
            ("2026/12/31", Some("2026-12-31")),
            ("2026.12.31", Some("2026-12-31")),
            ("20261231", Some("2026-12-31")),
            ("31/12/2026", Some("2026-12-31")),
            ("12/31/2026", Some("2026-12-31")),
            ("3.4.2026", Some("2026-04-03")),
            ("2026-12-31 03:00", Some("2026-12-31")),
            ("2026-12-31T03:00:00.000Z", Some("2026-12-31")),
            ("2026-1-5", Some("2026-01-05")),
            ("2026-12-31 or 2027-12-31", None),
            ("2026-12-31 2027", None),
            ("3/4/2026", None),
            ("2026-02-30", None),
            ("31/12/26", None),
            ("tomorrow", None),
            ("", None),
        ],
    );
}

#[test]
fn regions_as_they_stand() {
    check(
        regions,
        |_| true,
        &[
            ("eu-west-1", Some("eu-west-1")),
            ("eu-west-1, us-gov-east-1", Some("eu-west-1 us-gov-east-1")),
            ("eu-west-1a", None),
            ("Yes", None),
            ("EU", None),
            ("", None),
        ],
    );
}
