//! Filters: `Filter.N.Name`, `Filter.N.Value.M`, with `*` and `?`.
//!
//! A filter this EC2 does not know is refused, also where AWS knows it: a
//! filter must never be ignored. Source of names and limits: the Describe
//! operations in the EC2 API reference; "List and filter using the CLI and
//! API" in the EC2 User Guide.

use ebskeep_core::tags::Tags;
use smol_str::SmolStr;

use crate::params::Params;
use crate::refusal::Refusal;

/// The most filters in one request, and the most values in one filter.
const MOST_FILTERS: usize = 50;
const MOST_VALUES: usize = 200;

/// What a request filters by: all must match.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters(Vec<(SmolStr, Vec<Pattern>)>);

impl Filters {
    /// Takes the filters out of a request. `known` are the names without
    /// `tag-key` and `tag:…`, which every taggable resource has.
    pub(crate) fn read(params: &mut Params, known: &[&str]) -> Result<Self, Refusal> {
        Self::read_if(params, |name| known.contains(&name) || name == "tag-key" || name.starts_with("tag:"))
    }

    /// Takes the filters out of a request that cannot filter by tags.
    pub(crate) fn read_named(params: &mut Params, known: &[&str]) -> Result<Self, Refusal> {
        Self::read_if(params, |name| known.contains(&name))
    }

    fn read_if(params: &mut Params, known: impl Fn(&str) -> bool) -> Result<Self, Refusal> {
        let mut filters = Vec::new();
        for mut group in params.groups("Filter")? {
            let name = group.need("Name").map_err(|_| Refusal::missing("Filter.N.Name"))?;
            let values = group.list("Value")?;
            group.finish_under("Filter")?;
            if values.is_empty() {
                return Err(Refusal::new("InvalidParameterValue", "The filter 'null' is invalid"));
            }
            if !known(&name) {
                return Err(Refusal::new("InvalidParameterValue", format!("The filter '{name}' is invalid")));
            }
            filters.push((SmolStr::new(name), values.iter().map(|v| Pattern::new(v)).collect()));
        }
        let too_many = |(_, values): &(SmolStr, Vec<Pattern>)| values.len() > MOST_VALUES;
        if filters.len() > MOST_FILTERS || filters.iter().any(too_many) {
            return Err(Refusal::new(
                "FilterLimitExceeded",
                format!("A request takes {MOST_FILTERS} filters of {MOST_VALUES} values at most"),
            ));
        }
        Ok(Self(filters))
    }

    /// Whether a resource passes: `tags` are its tags, `values` what it has
    /// for a named filter; any of them may match.
    pub(crate) fn pass(&self, tags: &Tags, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, patterns)| {
            let any = |value: &str| patterns.iter().any(|p| p.matches(value));
            if let Some(key) = name.strip_prefix("tag:") {
                tags.get(key).is_some_and(any)
            } else if name == "tag-key" {
                tags.iter().any(|(key, _)| any(key))
            } else {
                values(name).iter().any(|v| any(v))
            }
        })
    }
}

/// A filter's value: `*` is any text, `?` one character, `\` takes either
/// literally.
#[derive(Clone, Debug)]
enum Pattern {
    /// A text, to be there from its beginning; and whether anything may follow. Most
    /// are so, and a listing holds a hundred thousand values against each.
    Begins(String, bool),
    /// Anything else.
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Any,
    One,
    Is(char),
}

impl Pattern {
    fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Is(chars.next().unwrap_or('\\')),
                c => Part::Is(c),
            });
        }
        let (front, open) = match parts.split_last() {
            Some((Part::Any, front)) => (front, true),
            _ => (parts.as_slice(), false),
        };
        let literal = |part: &Part| if let Part::Is(c) = part { Some(*c) } else { None };
        match front.iter().map(literal).collect() {
            Some(text) => Self::Begins(text, open),
            None => Self::Parts(parts),
        }
    }

    /// Greedy, going back to the last `*` only: linear in practice and never
    /// worse than pattern times text.
    fn matches(&self, text: &str) -> bool {
        let parts = match self {
            Self::Begins(begin, open) => return text.starts_with(begin) && (*open || text.len() == begin.len()),
            Self::Parts(parts) => parts,
        };
        let text: Vec<char> = text.chars().collect();
        let (mut p, mut t) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while t < text.len() {
            match parts.get(p) {
                Some(Part::Any) => {
                    retry = Some((p + 1, t));
                    p += 1;
                }
                Some(Part::One) => (p, t) = (p + 1, t + 1),
                Some(Part::Is(c)) if text.get(t) == Some(c) => (p, t) = (p + 1, t + 1),
                _ => match retry {
                    Some((after, from)) => {
                        retry = Some((after, from + 1));
                        (p, t) = (after, from + 1);
                    }
                    None => return false,
                },
            }
        }
        parts.iter().skip(p).all(|part| *part == Part::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_match_case_and_wildcards() {
        for (pattern, text, matches) in [
            ("daily", "daily", true),
            ("daily", "Daily", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("d*y", "daily", true),
            ("d*y", "daily ", false),
            ("d?ily", "daily", true),
            ("d?ily", "dily", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("ä?", "äö", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} on {text}");
        }
    }

    fn read(filters: usize, values: usize, name: &str) -> Option<SmolStr> {
        let mut params = Params::default();
        for n in 1..=filters {
            params.set(format!("Filter.{n}.Name"), name);
            params.set_list(&format!("Filter.{n}.Value"), (0..values).map(|v| v.to_string()));
        }
        Filters::read(&mut params, &["status"]).err().map(|refusal| refusal.code)
    }

    #[test]
    fn what_it_does_not_know_or_is_too_much_it_refuses() {
        assert_eq!(read(50, 200, "status"), None);
        assert_eq!(read(1, 1, "tag:any"), None);
        for (filters, values, name, code) in [
            (1, 1, "colour", "InvalidParameterValue"),
            (1, 0, "status", "InvalidParameterValue"),
            (51, 1, "status", "FilterLimitExceeded"),
            (1, 201, "status", "FilterLimitExceeded"),
        ] {
            assert_eq!(read(filters, values, name).as_deref(), Some(code), "{filters} of {values} {name}");
        }
    }
}
