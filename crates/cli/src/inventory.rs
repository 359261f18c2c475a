//! An inventory from files: what `aws ec2 describe-…` prints, instead of AWS.
//!
//! What the files hold is what was listed. A kind that no file has could not be
//! listed, and neither could what a file says is on a further page.

mod describe;
mod reader;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::inventory::{Inventory, Listing};
use ebskeep_core::lineage::missing_volumes;
use ebskeep_core::setting::Settings;
use jiff::Timestamp;

use crate::cli::{AwsArgs, InventoryArgs};
use crate::error::Failure;
use describe::{Kind, Listed};

/// Reads the files of `--inventory`.
pub(crate) fn read(args: &InventoryArgs, aws: &AwsArgs, settings: &Settings) -> Result<Inventory, Failure> {
    refuse_what_needs_aws(aws)?;
    let mut listed = Listed::default();
    let mut standard_input = false;
    for path in &args.inventory {
        let name = path.display().to_string();
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut standard_input, true) {
                return Err(Failure::usage(anyhow!("standard input can be read only once")));
            }
            read_one(stdin().lock(), "standard input", &mut listed)?;
        } else {
            read_one(open(path)?, &name, &mut listed)?;
        }
    }
    let place = Place { account: account(args.account.as_deref(), &listed)?, region: region(&aws.regions)? };
    Ok(inventory(listed, place, args.now.unwrap_or_else(Timestamp::now), settings))
}

fn refuse_what_needs_aws(aws: &AwsArgs) -> Result<(), Failure> {
    let AwsArgs { regions: _, profile, endpoint_url } = aws;
    for (given, flag) in [(profile.is_some(), "--profile"), (endpoint_url.is_some(), "--endpoint-url")] {
        if given {
            return Err(Failure::usage(anyhow!("{flag} means nothing with --inventory, which reaches no AWS")));
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).with_context(|| format!("{} cannot be read", path.display())).map_err(|error| {
        Failure::usage(error).hint("--inventory takes files up to the next flag; name jobs and ids before it")
    })
}

fn read_one(file: impl Read, name: &str, listed: &mut Listed) -> Result<(), Failure> {
    listed.file_begins(name);
    reader::documents(BufReader::new(file), listed).map_err(|error| {
        Failure::usage(anyhow!("{name}: {error}"))
            .hint("it has to be JSON as `aws ec2 describe-… --output json` prints it, without --query")
    })?;
    if !listed.file_had_any() {
        let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.key()).collect();
        return Err(Failure::usage(anyhow!("{name}: it has none of {}", all.join(", ")))
            .hint("it has to be JSON as `aws ec2 describe-… --output json` prints it, without --query"));
    }
    Ok(())
}

/// Whose the files are: as said, or the one owner of all snapshots in them.
fn account(given: Option<&str>, listed: &Listed) -> Result<AccountId, Failure> {
    if let Some(given) = given {
        if given.len() == 12 && given.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(AccountId::new(given));
        }
        return Err(Failure::usage(anyhow!("--account {given:?} is no account id of twelve digits")));
    }
    let owners: BTreeSet<&AccountId> = listed.snapshots.iter().map(|snapshot| &snapshot.owner).collect();
    match owners.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::usage(anyhow!("the files do not say whose they are")).hint("give --account")),
        [_, _, ..] => Err(Failure::usage(anyhow!("the snapshots in the files have several owners"))
            .hint("give --account; list snapshots with --owner-ids self")),
    }
}

/// Where the files are from: one `--region`, or the environment's.
fn region(given: &[String]) -> Result<Region, Failure> {
    let environment = || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
    match given {
        [one] if one != "all" => Ok(Region::new(one.as_str())),
        [] => environment().filter(|name| !name.is_empty()).map(Region::new).ok_or_else(|| {
            Failure::usage(anyhow!("the files do not say which Region they are from")).hint("give --region")
        }),
        _ => Err(Failure::usage(anyhow!("files are from one Region: give --region once, with its name"))),
    }
}

fn inventory(listed: Listed, place: Place, now: Timestamp, settings: &Settings) -> Inventory {
    let Listed { instances, volumes, snapshots, images, gaps } = listed;
    let mut gaps = gaps.into_gaps();
    let mut gap = |kind: Kind| gaps.remove(&kind);
    let mut inventory = Inventory {
        place,
        now,
        observed_at: now,
        machine_clock: None,
        instances: listing(instances, |instance| instance.id.clone(), gap(Kind::Instances)),
        volumes: listing(volumes, |volume| volume.id.clone(), gap(Kind::Volumes)),
        snapshots: listing(snapshots, |snapshot| snapshot.id.clone(), gap(Kind::Snapshots)),
        images: listing(images, |image| image.id.clone(), gap(Kind::Images)),
        locks: Listing::default(),
        tiers: Listing::default(),
        confirmed_gone: BTreeSet::new(),
    };
    // The files are all there is to ask: a volume in none of them is gone, if
    // they list volumes at all.
    if inventory.volumes.is_complete() {
        inventory.confirmed_gone = missing_volumes(&inventory, settings).into_iter().collect();
    }
    inventory
}

/// Sorted and each once, as an observation is; of an item in two files the
/// later one counts.
fn listing<T, I: Ord>(mut items: Vec<T>, id: impl Fn(&T) -> I, gap: Option<String>) -> Listing<T> {
    // Stable, so that the later of two stays behind the earlier.
    items.sort_by_cached_key(&id);
    items.reverse();
    items.dedup_by(|a, b| id(a) == id(b));
    items.reverse();
    Listing { items, gap }
}
