//! The configuration of a program that has nothing but its environment, such as a
//! function: no files, no profiles, nobody else to ask for credentials.
//!
//! The names and what they mean are those of the AWS SDKs and tools reference guide
//! (docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).

use ebskeep_core::id::Region;

use crate::endpoint::{Service, Variant};

/// What the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`.
    pub(crate) region: Option<Region>,
    /// How EC2's endpoint is found.
    pub(crate) ec2: Variant,
    /// How that of STS is.
    pub(crate) sts: Variant,
}

impl Environment {
    /// Reads it. As the SDKs have it, an empty variable is none, and a switch that
    /// says neither `true` nor `false` is off.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let switch = |name: &str| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let ignored = switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        let url = |service: Service| {
            let own = match service {
                Service::Ec2 => "AWS_ENDPOINT_URL_EC2",
                Service::Sts => "AWS_ENDPOINT_URL_STS",
            };
            variable(own).or_else(|| variable("AWS_ENDPOINT_URL")).filter(|_| !ignored)
        };
        let variant = |service| Variant {
            fips: switch("AWS_USE_FIPS_ENDPOINT"),
            dual_stack: switch("AWS_USE_DUALSTACK_ENDPOINT"),
            custom: url(service),
        };
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        Self { region: region.map(Region::new), ec2: variant(Service::Ec2), sts: variant(Service::Sts) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_nothing() {
        let Environment { region, ec2, sts } = read(&[("AWS_REGION", " "), ("AWS_ENDPOINT_URL", "")]);
        assert_eq!((region, ec2, sts), (None, Variant::default(), Variant::default()));
    }

    #[test]
    fn the_region_comes_before_the_default_one() {
        let region = |variables| read(variables).region.map(|region| region.to_string());
        assert_eq!(region(&[("AWS_DEFAULT_REGION", "eu-west-2")]).as_deref(), Some("eu-west-2"));
        let both = [("AWS_DEFAULT_REGION", "eu-west-2"), ("AWS_REGION", "eu-west-1")];
        assert_eq!(region(&both).as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn a_service_has_its_own_url_or_that_of_all_unless_they_are_ignored() {
        let urls = |variables: &[(&str, &str)]| {
            let Environment { ec2, sts, .. } = read(variables);
            [ec2.custom, sts.custom].map(Option::unwrap_or_default)
        };
        let all = ("AWS_ENDPOINT_URL", "http://all");
        assert_eq!(urls(&[all]), ["http://all", "http://all"]);
        assert_eq!(urls(&[("AWS_ENDPOINT_URL_EC2", "http://ec2"), all]), ["http://ec2", "http://all"]);
        assert_eq!(urls(&[("AWS_ENDPOINT_URL_STS", "http://sts"), all]), ["http://all", "http://sts"]);
        assert_eq!(urls(&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), all]), ["", ""]);
    }

    #[test]
    fn a_switch_is_on_or_off() {
        for (value, on) in [("true", true), ("TRUE", true), ("false", false), ("yes", false), ("", false)] {
            let fips = read(&[("AWS_USE_FIPS_ENDPOINT", value)]);
            assert_eq!([fips.ec2.fips, fips.sts.fips, fips.ec2.dual_stack], [on, on, false], "{value}");
            let dual = read(&[("AWS_USE_DUALSTACK_ENDPOINT", value)]);
            assert_eq!([dual.ec2.dual_stack, dual.sts.dual_stack, dual.ec2.fips], [on, on, false], "{value}");
        }
    }
}
