//! Which Regions there are, and which are enabled.
//!
//! Source: "AWS Regions" in the AWS Regions and Availability Zones reference.
//! Regions are enabled for a whole world, not account by account.

use std::collections::BTreeSet;

use ebskeep_core::id::Region;

const ENABLED: [&str; 21] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Those an account must opt in to.
const OPT_IN: [&str; 15] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
];

#[derive(Clone, Debug, Default)]
pub(crate) struct Regions {
    /// Opt-in Regions that were opted in to.
    opted_in: BTreeSet<Region>,
    /// Regions switched off.
    off: BTreeSet<Region>,
}

/// One Region as DescribeRegions tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegionInfo {
    pub(crate) name: Region,
    pub(crate) endpoint: String,
    pub(crate) status: &'static str,
}

impl Regions {
    pub(crate) fn enable(&mut self, region: &Region) {
        self.off.remove(region);
        if OPT_IN.contains(&region.as_str()) {
            self.opted_in.insert(region.clone());
        }
    }

    pub(crate) fn disable(&mut self, region: &Region) {
        self.opted_in.remove(region);
        self.off.insert(region.clone());
    }

    pub(crate) fn exists(region: &Region) -> bool {
        ENABLED.contains(&region.as_str()) || OPT_IN.contains(&region.as_str())
    }

    pub(crate) fn enabled(&self, region: &Region) -> bool {
        !self.off.contains(region) && (ENABLED.contains(&region.as_str()) || self.opted_in.contains(region))
    }

    /// The Regions of the partition that `from` is in, in order of name.
    pub(crate) fn list(&self, from: &Region) -> Vec<RegionInfo> {
        let names: BTreeSet<&str> = ENABLED.into_iter().chain(OPT_IN).collect();
        names
            .into_iter()
            .map(Region::new)
            .filter(|r| partition(r) == partition(from))
            .map(|name| {
                let by_default = ENABLED.contains(&name.as_str());
                let status = match (self.enabled(&name), by_default) {
                    (true, true) => "opt-in-not-required",
                    (true, false) => "opted-in",
                    (false, _) => "not-opted-in",
                };
                let suffix = if partition(&name) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
                RegionInfo { endpoint: format!("ec2.{name}.{suffix}"), name, status }
            })
            .collect()
    }
}

/// The partition a Region is in.
pub(crate) fn partition(region: &Region) -> &'static str {
    if region.as_str().starts_with("cn-") {
        "aws-cn"
    } else if region.as_str().starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}
