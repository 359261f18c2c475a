//! What `explain` tells of single things, in small worlds.

use ebskeep_core::plan::explain::{Answer, Explained, ExplainedSnapshot, ExplainedVolume, Goes, Presence, explain};
use ebskeep_core::plan::{CreateVerdict, ExpireVerdict};
use smol_str::SmolStr;

use crate::world::Scenario;

/// A world as in the scenarios, at noon of the 10th of March; nothing is expected of its
/// plan.
pub(crate) fn world(rest: &str) -> Scenario {
    toml::from_str(&format!("proves = []\nnow = \"2026-03-10T12:00:00Z\"\n{rest}\n[expect]\nplan = \"\"\n")).unwrap()
}

/// A good snapshot of ours, of vol-a if nothing else is said.
pub(crate) fn backup(id: &str, slot: &str, rest: &str) -> String {
    let volume = if rest.contains("volume = ") { "" } else { "volume = \"vol-a\"\n" };
    format!("[[snapshot]]\nid = \"{id}\"\nstart = \"{slot}\"\nslot = \"{slot}\"\n{volume}{rest}\n")
}

fn subjects(scenario: &Scenario, ids: &[&str]) -> Vec<Explained> {
    let ids: Vec<SmolStr> = ids.iter().copied().map(SmolStr::new).collect();
    explain(&scenario.inventory(), &ids, &scenario.settings()).subjects
}

fn snapshot(scenario: &Scenario, id: &str) -> ExplainedSnapshot {
    match subjects(scenario, &[id]).pop() {
        Some(Explained::Snapshot(page)) => *page,
        other => panic!("{other:?}"),
    }
}

fn volume(scenario: &Scenario, id: &str) -> ExplainedVolume {
    match subjects(scenario, &[id]).pop() {
        Some(Explained::Volume(page)) => *page,
        other => panic!("{other:?}"),
    }
}

/// What the rule of this name says of a snapshot.
fn says(page: &ExplainedSnapshot, rule: &str) -> (Answer, String) {
    let said = page.rules.iter().find(|says| says.rule == rule).unwrap_or_else(|| panic!("{rule}: {:?}", page.rules));
    (said.says, said.detail.to_string())
}

/// Somebody who asks about a volume has to know whether it can still be looked at: one
/// that is not listed may only not have been seen.
#[test]
fn a_volume_exists_or_is_gone_or_nobody_knows() {
    let snapshots: Vec<String> = ["going", "gone", "lost"]
        .iter()
        .map(|name| backup(&format!("snap-{name}"), "2026-03-09T00:00:00Z", &format!("volume = \"vol-{name}\"")))
        .collect();
    let volumes = "[[volume]]\nid = \"vol-new\"\n[[volume]]\nid = \"vol-going\"\nstate = \"deleting\"\n";
    let scenario = world(&format!("gone = [\"vol-gone\"]\n{volumes}{}", snapshots.concat()));
    let presence = |id: &str| volume(&scenario, id).presence;
    assert_eq!(presence("vol-new"), Presence::Exists);
    assert_eq!(presence("vol-going"), Presence::NotKnown);
    assert_eq!(presence("vol-gone"), Presence::Gone);
    assert_eq!(presence("vol-lost"), Presence::NotKnown);
    assert_eq!(volume(&scenario, "vol-new").lineage, []);
    assert_eq!(volume(&scenario, "vol-lost").size_gib, None);
    assert_eq!(subjects(&scenario, &["vol-never"]), []);
}

/// What counts in no policy and is never deleted is named all the same: somebody pays for
/// it.
#[test]
fn the_page_of_a_volume_names_its_snapshots_that_are_not_ours_newest_first() {
    let theirs = |id: &str, day: u8| {
        format!("[[snapshot]]\nid = \"{id}\"\nvolume = \"vol-a\"\nstart = \"2026-03-0{day}T00:00:00Z\"\n")
    };
    let elsewhere = theirs("snap-elsewhere", 3).replace("vol-a", "vol-b");
    let ours = backup("snap-ours", "2026-03-09T00:00:00Z", "");
    let scenario = world(&[theirs("snap-1", 1), theirs("snap-2", 2), elsewhere, ours].concat());
    let page = volume(&scenario, "vol-a");
    assert_eq!(page.not_ours, ["snap-2".into(), "snap-1".into()]);
    let ids: Vec<&str> = page.lineage.iter().map(|member| member.snapshot_id.as_str()).collect();
    assert_eq!(ids, ["snap-ours"]);
}

#[test]
fn a_slot_is_shown_only_if_it_counts() {
    let good = backup("snap-good", "2026-03-09T00:00:00Z", "");
    let late = backup("snap-late", "2026-03-08T00:00:00Z", "").replace("slot = \"2026-03-08", "slot = \"2026-03-09");
    let none = "[[snapshot]]\nid = \"snap-none\"\nvolume = \"vol-a\"\nstart = \"2026-03-07T00:00:00Z\"\n\
                tags = [\"Type=Automated\", \"DeleteOn=2026-03-20\"]\n";
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\"]\n".to_owned();
    let scenario = world(&[volume, good, late, none.to_owned()].concat());
    let slot = |id: &str| snapshot(&scenario, id).slot.map(|slot| slot.to_string());
    assert_eq!(slot("snap-good").as_deref(), Some("2026-03-09T00:00:00Z"));
    assert_eq!(slot("snap-late"), None);
    assert_eq!(slot("snap-none"), None);
}

/// The days before the 10th of March, under rules that keep some of them.
fn days(policy: &str, days: &[u8]) -> Scenario {
    let taken = |day: &u8| {
        backup(
            &format!("snap-{day:02}"),
            &format!("2026-03-{day:02}T00:00:00Z"),
            &format!("tags = [\"ebskeep:retention={policy}\"]"),
        )
    };
    let snapshots: Vec<String> = days.iter().map(taken).collect();
    let volume = format!("[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\", \"Retention={policy}\"]\n");
    world(&(volume + &snapshots.concat()))
}

/// "Why is this one not a weekly?" is what people ask of rules.
#[test]
fn each_rule_that_does_not_keep_a_snapshot_says_why() {
    // The 8th was a Sunday.
    let scenario = days("daily=2 weekly=2 within=3d", &[10, 9, 8, 7, 6]);
    let page = snapshot(&scenario, "snap-08");
    let from = "(tag on vol-a) does not";
    assert_eq!(says(&page, "daily"), (Answer::No, format!("\"daily=2\" {from}: its 2 are newer")));
    assert_eq!(says(&page, "weekly").0, Answer::Keeps);
    assert_eq!(says(&page, "within").0, Answer::Keeps);
    // Each rule speaks once.
    assert_eq!(page.rules.iter().filter(|says| says.rule == "weekly").count(), 1);
    assert_eq!(page.rules.iter().filter(|says| says.rule == "daily").count(), 1);

    let page = snapshot(&scenario, "snap-07");
    let newer = "snap-08 is newer and of 2026-W10 too";
    assert_eq!(says(&page, "weekly"), (Answer::No, format!("\"weekly=2\" {from}: {newer}")));
    let far = "it is not within 3 days before the newest";
    assert_eq!(says(&page, "within"), (Answer::No, format!("\"within=3d\" {from}: {far}")));

    let pending = backup("snap-pending", "2026-03-10T06:00:00Z", "state = \"pending\"");
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\", \"Retention=last=1\"]\n";
    let scenario = world(&(volume.to_owned() + &pending));
    let why = "it is not good, or another one of its slot counts instead";
    let last = says(&snapshot(&scenario, "snap-pending"), "last");
    assert_eq!(last, (Answer::No, format!("\"last=1\" {from}: {why}")));
}

#[test]
fn the_newest_good_ones_are_told_by_their_number() {
    let mut scenario = days("24h", &[10, 9, 8]);
    scenario.settings.insert("minimum".to_owned(), "2".to_owned());
    let newest = |id: &str| says(&snapshot(&scenario, id), "newest-good");
    let exists = "good snapshot of a volume that exists";
    assert_eq!(newest("snap-10"), (Answer::Keeps, format!("the newest {exists}")));
    assert_eq!(newest("snap-09"), (Answer::Keeps, format!("number 2 of the newest {exists}")));
    let stay = "2 newer good snapshots of its volume stay; at least 2 do";
    assert_eq!(newest("snap-08"), (Answer::No, stay.to_owned()));
}

/// When a snapshot goes by the backups to come, or why that cannot be told.
fn date(scenario: &Scenario, id: &str) -> String {
    match snapshot(scenario, id).goes {
        Goes::On { date, .. } => date.to_string(),
        other => format!("{other:?}"),
    }
}

/// Under rules the date on which one goes is that of those to come, so the page lives
/// through the backups of its volume.
#[test]
fn what_is_under_rules_goes_once_the_backups_to_come_take_its_place() {
    let scenario = days("daily=3", &[10, 9, 8]);
    assert_eq!([date(&scenario, "snap-08"), date(&scenario, "snap-10")], ["2026-03-11", "2026-03-13"]);
}

/// In a zone that there is not, rules keep everything: each day of ten years would be a
/// look at all that came before it, for an answer that the first year has.
#[test]
fn years_in_which_nothing_goes_are_not_lived_through_to_the_end() {
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=every 6h\", \"Retention=daily=7\", \
                  \"Backup_TimeZone=Europe/Lodnon\"]\n";
    let scenario = world(&format!("{volume}{}", backup("snap-1", "2026-03-10T06:00:00Z", "")));
    assert_eq!(date(&scenario, "snap-1"), "NotWithin { span: \"a year\" }");
}

/// What new snapshots record of contradicting tags is the contradiction itself, and no
/// second policy beside it.
#[test]
fn a_contradiction_and_its_record_are_one_policy() {
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\", \"Retention=7\", \"retention=9\"]\n";
    let bare = world(volume);
    let plan = ebskeep_core::plan::decide(&bare.inventory(), &bare.request(), &bare.settings());
    let recorded = plan.actions.iter().find_map(|action| match action {
        ebskeep_core::plan::Action::CreateSnapshot(new) => new.tags.get("ebskeep:retention"),
        _ => None,
    });
    let record = format!("tags = [\"ebskeep:retention={}\"]", recorded.unwrap());
    let scenario = world(&(volume.to_owned() + &backup("snap-1", "2026-03-10T00:00:00Z", &record)));
    let policies = volume_policies(&scenario);
    assert_eq!(policies.len(), 1, "{policies:?}");
}

fn volume_policies(scenario: &Scenario) -> Vec<(String, bool)> {
    volume(scenario, "vol-a").policies.into_iter().map(|policy| (policy.policy, policy.in_grace)).collect()
}

/// What one asks first: will it be backed up, and is anything wrong with it?
#[test]
fn the_page_of_a_volume_has_what_create_does_and_what_is_amiss_with_it_alone() {
    let volumes = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=fortnightly\"]\n\
                   [[volume]]\nid = \"vol-b\"\ntags = [\"Backup=No\", \"Retention=soon\"]\n";
    let scenario = world(volumes);
    let asked = |id: &str| {
        let page = volume(&scenario, id);
        let create = page.create.unwrap();
        let codes: Vec<&str> = page.notices.iter().map(|notice| notice.code).collect();
        (create.verdict, create.reasons[0].rule, codes.join(" "))
    };
    assert_eq!(asked("vol-a"), (CreateVerdict::Create, "due", "bad-backup".to_owned()));
    assert_eq!(asked("vol-b"), (CreateVerdict::Skip, "excluded", "bad-retention".to_owned()));
}

#[test]
fn the_page_of_an_instance_tells_of_each_of_its_volumes() {
    let instance = "[[instance]]\nid = \"i-a\"\ntags = [\"Backup=daily\"]\n\
                    devices = [\"/dev/sda=vol-a\", \"/dev/sdb=vol-b\"]\n\
                    [[volume]]\nid = \"vol-a\"\n[[volume]]\nid = \"vol-b\"\n";
    let snapshots = [
        backup("snap-pending", "2026-03-10T00:00:00Z", "state = \"pending\""),
        backup("snap-good", "2026-03-09T00:00:00Z", ""),
        backup("snap-older", "2026-03-08T00:00:00Z", ""),
    ];
    let scenario = world(&(instance.to_owned() + &snapshots.concat()));
    let Some(Explained::Instance(page)) = subjects(&scenario, &["i-a"]).pop() else { panic!("an instance") };
    let told = |at: usize| {
        let on = &page.volumes[at];
        let newest = on.newest_good.map(|time| time.to_string()).unwrap_or_default();
        (on.device.as_str(), on.volume_id.as_str(), on.create.as_ref().unwrap().verdict, on.snapshots, newest)
    };
    assert_eq!(told(0), ("/dev/sda", "vol-a", CreateVerdict::Skip, 3, "2026-03-09T00:00:00Z".to_owned()));
    assert_eq!(told(1), ("/dev/sdb", "vol-b", CreateVerdict::Create, 0, String::new()));
}

/// A copy that is wanted is all that some wait for: the page of their volume says which,
/// and for how long the others stay without one.
#[test]
fn of_a_lineage_the_page_tells_which_stay_for_their_copies_alone() {
    let wanted = |retention: &str| {
        format!(
            "tags = [\"ebskeep:retention={retention}\", \"ebskeep:copy-retention=720h\", \"ebskeep:copy-to=us-east-1\"]"
        )
    };
    let snapshots = [
        backup("snap-new", "2026-03-10T00:00:00Z", &wanted("24h")),
        backup("snap-waits", "2026-03-08T00:00:00Z", &wanted("24h")),
        backup("snap-over", "2026-03-07T00:00:00Z", "tags = [\"ebskeep:retention=24h\"]"),
        backup("snap-held", "2026-03-06T00:00:00Z", "tags = [\"ebskeep:retention=24h\", \"KeepUntil=2026-03-20\"]"),
    ];
    let scenario = world(&("[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=No\"]\n".to_owned() + &snapshots.concat()));
    let told: Vec<_> = (volume(&scenario, "vol-a").lineage.into_iter())
        .map(|member| {
            (
                member.snapshot_id.to_string(),
                member.verdict,
                member.expires_on.map(|on| on.to_string()),
                member.once_copied,
            )
        })
        .collect();
    let member = |id: &str, verdict, on: Option<&str>, once| (id.to_owned(), verdict, on.map(str::to_owned), once);
    let (keep, delete) = (ExpireVerdict::Keep, ExpireVerdict::Delete);
    assert_eq!(
        told,
        [
            member("snap-new", keep, None, false),
            member("snap-waits", keep, None, true),
            member("snap-over", delete, None, false),
            member("snap-held", keep, Some("2026-03-21"), false),
        ]
    );
}

/// Every page says which policy is at work and why: also of those that nobody
/// understands, which keep.
#[test]
fn policies_are_told_as_they_were_written_with_where_they_came_from() {
    let of = |tags: &str, record: &str| {
        let tagged = format!("[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=No\"{tags}]\n");
        let scenario = world(&(tagged + &backup("snap-1", "2026-03-09T00:00:00Z", &format!("tags = [{record}]"))));
        let told = volume(&scenario, "vol-a").policies.into_iter();
        told.map(|p| (p.policy, p.time_zone, p.source, p.in_grace)).collect::<Vec<_>>()
    };
    let told =
        |policy: &str, zone: &str, source: &str, grace| (policy.to_owned(), zone.to_owned(), source.to_owned(), grace);
    assert_eq!(of("", "\"DeleteOn=2026-03-16\""), [told("7 days", "UTC", "the default, a setting", false)]);
    assert_eq!(
        of(", \"Retention=2w\", \"Backup_TimeZone=Asia/Tokyo\"", "\"ebskeep:retention=36h\""),
        [told("14 days", "Asia/Tokyo", "tag on vol-a", false), told("36 hours", "UTC", "recorded on snap-1", true)]
    );
    let (unknown, why) = ("\"ebskeep:retention=soon\"", "\"soon\": ");
    let bad = of("", unknown);
    assert!(bad[0].0.starts_with(why) && bad[0].0.ends_with(", which keeps"), "{bad:?}");
    assert_eq!((bad.len(), bad[0].2.as_str(), bad[0].3), (1, "recorded on snap-1", false));
}

/// Why does it stay away from R7? Because backups are not behind, or there is nothing to
/// back up.
#[test]
fn that_backups_do_not_fail_is_told_of_volumes_that_are_there() {
    let gone = backup("snap-gone", "2026-03-09T00:00:00Z", "volume = \"vol-gone\"");
    let scenario = world(&format!(
        "gone = [\"vol-gone\"]\n[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\"]\n{gone}{}",
        backup("snap-a", "2026-03-09T00:00:00Z", "")
    ));
    let failing = |id: &str| says(&snapshot(&scenario, id), "backups-failing");
    let behind = "its volume's backups are not behind, or none are to be taken";
    assert_eq!(failing("snap-a"), (Answer::No, behind.to_owned()));
    assert_eq!(failing("snap-gone"), (Answer::No, "its volume is not there to be backed up".to_owned()));
}

/// It has no slots to wait for: expire's own run is one more of the creator's.
#[test]
fn a_backup_at_every_run_takes_the_place_of_the_one_before() {
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=every-run\", \"Retention=last=1\"]\n";
    let record = "tags = [\"ebskeep:retention=last=1\"]";
    let scenario = world(&(volume.to_owned() + &backup("snap-a", "2026-03-10T12:00:00Z", record)));
    assert_eq!(date(&scenario, "snap-a"), "2026-03-11");
}

/// The tag is gone, and the newest was taken without it: the record of the one before is
/// what those to come record, and by which they go (2.4).
#[test]
fn those_to_come_go_by_the_policy_that_lives_on_in_a_record() {
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\"]\n";
    let new = backup("snap-new", "2026-03-10T00:00:00Z", "");
    let old = backup("snap-old", "2026-03-09T00:00:00Z", "tags = [\"ebskeep:retention=last=3\"]");
    let mut scenario = world(&[volume, &new, &old].concat());
    scenario.settings.insert("policy-grace".to_owned(), "1h".to_owned());
    assert_eq!([date(&scenario, "snap-old"), date(&scenario, "snap-new")], ["2026-03-12", "2026-03-13"]);
}

/// A rule keeps the oldest there is, and that is one that somebody holds: so it is not
/// the one after it, whose own hold ends before.
#[test]
fn what_is_held_is_still_the_oldest_for_the_rules() {
    let record = "ebskeep:retention=within-daily=7d";
    let taken = |id: &str, slot: &str, hold: &str| {
        backup(id, &format!("2026-03-{slot}:00:00Z"), &format!("tags = [\"{record}\"{hold}]"))
    };
    let all = [
        "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\", \"Retention=within-daily=7d\"]\n".to_owned(),
        taken("snap-07", "07T00", ""),
        taken("snap-08-held", "08T06", ", \"KeepUntil=2026-03-30\""),
        taken("snap-08-held-less", "08T12", ", \"KeepUntil=2026-03-13\""),
        taken("snap-08", "08T18", ""),
        taken("snap-09", "09T00", ""),
        taken("snap-10", "10T00", ""),
    ];
    let scenario = world(&all.concat());
    assert_eq!(date(&scenario, "snap-07"), "2026-03-14");
    // At noon of that day, which is the date that the plan gives.
    assert_eq!(date(&scenario, "snap-08-held-less"), "2026-03-14");
    assert_eq!(date(&scenario, "snap-08"), "2026-03-16");
}

/// Eight that failed put off the next attempt by 20 hours (2.1), and somebody holds these: so
/// long the last good one stays.
#[test]
fn what_stands_in_the_way_of_backups_puts_off_the_date() {
    let failed = |time: &str| {
        let held = "state = \"error\"\ntags = [\"ebskeep:retention=last=1\", \"KeepUntil=2026-03-15\"]";
        backup(&format!("snap-failed-{}", time.replace(':', "")), &format!("2026-03-10T{time}:00Z"), held)
    };
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\", \"Retention=last=1\"]\n";
    let good = backup("snap-good", "2026-03-09T00:00:00Z", "tags = [\"ebskeep:retention=last=1\"]");
    let earlier: String = (10..17).map(|minute| failed(&format!("00:{minute}"))).collect();
    let all = |newest: &str| [volume, &good, &earlier, &failed(newest)].concat();
    // The newest is 20 hours old by midnight, or a minute less.
    assert_eq!(date(&world(&all("04:00")), "snap-good"), "2026-03-11");
    assert_eq!(date(&world(&all("04:01")), "snap-good"), "2026-03-12");
    // Of seven it is 13 hours and 20 minutes old.
    let seven = [volume, &good, &earlier].concat();
    assert_eq!(date(&world(&seven), "snap-good"), "2026-03-11");
}

/// R12: the plan, the page of a snapshot and its time line give the day on which the grace after
/// its volume was found deleted ends.
#[test]
fn of_a_deleted_volume_every_page_gives_the_day_on_which_its_grace_ends() {
    let _proof = ebskeep_proofs::proves(&["2.4.20", "R12.1"]);
    let old = |id: &str, day: u8| {
        let tags = "volume = \"vol-gone\"\ntags = [\"ebskeep:retention=24h\"]";
        backup(id, &format!("2026-03-0{day}T00:00:00Z"), tags)
    };
    let scenario = world(&format!("gone = [\"vol-gone\"]\n{}{}", old("snap-1", 1), old("snap-2", 2)));
    assert_eq!(date(&scenario, "snap-1"), "2026-03-17");
    let page = snapshot(&scenario, "snap-1");
    let member = page.lineage.iter().find(|member| member.snapshot_id.as_str() == "snap-1").unwrap();
    assert_eq!(member.expires_on.map(|date| date.to_string()).as_deref(), Some("2026-03-17"));
    // The newest: 90 days after the mark that the first run writes.
    assert_eq!(date(&scenario, "snap-2"), "2026-06-08");
}

/// 2.4: what only a mark says was in force. The plan, the page and its list of the lineage give one
/// day, and the page of the volume names the policy as one in its grace.
#[test]
fn what_a_mark_alone_records_ends_on_one_day_on_every_page() {
    let _proof = ebskeep_proofs::proves(&["2.4.20", "2.4.31"]);
    for (mark, governs, grace, day) in [
        ("2026-03-09T00:00:00Z/2026-03-09T12:00:00Z vol-a 365d UTC", "24h", vec!["365 days"], "2026-03-17"),
        ("2026-03-09T00:00:00Z/2026-03-09T12:00:00Z vol-a 24h UTC was 365d UTC", "24h", vec!["365 days"], "2026-03-16"),
        ("2026-03-09T00:00:00Z/2026-03-09T12:00:00Z vol-b 365d UTC", "24h", vec![], "Now"),
    ] {
        let volume = format!("[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=No\", \"Retention={governs}\"]\n");
        let record = "tags = [\"ebskeep:retention=24h\"]";
        let marked = format!("tags = [\"ebskeep:retention=24h\", \"ebskeep:policy-since={mark}\"]");
        let old = backup("snap-old", "2026-02-01T00:00:00Z", record);
        let scenario = world(&format!("{volume}{old}{}", backup("snap-new", "2026-03-08T00:00:00Z", &marked)));
        let policies: Vec<_> = volume_policies(&scenario).into_iter().filter(|(_, in_grace)| *in_grace).collect();
        assert_eq!(policies.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), grace, "{mark}");
        assert!(date(&scenario, "snap-old").starts_with(day), "{mark}");
        let plan = ebskeep_core::plan::decide(&scenario.inventory(), &scenario.request(), &scenario.settings());
        let verdict = plan.snapshots.iter().find(|verdict| verdict.snapshot_id.as_str() == "snap-old").unwrap();
        let page = snapshot(&scenario, "snap-old");
        let member = page.lineage.iter().find(|member| member.snapshot_id.as_str() == "snap-old").unwrap();
        assert_eq!(verdict.expires_on, member.expires_on, "{mark}");
        if !grace.is_empty() {
            assert_eq!(verdict.expires_on.map(|date| date.to_string()).as_deref(), Some(day), "{mark}");
        }
    }
}

/// R9: the end of a temporary restore, as the tier status has it, else as the listing has it.
#[test]
fn the_page_of_an_archived_snapshot_gives_the_end_of_its_restore() {
    let listed = |day: u8| format!("restore_expires = \"2026-03-{day}T00:00:00Z\"");
    let status = "[[tier]]\nsnapshot = \"snap-2\"\narchived_at = \"2026-01-01T00:00:00Z\"\n\
                  restore_expires = \"2026-03-25T00:00:00Z\"\n";
    let all = [
        backup("snap-1", "2026-03-01T00:00:00Z", &listed(20)),
        backup("snap-2", "2026-03-02T00:00:00Z", &listed(20)),
        backup("snap-3", "2026-03-03T00:00:00Z", ""),
        status.to_owned(),
    ];
    let scenario = world(&all.concat());
    let ends = |id: &str| snapshot(&scenario, id).restore_expires.map(|at| at.to_string());
    assert_eq!(ends("snap-1").as_deref(), Some("2026-03-20T00:00:00Z"));
    assert_eq!(ends("snap-2").as_deref(), Some("2026-03-25T00:00:00Z"));
    assert_eq!(ends("snap-3"), None);
}

/// Until expire has marked it, nobody can say when the last one goes.
#[test]
fn of_a_deleted_volume_without_a_mark_the_newest_waits_for_one() {
    let full = (0..47).map(|n| format!(", \"t{n:02}=\"")).collect::<Vec<_>>().concat();
    let tags = format!("volume = \"vol-gone\"\ntags = [\"ebskeep:retention=24h\"{full}]");
    let scenario = world(&format!("gone = [\"vol-gone\"]\n{}", backup("snap-1", "2026-03-01T00:00:00Z", &tags)));
    let (answer, words) = says(&snapshot(&scenario, "snap-1"), "newest-good");
    assert_eq!(answer, Answer::Keeps);
    assert!(words.contains("not marked as deleted; kept until a mark says that it was"), "{words}");
    let why = |scenario: &Scenario| says(&snapshot(scenario, "snap-1"), "volume-gone").1;
    assert!(why(&scenario).contains("there is no room for the mark that it is deleted"), "{}", why(&scenario));
    let pending = "volume = \"vol-gone\"\nstate = \"pending\"\ntags = [\"ebskeep:retention=24h\"]";
    let pending = world(&format!("gone = [\"vol-gone\"]\n{}", backup("snap-1", "2026-03-01T00:00:00Z", pending)));
    assert!(why(&pending).contains("no good snapshot can bear the mark"), "{}", why(&pending));
}
