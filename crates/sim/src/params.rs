//! The parameters of one call, as names and values of the EC2 Query protocol,
//! taken out one by one until none is left over.

use std::collections::BTreeMap;

use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::refusal::Refusal;

/// Parameters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(BTreeMap<String, String>);

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl Params {
    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Writes `name.1`, `name.2`, …
    pub(crate) fn set_list<V: Into<String>>(&mut self, name: &str, values: impl IntoIterator<Item = V>) {
        for (n, value) in (1..).zip(values) {
            self.set(format!("{name}.{n}"), value);
        }
    }

    /// Writes `prefix.N.Key` and `prefix.N.Value`.
    pub(crate) fn set_tags(&mut self, prefix: &str, tags: &Tags) {
        for (n, (key, value)) in (1..).zip(tags.iter()) {
            self.set(format!("{prefix}.{n}.Key"), key.as_str());
            self.set(format!("{prefix}.{n}.Value"), value.as_str());
        }
    }

    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether there is any of `prefix.…`.
    pub(crate) fn has_any(&self, prefix: &str) -> bool {
        self.0.range(format!("{prefix}.")..).next().is_some_and(|(k, _)| within(k, prefix).is_some())
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub(crate) fn need(&mut self, name: &str) -> Result<String, Refusal> {
        self.take(name).filter(|v| !v.is_empty()).ok_or_else(|| Refusal::missing(name))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.take(name).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(Refusal::value(other, name, "Expected: 'true' or 'false'.")),
        }
    }

    pub(crate) fn number<N: std::str::FromStr>(&mut self, name: &str) -> Result<Option<N>, Refusal> {
        self.take(name)
            .map(|text| text.parse().map_err(|_| Refusal::value(&text, name, "Expected: a number.")))
            .transpose()
    }

    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        self.take(name)
            .map(|text| text.parse().map_err(|_| Refusal::value(&text, name, "Expected: an ISO 8601 time.")))
            .transpose()
    }

    /// Takes `name.1`, `name.2`, … in the order of their numbers.
    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<SmolStr>, Refusal> {
        self.groups(name)?
            .into_iter()
            .map(|mut group| {
                let value = group.take("").ok_or_else(|| Refusal::missing(name))?;
                group.finish_under(name)?;
                Ok(SmolStr::new(value))
            })
            .collect()
    }

    /// Takes `name.N…` apart into one set of parameters for each N, in the
    /// order of the numbers. The parameter `name.N` itself is `""` in its set.
    pub(crate) fn groups(&mut self, name: &str) -> Result<Vec<Self>, Refusal> {
        let mut found: BTreeMap<u32, Self> = BTreeMap::new();
        let names: Vec<String> =
            self.0.range(format!("{name}.")..).map_while(|(k, _)| within(k, name).map(|_| k.clone())).collect();
        for full in names {
            let rest = within(&full, name).unwrap_or_default();
            let (number, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let number: u32 = number
                .parse()
                .map_err(|_| Refusal::new("UnknownParameter", format!("The parameter {full} is not recognized")))?;
            if let Some(value) = self.0.remove(&full) {
                found.entry(number).or_default().set(rest, value);
            }
        }
        Ok(found.into_values().collect())
    }

    /// Takes `prefix.…` out, under the names that follow the dot.
    pub(crate) fn under(&mut self, prefix: &str) -> Self {
        let names: Vec<String> =
            self.0.range(format!("{prefix}.")..).map_while(|(k, _)| within(k, prefix).map(|_| k.clone())).collect();
        let mut inner = Self::default();
        for full in names {
            let rest = within(&full, prefix).unwrap_or_default().to_owned();
            if let Some(value) = self.0.remove(&full) {
                inner.set(rest, value);
            }
        }
        inner
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Refusal::new("UnknownParameter", format!("The parameter {name} is not recognized"))),
        }
    }

    /// As [`Self::finish`], naming where it was.
    pub(crate) fn finish_under(self, prefix: &str) -> Result<(), Refusal> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(Refusal::new("UnknownParameter", format!("The parameter {prefix}.N.{name} is not recognized")))
            }
        }
    }
}

fn within<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix)?.strip_prefix('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let mut params: Params = [("Id.10", "c"), ("Id.2", "b"), ("Id.1", "a"), ("Idle", "x")].into_iter().collect();
        assert_eq!(params.list("Id").unwrap(), ["a", "b", "c"]);
        assert_eq!(params.finish().unwrap_err().code, "UnknownParameter");
    }

    #[test]
    fn what_is_no_number_or_goes_deeper_is_unknown() {
        for name in ["Id.x", "Id.1.Deep"] {
            let mut params: Params = [(name, "a"), ("Id.1", "a")].into_iter().collect();
            assert_eq!(params.list("Id").unwrap_err().code, "UnknownParameter", "{name}");
        }
    }
}
