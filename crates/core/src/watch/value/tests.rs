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
        backup,
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
            ("6h", Some("every 6h")),
            ("every 6 hours", Some("every 6h")),
            ("every 2 days at 03:30", Some("every 2d @ 03:30")),
            ("rate(6 hours)", Some("every 6h")),
            ("rate(1 day)", Some("daily")),
            ("cron(30 3 * * ? *)", Some("30 3 * * *")),
            ("0 30 3 * * *", Some("30 3 * * *")),
            ("30 3 ? * *", Some("30 3 * * *")),
            // Sunday is 1 there and 0 here.
            ("cron(30 3 ? * 1 *)", None),
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
            ("daily=7d", Some("daily=7")),
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
            ("GMT+1", Some("Etc/GMT-1")),
            ("UTC-05:00", Some("Etc/GMT+5")),
            ("+0530", Some("Asia/Kolkata")),
            ("UTC+0", Some("UTC")),
            ("EST5EDT", Some("EST5EDT")),
            ("PST", Some("America/Los_Angeles")),
            ("BST", Some("Europe/London")),
            ("utc ", Some("UTC")),
            ("\"Europe/London\"", Some("Europe/London")),
            // India's, Ireland's or Israel's.
            ("IST", None),
            ("GMT+3:17", None),
            ("GMT+99", None),
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
            ("2026-1-5", Some("2026-01-05")),
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
