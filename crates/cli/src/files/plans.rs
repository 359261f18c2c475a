//! Plans that were written down, of one Region or of several.

use ebskeep_core::id::Region;
use ebskeep_core::job::SavedPlan;
use ebskeep_core::plan::SCHEMA;
use serde::Deserialize;

/// The schema of a document with the plans of several Regions.
pub const PLANS: &str = "ebskeep.plans/1";

/// Why a text is no plan.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    /// What stands in it is wrong; says where.
    #[error(transparent)]
    Content(#[from] serde_json::Error),
    /// It is of another kind or version.
    #[error("its schema is {0:?}, not {SCHEMA:?} or {PLANS:?}")]
    Schema(String),
    /// One of several is.
    #[error("a plan in it is {0:?}, not {SCHEMA:?}")]
    SchemaInside(String),
    /// Which of them counts nobody could say.
    #[error("it holds two plans for {0}")]
    Twice(Region),
    /// Nothing to carry out, which was hardly meant.
    #[error("it holds no plan")]
    Empty,
}

/// Reads the plans of a document, at least one; each for another Region.
pub fn plans(text: &[u8]) -> Result<Vec<SavedPlan>, NoPlan> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    #[derive(Deserialize)]
    struct Several {
        plans: Vec<SavedPlan>,
    }
    // Reads over the whole file, so damage anywhere in it shows here.
    let Head { schema } = serde_json::from_slice(text)?;
    match schema.as_str() {
        SCHEMA => Ok(vec![serde_json::from_slice(text)?]),
        PLANS => {
            let Several { plans } = serde_json::from_slice(text)?;
            if let Some(other) = plans.iter().find(|plan| plan.schema != SCHEMA) {
                return Err(NoPlan::SchemaInside(other.schema.clone()));
            }
            let mut regions: Vec<_> = plans.iter().map(|plan| &plan.region).collect();
            regions.sort();
            if let Some([twice, _]) = regions.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
                return Err(NoPlan::Twice((*twice).clone()));
            }
            if plans.is_empty() {
                return Err(NoPlan::Empty);
            }
            Ok(plans)
        }
        _ => Err(NoPlan::Schema(schema)),
    }
}
