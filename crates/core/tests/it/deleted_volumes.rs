//! Which missing volumes are looked up (docs/semantics.md 3, R12).

use ebskeep_core::plan::unsettled_volumes;
use ebskeep_core::setting::Settings;

use crate::world::Scenario;

/// Volumes that are not listed, each with one snapshot: so many of which it would go, and so many of which
/// it would not.
fn world(losing: usize, others: usize, marked: &str) -> Scenario {
    let snapshot = |volume: String, start: &str, rest: &str| {
        format!(
            "[[snapshot]]\nid = \"snap-{volume}\"\nvolume = \"{volume}\"\nstart = \"{start}\"\nslot = \"{start}\"\n\
             tags = [\"ebskeep:retention=36h\"{rest}]\n"
        )
    };
    let lost = (0..losing).map(|n| snapshot(format!("vol-lost-{n:04}"), "2025-03-10T00:00:00Z", ""));
    let kept = (0..others).map(|n| {
        let volume = format!("vol-kept-{n:04}");
        let mark = marked.replace('_', &volume);
        snapshot(volume, &format!("2026-03-09T00:00:{:02}Z", n % 60), &mark)
    });
    let text = "proves = []\nnow = \"2026-03-10T12:00:00Z\"\njobs = [\"expire\"]\n[[volume]]\nid = \"vol-a\"\n"
        .to_owned()
        + &lost.chain(kept).collect::<String>()
        + "[expect]\nplan = \"\"\n";
    toml::from_str(&text).unwrap()
}

fn asked(scenario: &Scenario) -> Vec<String> {
    let volumes = unsettled_volumes(&scenario.inventory(), &Settings::default());
    volumes.iter().map(ToString::to_string).collect()
}

#[test]
fn beyond_those_that_would_lose_something_at_most_forty_look_ups_are_made() {
    let _proof = ebskeep_proofs::proves(&["R12.7"]);
    // One filter names them all.
    assert_eq!(asked(&world(0, 30, "")).len(), 30);
    let some = asked(&world(3, 100, ""));
    assert_eq!(some.len(), 3 + 39);
    // Of the others the newest first.
    assert!(some.contains(&"vol-kept-0059".to_owned()) && !some.contains(&"vol-kept-0000".to_owned()), "{some:?}");
    // 7,685 take 39 filters.
    let many = asked(&world(7_685, 100, ""));
    assert_eq!(many.len(), 7_685 + 1);
    assert!(many.len().div_ceil(200) + many.len() <= 40 + 7_685);
}

#[test]
fn what_is_marked_is_asked_for_only_once_something_of_it_goes() {
    let _proof = ebskeep_proofs::proves(&["R12.7"]);
    assert_eq!(asked(&world(0, 30, ", \"ebskeep:gone=2026-03-09T12:00:00Z _\"")).len(), 0);
    // A mark of another volume is none.
    assert_eq!(asked(&world(0, 30, ", \"ebskeep:gone=2026-03-09T12:00:00Z vol-x\"")).len(), 30);
    // A listing that broke off names nothing that is missing.
    let mut scenario = world(3, 0, "");
    scenario.partial = vec!["volumes".to_owned()];
    assert_eq!(asked(&scenario).len(), 0);
}
