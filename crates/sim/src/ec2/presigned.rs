//! The URL that lets AWS read the source of a copy in the caller's name.
//!
//! Source of its form: `PresignedUrl` on CopySnapshot's page in the EC2 API
//! reference. Its signature's form is looked at, not its truth, as with all
//! signatures here.

use ebskeep_core::id::{Place, Region, SnapshotId};

use crate::params::Params;
use crate::sts::account_of;
use crate::wire::auth;

/// A presigned URL, as it was given.
#[derive(Clone, Debug)]
pub(crate) struct Presigned {
    host: String,
    params: Params,
}

impl Presigned {
    /// Anything is read; what is no such URL stands for nothing.
    pub(crate) fn read(url: &str) -> Self {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
        let (head, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = head.split('/').next().unwrap_or_default().to_owned();
        Self { host, params: form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// Whether it stands for the copy of this snapshot to this Place: signed by
    /// the destination's account, for the source's Region.
    pub(crate) fn stands_for(mut self, region: &Region, source: &SnapshotId, destination: &Place) -> bool {
        let signed = auth::presigned(&mut self.params);
        let Ok(signed) = signed else { return false };
        let by = account_of(&signed.key).map(|(account, _)| account);
        // Behind an endpoint of the caller's own the host names no Region.
        let host = !self.host.ends_with(".amazonaws.com") || self.host == format!("ec2.{region}.amazonaws.com");
        let says = |name: &str, value: &str| self.params.all().get(name).is_some_and(|said| said == value);
        host && !self.host.is_empty()
            && by.as_ref() == Some(&destination.account)
            && signed.service == "ec2"
            && signed.region == *region
            && says("Action", "CopySnapshot")
            && says("SourceRegion", region.as_str())
            && says("SourceSnapshotId", source.as_str())
            && says("DestinationRegion", destination.region.as_str())
    }
}

/// What the port, which has no wire, gives for one.
pub(crate) fn without_wire(account: &str, region: &Region, source: &SnapshotId, destination: &Region) -> String {
    let day = "20260101";
    format!(
        "https://ec2.{region}.amazonaws.com/?Action=CopySnapshot&SourceRegion={region}&SourceSnapshotId={source}\
         &DestinationRegion={destination}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={day}T000000Z\
         &X-Amz-Credential=AKIASIM{account}/{day}/{region}/ec2/aws4_request&X-Amz-Expires=3600\
         &X-Amz-SignedHeaders=host&X-Amz-Signature={}",
        "0".repeat(64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_stands_for_one_copy_to_one_place() {
        let (region, source): (Region, SnapshotId) = ("eu-west-1".into(), "snap-0123456789abcdef0".into());
        let destination = Place { account: "123456789012".into(), region: "eu-central-1".into() };
        let good = without_wire("123456789012", &region, &source, &destination.region);
        let stands = |url: &str| Presigned::read(url).stands_for(&region, &source, &destination);
        assert!(stands(&good));
        assert!(stands(&good.replace("ec2.eu-west-1.amazonaws.com", "127.0.0.1:5000")));
        for (from, to) in [
            ("Action=CopySnapshot", "Action=CreateSnapshot"),
            ("SourceRegion=eu-west-1", "SourceRegion=eu-west-2"),
            ("abcdef0", "abcdef1"),
            ("DestinationRegion=eu-central-1", "DestinationRegion=us-east-1"),
            ("DestinationRegion=eu-central-1&", ""),
            ("ec2.eu-west-1.", "ec2.eu-central-1."),
            ("0101/eu-west-1/ec2", "0101/eu-central-1/ec2"),
            ("/ec2/", "/sts/"),
            ("AKIASIM123456789012", "AKIASIM210987654321"),
            ("X-Amz-Expires=3600", "X-Amz-Expires=soon"),
            ("X-Amz-Signature=0", "X-Amz-Signature=x"),
        ] {
            assert!(good.contains(from), "{from}");
            assert!(!stands(&good.replace(from, to)), "{from} → {to}");
        }
        assert!(!stands("no URL") && !stands(""));
    }
}
