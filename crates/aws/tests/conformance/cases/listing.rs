//! Listings, page by page.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Query, Token};

use crate::check::{Verdict, equal, holds, refused, set};
use crate::stage::{Stage, creation_of_all, pages};

super::cases!("listing":
    nothing_is_one_empty_page,
    instances_come_to_the_last_page,
    volumes_come_to_the_last_page,
    snapshots_come_to_the_last_page,
    images_come_to_the_last_page,
    a_page_holds_1000_instances_at_most,
    a_page_holds_1000_volumes_at_most,
    a_page_holds_1000_snapshots_at_most,
    filtered_listings_come_to_the_last_page,
    a_token_nobody_gave_is_refused,
);

async fn nothing_is_one_empty_page(s: &Stage) -> Verdict {
    let instances = s.cloud.describe_instances(&Query::All, None).await?;
    equal("instances", (instances.items.len(), instances.next), (0, None))?;
    let volumes = s.cloud.describe_volumes(&Query::All, None).await?;
    equal("volumes", (volumes.items.len(), volumes.next), (0, None))?;
    let snapshots = s.cloud.describe_snapshots(&Query::All, None).await?;
    equal("snapshots", (snapshots.items.len(), snapshots.next), (0, None))?;
    let images = s.cloud.describe_images(&Query::All, None).await?;
    equal("images", (images.items.len(), images.next), (0, None))
}

async fn instances_come_to_the_last_page(s: &Stage) -> Verdict {
    s.small_pages(3);
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(s.run(1, &[], &[]).await?);
    }
    let listed = pages(async |token| s.cloud.describe_instances(&Query::All, token).await).await?.concat();
    equal("how many", listed.len(), 8)?;
    equal("which", set(listed.into_iter().map(|i| i.id)), set(made))
}

async fn volumes_come_to_the_last_page(s: &Stage) -> Verdict {
    s.small_pages(3);
    let made = s.volumes(8).await?;
    let listed = pages(async |token| s.cloud.describe_volumes(&Query::All, token).await).await?.concat();
    equal("how many", listed.len(), 8)?;
    equal("which", set(listed.into_iter().map(|v| v.id)), made)
}

async fn snapshots_come_to_the_last_page(s: &Stage) -> Verdict {
    s.small_pages(3);
    let volume = s.volume(&[]).await?;
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(s.begin(&volume, &[]).await?);
        s.pass(Duration::from_mins(1));
    }
    let listed = pages(async |token| s.cloud.describe_snapshots(&Query::All, token).await).await?.concat();
    equal("how many", listed.len(), 8)?;
    equal("which", set(listed.into_iter().map(|snapshot| snapshot.id)), set(made))
}

async fn images_come_to_the_last_page(s: &Stage) -> Verdict {
    s.small_pages(3);
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(s.register().await?.0);
    }
    let listed = pages(async |token| s.cloud.describe_images(&Query::All, token).await).await?.concat();
    equal("how many", listed.len(), 8)?;
    equal("which", set(listed.into_iter().map(|image| image.id)), set(made))
}

async fn a_page_holds_1000_instances_at_most(s: &Stage) -> Verdict {
    s.run(1_003, &[], &[]).await?;
    let pages = pages(async |token| s.cloud.describe_instances(&Query::All, token).await).await?;
    bounded(pages.iter().map(Vec::len), 1_003)
}

async fn a_page_holds_1000_volumes_at_most(s: &Stage) -> Verdict {
    let data: Vec<String> = (0..100).map(|n| format!("/dev/sdf{n}")).collect();
    s.run(10, &data.iter().map(String::as_str).collect::<Vec<_>>(), &[]).await?;
    let pages = pages(async |token| s.cloud.describe_volumes(&Query::All, token).await).await?;
    bounded(pages.iter().map(Vec::len), 1_010)
}

async fn a_page_holds_1000_snapshots_at_most(s: &Stage) -> Verdict {
    let data: Vec<String> = (0..100).map(|n| format!("/dev/sdf{n}")).collect();
    let instance = s.launch(&data.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let before = s.all_snapshots().await?.len();
    for _ in 0..10 {
        s.cloud.create_snapshots(&creation_of_all(&instance.id, &[])).await?;
        s.pass(Duration::from_mins(2));
    }
    let pages = pages(async |token| s.cloud.describe_snapshots(&Query::All, token).await).await?;
    bounded(pages.iter().map(Vec::len), before + 1_010)
}

fn bounded(pages: impl Iterator<Item = usize>, all: usize) -> Verdict {
    let pages: Vec<usize> = pages.collect();
    equal("in all", pages.iter().sum(), all)?;
    holds(&format!("no page holds more than 1,000: {pages:?}"), pages.iter().all(|page| *page <= 1_000))
}

async fn filtered_listings_come_to_the_last_page(s: &Stage) -> Verdict {
    s.small_pages(2);
    let mut wanted = Vec::new();
    for n in 0..10 {
        let volume = s.volume(&[("kind", if n % 2 == 0 { "even" } else { "odd" })]).await?;
        if n % 2 == 0 {
            wanted.push(volume);
        }
    }
    let query = crate::stage::filter("tag:kind", &["even"]);
    let listed = pages(async |token| s.cloud.describe_volumes(&query, token).await).await?.concat();
    equal("how many", listed.len(), wanted.len())?;
    equal("which", set(listed.into_iter().map(|v| v.id)), set(wanted))
}

async fn a_token_nobody_gave_is_refused(s: &Stage) -> Verdict {
    let token = Token("bm9ib2R5J3M=".to_owned());
    let listed = s.cloud.describe_snapshots(&Query::All, Some(&token)).await;
    refused("snapshots", listed, ErrorKind::Invalid, None)?;
    let listed = s.cloud.describe_volumes(&Query::All, Some(&token)).await;
    refused("volumes", listed, ErrorKind::Invalid, None)
}
