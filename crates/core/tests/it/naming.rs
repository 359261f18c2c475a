//! The names that plans are told with, against docs/semantics.md 8.

use std::collections::BTreeSet;
use std::path::Path;

/// Names that no plan of a scenario has, and where else they come from.
const ELSEWHERE: [(&str, &str); 12] = [
    ("not-listed", "told by a run of what it could not list"),
    ("listing-mismatch", "the same"),
    ("locks-unknown", "the same"),
    ("tiers-unknown", "the same"),
    ("carried-tags-refused", "told by apply"),
    ("stray-set-member", "told by apply"),
    ("place-refused", "told by apply"),
    ("near-key", "told by watch"),
    ("fixed-zone", "told by watch"),
    ("no-effect", "told by watch"),
    ("automated-not-ours", "told by watch"),
    ("matched-nothing", "told by watch"),
];

/// The page's section 8: the names of the first column of its tables, and those of its
/// lists.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/semantics.md");
    let (_, section) = page.split_once("\n## 8. ").unwrap();
    let mut names = BTreeSet::new();
    let mut lists = String::new();
    for line in section.lines() {
        match line.strip_prefix("| `") {
            Some(row) => drop(names.insert(row.split('`').next().unwrap().to_owned())),
            None if line.starts_with('|') => {}
            None => lists.extend([line, "\n"]),
        }
    }
    let lists = lists.split("\n\n").map(str::trim);
    let listed = lists.filter(|part| part.starts_with("**Rules of snapshots") || part.starts_with("**Problems"));
    for part in listed {
        let quoted = part.split('`').skip(1).step_by(2).map(str::to_owned);
        names.extend(quoted);
    }
    names
}

/// The names in the plans that scenarios expect.
#[expect(clippy::disallowed_methods, reason = "scenarios are files")]
fn shown() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    for part in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(part.unwrap().path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let (_, plan) = text.split_once("plan = '''").unwrap();
            for line in plan.lines() {
                let mut words = line.split_whitespace();
                match words.next() {
                    Some("create" | "skip" | "keep" | "delete" | "ignore") if !line.starts_with(' ') => {
                        names.extend(words.skip(1).filter(|word| !word.contains('=')).map(str::to_owned));
                    }
                    Some("copies") => names.extend(words.nth(3).map(str::to_owned)),
                    Some("problem" | "finding") => names.extend(words.nth(1).map(str::to_owned)),
                    _ => {}
                }
            }
        }
    }
    names
}

#[test]
fn every_name_is_on_the_page_and_in_some_scenario() {
    let _proof = ebskeep_proofs::proves(&["8.1"]);
    let (documented, mut shown) = (documented(), shown());
    assert!(documented.len() > 50, "the page no longer looks as this test expects: {documented:?}");
    for (name, _) in ELSEWHERE {
        assert!(shown.insert(name.to_owned()), "{name} is in a scenario: take it off the list");
    }
    let missing: Vec<_> = shown.difference(&documented).collect();
    assert!(missing.is_empty(), "not in docs/semantics.md 8: {missing:?}");
    let unseen: Vec<_> = documented.difference(&shown).collect();
    assert!(unseen.is_empty(), "in docs/semantics.md 8, but in no scenario: {unseen:?}");
}
