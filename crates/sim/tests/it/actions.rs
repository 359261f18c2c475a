//! What each action refuses, and what it does.

use ebskeep_sim::{AMAZON_IMAGE, Deed, EC2_ACTIONS, Rules};

use crate::helper::{act, ask, code, new_volume, put, text, texts, volume, world};

#[test]
fn every_action_refuses_a_parameter_it_does_not_know() {
    let world = world();
    let volume = volume(&world);
    let snapshot = act(&world, put(&volume, "2026-01-01T00:00:00Z"));
    for action in EC2_ACTIONS {
        // What each needs at least, for all of them: so there is always one too many.
        let params = [
            ("VolumeId", volume.as_str()),
            ("SnapshotId", &snapshot),
            ("ResourceId.1", volume.as_str()),
            ("Tag.1.Key", "k"),
            ("InstanceId", "i-00000000"),
            ("InstanceId.1", "i-00000000"),
            ("InstanceSpecification.InstanceId", "i-00000000"),
            ("ImageId", AMAZON_IMAGE),
            ("Device", "/dev/sdf"),
            ("AvailabilityZone", "eu-west-1a"),
            ("Size", "1"),
            ("MinCount", "1"),
            ("MaxCount", "5"),
            ("MaxResults", "5"),
            ("Name", "abc"),
            ("SourceRegion", "eu-west-1"),
            ("SourceSnapshotId", "snap-00000000"),
            ("Attribute", "createVolumePermission"),
            ("OperationType", "add"),
            ("UserId.1", "111122223333"),
            ("RootDeviceName", "/dev/xvda"),
            ("DeprecateAt", "2026-02-01T00:00:00Z"),
            ("LockMode", "governance"),
            ("LockDuration", "1"),
            ("TemporaryRestoreDays", "1"),
            ("Nonsense", "1"),
        ];
        let params: Vec<_> =
            params.into_iter().filter(|(name, _)| !(action.starts_with("Describe") && name.ends_with(".1"))).collect();
        assert_eq!(code(&world, action, &params), "UnknownParameter", "{action}");
    }
    assert_eq!(code(&world, "CopyImage", &[]), "InvalidAction");
}

#[test]
fn what_is_refused_and_how() {
    let world = world();
    let id = volume(&world);
    let v = id.as_str();
    let long = "x".repeat(256);
    let (longest_key, long_value) = ("k".repeat(129), "v".repeat(257));
    for (what, action, params, expected) in [
        ("no such volume", "CreateSnapshot", vec![("VolumeId", "vol-00000000")], "InvalidVolume.NotFound"),
        ("no volume id", "CreateSnapshot", vec![("VolumeId", "disk-1")], "InvalidVolumeID.Malformed"),
        ("nothing", "CreateSnapshot", vec![], "MissingParameter"),
        ("long description", "CreateSnapshot", vec![("VolumeId", v), ("Description", &long)], "InvalidParameterValue"),
        (
            "tags of another thing",
            "CreateSnapshot",
            vec![("VolumeId", v), ("TagSpecification.1.ResourceType", "volume"), ("TagSpecification.1.Tag.1.Key", "k")],
            "InvalidParameterValue",
        ),
        ("dry", "CreateSnapshot", vec![("VolumeId", v), ("DryRun", "true")], "DryRunOperation"),
        ("no such snapshot", "DeleteSnapshot", vec![("SnapshotId", "snap-00000000")], "InvalidSnapshot.NotFound"),
        ("no snapshot id", "DeleteSnapshot", vec![("SnapshotId", v)], "InvalidSnapshotID.Malformed"),
        (
            "no such instance",
            "CreateSnapshots",
            vec![("InstanceSpecification.InstanceId", "i-00000000")],
            "InvalidInstanceID.NotFound",
        ),
        ("reserved key", "CreateTags", vec![("ResourceId.1", v), ("Tag.1.Key", "aws:x")], "InvalidParameterValue"),
        (
            "reserved in any case",
            "CreateTags",
            vec![("ResourceId.1", v), ("Tag.1.Key", "AWS:x")],
            "InvalidParameterValue",
        ),
        ("long key", "CreateTags", vec![("ResourceId.1", v), ("Tag.1.Key", &longest_key)], "InvalidParameterValue"),
        (
            "long value",
            "CreateTags",
            vec![("ResourceId.1", v), ("Tag.1.Key", "k"), ("Tag.1.Value", &long_value)],
            "InvalidParameterValue",
        ),
        (
            "one key twice",
            "CreateTags",
            vec![("ResourceId.1", v), ("Tag.1.Key", "k"), ("Tag.2.Key", "k")],
            "InvalidParameterValue",
        ),
        ("no tags", "CreateTags", vec![("ResourceId.1", v)], "MissingParameter"),
        ("no thing", "CreateTags", vec![("ResourceId.1", "x"), ("Tag.1.Key", "k")], "InvalidID"),
        ("unsayable", "CreateTags", vec![("ResourceId.1", v), ("Tag.1.Key", "\u{1}")], "InvalidParameterValue"),
        ("small page", "DescribeSnapshots", vec![("MaxResults", "4")], "InvalidParameterValue"),
        ("large page", "DescribeSnapshots", vec![("MaxResults", "1001")], "InvalidParameterValue"),
        (
            "ids in pages",
            "DescribeVolumes",
            vec![("VolumeId.1", v), ("MaxResults", "5")],
            "InvalidParameterCombination",
        ),
        ("bad token", "DescribeSnapshots", vec![("NextToken", "x")], "InvalidPaginationToken"),
        (
            "unknown filter",
            "DescribeVolumes",
            vec![("Filter.1.Name", "colour"), ("Filter.1.Value.1", "x")],
            "InvalidParameterValue",
        ),
        ("detached", "DetachVolume", vec![("VolumeId", v)], "IncorrectState"),
        ("no zone", "CreateVolume", vec![("AvailabilityZone", "eu-west-2a"), ("Size", "1")], "InvalidZone.NotFound"),
        ("no size", "CreateVolume", vec![("AvailabilityZone", "eu-west-1a")], "MissingParameter"),
    ] {
        assert_eq!(code(&world, action, &params), expected, "{what}");
    }
    assert!(world.history().is_empty(), "nothing refused left anything behind");
}

#[test]
fn an_image_holds_its_root_snapshot_until_it_is_deregistered() {
    let world = world();
    let volume = volume(&world);
    let (root, data) =
        (act(&world, put(&volume, "2026-01-01T00:00:00Z")), act(&world, put(&volume, "2026-01-01T01:00:00Z")));
    let image = act(
        &world,
        Deed::RegisterImage {
            id: None,
            name: "abc".into(),
            root: root.as_str().into(),
            data: [("/dev/sdf".into(), data.as_str().into())].into(),
        },
    );
    let refused = || code(&world, "DeleteSnapshot", &[("SnapshotId", &root)]);
    assert_eq!(refused(), "InvalidSnapshot.InUse");
    act(&world, Deed::DeprecateImage { image: image.as_str().into() });
    world.advance(std::time::Duration::from_hours(1));
    assert_eq!(refused(), "InvalidSnapshot.InUse", "deprecated");
    act(&world, Deed::DisableImage { image: image.as_str().into() });
    assert_eq!(refused(), "InvalidSnapshot.InUse", "disabled");
    let own = |params: &[(&str, &str)]| {
        let params = [&[("Owner.1", "self")], params].concat();
        texts(&ask(&world, "DescribeImages", &params).1, "imageState")
    };
    assert!(own(&[]).is_empty(), "disabled ones must be asked for");
    assert_eq!(own(&[("IncludeDisabled", "true")]), ["disabled"]);
    assert_eq!(code(&world, "DeleteSnapshot", &[("SnapshotId", &data)]), "", "not a root");
    assert_eq!(code(&world, "DeregisterImage", &[("ImageId", &image)]), "");
    assert_eq!(refused(), "");
}

#[test]
fn aws_backups_snapshots_are_not_to_be_deleted_here() {
    let world = world();
    let snapshot = act(&world, put(&volume(&world), "2026-01-01T00:00:00Z"));
    let tag = [("aws:backup:source-resource", "x")].into_iter().collect();
    act(&world, Deed::Tag { resources: vec![snapshot.as_str().into()], tags: tag });
    assert_eq!(code(&world, "DeleteSnapshot", &[("SnapshotId", &snapshot)]), "InvalidParameterValue");
}

#[test]
fn tags_are_written_on_all_resources_or_on_none() {
    let world = world();
    let (a, b) = (volume(&world), volume(&world));
    let both = [("ResourceId.1", a.as_str()), ("ResourceId.2", "vol-00000000"), ("Tag.1.Key", "k")];
    assert_eq!(code(&world, "CreateTags", &both), "InvalidVolume.NotFound");
    let described = || ask(&world, "DescribeVolumes", &[]).1;
    assert!(!described().contains("<tagSet>"));

    // One of them full: neither gets the tag.
    let many: Vec<(String, String)> = (0..50).map(|n| (format!("Tag.{n}.Key"), format!("k{n}"))).collect();
    let mut params: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    params.push(("ResourceId.1", a.as_str()));
    assert_eq!(code(&world, "CreateTags", &params), "");
    let both = [("ResourceId.1", b.as_str()), ("ResourceId.2", a.as_str()), ("Tag.1.Key", "one more")];
    assert_eq!(code(&world, "CreateTags", &both), "TagLimitExceeded");
    assert!(!described().contains("one more"));

    // Those of AWS do not count and stay.
    act(&world, Deed::Tag { resources: vec![a.as_str().into()], tags: [("aws:x", "y")].into_iter().collect() });
    assert_eq!(
        code(&world, "DeleteTags", &[("ResourceId.1", a.as_str()), ("Tag.1.Key", "aws:x")]),
        "InvalidParameterValue"
    );
    let other_value = [("ResourceId.1", a.as_str()), ("Tag.1.Key", "k1"), ("Tag.1.Value", "other")];
    assert_eq!(code(&world, "DeleteTags", &other_value), "");
    assert!(described().contains("<key>k1</key>"), "a tag with another value stays");
    assert_eq!(code(&world, "DeleteTags", &[("ResourceId.1", a.as_str())]), "");
    assert_eq!(texts(&described(), "key"), ["aws:x"], "no tags means all tags");
}

#[test]
fn terminating_deletes_the_root_keeps_the_data_and_is_listed_for_an_hour() {
    let world = world();
    let params = [
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/sdf"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "3"),
        ("BlockDeviceMapping.2.DeviceName", "/dev/sdg"),
        ("BlockDeviceMapping.2.VirtualName", "ephemeral0"),
    ];
    let (_, launched) = ask(&world, "RunInstances", &params);
    let instance = text(&launched, "instanceId").unwrap();
    assert_eq!(texts(&launched, "deviceName"), ["/dev/sdf", "/dev/xvda"], "an instance store has no volume");
    assert_eq!(text(&launched, "name").as_deref(), Some("pending"));
    let state = || text(&ask(&world, "DescribeInstances", &[]).1, "name");
    assert_eq!(state().as_deref(), Some("running"));
    let (_, body) = ask(&world, "TerminateInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(text(&body, "name").as_deref(), Some("shutting-down"));
    assert_eq!(state().as_deref(), Some("terminated"));
    let (_, volumes) = ask(&world, "DescribeVolumes", &[]);
    assert_eq!(texts(&volumes, "size"), ["3"], "the root is gone");
    assert_eq!(text(&volumes, "status").as_deref(), Some("available"));
    world.advance(std::time::Duration::from_mins(59));
    assert_eq!(state().as_deref(), Some("terminated"));
    world.advance(std::time::Duration::from_mins(1));
    assert_eq!(state(), None);
}

#[test]
fn a_client_token_makes_one_volume() {
    let world = world();
    let params = [("AvailabilityZone", "eu-west-1a"), ("Size", "1"), ("ClientToken", "t")];
    let (_, first) = ask(&world, "CreateVolume", &params);
    let (_, second) = ask(&world, "CreateVolume", &params);
    assert_eq!(text(&first, "volumeId"), text(&second, "volumeId"));
    let other = [("AvailabilityZone", "eu-west-1a"), ("Size", "2"), ("ClientToken", "t")];
    assert_eq!(code(&world, "CreateVolume", &other), "IdempotentParameterMismatch");
    assert_eq!(texts(&ask(&world, "DescribeVolumes", &[]).1, "volumeId").len(), 1);
}

#[test]
fn a_tag_call_takes_a_thousand_resources() {
    let world = world();
    let volume = volume(&world);
    let many: Vec<String> = (1..=1_001).map(|n| format!("ResourceId.{n}")).collect();
    for (n, expected) in [(1_000, ""), (1_001, "InvalidParameterValue")] {
        let mut params: Vec<(&str, &str)> = many.iter().take(n).map(|name| (name.as_str(), volume.as_str())).collect();
        params.push(("Tag.1.Key", "k"));
        assert_eq!(code(&world, "CreateTags", &params), expected, "{n}");
        assert_eq!(code(&world, "DeleteTags", &params), expected, "{n}");
    }
}

#[test]
fn multi_attach_is_for_volumes_that_can() {
    let world = world();
    let launch = [("MinCount", "2"), ("MaxCount", "2")];
    let instances = texts(&ask(&world, "RunInstances", &launch).1, "instanceId");
    let attach = |volume: &str, instance: &str| {
        code(&world, "AttachVolume", &[("VolumeId", volume), ("InstanceId", instance), ("Device", "/dev/sdf")])
    };
    let single = act(&world, new_volume());
    assert_eq!(attach(&single, &instances[0]), "");
    assert_eq!(attach(&single, &instances[1]), "VolumeInUse");
    assert_eq!(code(&world, "DeleteVolume", &[("VolumeId", &single)]), "VolumeInUse");
    assert_eq!(code(&world, "DetachVolume", &[("VolumeId", &single)]), "");
    let shared = act(
        &world,
        Deed::CreateVolume {
            id: None,
            size_gib: 4,
            kind: None,
            multi_attach: true,
            key: None,
            tags: ebskeep_core::tags::Tags::new(),
        },
    );
    assert_eq!([attach(&shared, &instances[0]), attach(&shared, &instances[1])], ["", ""]);
    assert_eq!(code(&world, "DetachVolume", &[("VolumeId", &shared)]), "MissingParameter", "from which?");
}

#[test]
fn states_take_as_long_as_the_rules_say() {
    let world = world();
    world.rules(Rules { settles_after: std::time::Duration::from_secs(10), ..Rules::default() });
    ask(&world, "CreateVolume", &[("AvailabilityZone", "eu-west-1a"), ("Size", "1")]);
    let state = || text(&ask(&world, "DescribeVolumes", &[]).1, "status").unwrap();
    world.advance(std::time::Duration::from_secs(9));
    assert_eq!(state(), "creating");
    world.advance(std::time::Duration::from_secs(1));
    assert_eq!(state(), "available");
}
