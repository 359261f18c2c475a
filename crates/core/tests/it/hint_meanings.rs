//! No hint of `watch` changes what was meant: values are generated together with what they
//! mean, and what a hint means is compared with that for a year. What a value means is worked
//! out here from what it was generated from, by readings of their own: AWS's cron, clocks,
//! periods, ages and zones. A value that can mean two things may have no hint at all.

mod ages;
mod schedules;
mod zones;

use std::sync::LazyLock;

use ebskeep_core::inventory::{Attachment, Device, Inventory, Volume};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use ebskeep_core::watch::{Look, watch};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use crate::adopting::account;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but without `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end).unwrap()).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// The text with one slip: a letter missing, doubled, swapped with the next or another one.
    fn slip(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        let at = self.below(letters.len());
        match self.below(4) {
            0 => drop(letters.remove(at)),
            1 => letters.insert(at, letters[at]),
            2 if at + 1 < letters.len() => letters.swap(at, at + 1),
            _ => letters[at] = char::from(b'a' + u8::try_from(self.below(26)).unwrap()),
        }
        letters.into_iter().collect()
    }

    /// The text as people type: another case, quotes, blanks.
    fn sloppy(&mut self, text: &str) -> String {
        match self.below(8) {
            0 => text.to_uppercase(),
            1 => format!(" {text} "),
            2 => format!("\"{text}\""),
            3 => text.replace(' ', "  "),
            4 => format!("{text}."),
            _ => text.to_owned(),
        }
    }
}

/// How many slips are between two words: letters missing, added, changed or swapped.
fn slips(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = table[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
                let mut least = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[one.len()][other.len()]
}

/// Words of which nobody can tell what they mean as a `Backup`.
fn sloppy_words(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "None",
        "null",
        "nil",
        "n/a",
        "default",
        "gold",
        "non",
        "noe",
        "noo",
        "of",
        "ok",
        "T",
        "2",
        "24",
        "14",
        "12h",
        "7 days",
        "2330;15;utc;all",
        "true;7;utc;all",
        "Yes,No",
        "hourly,daily",
        "daily=7",
        "yes please",
        "early",
        "yet",
        "one",
        "tree",
        "every 3h30",
        "0330",
        "2026",
        "3.30",
        "!yes",
        "-1",
        "every other day",
        "every 2 weeks",
        "weekly @ 7 03:30",
        "monthly @ 0",
        "monthly @ 32 03:30",
        "every 90m",
        "every 5h",
        "every 36h",
        "at 3 or 4",
        "inabled",
        "daily 7",
        "weekday",
        "daily @ 03:30 EST",
        "daily 03:30 CET",
        "0 12 * * * *",
        "* * * * * *",
    ])
}

/// The bundled zones, each read once.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

fn named(zone: &str) -> Option<TimeZone> {
    ZONES.get(zone).ok()
}

/// The instant of a local time: after a gap its end, of a repeated time the first.
fn instant(local: DateTime, zone: &TimeZone) -> Timestamp {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(local).unwrap()
        }
        AmbiguousOffset::Gap { before, .. } => {
            // The last minute before the gap, by stepping back.
            let mut last = before.to_timestamp(local).unwrap();
            while zone.to_offset(last - 1.minute()) != before {
                last -= 1.minute();
            }
            last
        }
    }
}

fn year() -> (Timestamp, Timestamp) {
    ("2026-03-01T00:00:00Z".parse().unwrap(), "2027-03-01T00:00:00Z".parse().unwrap())
}

/// Where the tags of one case stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// All on an unattached volume.
    Volume,
    /// All on an instance that has a volume.
    Instance,
    /// The zone on the volume, everything else on its instance.
    ZoneOnVolume,
}

/// What `watch` suggests for each of these, by the key that it says to write.
fn hints(cases: &[(On, Vec<(&str, &str)>)], settings: &Settings) -> Vec<Vec<(String, String)>> {
    let mut inventory: Inventory = account([]);
    let instance = inventory.instances.items[0].clone();
    let volume = inventory.volumes.items[0].clone();
    inventory.instances.items.clear();
    inventory.volumes.items.clear();
    for (at, (on, pairs)) in cases.iter().enumerate() {
        let is_zone = |key: &str| key.to_lowercase().contains("zone");
        let own =
            |want: &dyn Fn(&str) -> bool| -> Tags { pairs.iter().copied().filter(|(key, _)| want(key)).collect() };
        let mut volume = Volume { id: format!("vol-{at}").as_str().into(), attachments: Vec::new(), ..volume.clone() };
        if *on == On::Volume {
            volume.tags = own(&|_| true);
        } else {
            let mut instance = instance.clone();
            instance.id = format!("i-{at}").as_str().into();
            let device = "/dev/sda1";
            instance.devices = vec![Device { name: device.into(), volume: volume.id.clone() }];
            volume.attachments =
                vec![Attachment { instance: instance.id.clone(), device: device.into(), attached_at: None }];
            let on_volume = |key: &str| *on == On::ZoneOnVolume && is_zone(key);
            volume.tags = own(&on_volume);
            instance.tags = own(&|key| !on_volume(key));
            inventory.instances.items.push(instance);
        }
        inventory.volumes.items.push(volume);
    }
    let mut found = vec![Vec::new(); cases.len()];
    for entry in watch(&inventory, settings, &Look::ALL).entries {
        let number = entry.resource.rsplit('-').next().and_then(|number| number.parse::<usize>().ok());
        if let (Some(at), Some(instead)) = (number, entry.instead)
            && let Some(value) = instead.value
            && entry.code != "no-effect"
            && at < cases.len()
        {
            found[at].push((instead.key.to_string(), value));
        }
    }
    found
}

#[test]
fn slips_are_counted_as_people_make_them() {
    for (one, other, count) in
        [("daily", "daily", 0), ("dialy", "daily", 1), ("daly", "daily", 1), ("tue", "true", 1), ("no", "on", 1)]
    {
        assert_eq!(slips(one, other), count, "{one} {other}");
    }
}
