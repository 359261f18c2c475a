//! Wrong usage: exit code 2, what is wrong by name, and nothing on stdout.

use crate::server::ebskeep;

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn wrong_usage_ends_with_2_and_names_what_is_wrong() {
    let _proof = ebskeep_proofs::proves(&["6.23", "7.3"]);
    for (arguments, named) in [
        (&[][..], "Usage"),
        (&["plan", "everything"], "everything"),
        (&["plan", "--no-such-flag"], "--no-such-flag"),
        (&["apply", "--now", "2026-01-01T00:00:00Z"], "--now"),
        (&["plan", "--now", "yesterday"], "yesterday"),
        (&["plan", "--max-delete", "lots"], "--max-delete: \"lots\""),
        (&["plan", "--default-retention", "-1d"], "--default-retention: \"-1d\""),
        (&["plan", "--key-backup", "Retention"], "same key"),
        (&["plan", "--region", "Mars 1"], "\"Mars 1\""),
        (&["plan", "--region", "all", "--region", "eu-west-1"], "--region all"),
        (&["plan", "--region", "eu-west-1", "--endpoint-url", "no url"], "no url"),
        (&["plan"], "no Region"),
        (&["plan", "--quiet", "--verbose"], "--verbose"),
        (&["plan", "--account", "123456789012"], "--inventory"),
        (&["apply", "expire", "--plan", "plan.json"], "--plan"),
        (&["apply", "--plan", "/nonexistent/plan.json"], "/nonexistent/plan.json"),
        (&["plan", "--inventory", "/nonexistent/volumes.json"], "/nonexistent/volumes.json"),
        (&["forecast", "--schedule", "Yse"], "--schedule \"Yse\""),
        (&["forecast", "--schedule", "No"], "not backed up"),
        (&["forecast", "--retention", "0"], "--retention \"0\""),
        (&["forecast", "--zone", "Mars"], "\"Mars\" is no IANA"),
        (&["forecast", "--size", "0"], "--size"),
        (&["forecast", "--for", "101y"], "at most 100y"),
        (&["forecast", "--for", "soon"], "--for \"soon\""),
        (&["forecast", "--expire-every", "0"], "--expire-every \"0\""),
        (&["forecast", "--start", "today"], "--start \"today\""),
        (&["forecast", "--start", "2026-01-01", "--for", "1y", "--on", "2027-01-01"], "not in the span"),
        (&["forecast", "--start", "2026-01-02", "--on", "2026-01-01"], "not in the span"),
        (&["forecast", "--on", "2026-02-30"], "--on \"2026-02-30\""),
        (&["forecast", "--start", "2026-01-01", "--now", "2026-01-01T00:00:00Z"], "--now"),
        (&["forecast", "--schedule", "daily", "--inventory", "x.json"], "--inventory"),
        (&["forecast", "--region", "eu-west-1"], "--region means nothing"),
        (&["forecast", "--profile", "x"], "--profile means nothing"),
        (&["forecast", "--chart", "/dev/null"], "no regular file"),
        (&["demo", "--empty"], "--serve"),
        (&["demo", "--region", "eu-west-1"], "--region means nothing"),
        (&["demo", "--serve", "0.0.0.0:0"], "loopback"),
        (&["man", "--max-delete", "1"], "--max-delete means nothing"),
        (&["completions", "bash", "--format", "json"], "--format means nothing"),
        (&["completions", "tcl"], "tcl"),
    ] {
        let output = ebskeep().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn variables_set_settings_and_unknown_ones_are_errors() {
    let _proof = ebskeep_proofs::proves(&["7.2", "7.3"]);
    for (name, value, named) in [
        ("EBSKEEP_MAX_DELETE", "lots", "EBSKEEP_MAX_DELETE: \"lots\""),
        ("EBSKEEP_MAX_DELETE", "", "EBSKEEP_MAX_DELETE: \"\""),
        ("EBSKEEP_MAXDELETE", "5", "EBSKEEP_MAXDELETE"),
    ] {
        let output = ebskeep().args(["plan", "--region", "eu-west-1"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{name}={value}: {}", stderr(&output));
    }
    // A flag beats its variable, and the functions' variable is no setting: so
    // what fails is only that there are no credentials.
    let output = ebskeep()
        .args(["plan", "--region", "eu-west-1", "--max-delete", "5"])
        .env("EBSKEEP_MAX_DELETE", "lots")
        .env("EBSKEEP_JOB", "create")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn help_tells_somebody_new_what_it_is() {
    let output = ebskeep().arg("--help").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["Backup=Yes", "Retention", "KeepForever", "Examples:", "ebskeep demo", "Exit codes:", "130", "SSO"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn completions_and_the_manual_page_come_out_whole() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = ebskeep().args(["completions", shell]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("detailed-exitcode"), "{shell}");
    }
    let page = String::from_utf8(ebskeep().arg("man").output().unwrap().stdout).unwrap();
    for word in [".TH", "EBSKEEP APPLY", "max\\-delete", "KeepForever", "detailed\\-exitcode"] {
        assert!(page.contains(word), "{word}");
    }
}
