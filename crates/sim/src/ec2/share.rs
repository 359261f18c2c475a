//! DescribeSnapshotAttribute and ModifySnapshotAttribute: who may make volumes
//! and copies of a snapshot.
//!
//! Source: the actions' pages in the EC2 API reference; "Share an Amazon EBS
//! snapshot" in the EBS User Guide. The code for what is encrypted under the
//! account's own key is not documented; it is what others were answered.

use ebskeep_core::id::{AccountId, SnapshotId};

use super::{Read, Scene, id};
use crate::keys::OWN_KEY;
use crate::model::Shared;
use crate::params::Params;
use crate::refusal::Refusal;

const PERMISSION: &str = "createVolumePermission";
const PRODUCT_CODES: &str = "productCodes";

/// What DescribeSnapshotAttribute is told.
pub(crate) struct DescribeSnapshotAttribute {
    snapshot: SnapshotId,
    permission: bool,
}

impl Read for DescribeSnapshotAttribute {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let attribute = params.need("Attribute")?;
        if attribute != PERMISSION && attribute != PRODUCT_CODES {
            return Err(Refusal::value(attribute, "attribute", "Expected: createVolumePermission or productCodes."));
        }
        Ok(Self { snapshot: id::snapshot(&params.need("SnapshotId")?)?, permission: attribute == PERMISSION })
    }
}

/// What DescribeSnapshotAttribute answers.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) snapshot: SnapshotId,
    /// `None`: it was asked for product codes, which no snapshot here has.
    pub(crate) shared: Option<Shared>,
}

/// What ModifySnapshotAttribute is told.
pub(crate) struct ModifySnapshotAttribute {
    pub(crate) snapshot: SnapshotId,
    pub(crate) add: Shared,
    pub(crate) remove: Shared,
}

impl Read for ModifySnapshotAttribute {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        if let Some(other) = params.take("Attribute").filter(|attribute| attribute != PERMISSION) {
            return Err(Refusal::value(other, "attribute", "Expected: createVolumePermission."));
        }
        let snapshot = id::snapshot(&params.need("SnapshotId")?)?;
        let (mut add, mut remove) = (Shared::default(), Shared::default());
        // Both ways of saying it are AWS's.
        for (name, with) in [("Add", &mut add), ("Remove", &mut remove)] {
            for mut one in params.groups(&format!("CreateVolumePermission.{name}"))? {
                with.name(one.take("UserId").as_deref(), one.take("Group").as_deref())?;
                one.finish_under("CreateVolumePermission")?;
            }
        }
        let (users, groups) = (params.list("UserId")?, params.list("UserGroup")?);
        let with = match params.take("OperationType").as_deref() {
            Some("add") => &mut add,
            Some("remove") => &mut remove,
            None if users.is_empty() && groups.is_empty() => &mut add,
            None => return Err(Refusal::missing("OperationType")),
            Some(other) => return Err(Refusal::value(other, "operationType", "Expected: add or remove.")),
        };
        for user in users {
            with.name(Some(&user), None)?;
        }
        for group in groups {
            with.name(None, Some(&group))?;
        }
        if add == Shared::default() && remove == Shared::default() {
            return Err(Refusal::missing("CreateVolumePermission"));
        }
        Ok(Self { snapshot, add, remove })
    }
}

impl Shared {
    /// Adds whom a request names.
    fn name(&mut self, user: Option<&str>, group: Option<&str>) -> Result<(), Refusal> {
        match (user, group) {
            (Some(user), None) if user.len() == 12 && user.bytes().all(|b| b.is_ascii_digit()) => {
                self.accounts.insert(AccountId::new(user));
                Ok(())
            }
            (Some(user), None) => Err(Refusal::new("InvalidUserID.Malformed", format!("Invalid user id: \"{user}\""))),
            (None, Some("all")) => {
                self.everybody = true;
                Ok(())
            }
            (user, group) => Err(Refusal::value(
                format!("{} {}", user.unwrap_or_default(), group.unwrap_or_default()),
                "createVolumePermission",
                "Expected: an account, or the group 'all'.",
            )),
        }
    }
}

impl Scene<'_> {
    pub(crate) fn describe_snapshot_attribute(
        &mut self,
        request: DescribeSnapshotAttribute,
    ) -> Result<Attribute, Refusal> {
        let id = request.snapshot;
        let found = self.site().snapshots.get(&id).ok_or_else(|| id::no_snapshot(&id))?;
        Ok(Attribute { shared: request.permission.then(|| found.shared.clone()), snapshot: id })
    }

    pub(crate) fn modify_snapshot_attribute(&mut self, request: &ModifySnapshotAttribute) -> Result<(), Refusal> {
        let id = &request.snapshot;
        let found = self.site().snapshots.get_mut(id).ok_or_else(|| id::no_snapshot(id))?;
        let adds = request.add != Shared::default();
        if adds && found.key.as_deref() == Some(OWN_KEY) {
            return Err(Refusal::new(
                "OperationNotPermitted",
                "Encrypted snapshots with EBS default key cannot be shared",
            ));
        }
        if request.add.everybody && found.key.is_some() {
            return Err(Refusal::new("OperationNotPermitted", "Encrypted snapshots cannot be public"));
        }
        found.shared.accounts.extend(request.add.accounts.iter().cloned());
        found.shared.accounts.retain(|account| !request.remove.accounts.contains(account));
        found.shared.everybody = (found.shared.everybody || request.add.everybody) && !request.remove.everybody;
        Ok(())
    }
}
