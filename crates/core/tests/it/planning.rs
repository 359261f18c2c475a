//! Plans as values: what they count, what they name, and that the same world gives the
//! same plan.

use ebskeep_core::destination::Destination;
use ebskeep_core::plan::{Action, CheckResult, Job, Plan, Refuses, Summary, WriteMarks, decide};
use ebskeep_core::tags::Tags;

use crate::explaining::{backup, world};
use crate::plans::{create, delete, finish, plan, set};
use crate::world::Scenario;

fn decided(scenario: &Scenario) -> Plan {
    decide(&scenario.inventory(), &scenario.request(), &scenario.settings())
}

/// Events and reports name actions as the saved plan does.
#[test]
fn an_action_has_one_name() {
    let copies: Scenario = toml::from_str(include_str!("../golden/copies.toml")).unwrap();
    let mut actions = decided(&copies).actions;
    actions.extend([create("vol-1"), set("i-1", &["vol-1", "vol-2"]), finish("snap-1"), delete("snap-2")]);
    let mut names: Vec<&str> = actions.iter().map(Action::name).collect();
    for (action, name) in actions.iter().zip(&names) {
        assert_eq!(serde_json::to_value(action).unwrap()["action"], *name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 8, "{names:?}");
}

fn check(ok: bool, job: Option<Job>) -> CheckResult {
    CheckResult::new("clock", ok, job, "")
}

#[test]
fn a_check_refuses_its_own_job_or_the_whole_plan() {
    let _proof = ebskeep_proofs::proves(&["4.2"]);
    let of = |jobs: &[Job], checks: &[CheckResult]| {
        let refused = Plan { jobs: jobs.to_vec(), checks: checks.to_vec(), ..plan([]) };
        let jobs = Job::ALL.map(|job| refused.refusal_of(job).is_some());
        (jobs, refused.is_refused_whole())
    };
    let both = [Job::Create, Job::Expire];
    assert_eq!(of(&both, &[]), ([false, false, false], false));
    assert_eq!(of(&[], &[check(true, None)]), ([false, false, false], false));
    assert_eq!(of(&both, &[check(true, None), check(false, Some(Job::Expire))]), ([false, false, true], false));
    assert_eq!(of(&[Job::Expire], &[check(false, Some(Job::Expire))]), ([false, false, true], true));
    assert_eq!(of(&both, &[check(false, None)]), ([true, true, true], true));
}

/// What a pager says of a run whose deletions wait.
#[test]
fn a_check_that_holds_deletions_says_how_many_and_refuses_all_where_there_is_nothing_else() {
    let holding = |ok: bool, refuses: Refuses| {
        let holds = vec!["snap-1".into(), "snap-2".into()];
        CheckResult { refuses, holds, ..check(ok, Some(Job::Expire)) }
    };
    assert_eq!(holding(false, Refuses::Deletions).held(), Some(2));
    assert_eq!(holding(true, Refuses::Deletions).held(), None);
    assert_eq!(holding(false, Refuses::AllButFailed).held(), None);
    let whole = |jobs: &[Job], actions: &[Action]| {
        let checks = vec![holding(false, Refuses::Deletions)];
        Plan { jobs: jobs.to_vec(), checks, ..plan(actions.to_vec()) }.is_refused_whole()
    };
    assert!(whole(&[Job::Expire], &[delete("snap-1"), delete("snap-2")]));
    assert!(!whole(&[Job::Expire], &[delete("snap-1"), delete("snap-3")]));
    assert!(!whole(&[Job::Create, Job::Expire], &[delete("snap-1"), delete("snap-2")]));
    let json = |refuses: Refuses| serde_json::to_value(holding(false, refuses)).unwrap().get("refuses").cloned();
    assert_eq!(json(Refuses::All), None);
    assert_eq!(json(Refuses::AllButFailed), Some("all-but-failed".into()));
}

/// Marks on copies are the copier's, and those on snapshots here are expire's: each is refused
/// with its own job.
#[test]
fn marks_are_of_the_job_that_writes_them() {
    let marks = |destination: Option<Destination>| {
        let (snapshot_id, volume_id) = ("snap-1".into(), "vol-1".into());
        let (before, tags) = (Tags::new(), Tags::new());
        Action::WriteMarks(Box::new(WriteMarks {
            snapshot_id,
            volume_id,
            destination,
            before,
            tags,
            remove: Vec::new(),
        }))
    };
    assert_eq!(marks(None).job(), Job::Expire);
    assert_eq!(marks(Destination::parse("us-east-1")).job(), Job::Copy);
}

/// The words of the findings that ask a person to do something.
#[test]
fn a_finding_says_what_there_is_to_do() {
    let found = |scenario: &Scenario, code: &str| {
        let findings = decided(scenario).findings;
        findings.into_iter().find(|finding| finding.code == code).map(|finding| finding.detail).unwrap()
    };
    let full = (0..47).map(|n| format!(", \"t{n:02}=\"")).collect::<Vec<_>>().concat();
    let full = backup("snap-1", "2026-03-09T00:00:00Z", &format!("tags = [\"ebskeep:retention=24h\"{full}]"));
    assert_eq!(
        found(&world(&format!("gone = [\"vol-a\"]\n{full}")), "mark-not-written"),
        "snap-1 has no room for the tag ebskeep:gone, so the history of its deleted volume stays; remove one of its tags"
    );
    let full = full.replace("retention=24h", "retention=last=5");
    let older = full.replace("snap-1", "snap-0").replace("2026-03-09", "2026-03-01");
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=No\", \"Retention=24h\"]\n";
    assert_eq!(
        found(&world(&format!("{volume}{older}{full}")), "mark-not-written"),
        "snap-1 has no room for the tag ebskeep:policy-since, so what an earlier retention keeps stays; remove one of \
         its tags"
    );
    let copy = |id: &str, volume: &str, day: u8| {
        let tags = format!(
            "tags = [\"Source_SnapshotId=snap-s{day}\", \"ebskeep:volume={volume}\", \"ebskeep:source-region=us-east-1\", \
             \"ebskeep:source-account=111122223333\", \"ebskeep:started=2025-03-0{day}T00:00:00Z\", \
             \"ebskeep:retention=daily=2\"]"
        );
        backup(id, &format!("2025-03-0{day}T00:00:00Z"), &format!("volume = \"vol-ffffffff\"\n{tags}"))
    };
    let copies = [copy("snap-1", "vol-1", 1), copy("snap-2", "vol-1", 2), copy("snap-3", "vol-2", 3)];
    assert_eq!(
        found(&world(&copies.concat()), "copies-without-end"),
        "3 copies of 2 volumes are kept only because no mark says that their source volume was deleted. If it was, run: \
         ebskeep release --region eu-west-1 --source-deleted vol-1 vol-2. If it exists, look why it is not copied any more"
    );
    let failed = |n: u8| backup(&format!("snap-{n}"), &format!("2026-03-10T10:0{n}:00Z"), "state = \"error\"");
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=hourly\"]\n".to_owned();
    assert_eq!(
        found(&world(&(volume + &failed(1) + &failed(2) + &failed(3))), "failing"),
        "3 snapshots failed since the last good one; the next attempt is at 2026-03-10 10:53 UTC or later"
    );
}

/// The last line of every page, and what alarms are set on.
#[test]
fn a_plan_counts_what_is_in_it() {
    let volume = |id: &str, backup: &str| {
        format!("[[volume]]\nid = \"{id}\"\ntags = [\"Backup={backup}\", \"Retention=soon\"]\n")
    };
    let volumes = [volume("vol-b", "daily"), volume("vol-c", "daily"), volume("vol-d", "daily"), volume("vol-e", "No")];
    let kept =
        |day: u8| backup(&format!("snap-keep-{day}"), &format!("2026-03-0{day}T00:00:00Z"), "volume = \"vol-e\"");
    let over = |day: u8| {
        backup(&format!("snap-over-{day}"), &format!("2025-03-0{day}T00:00:00Z"), "tags = [\"ebskeep:retention=24h\"]")
    };
    let theirs = "[[snapshot]]\nid = \"snap-theirs\"\nvolume = \"vol-e\"\nstart = \"2026-03-01T00:00:00Z\"\n\
                  tags = [\"ebskeep:slot=x\"]\n";
    let to = |id: &str, day: &str| {
        let tags =
            "volume = \"vol-e\"\ntags = [\"ebskeep:copy-to=us-east-1 us-west-2\", \"ebskeep:copy-retention=forever\"]";
        backup(id, &format!("2026-03-{day}T00:00:00Z"), tags)
    };
    let under_way = "[[destination.snapshot]]\nid = \"snap-copy\"\nstart = \"2026-03-10T11:00:00Z\"\n\
                     state = \"pending\"\ncopy_of = \"snap-to-1\"\n";
    let destination = format!("[[destination]]\nat = \"us-east-1\"\n{under_way}");
    let rest = [
        volumes.concat(),
        "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=No\"]\n".to_owned(),
        (4..=8).map(kept).collect(),
        (1..=7).map(over).collect(),
        theirs.to_owned(),
        to("snap-to-1", "09"),
        to("snap-to-2", "10"),
        destination,
    ];
    let mut plan = decided(&world(&rest.concat()));
    plan.checks = vec![check(true, None), check(false, Some(Job::Expire)), check(false, None)];
    let findings = plan.findings.len();
    assert_eq!(
        Summary::of(&plan),
        Summary {
            volumes: 5,
            create: 3,
            skip: 2,
            snapshots: 15,
            keep: 8,
            delete: 6,
            ignore: 1,
            delete_gib: 48,
            copy: 1,
            copy_gib: 8,
            // Nobody looked at us-west-2.
            copies_waiting: 2,
            copies_under_way: 1,
            actions: 10,
            problems: 4,
            findings,
            refused: 2,
        }
    );
    assert!(findings > 0);
}

/// A saved plan is compared with a fresh one, so no order in which AWS lists things may
/// show in it.
#[test]
fn a_listing_in_any_order_gives_the_same_plan() {
    let volumes = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=daily\"]\n[[volume]]\nid = \"vol-b\"\n\
                   tags = [\"Backup=daily\"]\n";
    let ids = ["snap-1", "snap-2", "snap-3", "snap-4"];
    // All at once, so that only their ids tell them apart, and one later.
    let old = ids.map(|id| {
        backup(id, "2026-01-01T00:00:00Z", "tags = [\"ebskeep:retention=24h\"]")
            .replace("slot = \"2026-01-01T00:00:00Z\"", &format!("slot = \"2025-12-31T0{}:00:00Z\"", &id[5..]))
    });
    let scenario = world(&[volumes, &old.concat(), &backup("snap-0", "2026-03-09T00:00:00Z", "")].concat());
    let expected = decided(&scenario);
    let deleted: Vec<&str> = (expected.actions.iter())
        .filter_map(|action| match action {
            Action::DeleteSnapshot(deletion) => Some(deletion.snapshot_id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(deleted, ids);
    let mut inventory = scenario.inventory();
    let mut turned = |by: usize, back: bool| {
        inventory.snapshots.items.rotate_left(by);
        if back {
            inventory.snapshots.items.reverse();
            inventory.volumes.items.reverse();
        }
        assert_eq!(decide(&inventory, &scenario.request(), &scenario.settings()), expected, "{by} {back}");
    };
    turned(0, true);
    turned(0, true);
    turned(2, false);
    turned(1, true);
}

/// The last look compares with it: what has become good, or was archived since, stays.
#[test]
fn a_deletion_says_in_what_state_its_snapshot_was() {
    let old = |id: &str, rest: &str| {
        backup(id, "2025-01-01T00:00:00Z", &format!("tags = [\"ebskeep:retention=24h\"]\n{rest}"))
    };
    let tier = "[[tier]]\nsnapshot = \"snap-archived\"\narchived_at = \"2025-02-01T00:00:00Z\"\n";
    let restored = "[[tier]]\nsnapshot = \"snap-restored\"\narchived_at = \"2025-02-01T00:00:00Z\"\n";
    let snapshots = [
        old("snap-archived", "archived = true"),
        old("snap-failed", "state = \"error\""),
        old("snap-plain", ""),
        old("snap-restored", "restore_expires = \"2026-03-01T00:00:00Z\""),
    ];
    let now = backup("snap-new", "2026-03-09T00:00:00Z", "");
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=No\"]\n".to_owned();
    let plan = decided(&world(&[volume, snapshots.concat(), now, tier.to_owned(), restored.to_owned()].concat()));
    let deletions: Vec<_> = (plan.actions.iter())
        .filter_map(|action| match action {
            Action::DeleteSnapshot(deletion) => {
                let restored = deletion.restore_expires.map(|until| until.to_string());
                Some((deletion.snapshot_id.as_str(), deletion.failed, deletion.archived, restored))
            }
            _ => None,
        })
        .collect();
    let expected = [
        ("snap-archived", false, true, None),
        ("snap-failed", true, false, None),
        ("snap-plain", false, false, None),
        ("snap-restored", false, false, Some("2026-03-01T00:00:00Z".to_owned())),
    ];
    assert_eq!(deletions, expected);
}

/// A contradiction is told with what it means today: only that of `Backup` has a backup
/// taken.
#[test]
fn a_contradiction_says_what_it_means_until_it_is_mended() {
    let volumes = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=Yes\", \"backup=No\"]\n\
                   [[volume]]\nid = \"vol-b\"\ntags = [\"Backup=No\", \"Retention=7\", \"retention=9\"]\n";
    let told: Vec<_> = (decided(&world(volumes)).problems.into_iter())
        .map(|problem| (problem.resource.to_string(), problem.code, problem.detail))
        .collect();
    let conflict = |on: &str, detail: &str| (on.to_owned(), "conflict", detail.to_owned());
    let (one, other) = ("Backup=Yes and backup=No", "Retention=7 and retention=9");
    let backed_up = "It is backed up on the default schedule, and nothing of it expires";
    assert_eq!(
        told,
        [
            conflict("vol-a", &format!("{one} contradict each other; leave one. {backed_up}")),
            conflict("vol-b", &format!("{other} contradict each other; leave one. Nothing of it expires")),
        ]
    );
}

/// AWS's words, how often, and what comes next: what somebody with a denied key needs.
#[test]
fn a_failed_copy_is_told_with_how_often_it_failed_and_what_comes_of_it() {
    let source = backup("snap-1", "2026-03-10T00:00:00Z", "tags = [\"ebskeep:copy-to=us-east-1\"]");
    let failed = |hour: u8| {
        let message = "state = \"error\"\nmessage = \"no such key\"\ncopy_of = \"snap-1\"";
        format!("[[destination.snapshot]]\nid = \"snap-f{hour}\"\nstart = \"2026-03-10T0{hour}:00:00Z\"\n{message}\n")
    };
    let told = |times: u8| {
        let there: String = (1..=times).map(failed).collect();
        let scenario = world(&format!("{source}[[destination]]\nat = \"us-east-1\"\n{there}"));
        let mut findings = decided(&scenario).findings;
        findings.retain(|finding| finding.resource.starts_with("snap-f"));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        (finding.code, finding.detail.clone())
    };
    let says =
        |times: &str, then: &str| format!("snap-1 to us-east-1: failed {times} within a day (no such key); {then}");
    assert_eq!(told(1), ("copy-failed", says("once", "tried again")));
    assert_eq!(told(2), ("copy-failed", says("twice", "tried again")));
    assert_eq!(told(3), ("copy-failing", says("three times", "left alone for a day")));
}

/// Who holds a volume is told how many backups that keeps, and no failed one is.
#[test]
fn a_held_volume_is_told_with_how_many_backups_that_keeps() {
    let _proof = ebskeep_proofs::proves(&["R1.2", "3.17"]);
    let volume = "[[volume]]\nid = \"vol-a\"\ntags = [\"Backup=Yes\", \"KeepForever=\"]\n";
    let backups: String =
        ["08", "09"].map(|day| backup(&format!("snap-{day}"), &format!("2026-03-{day}T00:00:00Z"), "")).concat();
    let failed = backup("snap-07", "2026-03-07T00:00:00Z", "state = \"error\"");
    let findings = decided(&world(&[volume, &backups, &failed].concat())).findings;
    let held: Vec<_> = findings.iter().filter(|finding| finding.code == "keep-forever").collect();
    let [held] = held.as_slice() else { panic!("{findings:?}") };
    assert_eq!(held.detail, "KeepForever on vol-a keeps 2 snapshots of it");
}

/// A set's own tags are to be written by the next run; a day later somebody has to look.
#[test]
fn tags_that_nobody_writes_are_told_after_a_day() {
    let _proof = ebskeep_proofs::proves(&["3.10"]);
    let told = |slot: &str, state: &str| {
        let half = format!("{state}tags = [\"ebskeep:retention=unset\", \"ebskeep:set=i-1/1\"]");
        let findings = decided(&world(&backup("snap-1", slot, &half))).findings;
        findings.iter().any(|finding| finding.code == "unfinished-tags" && finding.resource == "snap-1")
    };
    assert!(!told("2026-03-09T12:00:01Z", ""));
    assert!(told("2026-03-09T12:00:00Z", ""));
    assert!(!told("2026-03-08T12:00:00Z", "state = \"error\"\n"), "a failed one goes");
}
