//! The mark on copies that says that their source volume was deleted: how it is found
//! out, checked, written and saved, and how a person writes it. And the check of what
//! `expire` notes for later runs.

use ebskeep_core::check::check;
use ebskeep_core::cloud::{Cloud as _, ErrorKind};
use ebskeep_core::destination::Destination;
use ebskeep_core::inventory::{DestinationSnapshots, Inventory, Listing, Snapshot, Volume, VolumeState};
use ebskeep_core::job::{Request, Run, SavedPlan};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::{Action, ExpireVerdict, FollowSource, Job, Plan, WriteMarks, decide};
use ebskeep_core::report::text::{Detail, Style, retagging_text};
use ebskeep_core::report::{Conclusion, Outcome};
use ebskeep_core::retag::{HoldError, source_deleted};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_core::tags::{self, SOURCE_GONE, Tags};
use jiff::{SignedDuration, Timestamp};

use crate::fake::{Fake, Fault, START, Virtual, place, snapshot};
use crate::plans::{outcomes, plan, run, tags};

const HOME: &str = "111122223333";
const OTHER: &str = "444455556666";

fn ago(days: i64) -> Timestamp {
    START - SignedDuration::from_hours(24 * days)
}

fn mark(at: Timestamp, volume: &str) -> String {
    format!("{at} {volume}")
}

/// A primary of `vol-1` that names where its copies are.
fn primary() -> Tags {
    tags([("Type", "Automated"), ("ebskeep:slot", "2026-02-01T00:00:00Z"), ("ebskeep:copied-to", "us-east-1")])
}

/// A copy of what was taken of a volume here.
fn copied(volume: &str) -> Tags {
    tags([
        ("Type", "Automated"),
        ("Source_SnapshotId", "snap-1"),
        ("ebskeep:volume", volume),
        ("ebskeep:source-region", "eu-west-1"),
        ("ebskeep:source-account", HOME),
        ("ebskeep:started", "2026-02-01T00:00:10Z"),
    ])
}

fn with(mut of: Tags, key: &str, value: &str) -> Tags {
    of.set(key, value);
    of
}

// Checks.

fn volume(id: &str, state: VolumeState) -> Volume {
    Volume { id: id.into(), state, size_gib: 8, attachments: Vec::new(), site: None, tags: tags([("Backup", "No")]) }
}

/// A deleted volume with one snapshot here and a copy in us-east-1.
fn world() -> Inventory {
    let mut inventory = Inventory::empty(place(HOME, "eu-west-1"), START);
    inventory.volumes = Listing::complete(vec![volume("vol-0", VolumeState::Available)]);
    inventory.confirmed_gone = ["vol-1".into()].into();
    inventory.snapshots = Listing::complete(vec![snapshot("snap-1", "vol-1", ago(10), primary())]);
    inventory.destinations = vec![DestinationSnapshots {
        place: place(HOME, "us-east-1"),
        snapshots: Listing::complete(vec![snapshot("snap-c", "vol-ffffffff", ago(10), copied("vol-1"))]),
    }];
    inventory
}

type Change = Box<dyn Fn(&mut Inventory)>;

fn changed(change: impl Fn(&mut Inventory) + 'static) -> Change {
    Box::new(change)
}

fn there(inventory: &mut Inventory) -> &mut Snapshot {
    &mut inventory.destinations[0].snapshots.items[0]
}

/// An action that writes marks on a snapshot of `vol-1`.
pub(crate) fn marks(id: &str, destination: Option<&str>, tags: Tags) -> Action {
    Action::WriteMarks(Box::new(WriteMarks {
        snapshot_id: id.into(),
        volume_id: "vol-1".into(),
        destination: destination.map(|text| Destination::parse(text).unwrap()),
        before: Tags::new(),
        tags,
        remove: Vec::new(),
    }))
}

fn source_gone(value: &str) -> Action {
    marks("snap-c", Some("us-east-1"), tags([(SOURCE_GONE, value)]))
}

/// What refuses such a plan.
fn refusals(world: &Inventory, job: Job, action: &Action) -> Vec<(&'static str, String)> {
    let (request, settings) = (Request::new([job]), Settings::default());
    let mut plan: Plan = decide(world, &request, &settings);
    plan.actions = vec![action.clone()];
    let checks = check(&plan, world, &request, &settings);
    checks.into_iter().filter(|check| !check.ok).map(|check| (check.check, check.detail)).collect()
}

#[track_caller]
fn refused(world: &Inventory, job: Job, action: &Action, check: &str, part: &str) {
    let refusals = refusals(world, job, action);
    assert!(refusals.len() == 1 && refusals[0].0 == check && refusals[0].1.contains(part), "{refusals:?}");
}

#[test]
fn a_mark_that_ends_copies_and_is_not_so_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.43"]);
    let good = source_gone(&mark(START, "vol-1"));
    let planned = decide(&world(), &Request::new([Job::Copy]), &Settings::default());
    let [Action::WriteMarks(planned)] = planned.actions.as_slice() else { panic!("{planned:?}") };
    assert_eq!(planned.tags, tags([(SOURCE_GONE, &mark(START, "vol-1"))]));
    assert_eq!(refusals(&world(), Job::Copy, &good), []);
    for value in ["", "yes", &mark(ago(1), "vol-1"), &mark(START, "vol-2"), &START.to_string(), "no"] {
        refused(&world(), Job::Copy, &source_gone(value), "copy-marks", "is not known to be so");
    }
    let not_known: [Change; 7] = [
        changed(|world| world.confirmed_gone.clear()),
        changed(|world| world.volumes.gap = Some("denied".into())),
        changed(|world| world.snapshots.gap = Some("denied".into())),
        changed(|world| world.destinations[0].snapshots.gap = Some("denied".into())),
        changed(|world| world.volumes.items.push(volume("vol-1", VolumeState::InUse))),
        changed(|world| world.volumes.items.push(volume("vol-1", VolumeState::Deleting))),
        changed(|world| world.snapshots.items[0].tags.set("ebskeep:copied-to", "eu-west-3")),
    ];
    for change in not_known {
        let mut world = world();
        change(&mut world);
        let refusals = refusals(&world, Job::Copy, &good);
        assert!(
            refusals.iter().any(|(check, why)| *check == "copy-marks" && why.contains("not known")),
            "{refusals:?}"
        );
    }
    // Each of what makes it a copy of ours of that volume.
    for (key, value) in [
        ("ebskeep:source-account", OTHER),
        ("ebskeep:source-region", "eu-west-2"),
        ("ebskeep:deployment", "theirs"),
        ("ebskeep:volume", "vol-2"),
        ("Type", "Manual"),
    ] {
        let mut world = world();
        there(&mut world).tags.set(key, value);
        refused(&world, Job::Copy, &good, "copy-marks", "no copy of ours of vol-1");
    }
    let unknown = marks("snap-x", Some("us-east-1"), tags([(SOURCE_GONE, &mark(START, "vol-1"))]));
    refused(&world(), Job::Copy, &unknown, "copy-marks", "not in the listing");
    let more = tags([(SOURCE_GONE, &mark(START, "vol-1")), ("ebskeep:retention", "1")]);
    refused(&world(), Job::Copy, &marks("snap-c", Some("us-east-1"), more), "copy-marks", "more than whether");
    let Action::WriteMarks(mut removing) = good.clone() else { panic!("no mark") };
    removing.remove.push("KeepForever".into());
    refused(&world(), Job::Copy, &Action::WriteMarks(removing), "copy-marks", "more than whether");
    // 48 tags and the mark leave room for that of its deletion; 49 do not.
    let mut full = world();
    for n in 0..42 {
        there(&mut full).tags.set(format!("k{n}"), "");
    }
    assert_eq!(refusals(&full, Job::Copy, &good), []);
    there(&mut full).tags.set("k42", "");
    refused(&full, Job::Copy, &good, "copy-marks", "could not be deleted");
}

#[test]
fn that_a_source_was_seen_again_is_refused_where_it_was_not() {
    let _proof = ebskeep_proofs::proves(&["4.43"]);
    let mut seen = world();
    seen.confirmed_gone.clear();
    seen.volumes.items.push(volume("vol-1", VolumeState::Available));
    assert_eq!(refusals(&seen, Job::Copy, &source_gone("no")), []);
    seen.volumes.items[1].state = VolumeState::Deleting;
    refused(&seen, Job::Copy, &source_gone("no"), "copy-marks", "is not known to be so");
}

#[test]
fn what_expire_notes_and_is_not_so_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.44"]);
    let note = |key: &str, value: &str| marks("snap-1", None, tags([(key, value)]));
    let gone = |value: &str| note("ebskeep:gone", value);
    assert_eq!(refusals(&world(), Job::Expire, &gone(&mark(START, "vol-1"))), []);
    for value in ["", "no", &mark(ago(1), "vol-1"), &mark(START, "vol-0"), &mark(START, "vol-11")] {
        refused(&world(), Job::Expire, &gone(value), "marks", "is not so");
    }
    let not_known: [Change; 3] = [
        changed(|world| world.confirmed_gone.clear()),
        changed(|world| world.volumes.items.push(volume("vol-1", VolumeState::InUse))),
        changed(|world| world.volumes.items.push(volume("vol-1", VolumeState::Deleting))),
    ];
    for change in not_known {
        let mut world = world();
        change(&mut world);
        refused(&world, Job::Expire, &gone(&mark(START, "vol-1")), "marks", "is not so");
    }
    let since = |value: &str| note("ebskeep:policy-since", value);
    let day = |days: i64, last: Timestamp, volume: &str| format!("{}/{last} {volume} 7 UTC", ago(days));
    assert_eq!(refusals(&world(), Job::Expire, &since(&day(0, START, "vol-1"))), []);
    // It goes on from what is written there, and from nothing else.
    let mut noted = world();
    noted.snapshots.items[0].tags.set("ebskeep:policy-since", day(3, ago(1), "vol-1"));
    assert_eq!(refusals(&noted, Job::Expire, &since(&day(3, START, "vol-1"))), []);
    refused(&noted, Job::Expire, &since(&day(4, START, "vol-1")), "marks", "is not so");
    refused(&world(), Job::Expire, &since(&day(3, START, "vol-1")), "marks", "is not so");
    // What governed by the mark until now must not get lost, nor that of several.
    let text = |policies: &str| format!("{START}/{START} vol-1 {policies}");
    for (there, written, fine) in [
        ("7 UTC", "36d UTC was 7 UTC", true),
        ("7 UTC", "36d UTC", false),
        ("7 UTC", "36d UTC was 17 UTC", false),
        ("7 UTC + 9d UTC", "36d UTC was 7 UTC + 9d UTC", true),
        ("7 UTC + 9d UTC", "9d UTC was 36d UTC", false),
        ("7 UTC was 365d UTC", "36d UTC was 7 UTC", true),
    ] {
        noted.snapshots.items[0].tags.set("ebskeep:policy-since", text(there));
        let refusals = refusals(&noted, Job::Expire, &since(&text(written)));
        assert_eq!(refusals.is_empty(), fine, "{there} → {written}: {refusals:?}");
    }
    for value in [
        day(-1, START, "vol-1"),
        day(3, ago(1), "vol-1"),
        day(3, ago(-1), "vol-1"),
        day(3, START, "vol-0"),
        format!("{START} vol-1 7 UTC"),
        format!("x/{START} vol-1 7 UTC"),
    ] {
        refused(&world(), Job::Expire, &since(&value), "marks", "is not so");
    }
    for key in ["ebskeep:retention", "DeleteOn", "ebskeep:source-gone", "KeepForever"] {
        refused(&world(), Job::Expire, &note(key, "1"), "marks", "no mark of expire's");
    }
    let removing = |key: &str| {
        let Action::WriteMarks(mut action) = marks("snap-1", None, Tags::new()) else { panic!("no mark") };
        action.remove.push(key.into());
        Action::WriteMarks(action)
    };
    for key in ["ebskeep:gone", "ebskeep:policy-since"] {
        assert_eq!(refusals(&world(), Job::Expire, &removing(key)), []);
    }
    for key in ["KeepForever", "KeepUntil", "DeleteOn", "ebskeep:retention", "ebskeep:deleted"] {
        refused(&world(), Job::Expire, &removing(key), "marks", "no mark of expire's");
    }
    let mut theirs = world();
    theirs.snapshots.items[0].tags.set("ebskeep:deployment", "theirs");
    refused(&theirs, Job::Expire, &gone(&mark(START, "vol-1")), "marks", "no snapshot of ours");
    let unknown = marks("snap-x", None, tags([("ebskeep:gone", &mark(START, "vol-1"))]));
    refused(&world(), Job::Expire, &unknown, "marks", "not in the listing");
    let mut full = world();
    for n in 0..46 {
        full.snapshots.items[0].tags.set(format!("k{n}"), "");
    }
    refused(&full, Job::Expire, &gone(&mark(START, "vol-1")), "marks", "could not be deleted");
}

#[test]
fn marks_that_are_refused_leave_backups_and_copies_alone() {
    let _proof = ebskeep_proofs::proves(&["4.44"]);
    let (request, settings) = (Request::new(Job::ALL), Settings::default());
    let mut plan = decide(&world(), &request, &settings);
    plan.actions.push(marks("snap-1", None, tags([("ebskeep:gone", "now")])));
    plan.checks = check(&plan, &world(), &request, &settings);
    let refused = |job| plan.refusal_of(job).map(|check| check.check);
    assert_eq!(Job::ALL.map(refused), [None, None, Some("marks")]);
}

// Carrying it out.

#[tokio::test(start_paused = true)]
async fn the_mark_is_written_where_the_copy_is_and_a_denial_there_stops_nothing() {
    let _proof = ebskeep_proofs::proves(&["6.140", "6.16"]);
    let fake = Fake::new();
    fake.snapshot("snap-1", "vol-1", 30, crate::plans::old());
    let (near, far) = (fake.elsewhere(HOME, "us-east-1"), fake.elsewhere(OTHER, "eu-west-1"));
    for (cloud, id) in [(&near, "snap-near"), (&far, "snap-far")] {
        cloud.snapshot(id, "vol-ffffffff", 30, copied("vol-1"));
    }
    near.fault(Fault::new("CreateTags", ErrorKind::Denied).always());
    let of = |id: &str, to: &str| {
        let Action::WriteMarks(mut action) = marks(id, Some(to), tags([(SOURCE_GONE, &mark(START, "vol-1"))])) else {
            panic!("no mark")
        };
        action.before = copied("vol-1");
        Action::WriteMarks(action)
    };
    let actions =
        [of("snap-near", "us-east-1"), of("snap-far", "444455556666/eu-west-1"), crate::plans::delete("snap-1")];
    let applied = run(&fake, &plan(actions)).await;
    assert_eq!(outcomes(&applied), [Outcome::Denied, Outcome::Done, Outcome::Done], "{applied:?}");
    assert!(applied.results[0].detail.starts_with("us-east-1: "), "{}", applied.results[0].detail);
    assert_eq!(applied.results[1].detail, "444455556666/eu-west-1");
    assert_eq!(far.tags_of("snap-far").unwrap().get(SOURCE_GONE), Some(mark(START, "vol-1").as_str()));
    assert_eq!(near.tags_of("snap-near").unwrap().get(SOURCE_GONE), None);
    assert_eq!(fake.tags_of("snap-1"), None, "the deletion at home went on");
}

#[tokio::test(start_paused = true)]
async fn a_mark_and_a_hold_on_one_copy_are_written_together() {
    let fake = Fake::new();
    let away = fake.elsewhere(HOME, "us-east-1");
    away.snapshot("snap-c", "vol-ffffffff", 30, copied("vol-1"));
    let follow = Action::FollowSource(Box::new(FollowSource {
        snapshot_id: "snap-c".into(),
        destination: Destination::parse("us-east-1").unwrap(),
        source_id: "snap-1".into(),
        volume_id: "vol-1".into(),
        before: copied("vol-1"),
        tags: tags([(tags::KEEP_FOREVER, "yes")]),
    }));
    let Action::WriteMarks(mut action) = source_gone(&mark(START, "vol-1")) else { panic!("no mark") };
    action.before = copied("vol-1");
    let applied = run(&fake, &plan([follow, Action::WriteMarks(action)])).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Done], "{applied:?}");
    let after = away.tags_of("snap-c").unwrap();
    assert_eq!((after.get(SOURCE_GONE), after.get(tags::KEEP_FOREVER)), (Some(&*mark(START, "vol-1")), Some("yes")));
    assert_eq!(away.calls("CreateTags").len(), 1);
}

// Whole runs.

/// What every run here has.
struct Scene {
    fake: Fake,
    clock: Virtual,
    settings: Settings,
    stop: Stop,
    pacing: Pacing,
}

impl Scene {
    /// A deleted volume, of which expire knows already, with a copy that has these tags.
    fn new(copy: Tags) -> Self {
        let fake = Fake::new();
        fake.volume("vol-0");
        fake.world.borrow_mut().volumes.get_mut("vol-0").unwrap().tags = tags([("Backup", "No")]);
        fake.snapshot("snap-1", "vol-1", 10, with(primary(), "ebskeep:gone", &mark(ago(1), "vol-1")));
        fake.elsewhere(HOME, "us-east-1").snapshot("snap-c", "vol-ffffffff", 10, copy);
        let settings = Settings::default();
        let pacing = Pacing::new(settings.api_share);
        Self { fake, clock: Virtual::new(), settings, stop: Stop::new(), pacing }
    }

    fn run(&self) -> Run<'_, Fake, Virtual> {
        Run::new(&self.fake, self.fake.place(), &self.clock, &self.settings, &self.stop, &self.pacing, &|_, _| {})
    }

    async fn marks(&self, jobs: &[Job]) -> Vec<String> {
        let planned = self.run().plan(&Request::new(jobs.iter().copied())).await.unwrap();
        let marks = planned.plan.actions.iter().filter_map(|action| match action {
            Action::WriteMarks(marks) => Some(format!("{} {:?}", marks.snapshot_id, marks.tags.get(SOURCE_GONE))),
            _ => None,
        });
        marks.collect()
    }

    /// How often a volume was asked for by its id.
    fn looked_up(&self, volume: &str) -> usize {
        self.fake.calls("DescribeVolumes").iter().filter(|call| call.about.contains(volume)).count()
    }

    fn mark(&self) -> Option<String> {
        self.fake.elsewhere(HOME, "us-east-1").tags_of("snap-c").unwrap().get(SOURCE_GONE).map(ToOwned::to_owned)
    }
}

#[tokio::test(start_paused = true)]
async fn the_copier_asks_only_about_volumes_whose_copies_lack_the_mark() {
    let _proof = ebskeep_proofs::proves(&["6.147"]);
    let scene = Scene::new(copied("vol-1"));
    let marked = format!("snap-c {:?}", Some(mark(START, "vol-1")));
    assert_eq!(scene.marks(&[Job::Copy]).await, [marked]);
    assert!(scene.looked_up("vol-1") > 0);

    let scene = Scene::new(with(copied("vol-1"), SOURCE_GONE, &mark(ago(1), "vol-1")));
    assert!(scene.marks(&[Job::Copy]).await.is_empty());
    assert_eq!(scene.looked_up("vol-1"), 0, "it is marked");

    // Nothing there to be marked.
    let scene = Scene::new(copied("vol-2"));
    assert!(scene.marks(&[Job::Copy]).await.is_empty());
    assert_eq!(scene.looked_up("vol-1"), 0);

    // Whether it is gone is not known.
    let scene = Scene::new(copied("vol-1"));
    scene.fake.fault(Fault::new("DescribeVolumes", ErrorKind::Denied).about("vol-1").always());
    assert!(scene.marks(&[Job::Copy]).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_run_asks_about_so_many_and_the_next_goes_on() {
    let _proof = ebskeep_proofs::proves(&["6.147"]);
    let scene = Scene::new(copied("vol-1"));
    let away = scene.fake.elsewhere(HOME, "us-east-1");
    for n in 10..70 {
        let volume = format!("vol-{n}");
        let of = with(primary(), "ebskeep:gone", &mark(ago(1), &volume));
        scene.fake.snapshot(&format!("snap-{n}"), &volume, 5, of);
        let full: Tags = (0..43).map(|key| (format!("k{key}"), "")).collect();
        let mut copy = copied(&volume);
        // Newer than the first one, and without room for the mark.
        if n < 50 {
            full.iter().for_each(|(key, value)| copy.set(key.clone(), value.clone()));
        }
        away.snapshot(&format!("snap-c{n}"), "vol-ffffffff", 5, copy);
    }
    let written = |marks: &[String]| marks.len();
    let marks = scene.marks(&[Job::Copy]).await;
    assert_eq!(written(&marks), 21, "what cannot be marked holds up no other: {marks:?}");
    let asked = (10..70).filter(|n| scene.looked_up(&format!("vol-{n}")) > 0).count();
    assert_eq!(asked, 38, "39, with vol-1");
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_marks_copies_and_once_they_are_the_next_has_nothing_to_do() {
    let _proof = ebskeep_proofs::proves(&["6.28", "6.142"]);
    let scene = Scene::new(copied("vol-1"));
    let planned = scene.run().plan(&Request::new([Job::Copy])).await.unwrap();
    let saved = serde_json::to_string(&planned.plan).unwrap();
    let saved: SavedPlan = serde_json::from_str(&saved).unwrap();
    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    let report = scene.run().apply_saved(&saved, &Request::new([])).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done, "{:?}", report.plan.checks);
    assert_eq!(scene.mark(), Some(mark(START, "vol-1")), "at the plan's now");
    assert!(scene.marks(&Job::ALL).await.is_empty());
    // It comes back from the Recycle Bin.
    scene.fake.volume("vol-1");
    assert_eq!(scene.marks(&[Job::Copy]).await, ["snap-c Some(\"no\")"]);
    let planned = scene.run().plan(&Request::new([Job::Copy])).await.unwrap();
    scene.run().apply(planned).await;
    assert_eq!(scene.mark(), Some("no".to_owned()));
    assert!(scene.marks(&[Job::Copy]).await.is_empty());
}

// A person's word.

/// A Region with old copies of two volumes, the newer ones of each first.
fn destination() -> Inventory {
    let mut inventory = Inventory::empty(place(HOME, "us-east-1"), START);
    let copy = |id: &str, volume: &str, days: i64| {
        let of = with(copied(volume), "ebskeep:started", &ago(days).to_string());
        let of = with(of, "DeleteOn", &(ago(days - 7).to_string()[..10]));
        snapshot(id, "vol-ffffffff", ago(days), of)
    };
    inventory.snapshots = Listing::complete(vec![
        copy("snap-a1", "vol-1", 300),
        copy("snap-a2", "vol-1", 299),
        copy("snap-b1", "vol-2", 300),
    ]);
    inventory
}

#[test]
fn a_person_ends_copies_by_the_same_mark_and_sees_what_that_does() {
    let _proof = ebskeep_proofs::proves(&["6.148"]);
    let settings = Settings::default();
    let ids = ["vol-2".into(), "vol-1".into(), "vol-1".into()];
    let retagging = source_deleted(&destination(), &ids, &settings).unwrap();
    assert!(retagging.lessens(), "it asks");
    let written: Vec<_> = (retagging.changes.iter())
        .map(|change| (change.retag.snapshot_id.as_str(), change.retag.set.clone(), change.retag.remove.len()))
        .collect();
    let says = |volume: &str| tags([(SOURCE_GONE, &mark(START, volume))]);
    assert_eq!(written, [("snap-a2", says("vol-1"), 0), ("snap-b1", says("vol-2"), 0)]);
    for change in &retagging.changes {
        assert_eq!((change.before.verdict, change.before.expires_on), (ExpireVerdict::Keep, None));
        // 90 days from the mark.
        assert_eq!((change.after.verdict, change.after.expires_on), (ExpireVerdict::Keep, "2026-05-30".parse().ok()));
    }
    let style = Style { detail: Detail::Normal, colour: false };
    let text = retagging_text(&retagging, &style);
    for part in ["Mark the source as deleted of 2 snapshots", "ebskeep:source-gone=", "goes on 2026-05-30"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Once is enough.
    let mut marked = destination();
    marked.snapshots.items[0].tags.set(SOURCE_GONE, mark(ago(5), "vol-1"));
    let again = source_deleted(&marked, &["vol-1".into()], &settings).unwrap();
    assert!(again.changes[0].retag.is_nothing() && !again.lessens());
    assert!(again.changes[0].notes[0].contains("marked already"), "{:?}", again.changes[0].notes);
}

#[test]
fn a_person_cannot_end_copies_of_what_exists_or_is_not_there() {
    let _proof = ebskeep_proofs::proves(&["6.148"]);
    let refused = |inventory: &Inventory, volume: &str| {
        source_deleted(inventory, &["vol-1".into(), volume.into()], &Settings::default()).unwrap_err()
    };
    let unknown = refused(&destination(), "vol-3");
    assert!(matches!(&unknown, HoldError::NoCopies { ids, .. } if ids == &["vol-3"]), "{unknown}");
    assert_eq!(unknown.to_string(), "no good copy of vol-3 is in us-east-1");
    let mut failed = destination();
    failed.snapshots.items[2].state = ebskeep_core::inventory::SnapshotState::Error;
    assert!(matches!(refused(&failed, "vol-2"), HoldError::NoCopies { .. }));
    let mut live = destination();
    live.volumes.items.push(volume("vol-2", VolumeState::Available));
    assert!(matches!(refused(&live, "vol-2"), HoldError::Exists { .. }));
    let mut partial = destination();
    partial.snapshots.gap = Some("denied".into());
    assert!(matches!(refused(&partial, "vol-2"), HoldError::NotListed { .. }));
    let mut full = destination();
    for n in 0..41 {
        full.snapshots.items[2].tags.set(format!("k{n}"), "");
    }
    assert!(source_deleted(&full, &["vol-2".into()], &Settings::default()).is_ok());
    full.snapshots.items[2].tags.set("k41", "");
    let error = refused(&full, "vol-2");
    assert!(error.to_string().contains("snap-b1 would come to 51 tags"), "{error}");
}
