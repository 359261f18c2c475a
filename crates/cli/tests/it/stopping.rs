//! Signals, pipes and questions on a terminal.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::server::{Fate, Server, directory, hermetic, program};
use crate::world::{backup, calls, left, volume, volume_in, world};

fn spawn(server: &Server, arguments: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.env_clear().envs(hermetic()).envs(server.variables()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[track_caller]
fn until(what: &str, reached: impl Fn() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ended(child: Child) -> (Option<i32>, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn interrupted_while_it_plans_it_ends_with_130() {
    let _proof = ebskeep_proofs::proves(&["6.27"]);
    let world = world();
    let server =
        Server::with(&world, |body| if body.contains("DescribeImages") { Fate::Unanswered } else { Fate::Answered });
    for (verb, name) in [("plan", "-INT"), ("apply", "-TERM")] {
        let before = calls(&world, "DescribeVolumes");
        let child = spawn(&server, &[verb]);
        until("it lists volumes", || calls(&world, "DescribeVolumes") > before);
        signal(&child, name);
        let (code, stdout, stderr) = ended(child);
        assert_eq!((code, stdout.as_str()), (Some(130), ""), "{stderr}");
        assert!(stderr.contains("nothing was done"), "{stderr}");
    }
}

/// Where nobody is asked one Region acts while another is still planned: that nothing was
/// done there must be said.
#[test]
fn a_region_that_had_no_plan_yet_when_it_was_interrupted_is_named() {
    let world = world();
    for region in ["eu-west-1", "us-east-1"] {
        volume_in(&world, region, &[("Backup", "Yes")]);
    }
    let listings = AtomicUsize::new(0);
    let server = Server::with(&world, move |body| {
        let second = body.contains("DescribeImages") && listings.fetch_add(1, Ordering::Relaxed) == 1;
        if second { Fate::Unanswered } else { Fate::Answered }
    });
    let child = spawn(&server, &["apply", "create", "--region", "eu-west-1", "--region", "us-east-1"]);
    until("one of them is backed up", || calls(&world, "CreateSnapshot") == 1);
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "-INT");
    let (code, stdout, stderr) = ended(child);
    assert_eq!(code, Some(3), "{stdout}{stderr}");
    assert!(stdout.contains("Created 1 snapshot"), "{stdout}");
    let named = |region: &str| stderr.contains(&format!("{region}: interrupted; nothing was done"));
    assert!(named("eu-west-1") != named("us-east-1"), "{stderr}");
}

#[test]
fn interrupted_while_it_acts_it_awaits_what_is_under_way_begins_nothing_more_and_reports() {
    let _proof = ebskeep_proofs::proves(&["6.27"]);
    for name in ["-INT", "-TERM"] {
        let world = world();
        for _ in 0..3 {
            let of = volume(&world, &[("Backup", "Yes")]);
            backup(&world, &of, 1);
            backup(&world, &of, 20);
        }
        let server = Server::with(&world, |body| {
            if body.contains("Action=CreateSnapshot&") {
                std::thread::sleep(Duration::from_millis(1_500));
            }
            Fate::Answered
        });
        let begun = Instant::now();
        let child = spawn(&server, &["apply", "--yes"]);
        until("it has planned", || calls(&world, "DescribeImages") == 1);
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, name);
        let (code, stdout, stderr) = ended(child);
        assert_eq!(code, Some(3), "{stdout}{stderr}");
        assert_eq!((calls(&world, "CreateSnapshot"), calls(&world, "DeleteSnapshot")), (3, 0));
        for word in ["Created 3 snapshots", "Interrupted", "not begun"] {
            assert!(stdout.contains(word), "{word}:\n{stdout}");
        }
        assert!(stderr.contains("once more ends at once"), "{stderr}");
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let world = world();
    volume(&world, &[("Backup", "Yes")]);
    let hung = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let server = Server::with(&world, {
        let hung = std::sync::Arc::clone(&hung);
        move |body| {
            if body.contains("Action=CreateSnapshot&") {
                hung.store(true, std::sync::atomic::Ordering::SeqCst);
                Fate::Unanswered
            } else {
                Fate::Answered
            }
        }
    });
    let child = spawn(&server, &["apply"]);
    until("it creates", || hung.load(std::sync::atomic::Ordering::SeqCst));
    signal(&child, "-INT");
    std::thread::sleep(Duration::from_millis(300));
    let second = Instant::now();
    signal(&child, "-INT");
    let (code, _, _) = ended(child);
    assert_eq!(code, Some(130));
    assert!(second.elapsed() < Duration::from_secs(5), "the grace is 10 s");
}

#[test]
fn a_broken_pipe_is_quiet() {
    let world = world();
    for _ in 0..2_000 {
        volume(&world, &[("Backup", "Yes")]);
    }
    let server = Server::of(&world);
    for arguments in [&["plan", "-v"][..], &["plan", "--format", "json"], &["man"], &["completions", "bash"]] {
        let mut child = spawn(&server, arguments);
        drop(child.stdout.take());
        let (code, _, stderr) = ended(child);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    // One that has read a little.
    let mut child = spawn(&server, &["plan", "-v"]);
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 10]).unwrap();
    drop(out);
    assert_eq!(ended(child).0, Some(0));
    // Backups are made all the same.
    let mut child = spawn(&server, &["apply", "create", "--api-share", "100"]);
    drop(child.stdout.take());
    until("it creates", || left(&world).len() > 50);
    signal(&child, "-INT");
    assert_eq!(ended(child).0, Some(3));
}

/// Runs it on a terminal of 80 columns, types an answer, and gives back what
/// the terminal showed.
fn on_a_terminal(
    server: &Server,
    arguments: &[&str],
    answer: &str,
    variables: &[(&str, &str)],
) -> (Option<i32>, String) {
    let line = format!("stty cols 80; exec {} {}", program(), arguments.join(" "));
    let log = directory("terminal").join(format!("{:?}", std::thread::current().id()));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command", &line]).arg(&log);
    command.env_clear().envs(hermetic()).envs(server.variables()).env("TERM", "xterm").env("SHELL", "/bin/sh");
    command.envs(variables.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(answer.as_bytes()).unwrap();
    // The terminal stays open to the end, as a person's does.
    let output = child.wait_with_output().unwrap();
    drop(input);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn on_a_terminal_deleting_asks_and_the_answer_is_no_unless_it_is_yes() {
    let answers =
        [("n\n", 130, false), ("\n", 130, false), ("yess\n", 130, false), ("y\n", 0, true), ("Yes\n", 0, true)];
    for (answer, code, deleted) in answers {
        let world = world();
        let of = volume(&world, &[("Backup", "Yes")]);
        backup(&world, &of, 0);
        let goes = backup(&world, &of, 20);
        let server = Server::of(&world);
        for arguments in
            [&["apply", "expire"][..], &["apply", "expire", "--quiet"], &["apply", "expire", "--format", "json"]]
        {
            let (ended, shown) = on_a_terminal(&server, arguments, answer, &[]);
            assert_eq!(ended, Some(code), "{answer:?} {shown}");
            assert!(shown.contains("Delete 1 snapshot in eu-west-1? [y/N]"), "{shown}");
            assert!(shown.contains(&goes), "what it asks about is shown: {shown}");
            assert_eq!(!left(&world).contains(&goes), deleted, "{answer:?}");
            if deleted {
                break;
            }
        }
    }
}

#[test]
fn colours_are_for_terminals_and_no_color_takes_them_away() {
    let world = crate::trouble::refused_world();
    let server = Server::of(&world);
    // Red and bold: what is refused stands out.
    let red = "\x1b[1;31mREFUSED";
    let (code, shown) = on_a_terminal(&server, &["plan", "expire"], "", &[]);
    assert_eq!(code, Some(4));
    assert!(shown.contains(red), "{shown}");
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let (_, shown) = on_a_terminal(&server, &["plan", "expire", "--quiet"], "", &variables);
        assert!(shown.contains("REFUSED") && !shown.contains("\x1b["), "{variables:?} {shown:?}");
    }
    let output = server.ebskeep().args(["plan", "expire"]).output().unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains('\x1b'));
    assert!(output.stderr.is_empty(), "no progress where there is no terminal");
}
