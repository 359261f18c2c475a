//! Images, and the snapshots they hold fast.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Query};
use ebskeep_core::id::{ImageId, SnapshotId};
use ebskeep_core::inventory::Image;

use crate::check::{Failure, Verdict, equal, holds, refused};
use crate::stage::{Stage, ids, one};

super::cases!("images":
    a_registered_image_names_its_snapshot,
    an_image_made_of_an_instance_names_its_snapshots,
    amazons_images_are_not_listed,
    a_deprecated_image_is_listed,
    a_disabled_image_is_listed,
    a_deregistered_image_is_not_listed,
    the_snapshot_of_a_registered_image_is_in_use,
    the_root_snapshot_of_an_image_made_of_an_instance_is_in_use,
    the_snapshot_of_a_deprecated_image_is_in_use,
    the_snapshot_of_a_disabled_image_is_in_use,
    the_snapshot_of_a_deregistered_image_can_be_deleted,
);

async fn seen(s: &Stage, id: &ImageId) -> Result<Image, Failure> {
    one(s.cloud.describe_images(&ids([id.as_str()]), None).await?)
}

/// An image of an instance with one volume, and the snapshot that EC2 made.
async fn made_of_an_instance(s: &Stage) -> Result<(ImageId, SnapshotId), Failure> {
    let launched = s.launch(&[]).await?;
    let made = s.raw("CreateImage", &[("InstanceId", launched.id.as_str()), ("Name", "made")]).await?;
    s.pass(Duration::from_mins(2));
    let image = ImageId::new(made.one("imageId")?);
    match seen(s, &image).await?.snapshots.as_slice() {
        [snapshot] => Ok((image, snapshot.clone())),
        several => Err(Failure::new(format!("an image of one volume has {} snapshots", several.len()))),
    }
}

async fn in_use(s: &Stage, snapshot: &SnapshotId) -> Verdict {
    let deleted = s.cloud.delete_snapshot(snapshot).await;
    refused("deletion", deleted, ErrorKind::InUse, Some("InvalidSnapshot.InUse"))?;
    s.snapshot(snapshot).await.map(drop)
}

async fn a_registered_image_names_its_snapshot(s: &Stage) -> Verdict {
    let (id, snapshot) = s.register().await?;
    let image = seen(s, &id).await?;
    equal("state", image.state.as_str(), "available")?;
    equal("snapshots", image.snapshots, vec![snapshot])
}

async fn an_image_made_of_an_instance_names_its_snapshots(s: &Stage) -> Verdict {
    let (_, snapshot) = made_of_an_instance(s).await?;
    equal("owner", s.snapshot(&snapshot).await?.owner, s.place.account.clone())
}

async fn amazons_images_are_not_listed(s: &Stage) -> Verdict {
    let (image, _) = s.register().await?;
    let page = s.cloud.describe_images(&Query::All, None).await?;
    equal("images", page.items.into_iter().map(|i| i.id).collect::<Vec<_>>(), vec![image])
}

async fn listed(s: &Stage, image: &ImageId) -> Result<bool, Failure> {
    let page = s.cloud.describe_images(&Query::All, None).await?;
    Ok(page.items.iter().any(|i| i.id == *image))
}

async fn deprecate(s: &Stage, image: &ImageId) -> Verdict {
    // AWS takes no date in the past.
    let soon = s.now() + Duration::from_hours(1);
    s.raw("EnableImageDeprecation", &[("ImageId", image.as_str()), ("DeprecateAt", &soon.to_string())]).await?;
    s.pass(Duration::from_hours(2));
    Ok(())
}

async fn a_deprecated_image_is_listed(s: &Stage) -> Verdict {
    let (image, _) = s.register().await?;
    deprecate(s, &image).await?;
    holds("listed", listed(s, &image).await?)
}

async fn a_disabled_image_is_listed(s: &Stage) -> Verdict {
    let (image, _) = s.register().await?;
    s.raw("DisableImage", &[("ImageId", image.as_str())]).await?;
    holds("listed", listed(s, &image).await?)?;
    equal("state", seen(s, &image).await?.state.as_str(), "disabled")
}

async fn a_deregistered_image_is_not_listed(s: &Stage) -> Verdict {
    let (image, _) = s.register().await?;
    s.raw("DeregisterImage", &[("ImageId", image.as_str())]).await?;
    holds("not listed", !listed(s, &image).await?)
}

async fn the_snapshot_of_a_registered_image_is_in_use(s: &Stage) -> Verdict {
    let (_, snapshot) = s.register().await?;
    in_use(s, &snapshot).await
}

async fn the_root_snapshot_of_an_image_made_of_an_instance_is_in_use(s: &Stage) -> Verdict {
    let (_, snapshot) = made_of_an_instance(s).await?;
    in_use(s, &snapshot).await
}

async fn the_snapshot_of_a_deprecated_image_is_in_use(s: &Stage) -> Verdict {
    let (image, snapshot) = made_of_an_instance(s).await?;
    deprecate(s, &image).await?;
    in_use(s, &snapshot).await
}

async fn the_snapshot_of_a_disabled_image_is_in_use(s: &Stage) -> Verdict {
    let (image, snapshot) = made_of_an_instance(s).await?;
    s.raw("DisableImage", &[("ImageId", image.as_str())]).await?;
    in_use(s, &snapshot).await
}

async fn the_snapshot_of_a_deregistered_image_can_be_deleted(s: &Stage) -> Verdict {
    let (image, snapshot) = made_of_an_instance(s).await?;
    s.raw("DeregisterImage", &[("ImageId", image.as_str())]).await?;
    s.cloud.delete_snapshot(&snapshot).await?;
    let gone = s.cloud.describe_snapshots(&ids([snapshot.as_str()]), None).await;
    refused("afterwards", gone, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}
