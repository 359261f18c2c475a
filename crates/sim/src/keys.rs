//! KMS keys: which of them cannot be used, by whom, where.
//!
//! A key is only its name: an id, an alias or an ARN, as it was given. Every
//! name is a key that all may use, unless an outsider took it away or it is the
//! ARN of another Region.

use std::collections::BTreeSet;

use ebskeep_core::id::Place;
use smol_str::SmolStr;

/// The key that encrypts where none is named: AWS's own for the account, which
/// cannot be shared.
pub(crate) const OWN_KEY: &str = "alias/aws/ebs";

/// What AWS says of a copy whose key it could not use. Source: "Copy an Amazon
/// EBS snapshot" in the EBS User Guide.
pub(crate) const NOT_ACCESSIBLE: &str = "Given key ID is not accessible";

/// Who may not use which keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(BTreeSet<(Place, SmolStr)>);

impl Keys {
    pub(crate) fn deny(&mut self, user: &Place, key: SmolStr) {
        self.0.insert((user.clone(), key));
    }

    pub(crate) fn allow(&mut self, user: &Place, key: SmolStr) {
        self.0.remove(&(user.clone(), key));
    }

    /// Whether the account of a Place can use a key in its Region.
    pub(crate) fn usable(&self, user: &Place, key: &SmolStr) -> bool {
        let of_region = match key.strip_prefix("arn:").map(|rest| rest.split(':').collect::<Vec<_>>()) {
            Some(parts) => parts.get(2).is_some_and(|region| *region == user.region.as_str()),
            None => true,
        };
        of_region && !self.0.contains(&(user.clone(), key.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_serves_unless_it_was_taken_away_or_is_of_another_region() {
        let user = Place { account: "123456789012".into(), region: "eu-west-1".into() };
        let elsewhere = Place { region: "eu-central-1".into(), ..user.clone() };
        let mut keys = Keys::default();
        keys.deny(&user, "alias/ours".into());
        for (key, here, there) in [
            (OWN_KEY, true, true),
            ("alias/ours", false, true),
            ("arn:aws:kms:eu-west-1:123456789012:key/1", true, false),
            ("arn:odd", false, false),
        ] {
            assert_eq!((keys.usable(&user, &key.into()), keys.usable(&elsewhere, &key.into())), (here, there), "{key}");
        }
        keys.allow(&user, "alias/ours".into());
        assert!(keys.usable(&user, &"alias/ours".into()));
    }
}
