//! A snapshot explained.

use smol_str::format_smolstr;

use super::{Answer, Asked, ExplainedSnapshot, Goes, Role, Says, copies, future, in_force};
use crate::id::InstanceId;
use crate::inventory::Snapshot;
use crate::lineage::{self, Managed};
use crate::plan::ExpireVerdict;
use crate::plan::history::Lineage;
use crate::plan::keep::{self, Ask, By, Opinion, Stand, Until};
use crate::tags;

pub(super) fn explain(snapshot: &Snapshot, asked: &Asked<'_>) -> ExplainedSnapshot {
    let world = &asked.world;
    let verdict = asked.verdict(&snapshot.id).map_or(ExpireVerdict::Keep, |verdict| verdict.verdict);
    let mut page = ExplainedSnapshot {
        snapshot_id: snapshot.id.clone(),
        volume_id: snapshot.volume.clone(),
        instance_id: snapshot.tags.get(tags::INSTANCE).map(InstanceId::new),
        role: Role::NotOurs,
        state: snapshot.state.as_aws(),
        state_message: snapshot.message().cloned(),
        started: snapshot.started,
        slot: None,
        size_gib: snapshot.size_gib,
        archived: snapshot.is_archived(),
        restore_expires: world.restore_expires(snapshot),
        encrypted: snapshot.encrypted,
        description: snapshot.description.to_string(),
        tags: snapshot.tags.clone(),
        verdict,
        rules: Vec::new(),
        policies: Vec::new(),
        goes: Goes::NotOurs,
        source: None,
        copies: Vec::new(),
        lineage: Vec::new(),
    };
    let managed = match lineage::classify(snapshot, &world.inventory.place, &world.settings.deployment) {
        Ok(managed) => managed,
        Err(not_ours) => {
            let says =
                Says { number: "R10", rule: "not-ours", says: Answer::Keeps, until: None, detail: not_ours.why.into() };
            page.rules.push(says);
            return page;
        }
    };
    page.role = if managed.key.copies { Role::Copy } else { Role::Primary };
    page.volume_id = managed.key.volume.clone();
    page.started = managed.start;
    page.slot = (managed.has_slot && managed.slot_unusable.is_none()).then_some(managed.time);
    let none: Vec<Managed<'_>> = Vec::new();
    let snapshots = asked.lineages.get(&managed.key).unwrap_or(&none);
    let lineage = Lineage::new(&managed.key, snapshots, world);
    for (at, member) in lineage.snapshots.iter().enumerate() {
        if member.snapshot.id == snapshot.id {
            let mut opinions = Vec::new();
            keep::judge(&lineage.facts(at, member, world), Ask::Everything, &mut opinions);
            page.rules = opinions.into_iter().map(says).collect();
        }
    }
    page.policies = in_force(&lineage);
    page.lineage = asked.members(snapshots);
    page.goes = future::goes(&managed, asked);
    page.source = copies::source(&managed);
    page.copies = copies::copies(&managed, asked);
    page
}

fn says(opinion: Opinion) -> Says {
    let Opinion { by, stand, reason } = opinion;
    let (says, until) = match stand {
        Stand::Keeps(Until::At(at)) => (Answer::Keeps, Some(at)),
        Stand::Keeps(Until::Open) => (Answer::Keeps, None),
        Stand::Passed => (Answer::KeptUntilNow, None),
        Stand::Silent => (Answer::No, None),
    };
    let number = match by {
        By::R1 => "R1",
        By::R2 => "R2",
        By::R3 => "R3",
        By::R4 => "R4",
        By::R5 => "R5",
        By::R6 => "R6",
        By::R7 => "R7",
        By::R8 => "R8",
        By::R9 => "R9",
        By::R11 => "R11",
        By::R12 => "R12",
        By::Failed => "failed",
    };
    Says { number, rule: reason.rule, says, until, detail: format_smolstr!("{}", reason.detail) }
}
