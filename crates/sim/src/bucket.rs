//! The API's token buckets: per account, Region and action.
//!
//! Sizes and rates: EC2 Developer Guide, "Request throttling for the Amazon
//! EC2 API".

use jiff::Timestamp;

use crate::rules::Rules;

/// One token, in the unit that buckets count in: small enough that every
/// rate here refills a whole number of them in a millisecond.
const TOKEN: u64 = 1_000_000;

/// Size and refill of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Which bucket: most actions have one, some two.
    pub(crate) bounded: bool,
    size: u64,
    per_second: u64,
}

/// What AWS allows. `bounded`: the request has a filter or is paginated.
pub(crate) fn allowance(action: &str, bounded: bool) -> Allowance {
    let (size, per_second, bounded) = match action {
        "DescribeSnapshots" | "DescribeVolumes" | "DescribeInstances" if !bounded => (50, 10, false),
        _ if action.starts_with("Describe") => (100, 20, true),
        "CreateSnapshot"
        | "CreateSnapshots"
        | "DeleteSnapshot"
        | "ModifySnapshotAttribute"
        | "CreateVolume"
        | "DeleteVolume" => (100, 5, true),
        "CreateTags" | "DeleteTags" => (100, 10, true),
        _ => (50, 5, true),
    };
    Allowance { bounded, size, per_second }
}

/// A bucket as it stood at an instant.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    level: u64,
    at: Timestamp,
}

impl Bucket {
    pub(crate) fn full(allowance: Allowance, rules: &Rules, now: Timestamp) -> Self {
        Self { level: size(allowance, rules), at: now }
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&mut self, allowance: Allowance, rules: &Rules, now: Timestamp) -> bool {
        let elapsed = u64::try_from(now.as_millisecond() - self.at.as_millisecond()).unwrap_or(0);
        let refill = allowance.per_second * (TOKEN / 1_000) * share(rules) / 100;
        self.level = self.level.saturating_add(elapsed.saturating_mul(refill)).min(size(allowance, rules));
        self.at = now;
        let taken = self.level >= TOKEN;
        if taken {
            self.level -= TOKEN;
        }
        taken
    }
}

fn share(rules: &Rules) -> u64 {
    u64::from(rules.share.clamp(1, 100))
}

fn size(allowance: Allowance, rules: &Rules) -> u64 {
    (allowance.size * TOKEN * share(rules) / 100).max(TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, allowance: Allowance, rules: &Rules, at: Timestamp) -> usize {
        (0..1_000).take_while(|_| bucket.take(allowance, rules, at)).count()
    }

    #[test]
    fn a_bucket_holds_what_aws_documents_and_refills_at_its_rate() {
        let t = |ms| Timestamp::from_millisecond(ms).unwrap();
        for (action, bounded, share, burst, in_a_second) in [
            ("DescribeSnapshots", true, 100, 100, 20),
            ("DescribeSnapshots", false, 100, 50, 10),
            ("DescribeImages", false, 100, 100, 20),
            ("CreateSnapshot", true, 100, 100, 5),
            ("DeleteSnapshot", true, 100, 100, 5),
            ("CreateTags", true, 100, 100, 10),
            ("ModifySnapshotAttribute", true, 100, 100, 5),
            ("CopySnapshot", true, 100, 50, 5),
            ("AttachVolume", true, 100, 50, 5),
            ("CreateSnapshot", true, 40, 40, 2),
        ] {
            let rules = Rules { share, ..Rules::documented() };
            let allowance = allowance(action, bounded);
            let mut bucket = Bucket::full(allowance, &rules, t(0));
            assert_eq!(taken(&mut bucket, allowance, &rules, t(0)), burst, "{action} burst");
            assert_eq!(taken(&mut bucket, allowance, &rules, t(1_000)), in_a_second, "{action} rate");
            assert_eq!(taken(&mut bucket, allowance, &rules, t(3_600_000)), burst, "{action} never over its size");
        }
    }
}
