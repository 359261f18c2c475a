//! What `watch` finds in tags: tags in, codes and suggestions out.

use ebskeep_core::inventory::{InstanceState, Inventory, Listing, Snapshot};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use ebskeep_core::watch::{Entry, Instead, Look, Severity, Watch, watch};

use crate::adopting::{account, aged};

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// One instance, `i-1`, with one volume, `vol-1`, and an unattached one, `vol-2`.
fn world(instance: Pairs<'_>, volume: Pairs<'_>, unattached: Pairs<'_>) -> Inventory {
    let tags = |pairs: Pairs<'_>| -> Tags { pairs.iter().copied().collect() };
    let mut inventory = account([]);
    inventory.instances.items[0].tags = tags(instance);
    inventory.volumes.items[0].tags = tags(volume);
    let mut other = inventory.volumes.items[0].clone();
    (other.id, other.attachments, other.tags) = ("vol-2".into(), Vec::new(), tags(unattached));
    inventory.volumes.items.push(other);
    inventory
}

fn seen(inventory: &Inventory) -> Watch {
    watch(inventory, &Settings::default(), &Look::ALL)
}

fn line(entry: &Entry) -> String {
    let instead = match &entry.instead {
        None => String::new(),
        Some(Instead { key, value: None }) => format!(" -> {key}"),
        Some(Instead { key, value: Some(value) }) => format!(" -> {key}={value}"),
    };
    format!("{} {} {}{instead}", entry.resource, entry.code, entry.key.as_deref().unwrap_or("-"))
}

#[track_caller]
fn finds(inventory: &Inventory, expected: &[&str]) {
    let watch = seen(inventory);
    let lines: Vec<String> = watch.entries.iter().map(line).collect();
    assert_eq!(lines, expected, "{:#?}", watch.entries);
    for entry in &watch.entries {
        assert!(!entry.wrong.is_empty() && !entry.means.is_empty(), "{entry:?}");
    }
}

const YES: (&str, &str) = ("Backup", "Yes");

#[test]
fn bad_values_come_with_what_to_write_instead() {
    let _proof = ebskeep_proofs::proves(&["6.71"]);
    for (tag, expected) in [
        (("Backup", "Yse"), "i-1 bad-backup Backup -> Backup=Yes"),
        (("backup", "weekly sunday 3:30"), "i-1 bad-backup backup -> Backup=weekly @ sun 03:30"),
        (("Backup", "gold"), "i-1 bad-backup Backup"),
        (("Retention", "7 days"), "i-1 bad-retention Retention -> Retention=7"),
        (("retention ", "daily:7"), "i-1 bad-retention retention  -> Retention=daily=7"),
        (("Retention", "0"), "i-1 bad-retention Retention"),
        (("Backup_TimeZone", "London"), "i-1 bad-time-zone Backup_TimeZone -> Backup_TimeZone=Europe/London"),
        (("Copy_Dest", "eu-west-1"), "i-1 bad-copy-dest Copy_Dest"),
    ] {
        let tags = if tag.0.eq_ignore_ascii_case("backup") { vec![tag] } else { vec![YES, tag] };
        finds(&world(&tags, &[], &[]), &[expected]);
    }
    let copies = [YES, ("Copy_Dest", "us-east-1"), ("Copy_Retention", "1month")];
    finds(&world(&copies, &[], &[]), &["i-1 bad-copy-retention Copy_Retention -> Copy_Retention=1m"]);
    finds(&world(&[YES, ("backup", "No")], &[], &[]), &["i-1 conflict Backup"]);
    let skip = [YES, ("Skip_Backup_Volumes", "/dev/sdz")];
    finds(&world(&skip, &[], &[]), &["i-1 skip-matches-nothing Skip_Backup_Volumes"]);
}

#[test]
fn keys_that_resemble_ours_are_hints_where_they_could_make_a_difference() {
    let _proof = ebskeep_proofs::proves(&["6.74", "6.107"]);
    let near = |key: &str, value: &str, expected: Option<&str>| {
        // Somebody else's backup keeps this from being a Region without any.
        let inventory = world(&[(key, value)], &[], &[YES]);
        let expected: Vec<String> = expected.map(|to| format!("i-1 near-key {key} -> {to}")).into_iter().collect();
        finds(&inventory, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    for (key, value, expected) in [
        ("Bakcup", "Yes", Some("Backup=Yes")),
        ("Backups", "daily", Some("Backup=daily")),
        ("Back up", "yse", Some("Backup=Yes")),
        ("backup-policy", "gold", Some("Backup")),
        ("shelvery:create_backup", "true", Some("Backup=Yes")),
        ("AutomatedEBSSnapshots", "weekly", Some("Backup=weekly")),
        ("AutomatedEBSSnapshotsRetention", "5", Some("Retention=last=5")),
        ("AutomatedEBSSnapshotsRetention", "0", Some("Retention")),
        ("shelvery:config:shelvery_keep_daily_backups", "14", Some("Retention=daily=14")),
        ("retention_days", "7", Some("Retention=7")),
        ("RetentionPeriod", "2 weeks", Some("Retention=2w")),
        ("DestinationRegion", "us-east-1", Some("Copy_Dest=us-east-1")),
        ("BackupCrossRegion", "true", Some("Copy_Dest")),
        ("Backup Time Zone", "London", Some("Backup_TimeZone=Europe/London")),
        ("SkipVolumes", "/dev/sdf", Some("Skip_Backup_Volumes=/dev/sdf")),
        // Its key says the unit or the period, or how many to keep.
        ("retention_weeks", "4", Some("Retention=4w")),
        ("RetentionMonths", "6", Some("Retention=6m")),
        ("RetentionWeeks", "10 days", Some("Retention")),
        ("RetentionWeeks", "4 weeks", Some("Retention=4w")),
        ("RetentionCount", "5", Some("Retention")),
        ("keep_monthly", "12", Some("Retention")),
        ("BackupsToRetain", "5", Some("Retention")),
        ("WeeklyBackup", "Yes", Some("Backup=weekly")),
        ("NightlySnapshots", "true", Some("Backup=daily")),
        ("MonthlyBackup", "03:30", Some("Backup")),
        ("BackupTime", "03:30", Some("Backup=daily @ 03:30")),
        ("BackupInterval", "1", Some("Backup")),
        ("BackupInterval", "every 48h", Some("Backup=every 2d")),
        // A script's word for no value, which may want a backup.
        ("BackupPolicy", "none", Some("Backup")),
        // It wants what is so.
        ("BackupPolicy", "No", None),
        ("WeeklyBackup", "No", None),
        ("NoBackup", "true", None),
        ("BackupOwner", "ops", None),
        ("Environment", "prod", None),
    ] {
        near(key, value, expected);
    }
    let watch = seen(&world(&[("Bakcup", "Yes")], &[], &[YES]));
    assert_eq!(watch.entries[0].severity, Severity::NearMiss);
}

#[test]
fn who_has_decided_gets_no_hint() {
    let _proof = ebskeep_proofs::proves(&["6.74"]);
    for (instance, volume) in [
        // Its own tag says so already, or its instance's, or it is excluded.
        (&[YES, ("Backups", "Yes")][..], &[][..]),
        (&[("Backup", "No"), ("backup-policy", "gold")], &[]),
        (&[YES], &[("backup-policy", "gold")]),
        (&[YES], &[("Backup", "No"), ("backup-policy", "gold")]),
        (&[YES, ("Retention", "7"), ("RetentionDays", "9")], &[]),
        (&[YES, ("SkipBackup", "false")], &[]),
    ] {
        finds(&world(instance, volume, &[]), &[]);
    }
    finds(&world(&[YES], &[("SkipBackup", "true")], &[]), &["vol-1 near-key SkipBackup -> Backup=No"]);
    // One of its two volumes says for itself; the other is nobody's.
    let mut two = world(&[("Bakcup", "Yes")], &[YES], &[]);
    let device = ebskeep_core::inventory::Device { name: "/dev/sd1".into(), volume: "vol-2".into() };
    finds(&two, &[]);
    two.instances.items[0].devices.push(device);
    finds(&two, &["i-1 near-key Bakcup -> Backup=Yes"]);
}

#[test]
fn tags_that_do_nothing_are_findings() {
    let _proof = ebskeep_proofs::proves(&["6.73"]);
    for (instance, volume, unattached, expected) in [
        (&[("Retention", "7")][..], &[][..], &[YES][..], &["i-1 no-effect Retention -> Backup=Yes"][..]),
        (&[("Backup_TimeZone", "UTC")], &[], &[YES], &["i-1 no-effect Backup_TimeZone -> Backup=Yes"]),
        // What its volume says makes it mean something; so does an explicit No.
        (&[("Retention", "7")], &[YES], &[], &[]),
        (&[("Retention", "7"), ("Backup", "No")], &[], &[], &[]),
        (&[YES], &[("Retention", "7")], &[], &[]),
        (&[YES], &[], &[("Retention", "7")], &["vol-2 no-effect Retention -> Backup=Yes"]),
        (&[YES], &[("Skip_Backup_Volumes", "x")], &[], &["vol-1 no-effect Skip_Backup_Volumes -> Backup=No"]),
        (&[YES, ("Copy_Retention", "7")], &[], &[], &["i-1 no-effect Copy_Retention -> Copy_Dest"]),
        (&[YES, ("Copy_Retention", "7")], &[("Copy_Dest", "us-east-1")], &[], &[]),
        (&[YES, ("Copy_Dest", "us-east-1")], &[("Copy_Retention", "7")], &[], &[]),
        (&[YES], &[("Keep-Until", "2026-12-31")], &[], &["vol-1 no-effect Keep-Until"]),
        (&[("Backup", "No")], &[YES], &[], &[]),
    ] {
        finds(&world(instance, volume, unattached), expected);
    }
}

#[test]
fn a_region_in_which_nothing_matches_says_so() {
    let _proof = ebskeep_proofs::proves(&["6.75"]);
    let policy = &[("backup-policy", "gold")];
    let inventory = world(policy, policy, &[("Bakcup", "Yes")]);
    let watch = seen(&inventory);
    let nothing = watch.entries.iter().find(|entry| entry.code == "matched-nothing").unwrap();
    assert_eq!(nothing.wrong, "No resource in eu-west-1 carries Backup; 1 carries Bakcup; 2 carry backup-policy");
    assert_eq!((nothing.resource.as_str(), nothing.severity), ("eu-west-1", Severity::Finding));

    finds(&world(&[], &[], &[]), &["eu-west-1 matched-nothing Backup -> Backup=Yes"]);
    finds(&world(&[], &[], &[("Backup", "No")]), &[]);
    let mut gone = world(&[YES], &[], &[]);
    gone.instances.items[0].state = InstanceState::Terminated;
    finds(&gone, &["eu-west-1 matched-nothing Backup -> Backup=Yes"]);
    assert!(seen(&gone).entries[0].wrong.ends_with("1 carries it and is terminated"));
    gone.volumes = Listing::default();
    finds(&gone, &["eu-west-1 matched-nothing Backup -> Backup=Yes"]);
    let mut empty = world(&[], &[], &[]);
    (empty.instances, empty.volumes) = (Listing::default(), Listing::default());
    finds(&empty, &[]);
}

#[test]
fn what_was_not_seen_is_told_and_nothing_is_made_of_it() {
    let _proof = ebskeep_proofs::proves(&["6.76"]);
    let mut inventory = world(&[], &[], &[("Retention", "7")]);
    assert_eq!(seen(&inventory).entries.len(), 2);
    inventory.instances.gap = Some("denied".into());
    inventory.images.gap = Some("denied".into());
    let watch = seen(&inventory);
    assert_eq!((watch.entries.len(), watch.unseen), (0, vec!["instances: denied".to_owned()]));
}

/// A backup of `vol-1` in the present slot, and one more snapshot of it.
fn with_snapshot(more: Snapshot) -> Inventory {
    let mut inventory = world(&[YES], &[("DoNotDelete", "true")], &[]);
    let fresh: Tags = [("Type", "Automated"), ("ebskeep:slot", "2026-03-01T00:00:00Z")].into_iter().collect();
    inventory.snapshots = Listing::complete(vec![aged("snap-9", 0, fresh), more]);
    inventory
}

#[test]
fn tags_on_snapshots() {
    let managed = [("Type", "Automated"), ("ebskeep:slot", "2026-02-20T00:00:00Z")];
    for (own, expected) in [
        (("KeepUtil", "2026/12/31"), &["snap-1 near-key KeepUtil -> KeepUntil=2026-12-31"][..]),
        (("DeletOn", "2026-12-31"), &["snap-1 near-key DeletOn -> DeleteOn=2026-12-31"]),
        (("Retain", "yes"), &["snap-1 near-key Retain -> KeepForever=Yes"]),
        (("Keep-Until", "2026-12-31"), &[]),
        (("Keep_Forever", "x"), &[]),
        // Carried over from its volume, where it means something else.
        (("DoNotDelete", "true"), &[]),
        (("KeepUntil", "31/12/2026"), &["snap-1 bad-keep-until KeepUntil -> KeepUntil=2026-12-31"]),
        (("DeleteOn", "soon"), &["snap-1 bad-delete-on DeleteOn"]),
        (("Retention", "30"), &["snap-1 no-effect Retention -> KeepUntil"]),
        (("Name", "web"), &[]),
    ] {
        let tags = managed.into_iter().chain([own]).collect();
        finds(&with_snapshot(aged("snap-1", 9, tags)), expected);
    }
}

#[test]
fn snapshots_that_are_nearly_ours() {
    for (own, expected) in [
        (&[("Type", "Automated")][..], &["snap-1 automated-not-ours Type"][..]),
        (&[("Type", "Automated"), ("DeletOn", "2026-12-31")], &["snap-1 automated-not-ours Type"]),
        (
            &[("Type", "Automated"), ("DeleteOn", "31.12.2026")],
            &["snap-1 automated-not-ours Type -> DeleteOn=2026-12-31"],
        ),
        (
            &[("Type", "automated"), ("delete-on", "2026-12-31")],
            &["snap-1 automated-not-ours Type -> DeleteOn=2026-12-31"],
        ),
        (&[("type", "Automated"), ("DeleteOn", "2026-12-31")], &["snap-1 near-key type -> Type=Automated"]),
        (&[("Type", "Manual"), ("type", "Automated")], &[]),
        (&[("ebskeep:slot", "2026-02-20T00:00:00Z")], &["snap-1 not-ours -"]),
        // Another deployment's, another service's, and what is nobody's business.
        (&[("Type", "Automated"), ("ebskeep:deployment", "other")], &[]),
        (&[("Type", "Automated"), ("aws:backup:source-resource", "x")], &[]),
        (&[("KeepUtil", "2026-12-31")], &[]),
    ] {
        finds(&with_snapshot(aged("snap-1", 9, own.iter().copied().collect())), expected);
    }
}

#[test]
fn findings_of_the_plan_about_tags_are_among_them_with_what_to_write() {
    let ours = |more: &[(&'static str, &'static str)]| -> Tags {
        let slot = [("Type", "Automated"), ("ebskeep:slot", "2026-03-01T00:00:00Z")];
        slot.into_iter().chain(more.iter().copied()).collect()
    };
    let mut inventory = world(&[], &[], &[YES]);
    inventory.snapshots = Listing::complete(vec![aged("snap-1", 0, ours(&[("ebskeep:retention", "2w")]))]);
    finds(
        &inventory,
        &[
            "vol-1 backup-stopped Backup -> Backup=No",
            "snap-1 delete-on-removed DeleteOn -> KeepForever=Yes",
            "vol-1 retention-recorded Retention -> Retention=2w",
        ],
    );
}

#[test]
fn a_recorded_policy_is_written_with_the_meaning_that_it_has() {
    let _proof = ebskeep_proofs::proves(&["2.2.8", "6.100", "6.106"]);
    for (record, zone, zone_tag, expected) in [
        ("12h30m", None, None, Some("30m12h")),
        ("daily=7 within=1d2w", None, None, Some("daily=7 within=15d")),
        ("2w", None, None, Some("2w")),
        ("99999y", None, None, Some("99999y")),
        ("soon", None, None, None),
        ("invalid | 12h30m", None, None, None),
        // It would count in another zone.
        ("2w", Some("America/New_York"), None, None),
        ("2w", None, Some("America/New_York"), None),
        ("2w", Some("Mars"), None, None),
        ("2w", Some("America/New_York"), Some("America/New_York"), Some("2w")),
        ("2w", Some("UTC"), None, Some("2w")),
    ] {
        let mut tags: Tags = [("Type", "Automated"), ("ebskeep:slot", "2026-03-01T00:00:00Z")].into_iter().collect();
        tags.set("ebskeep:retention", record);
        tags.set("DeleteOn", "2099-12-31");
        if let Some(zone) = zone {
            tags.set("ebskeep:tz", zone);
        }
        let mut inventory = world(&[YES], &[], &[]);
        if let Some(zone) = zone_tag {
            inventory.volumes.items[0].tags.set("Backup_TimeZone", zone);
        }
        inventory.snapshots = Listing::complete(vec![aged("snap-1", 0, tags)]);
        let entries = seen(&inventory).entries;
        let entry = entries.iter().find(|entry| entry.code == "retention-recorded").unwrap();
        let written = entry.instead.as_ref().and_then(|instead| instead.value.as_deref());
        assert_eq!(written, expected, "{record} {zone:?} {zone_tag:?}");
    }
}

#[test]
fn a_healthy_region_shows_what_its_tags_do() {
    let inventory = world(&[("Backup", "daily @ 03:30"), ("Retention", "2w")], &[], &[("Backup", "No")]);
    let watch = seen(&inventory);
    assert!(watch.entries.is_empty() && watch.unseen.is_empty());
    let counts = watch.tags.unwrap();
    let rows = |rows: &[ebskeep_core::watch::Matched]| -> Vec<(String, usize, usize)> {
        rows.iter().map(|row| (row.under.clone(), row.instances, row.volumes)).collect()
    };
    assert_eq!((counts.instances, counts.volumes), (1, 2));
    assert_eq!((counts.backed_up, counts.excluded, counts.untagged), (1, 1, 0));
    assert_eq!(rows(&counts.schedules), [("daily @ 03:30".to_owned(), 1, 1)]);
    assert_eq!(rows(&counts.policies), [("14 days".to_owned(), 1, 1)]);
}
