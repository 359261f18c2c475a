//! The migration report: what the first run changes where the original was at
//! work.

use std::collections::BTreeMap;

use ebskeep_core::adopt::{KeepForever, Migration, OldState, migration};
use ebskeep_core::inventory::{Inventory, Snapshot};
use ebskeep_core::plan::ExpireVerdict::{self, Delete, Ignore, Keep};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;

use crate::adopting::{account, aged};
use crate::fake::Fake;
use crate::plans::tags;

/// Tags in the order in which AWS lists them.
fn listed(pairs: &[(&str, &str)]) -> Tags {
    Tags::listed(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

fn of(snapshots: impl IntoIterator<Item = Snapshot>) -> Migration {
    migration(&account(snapshots), &Settings::default())
}

#[test]
fn each_of_its_snapshots_is_what_the_old_manager_makes_of_it_and_what_the_plan_does() {
    let dated = |date| listed(&[("Type", "Automated"), ("DeleteOn", date)]);
    let leftover = |description: &str| Snapshot { description: description.into(), ..aged("snap-1", 30, Tags::new()) };
    let table: [(Snapshot, Option<(OldState, ExpireVerdict)>); 10] = [
        (aged("snap-1", 30, dated("2026-02-06")), Some((OldState::Past, Delete))),
        (aged("snap-1", 7, dated("2026-03-01")), Some((OldState::DueToday, Delete))),
        (aged("snap-1", 6, dated("2026-03-02")), Some((OldState::ToCome, Keep))),
        (aged("snap-1", 30, dated("2026-01-30")), Some((OldState::Backwards, Ignore))),
        (aged("snap-1", 30, dated("never")), Some((OldState::BadDate, Ignore))),
        (aged("snap-1", 30, listed(&[("Type", "Automated")])), Some((OldState::NoDate, Ignore))),
        (leftover("web - vol-1 (/dev/xvda)"), Some((OldState::Leftover, Ignore))),
        (leftover("by hand"), None),
        (aged("snap-1", 30, listed(&[("Type", "Automated"), ("aws:backup:x", "")])), None),
        (aged("snap-1", 30, listed(&[("Type", "Automated"), ("ebskeep:slot", "2026-01-30T00:00:00Z")])), None),
    ];
    for (snapshot, expected) in table {
        let newest = aged("snap-9", 0, tags([("Type", "Automated"), ("ebskeep:slot", "2026-03-01T00:00:00Z")]));
        let report = of([snapshot.clone(), newest]);
        let got = report.snapshots.first().map(|old| (old.state, old.verdict.verdict));
        assert_eq!(got, expected, "{snapshot:?}");
    }
}

#[test]
fn keep_forever_is_told_by_where_aws_listed_it() {
    for (tags, place) in [
        (listed(&[("Type", "Automated"), ("DeleteOn", "2026-03-05"), ("KeepForever", "")]), Some(KeepForever::Last)),
        (listed(&[("KeepForever", ""), ("Type", "Automated"), ("DeleteOn", "2026-03-05")]), Some(KeepForever::NotLast)),
        (listed(&[("Type", "Automated"), ("DeleteOn", "2026-03-05"), ("keepforever", "")]), Some(KeepForever::NotLast)),
        (tags([("Type", "Automated"), ("DeleteOn", "2026-03-05"), ("KeepForever", "")]), Some(KeepForever::Unknown)),
        (listed(&[("Type", "Automated"), ("DeleteOn", "2026-03-05")]), None),
    ] {
        let report = of([aged("snap-1", 3, tags.clone())]);
        assert_eq!(report.snapshots[0].keep_forever, place, "{tags:?}");
        assert_eq!(report.snapshots[0].verdict.verdict, Keep);
    }
}

#[test]
fn a_backlog_waits_for_a_person_and_says_how_much_it_is() {
    let dated = |date| tags([("Type", "Automated"), ("DeleteOn", date)]);
    let backlog = (0..119).map(|n| aged(&format!("snap-{n:03}"), 30 + n, dated("2026-02-01")));
    let report = of(backlog.chain([aged("snap-fresh", 1, dated("2026-03-07"))]));
    assert_eq!((report.deletions, report.managed), (119, 120));
    let [refusal] = report.refusals.as_slice() else { panic!("{:?}", report.refusals) };
    assert_eq!(refusal.check, "unforeseen-deletions");
    assert!(of([]).refusals.is_empty());
}

/// What is otherwise, in words and in deed, and what is told of it.
type Case<'a> = (&'a str, &'a dyn Fn(&Fake), &'a [(&'a str, &'a str)]);

/// Two instances as the original knows them, and what is otherwise.
fn fleet(more: impl FnOnce(&Fake)) -> Inventory {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2"]);
    fake.instance("i-2", &["vol-3"]);
    for id in ["i-1", "i-2"] {
        fake.world.borrow_mut().instances.get_mut(id).unwrap().tags = tags([("Backup", "Yes")]);
    }
    more(&fake);
    let world = fake.world.borrow();
    let mut inventory = account([]);
    inventory.instances.items = world.instances.values().cloned().collect();
    inventory.volumes.items = world.volumes.values().cloned().collect();
    inventory
}

#[test]
fn what_changes_for_instances_and_volumes_is_told() {
    let instance = |fake: &Fake, id: &str, key: &str, value: &str| {
        fake.world.borrow_mut().instances.get_mut(id).unwrap().tags.set(key, value);
    };
    let volume = |fake: &Fake, id: &str, value: &str| {
        fake.world.borrow_mut().volumes.get_mut(id).unwrap().tags.set("Backup", value);
    };
    let table: [Case<'_>; 9] = [
        ("nothing", &|_| {}, &[]),
        ("14 days", &|fake| instance(fake, "i-1", "Retention", " 14 "), &[]),
        ("two weeks", &|fake| instance(fake, "i-1", "Retention", "2w"), &[("i-1", "old-crash")]),
        ("no days", &|fake| instance(fake, "i-1", "Retention", "0"), &[("i-1", "old-immortal")]),
        (
            "twice",
            &|fake| {
                let mut world = fake.world.borrow_mut();
                let shared = world.instances["i-1"].devices[1].clone();
                world.instances.get_mut("i-2").unwrap().devices.push(shared);
            },
            &[("vol-2", "old-twice")],
        ),
        ("another value", &|fake| instance(fake, "i-2", "Backup", "daily"), &[("vol-3", "newly-backed-up")]),
        (
            "another spelling",
            &|fake| fake.world.borrow_mut().instances.get_mut("i-2").unwrap().tags = tags([("backup", "yes")]),
            &[("vol-3", "newly-backed-up")],
        ),
        ("a volume's own No", &|fake| volume(fake, "vol-2", "No"), &[("vol-2", "no-longer-backed-up")]),
        (
            "a volume's own Yes",
            &|fake| {
                fake.volume("vol-4");
                volume(fake, "vol-4", "Yes");
            },
            &[("vol-4", "newly-backed-up")],
        ),
    ];
    for (what, change, expected) in table {
        let report = migration(&fleet(|fake| change(fake)), &Settings::default());
        let told: Vec<(&str, &str)> = report.resources.iter().map(|n| (n.resource.as_str(), n.code)).collect();
        assert_eq!(told, expected, "{what}");
    }
    let days = BTreeMap::from([("2w", "understood"), ("soon", "problem")]);
    for (value, said) in days {
        let report = migration(&fleet(|fake| instance(fake, "i-1", "Retention", value)), &Settings::default());
        assert!(report.resources[0].detail.contains(said), "{:?}", report.resources);
    }
}
