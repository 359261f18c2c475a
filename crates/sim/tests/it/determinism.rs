//! Same seed, same calls: same bytes.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud, CreateSnapshots};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Rules, World};

use crate::helper::{KEY, ask, at_once, cloud, request, text, texts};

/// A life, and every byte it answered.
fn life(seed: u64) -> Vec<u8> {
    let world = World::new(seed, "2026-01-02T03:04:05Z".parse().unwrap());
    world.rules(Rules { jitter: Duration::from_millis(50), ..Rules::documented() });
    let mut said = Vec::new();
    let mut say = |action: &str, params: &[(&str, &str)]| {
        let response = world.answer(request("ec2", action, params));
        said.extend(format!("{:?}\n", response.headers()).into_bytes());
        said.extend_from_slice(response.body());
        String::from_utf8(response.body().to_vec()).unwrap()
    };
    let launched = say(
        "RunInstances",
        &[
            ("MinCount", "3"),
            ("MaxCount", "3"),
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", "Backup"),
        ],
    );
    for instance in texts(&launched, "instanceId") {
        say("CreateSnapshots", &[("InstanceSpecification.InstanceId", &instance)]);
        world.advance(Duration::from_secs(40));
    }
    let page = say("DescribeSnapshots", &[("MaxResults", "5"), ("Owner.1", "self")]);
    say("DeleteSnapshot", &[("SnapshotId", &text(&page, "snapshotId").unwrap())]);
    say("DescribeSnapshots", &[]);
    say("DeleteSnapshot", &[("SnapshotId", "snap-00000000")]);
    said.extend(format!("{:?}{:?}", world.calls(), world.history()).into_bytes());
    said
}

#[test]
fn the_same_life_again_is_the_same_to_the_byte() {
    assert_eq!(life(1), life(1));
    assert_ne!(life(1), life(2), "the seed counts");
}

#[test]
fn the_port_and_the_wire_are_ways_into_one_world() {
    let start = "2026-01-02T03:04:05Z".parse().unwrap();
    let (by_port, by_wire) = (World::new(3, start), World::new(3, start));
    for world in [&by_port, &by_wire] {
        ask(world, "RunInstances", &[("MinCount", "1"), ("MaxCount", "1")]);
    }
    let (_, body) = ask(&by_port, "DescribeInstances", &[]);
    let instance = text(&body, "instanceId").unwrap();
    at_once(cloud(&by_port).create_snapshots(&CreateSnapshots {
        instance: instance.as_str().into(),
        exclude_boot: false,
        exclude_data: vec![],
        description: "d".into(),
        tags: Tags::from_iter([("a", "b")]),
        site: None,
    }))
    .unwrap();
    ask(&by_wire, "DescribeInstances", &[]);
    ask(
        &by_wire,
        "CreateSnapshots",
        &[
            ("InstanceSpecification.InstanceId", &instance),
            ("InstanceSpecification.ExcludeBootVolume", "false"),
            ("Description", "d"),
            ("TagSpecification.1.ResourceType", "snapshot"),
            ("TagSpecification.1.Tag.1.Key", "a"),
            ("TagSpecification.1.Tag.1.Value", "b"),
        ],
    );
    assert_eq!(by_port.calls(), by_wire.calls());
    assert_eq!(by_port.history(), by_wire.history());
    assert!(KEY.ends_with(by_port.calls()[0].account.as_str()));
}
