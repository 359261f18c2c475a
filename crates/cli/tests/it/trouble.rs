//! Bad input from the world: what cannot be reached, what is denied, tags that
//! nobody understands.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use ebskeep_core::id::Region;
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Deed, Fault, What, When, World};
use jiff::SignedDuration;
use serde_json::Value;

use crate::server::{Fate, Server, ebskeep};
use crate::world::{act, backup, calls, left, refuse, volume, volume_in, world};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs it and looks at the exit code, what it says, and that stdout has
/// nothing.
fn fails(mut command: assert_cmd::Command, code: i32, said: &[&str]) {
    let output = command.output().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for said in said {
        assert!(stderr.contains(said), "{said:?} is not said:\n{stderr}");
    }
    assert_eq!(text(&output.stdout), "");
}

fn json(output: &std::process::Output) -> Value {
    let document = serde_json::from_slice(&output.stdout);
    assert!(document.is_ok(), "{document:?}: {}", text(&output.stderr));
    document.unwrap()
}

#[test]
fn no_credentials_says_where_they_could_come_from() {
    let server = Server::of(&world());
    let mut command = ebskeep();
    command.args(["plan", "--region", "eu-west-1", "--endpoint-url", &server.url]);
    fails(command, 1, &["no AWS credentials", "AWS_PROFILE"]);
}

#[test]
fn an_endpoint_where_nobody_listens_or_that_is_no_aws_is_named() {
    let world = world();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{address}");
    let mut command = Server::of(&world).ebskeep();
    command.args(["plan", "--endpoint-url", &nobody]);
    fails(command, 1, &[&nobody, "what to do:", "--endpoint-url"]);

    let page = Server::with(&world, |_| Fate::Page("<!DOCTYPE html><html><body>Welcome to nginx!</body></html>"));
    let mut command = page.ebskeep();
    command.arg("apply");
    fails(command, 1, &[&page.url, "GetCallerIdentity"]);
}

#[test]
fn a_region_in_which_everything_is_denied_among_others() {
    let world = world();
    for region in ["eu-west-1", "us-east-1"] {
        volume_in(&world, region, &[("Backup", "Yes")]);
    }
    for action in ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages"] {
        refuse(&world, action, "UnauthorizedOperation", Some("us-east-1"));
    }
    let server = Server::of(&world);
    let regions = ["--region", "us-east-1", "--region", "eu-west-1", "--format", "json"];
    let output = server.ebskeep().arg("apply").args(regions).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("us-east-1: DescribeInstances: UnauthorizedOperation"));
    assert!(text(&output.stderr).contains("allow ec2:DescribeInstances"));
    let reports = json(&output);
    assert_eq!(reports["schema"], "ebskeep.reports/1");
    assert_eq!(reports["reports"][0]["region"], "eu-west-1");
    assert_eq!(reports["reports"][0]["outcomes"]["done"], 1);
    assert_eq!(reports["errors"][0]["region"], "us-east-1");
    assert_eq!(left(&world).len(), 1);

    let output = server.ebskeep().arg("plan").args(regions).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        (json(&output)["plans"].as_array().unwrap().len(), &json(&output)["errors"][0]["region"]),
        (1, &"us-east-1".into())
    );

    // All of them denied is a failure.
    refuse(&world, "DescribeInstances", "UnauthorizedOperation", None);
    let mut alone = server.ebskeep();
    alone.args(["plan", "--region", "us-east-1"]);
    fails(alone, 1, &["us-east-1"]);
}

/// AWS's message where a service control policy forbids the tags of a creation.
fn denied_by_a_policy() -> String {
    format!(
        "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/backup/b is not \
         authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:eu-west-1::snapshot/* with an explicit deny in a \
         service control policy. Encoded authorization failure message: {}",
        "aB3-_".repeat(400)
    )
}

#[test]
fn a_creation_that_a_policy_forbids_says_which_and_what_was_denied() {
    let _proof = ebskeep_proofs::proves(&["6.110", "6.111", "6.112"]);
    let world = world();
    volume(&world, &[("Backup", "Yes")]);
    let message = denied_by_a_policy();
    let what = What::Refuse { code: "UnauthorizedOperation".into(), status: Some(403), message: message.clone() };
    world.fault(Fault { when: When::every("CreateSnapshot"), what });
    let server = Server::of(&world);
    let remedy = "an explicit deny in a service control policy forbids ec2:CreateTags; only changing that policy helps";

    let output = server.ebskeep().args(["apply", "create", "--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let detail = json(&output)["results"][0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&message) && detail.ends_with(remedy) && !detail.contains("allow"), "{detail}");

    let output = server.ebskeep().args(["apply", "create"]).output().unwrap();
    let shown = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(remedy) && shown.contains("(2,000 characters, whole with --format json)"), "{shown}");
    assert!(!shown.contains(&"aB3-_".repeat(5)), "{shown}");
}

/// Nobody is asked, so nobody waits for what one Region does not answer.
#[test]
fn a_region_that_is_slow_to_list_holds_up_no_other() {
    let world = world();
    for region in ["eu-west-1", "us-east-1"] {
        volume_in(&world, region, &[("Backup", "Yes")]);
    }
    let when = When { region: Some(Region::new("us-east-1")), times: Some(2), ..When::every("DescribeVolumes") };
    let what = What::Refuse { code: "Unavailable".into(), status: Some(503), message: "not now".to_owned() };
    world.fault(Fault { when, what });
    let server = Server::of(&world);
    let regions = ["--region", "us-east-1", "--region", "eu-west-1"];
    let output = server.ebskeep().args(["apply", "create"]).args(regions).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let calls = world.calls();
    // In this world no time passes: the order of its calls tells.
    let last = |action: &str, region: &str| {
        calls.iter().rposition(|call| call.action == action && call.region.as_str() == region).unwrap()
    };
    assert!(last("CreateSnapshot", "eu-west-1") < last("DescribeVolumes", "us-east-1"));
    assert_eq!(text(&output.stdout).matches("CREATE 1 snapshot").count(), 2, "{}", text(&output.stdout));
}

/// At three in the morning "there is no backup" must not be what a permission says.
#[test]
fn an_explanation_without_a_listing_says_so_first_and_is_no_success() {
    let world = world();
    let of = volume_in(&world, "eu-west-1", &[("Backup", "Yes")]);
    let snapshot = backup(&world, &of, 1);
    refuse(&world, "DescribeSnapshots", "UnauthorizedOperation", None);
    let server = Server::of(&world);
    for id in [of.as_str(), snapshot.as_str()] {
        let output = server.ebskeep().args(["explain", id]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        let page = text(&output.stdout);
        assert!(page.trim_start().starts_with("What is said here may not be all, or not so"), "{page}");
        assert!(!text(&output.stderr).contains("name the Region"));
    }
}

#[test]
fn every_enabled_region_is_worked_in() {
    let world = world();
    volume_in(&world, "eu-west-1", &[("Backup", "Yes")]);
    volume_in(&world, "ap-southeast-2", &[("Backup", "Yes")]);
    let output = Server::of(&world).ebskeep().args(["apply", "--region", "all", "--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let reports = json(&output);
    let reports = reports["reports"].as_array().unwrap();
    assert!(reports.len() > 10);
    let done = |report: &&Value| report["outcomes"]["done"] == 1;
    assert_eq!(
        reports.iter().filter(done).map(|r| r["region"].as_str().unwrap()).collect::<Vec<_>>(),
        ["ap-southeast-2", "eu-west-1"]
    );
}

#[test]
fn a_partial_listing_is_told_and_nothing_expires_on_it() {
    let world = world();
    let of = volume(&world, &[("Backup", "Yes")]);
    for days in [0, 20] {
        backup(&world, &of, days);
    }
    refuse(&world, "DescribeImages", "UnauthorizedOperation", None);
    let server = Server::of(&world);
    let output = server.ebskeep().args(["apply", "--yes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let said = text(&output.stdout);
    for word in ["REFUSED", "all-listed", "images could not be listed", "What to do:", "allow ec2:DescribeImages"] {
        assert!(said.contains(word), "{word}:\n{said}");
    }
    assert!(!said.contains("DescribeInstances"), "only what was denied is named:\n{said}");
    assert_eq!(left(&world).len(), 2);
    // What only creates goes on, and says that it did not see everything.
    assert_eq!(server.ebskeep().args(["plan", "create"]).output().unwrap().status.code(), Some(3));
    assert_eq!(server.ebskeep().args(["apply", "create"]).output().unwrap().status.code(), Some(3));
}

/// Tags by key and value.
type Tagged<'a> = &'a [(&'a str, &'a str)];

#[test]
fn tags_that_nobody_understands_are_told_with_the_remedy_and_stop_nothing() {
    let world = world();
    let long = "ü".repeat(256);
    // Tags, and what the one problem they are says; some are fine.
    let bad: [(Tagged<'_>, Option<&str>); 8] = [
        (&[("backup", "yes")], None),
        (&[("Backup", "Yes"), ("Retention", "7d ")], None),
        (&[("Backup", "Yes"), ("Retention", "-1")], Some("it is not an age such")),
        (&[("Backup", "Yes"), ("Retention", "")], Some("bad-retention")),
        (&[("Backup", "Yse")], Some("bad-backup")),
        (&[("Backup", &long)], Some("bad-backup")),
        (&[("Backup", "Yes"), ("back-up", "No")], Some("conflict")),
        (&[("Backup", "Yes"), ("Backup_TimeZone", "Mars/Olympus")], Some("bad-time-zone")),
    ];
    let volumes: Vec<String> = bad.iter().map(|(tags, _)| volume(&world, tags)).collect();
    let fifty: Vec<(String, String)> = (0..49).map(|n| (format!("Tag{n:02}"), n.to_string())).collect();
    let mut fifty: Vec<(&str, &str)> = fifty.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    fifty.push(("Backup", "Yes"));
    let full = volume(&world, &fifty);
    // No tags and no name at all: not backed up, and no trouble.
    act(&world, Deed::Run { id: None, image: None, volumes: [].into(), tags: Tags::new(), volume_tags: Tags::new() });

    let server = Server::of(&world);
    let output = server.ebskeep().args(["apply", "--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stderr), text(&output.stdout));
    let report = json(&output);
    assert_eq!(report["outcomes"]["done"], bad.len() + 1, "each of them is backed up");
    for ((tags, expected), id) in bad.iter().zip(&volumes) {
        let of_it = |notice: &&Value| notice["resource"] == **id;
        let problems: Vec<&Value> = report["problems"].as_array().unwrap().iter().filter(of_it).collect();
        match expected {
            None => assert!(problems.is_empty(), "{tags:?}: {problems:?}"),
            Some(said) => {
                assert_eq!(problems.len(), 1, "{tags:?}: {problems:?}");
                assert!(problems[0].to_string().contains(said), "{tags:?}: {problems:?}");
            }
        }
    }
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["resource"] == *full && f["code"] == "tags-dropped"), "{findings:?}");

    let plan = text(&server.ebskeep().arg("plan").output().unwrap().stdout);
    assert!(plan.contains("Problems: tags to mend"), "{plan}");
    for ((_, expected), id) in bad.iter().zip(&volumes) {
        assert!(expected.is_none() || plan.contains(id.as_str()), "{id}:\n{plan}");
    }
}

#[test]
fn control_characters_in_tags_do_not_reach_the_terminal() {
    let world = world();
    volume(&world, &[("Backup", "Yes"), ("Name", "a\u{9b}2Jb"), ("Retention", "\u{9b}31m")]);
    let output = Server::of(&world).ebskeep().args(["plan", "-v"]).output().unwrap();
    assert!(!text(&output.stdout).chars().any(|c| c.is_control() && c != '\n'), "{:?}", text(&output.stdout));
}

#[test]
fn what_vanishes_meanwhile_is_told_and_stops_nothing_else() {
    let world = world();
    let of = volume(&world, &[("Backup", "Yes")]);
    for days in [0, 20] {
        backup(&world, &of, days);
    }
    let new = volume(&world, &[("Backup", "Yes")]);
    refuse(&world, "CreateSnapshot", "InvalidVolume.NotFound", None);
    refuse(&world, "DeleteSnapshot", "InvalidSnapshot.NotFound", None);
    let output = Server::of(&world).ebskeep().args(["apply", "--yes", "--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let report = json(&output);
    let results = report["results"].as_array().unwrap();
    let outcome = |resource: &str| results.iter().find(|r| r["resource"] == resource).unwrap()["outcome"].clone();
    assert_eq!(outcome(&new), "changed");
    assert_eq!(report["outcomes"]["already-done"], 1, "somebody else deleted it, which is what was wanted");
}

#[test]
fn two_runs_at_once_delete_once_and_leave_the_next_nothing_to_do() {
    let world = world();
    for _ in 0..10 {
        let of = volume(&world, &[("Backup", "Yes")]);
        backup(&world, &of, 1);
        backup(&world, &of, 20);
    }
    // Time passes here, since AWS wants 15 s between two snapshots of a volume.
    let server = Server::with(&world, {
        let (world, begun) = (world.clone(), (world.now(), Instant::now()));
        move |_| {
            let passed = begun.1.elapsed();
            let behind = SignedDuration::try_from(passed).unwrap() - begun.0.duration_until(world.now());
            world.advance(Duration::try_from(behind).unwrap_or_default());
            Fate::Answered
        }
    });
    std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..2).map(|_| scope.spawn(|| server.ebskeep().args(["apply", "--yes"]).output().unwrap())).collect();
        for run in runs {
            let output = run.join().unwrap();
            let code = output.status.code();
            // One may find a snapshot marked by the other, and leave it to it.
            assert!(matches!(code, Some(0 | 3)), "{code:?} {}{}", text(&output.stdout), text(&output.stderr));
        }
    });
    assert!(left(&world).len() <= 30, "at most one more of each volume");
    assert_eq!(server.ebskeep().args(["plan", "--detailed-exitcode"]).output().unwrap().status.code(), Some(0));
    assert!(calls(&world, "DeleteSnapshot") >= 10);
}

/// A world in which a plan would delete more than a person foresaw.
pub(crate) fn refused_world() -> World {
    let world = world();
    let of = volume(&world, &[("Backup", "Yes")]);
    backup(&world, &of, 0);
    for _ in 0..101 {
        crate::world::legacy(&world, &of);
    }
    world
}
