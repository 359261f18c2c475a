//! Answers as AWS writes them, and as it never should.

use super::*;

fn page(root: &str, inner: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n    \
         <requestId>r-1</requestId>\n{inner}</{root}>"
    )
    .into_bytes()
}

const SNAPSHOT: &str = "<item>
    <snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><status>completed</status>
    <startTime>2026-01-02T03:04:05.678Z</startTime><progress>100%</progress><ownerId>123456789012</ownerId>
    <volumeSize>8</volumeSize><description>web - vol-1 (/dev/xvda) &amp; é</description><encrypted>true</encrypted>
    <kmsKeyId>k</kmsKeyId><storageTier>archive</storageTier><statusMessage>why</statusMessage>
    <tagSet><item><key>Name</key><value> a&lt;b </value></item><item><key>Empty</key><value/></item></tagSet>
</item>";

fn snapshot_page(item: &str) -> Result<Listed<Snapshot>, ReadError> {
    snapshots(&page("DescribeSnapshotsResponse", &format!("<snapshotSet>{item}</snapshotSet>")))
}

#[test]
fn a_snapshot_reads_whole() {
    let body = page(
        "DescribeSnapshotsResponse",
        &format!("<nextToken>t&amp;1</nextToken><snapshotSet>{SNAPSHOT}</snapshotSet>"),
    );
    assert_eq!(
        snapshots(&body),
        Ok(Listed {
            items: vec![Snapshot {
                id: "snap-1".into(),
                owner: "123456789012".into(),
                volume: "vol-1".into(),
                state: SnapshotState::Completed,
                state_message: Some("why".into()),
                started: "2026-01-02T03:04:05.678Z".parse().unwrap(),
                size_gib: 8,
                tier: StorageTier::Archive,
                restore_expires: None,
                site: None,
                encrypted: true,
                description: "web - vol-1 (/dev/xvda) & é".into(),
                tags: [("Name", " a<b "), ("Empty", "")].into_iter().collect(),
            }],
            next: Some(Token("t&1".to_owned())),
        })
    );
}

#[test]
fn a_snapshot_with_no_more_than_it_must_have_reads() {
    let least = "<item><snapshotId>snap-1</snapshotId><volumeId>vol-ffffffff</volumeId><ownerId>1</ownerId>\
                 <startTime>2026-01-02T03:04:05Z</startTime><status>new-fangled</status></item>";
    let listed = snapshot_page(least).unwrap();
    let snapshot = &listed.items[0];
    assert_eq!((snapshot.state, snapshot.tier), (SnapshotState::Other, StorageTier::Standard));
    assert_eq!((snapshot.size_gib, snapshot.encrypted, &snapshot.state_message), (0, false, &None));
    assert_eq!((snapshot.description.as_str(), snapshot.tags.is_empty()), ("", true));
    assert_eq!(listed.next, None);
}

#[test]
fn whether_keep_forever_was_listed_last_is_known() {
    for (key, at, last) in
        [("KeepForever", "Empty", true), ("KeepForever", "Name", false), ("keepforever", "Empty", false)]
    {
        let listed = snapshot_page(&SNAPSHOT.replace(&format!("<key>{at}<"), &format!("<key>{key}<"))).unwrap();
        assert_eq!(listed.items[0].tags.keep_forever_last(), Some(last), "{key} for {at}");
    }
}

#[test]
fn every_snapshot_state_and_tier_reads() {
    for (word, state) in [
        ("pending", SnapshotState::Pending),
        ("completed", SnapshotState::Completed),
        ("error", SnapshotState::Error),
        ("recoverable", SnapshotState::Recoverable),
        ("recovering", SnapshotState::Recovering),
        ("Completed", SnapshotState::Other),
    ] {
        let listed = snapshot_page(&SNAPSHOT.replace("completed", word)).unwrap();
        assert_eq!(listed.items[0].state, state, "{word}");
    }
    for (word, tier) in
        [("standard", StorageTier::Standard), ("archive", StorageTier::Archive), ("deep", StorageTier::Archive)]
    {
        let listed = snapshot_page(&SNAPSHOT.replace(">archive<", &format!(">{word}<"))).unwrap();
        assert_eq!(listed.items[0].tier, tier, "{word}");
    }
}

#[test]
fn what_is_missing_is_named_and_nothing_is_dropped() {
    for element in ["snapshotId", "ownerId", "volumeId", "startTime"] {
        let start = SNAPSHOT.find(&format!("<{element}>")).unwrap();
        let end = SNAPSHOT.find(&format!("</{element}>")).unwrap() + element.len() + 3;
        let without = format!("{}{}", &SNAPSHOT[..start], &SNAPSHOT[end..]);
        let result = snapshot_page(&format!("{SNAPSHOT}{without}"));
        let Err(ReadError::Missing { of, element: named }) = result else { panic!("{element}: {result:?}") };
        assert_eq!(named, element);
        assert!(element == "snapshotId" || of == "snapshot snap-1", "{of}");
        let empty = format!("{}<{element}/>{}", &SNAPSHOT[..start], &SNAPSHOT[end..]);
        assert!(snapshot_page(&empty).is_err(), "{element}");
    }
    for (good, bad, element) in [
        ("2026-01-02T03:04:05.678Z", "yesterday", "startTime"),
        ("<volumeSize>8<", "<volumeSize>8 GiB<", "volumeSize"),
        ("<volumeSize>8<", "<volumeSize>-8<", "volumeSize"),
    ] {
        let result = snapshot_page(&SNAPSHOT.replace(good, bad));
        assert!(matches!(&result, Err(ReadError::Bad { element: e, .. }) if *e == element), "{bad}: {result:?}");
    }
    let keyless = SNAPSHOT.replace("<key>Name</key>", "");
    assert!(matches!(snapshot_page(&keyless), Err(ReadError::Missing { element: "key", .. })));
}

#[test]
fn a_page_cut_off_anywhere_is_never_a_shorter_page() {
    let body = page("DescribeSnapshotsResponse", &format!("<snapshotSet>{SNAPSHOT}{SNAPSHOT}</snapshotSet>"));
    assert_eq!(snapshots(&body).unwrap().items.len(), 2);
    for end in 0..body.len() {
        assert_eq!(snapshots(&body[..end]), Err(ReadError::Cut(end)), "cut at {end}");
    }
}

#[test]
fn wrong_nesting_and_other_documents_are_errors() {
    for item in [
        "<item><snapshotId>snap-1</item></snapshotId>",
        "<item><snapshotId><b>snap-1</b></snapshotId></item>",
        "<item><snapshotId>&bomb;</snapshotId></item>",
    ] {
        assert!(matches!(snapshot_page(item), Err(ReadError::Malformed { .. })), "{item}");
    }
    let other = page("DescribeVolumesResponse", "<volumeSet/>");
    assert!(matches!(snapshots(&other), Err(ReadError::Root { expected: "DescribeSnapshotsResponse", .. })));
    let empty = page("DescribeSnapshotsResponse", "<snapshotSet/><nextToken/>");
    assert_eq!(snapshots(&empty), Ok(Listed { items: vec![], next: None }));
}

#[test]
fn ten_thousand_snapshots_read_in_one_go() {
    let body = page("DescribeSnapshotsResponse", &format!("<snapshotSet>{}</snapshotSet>", SNAPSHOT.repeat(10_000)));
    assert_eq!(snapshots(&body).unwrap().items.len(), 10_000);
}

#[test]
fn instances_read_across_reservations_with_their_ebs_devices_only() {
    let _proof = ebskeep_proofs::proves(&["2.0.14"]);
    let body = page(
        "DescribeInstancesResponse",
        "<reservationSet>
            <item><reservationId>r-1</reservationId><ownerId>1</ownerId><groupSet/><instancesSet>
                <item><instanceId>i-1</instanceId><imageId>ami-1</imageId>
                    <instanceState><code>16</code><name>running</name></instanceState>
                    <placement><availabilityZone>a</availabilityZone></placement>
                    <rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>
                    <blockDeviceMapping>
                        <item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId>
                            <status>attached</status></ebs></item>
                        <item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item>
                        <item><deviceName>/dev/sdf</deviceName><ebs><volumeId>vol-2</volumeId></ebs></item>
                    </blockDeviceMapping>
                    <networkInterfaceSet><item><tagSet><item><key>no</key><value>no</value></item></tagSet></item>
                    </networkInterfaceSet>
                    <tagSet><item><key>Backup</key><value>yes</value></item></tagSet></item>
                <item><instanceId>i-2</instanceId><instanceState><name>shutting-down</name></instanceState></item>
            </instancesSet></item>
            <item><instancesSet>
                <item><instanceId>i-3</instanceId><rootDeviceName/><instanceState><name>hibernating</name></instanceState></item>
            </instancesSet></item>
        </reservationSet><nextToken>t</nextToken>",
    );
    let device = |name: &str, volume: &str| Device { name: name.into(), volume: volume.into() };
    let bare =
        |id: &str, state| Instance { id: id.into(), state, root_device: None, devices: vec![], tags: Tags::new() };
    assert_eq!(
        instances(&body),
        Ok(Listed {
            items: vec![
                Instance {
                    id: "i-1".into(),
                    state: InstanceState::Running,
                    root_device: Some("/dev/xvda".into()),
                    devices: vec![device("/dev/xvda", "vol-1"), device("/dev/sdf", "vol-2")],
                    tags: [("Backup", "yes")].into_iter().collect(),
                },
                bare("i-2", InstanceState::ShuttingDown),
                bare("i-3", InstanceState::Other),
            ],
            next: Some(Token("t".to_owned())),
        })
    );
    for (inner, element) in [
        ("<instanceState><name>running</name></instanceState>", "instanceId"),
        (
            "<instanceId>i-1</instanceId><blockDeviceMapping><item><deviceName>a</deviceName><ebs/></item>\
          </blockDeviceMapping>",
            "volumeId",
        ),
    ] {
        let body = page(
            "DescribeInstancesResponse",
            &format!("<reservationSet><item><instancesSet><item>{inner}</item></instancesSet></item></reservationSet>"),
        );
        let result = instances(&body);
        assert!(matches!(&result, Err(ReadError::Missing { element: e, .. }) if *e == element), "{result:?}");
    }
}

#[test]
fn volumes_read_with_attachments_to_instances_only() {
    let body = page(
        "DescribeVolumesResponse",
        "<volumeSet><item><volumeId>vol-1</volumeId><size>100</size><status>in-use</status>
            <attachmentSet>
                <item><volumeId>vol-1</volumeId><instanceId>i-1</instanceId><device>/dev/sdf</device>
                    <status>attached</status><attachTime>2026-03-09T11:30:00.000Z</attachTime></item>
                <item><volumeId>vol-1</volumeId><instanceId>i-3</instanceId><device>/dev/sdh</device></item>
                <item><volumeId>vol-1</volumeId><instanceId>i-2</instanceId><device>/dev/sdg</device>
                    <status>detached</status></item>
                <item><volumeId>vol-1</volumeId><associatedResource>arn</associatedResource></item>
            </attachmentSet>
            <tagSet><item><key>k</key><value>v</value></item></tagSet></item>
        <item><volumeId>vol-2</volumeId><status>deleting</status></item></volumeSet>",
    );
    assert_eq!(
        volumes(&body).unwrap().items,
        [
            Volume {
                id: "vol-1".into(),
                state: VolumeState::InUse,
                size_gib: 100,
                attachments: vec![
                    Attachment {
                        instance: "i-1".into(),
                        device: "/dev/sdf".into(),
                        attached_at: Some("2026-03-09T11:30:00Z".parse().unwrap()),
                    },
                    Attachment { instance: "i-3".into(), device: "/dev/sdh".into(), attached_at: None },
                ],
                site: None,
                tags: [("k", "v")].into_iter().collect(),
            },
            Volume {
                id: "vol-2".into(),
                state: VolumeState::Deleting,
                size_gib: 0,
                attachments: vec![],
                site: None,
                tags: Tags::new(),
            },
        ]
    );
    let body = page("DescribeVolumesResponse", "<volumeSet><item><status>in-use</status></item></volumeSet>");
    assert!(matches!(volumes(&body), Err(ReadError::Missing { element: "volumeId", .. })));
}

#[test]
fn locks_read_with_their_state_and_end() {
    let lock = |item: &str| {
        let set = format!("<snapshotSet>{item}</snapshotSet><nextToken>more</nextToken>");
        locks(&page("DescribeLockedSnapshotsResponse", &set))
    };
    let item = "<item><ownerId>1</ownerId><snapshotId>snap-1</snapshotId><lockState>governance</lockState>\
                <lockDuration>1</lockDuration><lockCreatedOn>2026-01-01T03:04:05.678Z</lockCreatedOn>\
                <lockExpiresOn>2026-01-02T03:04:05.678Z</lockExpiresOn></item>";
    let expires = Some("2026-01-02T03:04:05.678Z".parse().unwrap());
    for (word, state) in [
        ("governance", LockState::Governance),
        ("compliance", LockState::Compliance),
        ("compliance-cooloff", LockState::ComplianceCooloff),
        ("expired", LockState::Expired),
        ("Expired", LockState::Other),
    ] {
        let listed = lock(&item.replace("governance", word)).unwrap();
        assert_eq!(listed.items, [Lock { snapshot: "snap-1".into(), state, expires }], "{word}");
        assert_eq!(listed.next, Some(Token("more".to_owned())));
    }
    // One whose state is not told is not taken for one that is over.
    let least = lock("<item><snapshotId>snap-1</snapshotId></item>").unwrap();
    assert_eq!(least.items, [Lock { snapshot: "snap-1".into(), state: LockState::Other, expires: None }]);
    let nameless = lock("<item><lockState>governance</lockState></item>");
    assert!(matches!(nameless, Err(ReadError::Missing { element: "snapshotId", .. })), "{nameless:?}");
    let bad = lock(&item.replace("2026-01-02T03:04:05.678Z", "soon"));
    assert!(matches!(bad, Err(ReadError::Bad { element: "lockExpiresOn", .. })), "{bad:?}");
    let without = locks(&page("DescribeLockedSnapshotsResponse", ""));
    assert!(matches!(without, Err(ReadError::Missing { element: "snapshotSet", .. })), "{without:?}");
}

#[test]
fn tiers_read_with_their_times() {
    let tier = |item: &str| {
        let set = format!("<snapshotTierStatusSet>{item}</snapshotTierStatusSet>");
        tiers(&page("DescribeSnapshotTierStatusResponse", &set))
    };
    let item = "<item><snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><status>completed</status>\
                <ownerId>1</ownerId><tagSet/><storageTier>archive</storageTier>\
                <lastTieringOperationStatus>archival-completed</lastTieringOperationStatus>\
                <archivalCompleteTime>2026-01-02T03:04:05.678Z</archivalCompleteTime>\
                <restoreExpiryTime>2026-01-05T03:04:05Z</restoreExpiryTime></item>";
    let listed =
        tier(&format!("{item}<item><snapshotId>snap-2</snapshotId><storageTier>standard</storageTier></item>"));
    let status = |snapshot: &str, tier, archived_at, restore_expires| TierStatus {
        snapshot: snapshot.into(),
        tier,
        archived_at,
        restore_expires,
        moving: None,
    };
    let (at, until) = ("2026-01-02T03:04:05.678Z".parse().unwrap(), "2026-01-05T03:04:05Z".parse().unwrap());
    assert_eq!(
        listed.unwrap().items,
        [
            status("snap-1", StorageTier::Archive, Some(at), Some(until)),
            status("snap-2", StorageTier::Standard, None, None),
        ]
    );
    let nameless = tier("<item><storageTier>archive</storageTier></item>");
    assert!(matches!(nameless, Err(ReadError::Missing { element: "snapshotId", .. })), "{nameless:?}");
    let bad = tier(&item.replace("2026-01-02T03:04:05.678Z", "then"));
    assert!(matches!(bad, Err(ReadError::Bad { element: "archivalCompleteTime", .. })), "{bad:?}");
}

#[test]
fn a_move_between_the_tiers_reads_while_it_is_in_progress() {
    for (word, moving) in [
        ("archival-in-progress", Some(TierMove::Archival)),
        ("temporary-restore-in-progress", Some(TierMove::TemporaryRestore)),
        ("permanent-restore-in-progress", Some(TierMove::PermanentRestore)),
        ("archival-completed", None),
        ("archival-failed", None),
        ("temporary-restore-completed", None),
        ("temporary-restore-failed", None),
        ("permanent-restore-completed", None),
        ("permanent-restore-failed", None),
        ("", None),
        ("temporary-restore", Some(TierMove::Other)),
        ("cooling-completed", Some(TierMove::Other)),
    ] {
        let body = page(
            "DescribeSnapshotTierStatusResponse",
            &format!(
                "<snapshotTierStatusSet><item><snapshotId>snap-1</snapshotId>\
                 <lastTieringOperationStatus>{word}</lastTieringOperationStatus></item></snapshotTierStatusSet>"
            ),
        );
        assert_eq!(tiers(&body).unwrap().items[0].moving, moving, "{word:?}");
    }
}

#[test]
fn where_volumes_and_snapshots_are_reads_if_it_is_not_the_region() {
    let arn = "arn:aws:outposts:us-east-1:1:outpost/op-1";
    let (outpost, zone) = (LocalSite::Outpost(arn.into()), LocalSite::LocalZone("us-west-2-lax-1a".into()));
    for (elements, site) in [
        (format!("<availabilityZone>us-east-1a</availabilityZone><outpostArn>{arn}</outpostArn>"), Some(&outpost)),
        ("<availabilityZone>us-west-2-lax-1a</availabilityZone>".to_owned(), Some(&zone)),
        ("<availabilityZone>us-west-2a</availabilityZone><outpostArn/>".to_owned(), None),
        (String::new(), None),
    ] {
        let volume = format!("<volumeSet><item><volumeId>vol-1</volumeId>{elements}</item></volumeSet>");
        let body = page("DescribeVolumesResponse", &volume);
        assert_eq!(volumes(&body).unwrap().items[0].site.as_ref(), site, "{elements}");
        let snapshot = format!(
            "<item><snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><ownerId>1</ownerId>\
             <startTime>2026-01-02T03:04:05Z</startTime>{elements}\
             <restoreExpiryTime>2026-01-05T03:04:05Z</restoreExpiryTime></item>"
        );
        let snapshot = snapshot_page(&snapshot).unwrap().items.remove(0);
        assert_eq!(snapshot.site.as_deref(), site, "{elements}");
        assert_eq!(snapshot.restore_expires, Some("2026-01-05T03:04:05Z".parse().unwrap()));
    }
}

#[test]
fn images_read_with_their_snapshots() {
    let body = page(
        "DescribeImagesResponse",
        "<imagesSet><item><imageId>ami-1</imageId><imageState>disabled</imageState><blockDeviceMapping>
            <item><deviceName>a</deviceName><ebs><snapshotId>snap-1</snapshotId></ebs></item>
            <item><deviceName>b</deviceName><virtualName>ephemeral0</virtualName></item>
            <item><deviceName>c</deviceName><ebs><volumeSize>1</volumeSize></ebs></item>
            <item><deviceName>d</deviceName><ebs><snapshotId>snap-2</snapshotId></ebs></item>
        </blockDeviceMapping></item></imagesSet>",
    );
    assert_eq!(
        images(&body).unwrap().items,
        [Image { id: "ami-1".into(), state: "disabled".into(), snapshots: vec!["snap-1".into(), "snap-2".into()] }]
    );
    let body = page("DescribeImagesResponse", "<imagesSet><item/></imagesSet>");
    assert!(matches!(images(&body), Err(ReadError::Missing { element: "imageId", .. })));
}

#[test]
fn what_began_reads_with_its_volume() {
    let one = page("CreateSnapshotResponse", "<snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId>");
    let begun = Begun { id: "snap-1".into(), volume: "vol-1".into() };
    assert_eq!(create_snapshot(&one), Ok(begun.clone()));
    let set = page(
        "CreateSnapshotsResponse",
        "<snapshotSet><item><snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId><state>pending</state></item>
         <item><volumeId>vol-2</volumeId><snapshotId>snap-2</snapshotId></item></snapshotSet>",
    );
    let second = Begun { id: "snap-2".into(), volume: "vol-2".into() };
    assert_eq!(create_snapshots(&set), Ok(vec![begun, second]));
    let nameless = page("CreateSnapshotResponse", "<volumeId>vol-1</volumeId>");
    assert!(matches!(create_snapshot(&nameless), Err(ReadError::Missing { element: "snapshotId", .. })));
}

#[test]
fn done_means_true() {
    let said = |text: &str| done(&page("DeleteSnapshotResponse", text), "DeleteSnapshotResponse");
    assert_eq!(said("<return>true</return>"), Ok(()));
    assert_eq!(said(""), Ok(()));
    assert!(matches!(said("<return>false</return>"), Err(ReadError::Bad { element: "return", .. })));
    assert!(matches!(done(&page("CreateTagsResponse", ""), "DeleteSnapshotResponse"), Err(ReadError::Root { .. })));
}

#[test]
fn regions_and_identity_read() {
    let body = page(
        "DescribeRegionsResponse",
        "<regionInfo><item><regionName>us-east-1</regionName><regionEndpoint>x</regionEndpoint></item>\
         <item><regionName>eu-west-1</regionName></item></regionInfo>",
    );
    assert_eq!(regions(&body), Ok(vec!["eu-west-1".into(), "us-east-1".into()]));
    let who = |arn: &str| {
        identity(&page(
            "GetCallerIdentityResponse",
            &format!(
                "<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>u</UserId><Account>123456789012</Account>\
                 </GetCallerIdentityResult>"
            ),
        ))
    };
    let arn = "arn:aws-us-gov:sts::123456789012:assumed-role/r/s";
    assert_eq!(
        who(arn),
        Ok(Identity { account: "123456789012".into(), arn: arn.to_owned(), partition: "aws-us-gov".to_owned() })
    );
    for wrong in ["", "arn", "arn:", "arn::sts", "x:aws:sts"] {
        assert!(who(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_copies_answer_reads() {
    let copied = |inner: &str| copy_snapshot(&page("CopySnapshotResponse", inner));
    assert_eq!(copied("<snapshotId>snap-2</snapshotId><tagSet><item/></tagSet>"), Ok("snap-2".into()));
    assert_eq!(copied(""), Err(ReadError::Missing { of: "a copy".into(), element: "snapshotId" }));

    let may = |inner: &str| sharing(&page("DescribeSnapshotAttributeResponse", inner));
    assert_eq!(may("<snapshotId>snap-1</snapshotId><createVolumePermission/>"), Ok(vec![]));
    let several = "<createVolumePermission><item><userId>2</userId></item><item><group>all</group></item>\
                   <item><userId>1</userId></item></createVolumePermission>";
    assert_eq!(may(several), Ok(vec!["1".into(), "2".into()]));
    assert!(matches!(may("<snapshotId>snap-1</snapshotId>"), Err(ReadError::Missing { .. })));
}

#[test]
fn a_session_has_all_its_parts() {
    let parts = [
        ("AccessKeyId", "ASIA1"),
        ("SecretAccessKey", "s"),
        ("SessionToken", "t"),
        ("Expiration", "2026-01-02T04:00:00.000Z"),
    ];
    let session = |without: &str, arn: &str| {
        let present = parts.iter().filter(|(name, _)| *name != without);
        let credentials: Vec<_> = present.map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        let credentials = credentials.concat();
        assumed_role(&page(
            "AssumeRoleResponse",
            &format!(
                "<AssumeRoleResult><Credentials>{credentials}</Credentials><AssumedRoleUser>{arn}</AssumedRoleUser>\
                 </AssumeRoleResult>"
            ),
        ))
    };
    let arn = "<Arn>arn:aws:sts::123456789012:assumed-role/r/ebskeep</Arn>";
    let whole = session("", arn).ok().unwrap();
    assert_eq!(whole.arn, "arn:aws:sts::123456789012:assumed-role/r/ebskeep");
    assert_eq!(whole.credentials.access_key_id(), "ASIA1");
    assert_eq!(whole.credentials.secret_access_key(), "s");
    assert_eq!(whole.credentials.session_token(), Some("t"));
    let end: Timestamp = "2026-01-02T04:00:00Z".parse().unwrap();
    assert_eq!(whole.credentials.expiry(), Some(end.into()));
    for (element, _) in parts {
        let missing = session(element, arn).err();
        assert_eq!(missing, Some(ReadError::Missing { of: "a role's session".into(), element }));
    }
    assert!(matches!(session("", "").err(), Some(ReadError::Missing { element: "Arn", .. })));
}
