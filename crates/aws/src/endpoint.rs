//! Where a service answers in a Region: AWS's endpoint rules for EC2 and STS.
//!
//! Follows the endpoint rule sets and the partition table that AWS publishes
//! with its SDKs (botocore `data/ec2/2016-11-15/endpoint-rule-set-1.json`,
//! `data/sts/2011-06-15/endpoint-rule-set-1.json`, `data/partitions.json`).
//! STS is always the Region's own, never the global endpoint, which is also
//! what AWS's tools do by default. Pure.

use ebskeep_core::id::Region;

/// A service spoken over the Query wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon EC2.
    Ec2,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// The name in host names and in the scope of a signature.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
        }
    }

    /// The version of the API we speak.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Ec2 => "2016-11-15",
            Self::Sts => "2011-06-15",
        }
    }
}

/// Which variant of an endpoint is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Only FIPS 140 validated endpoints (`AWS_USE_FIPS_ENDPOINT`).
    pub fips: bool,
    /// Endpoints that answer on IPv6 too (`AWS_USE_DUALSTACK_ENDPOINT`).
    pub dual_stack: bool,
    /// This URL instead of AWS's own, for all Regions.
    pub custom: Option<String>,
}

/// Why there is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Text that cannot be a Region would become part of a host name.
    #[error("`{0}` is not the name of a Region")]
    NotARegion(String),
    /// The custom URL is none that requests can be sent to.
    #[error("the endpoint URL `{0}` is not an http:// or https:// URL without a query")]
    NotAUrl(String),
    /// A custom URL leaves no room for a variant.
    #[error("FIPS and dual-stack endpoints cannot be combined with an endpoint URL; unset one of them")]
    VariantOfCustom,
}

/// AWS's partitions: prefix of their Regions' names, its DNS suffix and its
/// dual-stack suffix. All of them have FIPS and dual-stack endpoints. A name
/// that matches none of the prefixes counts as `aws`, as AWS's tools have it.
const PARTITIONS: [(&str, &str, &str, &str); 7] = [
    ("aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("aws-us-gov", "us-gov-", "amazonaws.com", "api.aws"),
    ("aws-eusc", "eusc-de-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

/// The URL of a service in a Region, without a trailing slash.
pub fn resolve(service: Service, region: &Region, variant: &Variant) -> Result<String, EndpointError> {
    let name = region.as_str();
    if !is_host_label(name) {
        return Err(EndpointError::NotARegion(name.to_owned()));
    }
    if let Some(url) = &variant.custom {
        if variant.fips || variant.dual_stack {
            return Err(EndpointError::VariantOfCustom);
        }
        return custom(url);
    }
    let (partition, suffix, dual_suffix) = partition(name);
    let service = service.name();
    Ok(match (variant.fips, variant.dual_stack) {
        (true, true) => format!("https://{service}-fips.{name}.{dual_suffix}"),
        (true, false) if partition == "aws-us-gov" => format!("https://{service}.{name}.amazonaws.com"),
        (true, false) => format!("https://{service}-fips.{name}.{suffix}"),
        (false, true) => format!("https://{service}.{name}.{dual_suffix}"),
        (false, false) => format!("https://{service}.{name}.{suffix}"),
    })
}

/// The URL, as [`resolve`] gives it, at which a call that is made at the
/// `destination` would be made at the `source`. In a URL of the caller's, which
/// serves all Regions, the name of the one takes the place of the other's, as
/// AWS's tools do it: it may be that of a VPC endpoint.
pub(crate) fn at_source(
    service: Service,
    source: &Region,
    destination: &Region,
    variant: &Variant,
) -> Result<String, EndpointError> {
    let url = resolve(service, source, variant)?;
    Ok(if variant.custom.is_some() { url.replace(destination.as_str(), source.as_str()) } else { url })
}

/// The partition that a Region is in.
pub(crate) fn partition_of(region: &Region) -> &'static str {
    partition(region.as_str()).0
}

/// A caller's URL, checked.
fn custom(url: &str) -> Result<String, EndpointError> {
    let wrong = || EndpointError::NotAUrl(url.to_owned());
    let uri: http::Uri = url.trim().parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !known || uri.host().is_none_or(str::is_empty) || uri.query().is_some() || user {
        return Err(wrong());
    }
    Ok(url.trim().trim_end_matches('/').to_owned())
}

fn partition(region: &str) -> (&'static str, &'static str, &'static str) {
    PARTITIONS
        .iter()
        .find(|(_, prefix, _, _)| region.strip_prefix(prefix).is_some_and(is_place_and_number))
        .map_or(("aws", "amazonaws.com", "api.aws"), |(name, _, suffix, dual)| (name, suffix, dual))
}

/// What follows the prefix: `north-1`.
fn is_place_and_number(rest: &str) -> bool {
    rest.split_once('-').is_some_and(|(place, number)| {
        let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        !place.is_empty() && place.bytes().all(word) && !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit())
    })
}

fn is_host_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(service: Service, region: &str, fips: bool, dual_stack: bool) -> String {
        resolve(service, &region.into(), &Variant { fips, dual_stack, custom: None }).unwrap()
    }

    #[test]
    fn endpoints_follow_partition_and_variant() {
        use Service::{Ec2, Sts};
        for (service, region, fips, dual, expected) in [
            (Ec2, "eu-west-1", false, false, "https://ec2.eu-west-1.amazonaws.com"),
            (Ec2, "eu-west-1", true, false, "https://ec2-fips.eu-west-1.amazonaws.com"),
            (Ec2, "eu-west-1", false, true, "https://ec2.eu-west-1.api.aws"),
            (Ec2, "eu-west-1", true, true, "https://ec2-fips.eu-west-1.api.aws"),
            (Ec2, "us-gov-west-1", false, false, "https://ec2.us-gov-west-1.amazonaws.com"),
            (Ec2, "us-gov-west-1", true, false, "https://ec2.us-gov-west-1.amazonaws.com"),
            (Ec2, "us-gov-west-1", true, true, "https://ec2-fips.us-gov-west-1.api.aws"),
            (Ec2, "cn-north-1", false, false, "https://ec2.cn-north-1.amazonaws.com.cn"),
            (Ec2, "cn-north-1", false, true, "https://ec2.cn-north-1.api.amazonwebservices.com.cn"),
            (Ec2, "us-iso-east-1", true, false, "https://ec2-fips.us-iso-east-1.c2s.ic.gov"),
            (Ec2, "us-isob-east-1", false, false, "https://ec2.us-isob-east-1.sc2s.sgov.gov"),
            (Ec2, "eusc-de-east-1", false, false, "https://ec2.eusc-de-east-1.amazonaws.eu"),
            (Ec2, "xx-moon-1", false, false, "https://ec2.xx-moon-1.amazonaws.com"),
            (Sts, "us-east-1", false, false, "https://sts.us-east-1.amazonaws.com"),
            (Sts, "us-gov-east-1", true, false, "https://sts.us-gov-east-1.amazonaws.com"),
        ] {
            assert_eq!(url(service, region, fips, dual), expected);
        }
    }

    #[test]
    fn a_source_has_its_own_endpoint_of_the_same_variant() {
        let at = |fips, dual_stack, custom: Option<&str>| {
            let variant = Variant { fips, dual_stack, custom: custom.map(str::to_owned) };
            at_source(Service::Ec2, &"eu-west-1".into(), &"eu-central-1".into(), &variant)
        };
        for (fips, dual, custom, expected) in [
            (false, false, None, "https://ec2.eu-west-1.amazonaws.com"),
            (true, true, None, "https://ec2-fips.eu-west-1.api.aws"),
            (false, false, Some("http://127.0.0.1:5000/"), "http://127.0.0.1:5000"),
            (
                false,
                false,
                Some("https://vpce-1.ec2.eu-central-1.vpce.amazonaws.com"),
                "https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com",
            ),
        ] {
            assert_eq!(at(fips, dual, custom).as_deref(), Ok(expected));
        }
        let evil = at_source(Service::Ec2, &"evil/".into(), &"eu-west-1".into(), &Variant::default());
        assert_eq!(evil, Err(EndpointError::NotARegion("evil/".to_owned())));
        assert_eq!(partition_of(&"cn-north-1".into()), "aws-cn");
        assert_eq!(partition_of(&"eu-west-1".into()), "aws");
    }

    #[test]
    fn a_region_never_becomes_somebody_elses_host() {
        for region in ["", "eu-west-1.evil.example/", "eu west", "-a", "a/", "é", &"a".repeat(64)] {
            assert_eq!(
                resolve(Service::Ec2, &region.into(), &Variant::default()),
                Err(EndpointError::NotARegion(region.to_owned()))
            );
        }
    }

    #[test]
    fn a_custom_url_serves_all_regions_and_no_variants() {
        let with = |url: &str, fips| Variant { fips, dual_stack: false, custom: Some(url.to_owned()) };
        let region = "eu-west-1".into();
        assert_eq!(
            resolve(Service::Sts, &region, &with("http://127.0.0.1:5000/", false)),
            Ok("http://127.0.0.1:5000".to_owned())
        );
        assert_eq!(
            resolve(Service::Ec2, &region, &with("http://127.0.0.1:5000", true)),
            Err(EndpointError::VariantOfCustom)
        );
        for url in ["127.0.0.1:5000", "ftp://host", "http://", "https://host/?a=b", "https://me:word@host", "nonsense"]
        {
            assert_eq!(resolve(Service::Ec2, &region, &with(url, false)), Err(EndpointError::NotAUrl(url.to_owned())));
        }
    }
}
