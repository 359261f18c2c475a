//! An inventory from files: what `aws ec2 describe-…` prints, instead of AWS.
//!
//! What the files hold is what was listed. A kind that no file has could not be
//! listed, and neither could what a file says is on a further page.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::inventory::Inventory;
use ebskeep_core::setting::Settings;
use ebskeep_files::{Kind, Listed};
use jiff::Timestamp;

use crate::cli::{AwsArgs, InventoryArgs};
use crate::error::Failure;

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
    Ok(listed.into_inventory(place, args.now.unwrap_or_else(Timestamp::now), settings))
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
    ebskeep_files::documents(file, listed).map_err(|error| {
        Failure::usage(anyhow!("{name}: {error}"))
            .hint("it has to be JSON as `aws ec2 describe-… --output json` prints it, without --query")
    })?;
    if !listed.file_had_any() {
        let all: Vec<&str> = Kind::WITH_KEY.iter().map(|kind| kind.key()).collect();
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
