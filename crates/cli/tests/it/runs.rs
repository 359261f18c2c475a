//! Runs that go as they should, and those that a check or a person stops:
//! every exit code.

use std::collections::BTreeSet;
use std::path::Path;

use ebskeep_core::id::VolumeId;
use ebskeep_sim::{Deed, PutState, World};
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::server::{Server, directory};
use crate::trouble::refused_world;
use crate::world::{act, backup, by_hand, calls, left, legacy, refuse, volume, volume_in, world};

pub(crate) struct Ran {
    code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }
}

fn run(server: &Server, arguments: &[&str]) -> Ran {
    Ran::of(&server.ebskeep().args(arguments).output().unwrap())
}

#[track_caller]
pub(crate) fn ends(server: &Server, arguments: &[&str], code: i32) -> Ran {
    let ran = run(server, arguments);
    assert_eq!(ran.code, code, "{arguments:?}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// A volume with a backup to stay, one to go, one made by hand.
struct Scene {
    world: World,
    server: Server,
    stays: String,
    goes: String,
    foreign: String,
}

fn scene() -> Scene {
    let world = world();
    let of = volume(&world, &[("Backup", "Yes"), ("Retention", "7")]);
    let stays = backup(&world, &of, 1);
    let goes = backup(&world, &of, 20);
    let foreign = by_hand(&world, &of);
    let server = Server::of(&world);
    Scene { world, server, stays, goes, foreign }
}

#[test]
fn a_plan_changes_nothing_and_apply_does_it_once() {
    let _proof = ebskeep_proofs::proves(&["6.21"]);
    let Scene { world, server, stays, goes, foreign } = scene();
    ends(&server, &["plan"], 0);
    ends(&server, &["plan", "--detailed-exitcode"], 5);
    assert_eq!(left(&world).len(), 3);
    let ran = ends(&server, &["apply", "--yes"], 0);
    assert!(ran.stdout.contains("CREATE 1 snapshot") && ran.stdout.contains("DELETE 1 snapshot"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Done: everything planned was done (2 done)"), "{}", ran.stdout);
    let there = left(&world);
    assert!(there.contains(&stays) && there.contains(&foreign) && !there.contains(&goes));
    assert_eq!(there.len(), 3);
    ends(&server, &["plan", "--detailed-exitcode"], 0);
    let ran = ends(&server, &["apply"], 0);
    assert!(ran.stdout.contains("there was nothing to do"), "{}", ran.stdout);
}

#[test]
fn a_run_reads_and_writes_its_own_region_alone() {
    let _proof = ebskeep_proofs::proves(&["6.11"]);
    let Scene { world, server, goes, .. } = scene();
    volume_in(&world, "us-east-1", &[("Backup", "Yes")]);
    ends(&server, &["apply", "--yes", "--region", "eu-west-1"], 0);
    assert!(!left(&world).contains(&goes));
    let elsewhere: Vec<_> =
        world.calls().into_iter().filter(|c| c.service == "ec2" && c.region.as_str() != "eu-west-1").collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn without_a_terminal_deleting_needs_yes_and_creating_does_not() {
    let Scene { world, server, .. } = scene();
    let ran = ends(&server, &["apply"], 2);
    assert!(ran.stderr.contains("--yes") && ran.stderr.contains("creations included"), "{}", ran.stderr);
    assert_eq!((left(&world).len(), calls(&world, "CreateSnapshot")), (3, 0));
    ends(&server, &["apply", "create"], 0);
    assert_eq!(left(&world).len(), 4);
}

#[test]
fn deleting_failed_snapshots_alone_needs_no_yes() {
    let _proof = ebskeep_proofs::proves(&["4.37"]);
    let Scene { world, server, stays, goes, foreign } = scene();
    let volume = volume(&world, &[("Backup", "No")]);
    let started = Timestamp::now() - 3.hours();
    let tags = [("Type", "Automated".to_owned()), ("ebskeep:slot", started.to_string())];
    let deed = Deed::PutSnapshot {
        id: None,
        volume: VolumeId::new(volume),
        started,
        state: PutState::Error,
        size_gib: None,
        description: "".into(),
        tags: tags.into_iter().collect(),
    };
    act(&world, deed.clone());
    // With a good one beside it, it asks about both.
    let ran = ends(&server, &["apply", "expire"], 2);
    assert!(ran.stderr.contains("this would delete 2 snapshots"), "{}", ran.stderr);
    ends(&server, &["apply", "expire", "--yes"], 0);
    let there = || -> BTreeSet<String> { left(&world).into_iter().collect() };
    let expected = BTreeSet::from([stays, foreign]);
    assert_eq!(there(), expected);
    act(&world, deed);
    let ran = ends(&server, &["apply", "expire"], 0);
    assert!(ran.stdout.contains("Deleted 1 snapshot"), "{}", ran.stdout);
    assert_eq!(there(), expected);
    assert!(!there().contains(&goes));
}

#[test]
fn deletions_that_a_check_holds_back_are_counted_and_the_others_are_made() {
    let _proof = ebskeep_proofs::proves(&["4.30", "4.31"]);
    let Scene { world, server, goes, .. } = scene();
    let volume = volume(&world, &[("Backup", "No")]);
    let old: Vec<String> = (0..2).map(|_| legacy(&world, &volume)).collect();
    // R5 keeps one of them.
    let ran = ends(&server, &["apply", "expire", "--yes", "--max-delete", "0", "-v"], 4);
    for text in [
        "REFUSED: 1 deletion held back; everything else is carried out",
        "Deletions held back: 1. Deletions that go ahead: 1.",
        "Refused in part; the rest was carried out (1 done, 1 not begun)",
    ] {
        assert!(ran.stdout.contains(text), "{text}:\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("Not done"), "the check says it:\n{}", ran.stdout);
    let left = left(&world);
    assert!(!left.contains(&goes) && old.iter().all(|id| left.contains(id)), "{left:?}");
}

#[test]
fn a_refused_plan_shows_the_numbers_and_what_to_do() {
    let _proof = ebskeep_proofs::proves(&["6.25", "4.1"]);
    let world = refused_world();
    let server = Server::of(&world);
    for verb in [&["plan", "expire"][..], &["apply", "expire", "--yes"], &["apply", "expire"]] {
        let ran = ends(&server, verb, 4);
        for word in ["REFUSED", "101 unforeseen deletions, more than max-delete 100", "What to do:"] {
            assert!(ran.stdout.contains(word), "{word}:\n{}", ran.stdout);
        }
        assert_eq!(ran.stdout.matches("REFUSED: nothing").count(), 1, "it is said once");
    }
    assert_eq!(calls(&world, "DeleteSnapshot"), 0);
    ends(&server, &["apply", "expire", "--yes", "--max-delete", "101", "--max-delete-percent", "100"], 0);
    assert_eq!(left(&world).len(), 1);
}

#[test]
fn a_denied_deletion_is_partly_done_and_denied_everything_is_failed() {
    let _proof = ebskeep_proofs::proves(&["6.22", "6.24"]);
    let Scene { world, server, goes, .. } = scene();
    // Without its mark nothing is deleted; and no mark is to be waited for.
    refuse(&world, "CreateTags", "UnauthorizedOperation", None);
    let ran = ends(&server, &["apply", "expire", "--yes"], 1);
    assert!(ran.stdout.contains(&format!("delete  {goes}  not permitted")), "{}", ran.stdout);
    assert_eq!(calls(&world, "DeleteSnapshot"), 0);
    let ran = ends(&server, &["apply", "--yes"], 3);
    assert!(ran.stdout.contains("Partly done"), "{}", ran.stdout);
}

/// What somebody does to a plan.
type Change = fn(&mut Value);

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut plan: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut plan);
    std::fs::write(path, serde_json::to_vec_pretty(&plan).unwrap()).unwrap();
}

#[test]
fn a_saved_plan_is_carried_out_and_an_edited_one_refused() {
    let _proof = ebskeep_proofs::proves(&["6.114"]);
    let Scene { world, server, stays, goes, foreign } = scene();
    let path = directory("saved").join("plan.json");
    let file = path.to_str().unwrap();
    let ran = ends(&server, &["plan", "expire", "--out", file], 0);
    assert!(ran.stderr.contains("apply --plan"), "{}", ran.stderr);
    for victim in [stays.as_str(), foreign.as_str(), "snap-0123456789abcdef0"] {
        ends(&server, &["plan", "expire", "--out", file], 0);
        edit(&path, |plan| {
            let mut action = plan["actions"][0].clone();
            action["snapshot_id"] = victim.into();
            plan["actions"].as_array_mut().unwrap().push(action);
        });
        let ran = ends(&server, &["apply", "--plan", file, "--yes"], 4);
        assert!(ran.stdout.contains(victim) && ran.stdout.contains("saved-plan-actions"), "{}", ran.stdout);
    }
    let changes: [(&str, Change); 3] = [
        ("saved-plan-age", |plan| plan["now"] = "2026-01-01T00:00:00Z".into()),
        ("saved-plan-place", |plan| plan["account"] = "999999999999".into()),
        ("saved-plan-actions", |plan| plan["actions"][0]["size_gib"] = 9.into()),
    ];
    for (check, change) in changes {
        ends(&server, &["plan", "expire", "--out", file], 0);
        edit(&path, change);
        let ran = ends(&server, &["apply", "--plan", file, "--yes"], 4);
        assert!(ran.stdout.contains(check), "{check}: {}", ran.stdout);
    }
    assert_eq!(left(&world).len(), 3);
    ends(&server, &["plan", "expire", "--out", file], 0);
    let ran = ends(&server, &["apply", "--plan", file, "--region", "us-east-1"], 2);
    assert!(ran.stderr.contains("eu-west-1"), "{}", ran.stderr);
    ends(&server, &["apply", "--plan", file], 2);
    // A shell may have written it anew, in its own encoding.
    let plan = format!("\u{feff}{}", std::fs::read_to_string(&path).unwrap());
    std::fs::write(&path, plan.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    ends(&server, &["apply", "--plan", file, "--yes"], 0);
    assert!(!left(&world).contains(&goes));
}

#[test]
fn a_saved_plan_of_several_regions_is_carried_out_in_all_of_them() {
    let world = world();
    for region in ["eu-west-1", "us-east-1"] {
        crate::world::volume_in(&world, region, &[("Backup", "Yes")]);
    }
    let server = Server::of(&world);
    let path = directory("several").join("plans.json");
    let file = path.to_str().unwrap();
    ends(&server, &["plan", "create", "--region", "eu-west-1", "--region", "us-east-1", "--out", file], 0);
    let ran = ends(&server, &["apply", "--plan", file, "--format", "json"], 0);
    let reports: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(reports["reports"].as_array().unwrap().len(), 2);
    assert_eq!(left(&world).len(), 2);
}

#[test]
fn a_damaged_plan_ends_with_2_and_its_line() {
    let Scene { world, server, .. } = scene();
    let path = directory("damaged").join("plan.json");
    let file = path.to_str().unwrap();
    ends(&server, &["plan", "expire", "--out", file], 0);
    let good = std::fs::read_to_string(&path).unwrap();
    let line = |needle: &str| good.lines().position(|line| line.contains(needle)).unwrap() + 1;
    for (text, said) in [
        (good.replace("\"actions\":", "\"actions\""), format!("line {}", line("\"actions\""))),
        // The place told is the end of the action that is wrong.
        (good.replace("\"size_gib\": 8", "\"size_gib\": \"8\""), format!("line {}", line("\"size_gib\"") + 2)),
        (good.replace("\"size_gib\"", "\"size\""), "unknown field `size`".to_owned()),
        (good.replace("delete-snapshot", "delete-volume"), "delete-volume".to_owned()),
        (good.replace("ebskeep.plan/1", "ebskeep.plan/2"), "ebskeep.plan/2".to_owned()),
        (good.chars().take(200).collect(), "EOF".to_owned()),
        (String::new(), "EOF".to_owned()),
        ("{\"schema\": \"ebskeep.plans/1\", \"plans\": []}".to_owned(), "no plan".to_owned()),
    ] {
        std::fs::write(&path, text).unwrap();
        let ran = ends(&server, &["apply", "--plan", file, "--yes"], 2);
        assert!(ran.stderr.contains(&said) && ran.stderr.contains(file), "{said}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(left(&world).len(), 3);
}

#[test]
fn every_document_is_what_its_schema_says() {
    let Scene { server, .. } = scene();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    let path = directory("schema").join("plan.json");
    let several = ["--region", "eu-west-1", "--region", "us-east-1"];
    let lists = |verb: &[&'static str]| -> Vec<&str> { verb.iter().copied().chain(several).collect() };
    ends(&server, &["plan", "--out", path.to_str().unwrap()], 0);
    for (arguments, schema) in [
        (vec!["plan", "-v"], "ebskeep.plan/1"),
        (lists(&["plan"]), "ebskeep.plans/1"),
        (lists(&["apply", "create"]), "ebskeep.reports/1"),
        (vec!["apply", "--yes"], "ebskeep.report/1"),
    ] {
        let mut arguments = arguments;
        arguments.extend(["--format", "json"]);
        let document: Value = serde_json::from_str(&ends(&server, &arguments, 0).stdout).unwrap();
        assert_eq!(document["schema"], schema);
        conforms(&docs, &document);
    }
    conforms(&docs, &serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
}

/// What was printed, if it is a document of that schema.
#[track_caller]
pub(crate) fn valid(ran: &Ran, schema: &str) -> Value {
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["schema"], schema);
    conforms(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema"), &document);
    document
}

fn conforms(docs: &Path, document: &Value) {
    let name = document["schema"].as_str().unwrap().replace('/', "-");
    let schema: Value =
        serde_json::from_slice(&std::fs::read(docs.join(format!("{name}.schema.json"))).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
    let mut wrong = document.clone();
    wrong["schema"] = "something else".into();
    assert!(!validator.is_valid(&wrong), "a schema that takes anything shows nothing");
}

/// A process that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_served_demo_is_an_ec2_with_something_to_do() {
    let mut served = std::process::Command::new(crate::server::program())
        .args(["demo", "--serve", "127.0.0.1:0"])
        .env_clear()
        .envs(crate::server::hermetic())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(served.stdout.take().unwrap()));
    let mut served = Killed(served);
    // What a shell would evaluate.
    let variables: Vec<(String, String)> = lines
        .take(4)
        .map(|line| {
            let line = line.unwrap();
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let ebskeep = |arguments: &[&str]| {
        let mut command = crate::server::ebskeep();
        command.envs(variables.iter().cloned()).args(arguments).output().unwrap()
    };
    let output = ebskeep(&["plan", "--detailed-exitcode"]);
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    let plan = String::from_utf8(output.stdout).unwrap();
    assert!(plan.contains("CREATE") && plan.contains("DELETE") && plan.contains("keep-forever"), "{plan}");
    assert_eq!(ebskeep(&["apply", "--yes"]).status.code(), Some(0));
    let pid = served.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(served.0.wait().unwrap().code(), Some(0), "SIGTERM ends it");
}
