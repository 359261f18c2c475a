//! From flags and the standard chain to the Places to work in.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::anyhow;
use ebskeep_aws::{Aws, Options, connect};
use ebskeep_core::cloud::{Clock, Clouds};
use ebskeep_core::id::{Place, Region};
use ebskeep_core::paced::patiently;
use jiff::Timestamp;

use crate::cli::AwsArgs;
use crate::error::Failure;

/// AWS, and where in it to work.
pub(crate) struct Target {
    /// The way there.
    pub(crate) aws: Aws,
    /// The Places, each once; never none.
    pub(crate) places: Vec<Place>,
    /// Whether several Regions were asked for, so that the output is a list
    /// even of one.
    pub(crate) several: bool,
}

/// Connects, and finds out which account and Regions are meant. `of_plan` are
/// the Regions of a saved plan, which leaves no choice.
pub(crate) async fn places(args: &AwsArgs, of_plan: Option<&[Region]>) -> Result<Target, Failure> {
    let AwsArgs { regions: given, profile, endpoint_url } = args;
    let all = given.iter().any(|name| name == ALL);
    if all && given.len() > 1 {
        return Err(Failure::usage(anyhow!("--region all already names every Region; leave the others out")));
    }
    let named = named(given)?;
    if let (Some(of_plan), false, false) = (of_plan, all, named.is_empty())
        && let Some(elsewhere) = of_plan.iter().find(|region| !named.contains(region))
    {
        return Err(Failure::usage(anyhow!("the plan is for {elsewhere}, which --region does not name"))
            .hint("leave --region out: the plan says where it is carried out"));
    }
    let options = Options {
        profile: profile.clone(),
        region: of_plan.and_then(<[Region]>::first).or(named.first()).cloned(),
        endpoint_url: endpoint_url.clone(),
        user_agent_extra: None,
    };
    let aws = connect(options).await.map_err(|error| Failure::usage(error.into()))?;
    let (regions, several) = match of_plan {
        Some(of_plan) => (Some(of_plan.to_vec()), of_plan.len() > 1),
        None if all => (None, true),
        None if !named.is_empty() => (Some(named.clone()), named.len() > 1),
        None => match aws.default_region() {
            Some(region) => (Some(vec![region.clone()]), false),
            None => {
                return Err(Failure::usage(anyhow!("no Region is named"))
                    .hint("give --region, set AWS_REGION, or set a region in the profile; --region all is every one"));
            }
        },
    };
    let account = patiently(&SystemClock, async || aws.identity().await).await?.account;
    let regions = match regions {
        Some(regions) => regions,
        None => patiently(&SystemClock, async || aws.regions().await).await?,
    };
    let places = regions.into_iter().map(|region| Place { account: account.clone(), region }).collect();
    Ok(Target { aws, places, several })
}

/// What stands for every enabled Region.
const ALL: &str = "all";

/// The Regions named, each once, sorted as `all` is.
fn named(given: &[String]) -> Result<Vec<Region>, Failure> {
    let mut regions = BTreeSet::new();
    for name in given.iter().filter(|name| *name != ALL) {
        // It becomes part of a host name.
        let valid = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !name.starts_with('-');
        if !valid {
            let error = anyhow!("--region {name:?} is no Region's name");
            return Err(Failure::usage(error).hint("names look like eu-west-1; several Regions take several --region"));
        }
        regions.insert(Region::new(name.as_str()));
    }
    Ok(regions.into_iter().collect())
}

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Refuses several Regions, for verbs that name things of one.
pub(crate) fn one_region(args: &AwsArgs) -> Result<(), Failure> {
    if args.regions.len() > 1 || args.regions.iter().any(|name| name == ALL) {
        return Err(Failure::usage(anyhow!("this works in one Region: give --region once, with its name")));
    }
    Ok(())
}
