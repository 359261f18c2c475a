//! DescribeRegions.

use ebskeep_core::tags::Tags;
use smol_str::SmolStr;

use super::filter::Filters;
use super::{Read, Scene};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::region::RegionInfo;

/// What DescribeRegions is told.
pub(crate) struct DescribeRegions {
    names: Vec<SmolStr>,
    all: bool,
    filters: Filters,
}

impl Read for DescribeRegions {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self {
            names: params.list("RegionName")?,
            all: params.flag("AllRegions")?.unwrap_or(false),
            filters: Filters::read(params, &["endpoint", "opt-in-status", "region-name"])?,
        })
    }
}

impl Scene<'_> {
    /// The enabled Regions of the partition, or all of them.
    pub(crate) fn describe_regions(&mut self, request: &DescribeRegions) -> Result<Vec<RegionInfo>, Refusal> {
        let regions = self.state.regions.list(&self.place.region);
        if let Some(unknown) = request.names.iter().find(|n| !regions.iter().any(|r| r.name.as_str() == n.as_str())) {
            return Err(Refusal::new("InvalidParameterValue", format!("Invalid region names: [{unknown}]")));
        }
        let named = |r: &RegionInfo| request.names.iter().any(|n| n.as_str() == r.name.as_str());
        Ok(regions
            .into_iter()
            .filter(|r| if request.names.is_empty() { request.all || r.status != "not-opted-in" } else { named(r) })
            .filter(|r| {
                request.filters.pass(&Tags::new(), |name| {
                    vec![match name {
                        "endpoint" => r.endpoint.clone(),
                        "opt-in-status" => r.status.to_owned(),
                        _ => r.name.to_string(),
                    }]
                })
            })
            .collect())
    }
}
