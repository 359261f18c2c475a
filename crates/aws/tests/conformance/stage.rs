//! Where one case plays: an account of its own on one backend, and the means to
//! set its scene.
//!
//! Scenes are set over the wire with EC2's own actions, the same for every
//! backend; what is then looked at goes through the port.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ebskeep_aws::{Aws, Credentials, Options, connect_through};
use ebskeep_core::cloud::{
    Cloud as _, CloudError, Clouds as _, CreateSnapshot, CreateSnapshots, Filter, Page, Query, Token,
};
use ebskeep_core::id::{AccountId, ImageId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{Instance, Snapshot, Volume};
use ebskeep_core::tags::Tags;
use ebskeep_sim::World;
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::backend::{AnyCloud, AnyClouds, Backend};
use crate::check::Failure;
use crate::ways::{ToMoto, to_sim};

/// The variable that says where moto listens.
pub(crate) const MOTO_URL: &str = "EBSKEEP_MOTO_URL";
/// Why a case that must turn a knob of sim's cannot play elsewhere.
pub(crate) const ONLY_SIM: &str = "only sim can be told to behave like that";
/// The Region of every stage.
pub(crate) const REGION: &str = "eu-west-1";
/// The root device of every instance launched here: the one that moto gives
/// all its images.
pub(crate) const ROOT: &str = "/dev/sda1";
/// When sim's worlds begin.
const START: &str = "2026-01-05T03:00:00Z";

/// One case's place on one backend.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) clouds: AnyClouds,
    /// The clouds' [`Place`] that the case plays in.
    pub(crate) cloud: AnyCloud,
    pub(crate) place: Place,
    /// None on moto.
    world: Option<World>,
    /// The client over the same EC2, for setting scenes.
    wire: Aws,
    sent: Arc<AtomicUsize>,
    /// What instances are launched from, once it is there.
    image: RefCell<Option<ImageId>>,
    /// How many images were registered; their names must differ.
    images: RefCell<usize>,
}

/// An instance and its volumes by device name.
#[derive(Clone, Debug)]
pub(crate) struct Launched {
    pub(crate) id: InstanceId,
    pub(crate) volumes: BTreeMap<String, VolumeId>,
}

impl Launched {
    pub(crate) fn root(&self) -> Result<&VolumeId, Failure> {
        self.on(ROOT)
    }

    pub(crate) fn on(&self, device: &str) -> Result<&VolumeId, Failure> {
        self.volumes.get(device).ok_or_else(|| Failure::new(format!("{} has no {device}", self.id)))
    }
}

impl Stage {
    /// A stage for the `n`th case.
    pub(crate) async fn new(backend: Backend, n: usize) -> Result<Self, Failure> {
        // Another run may use the same moto: the process tells them apart.
        let account = AccountId::new(format!("1{:08}{n:03}", std::process::id() % 100_000_000));
        let world = match backend {
            Backend::Port | Backend::Wire => {
                let start: Timestamp = START.parse().map_err(|error: jiff::Error| Failure::new(error.to_string()))?;
                Some(World::new(n as u64, start))
            }
            Backend::Moto => None,
        };
        Self::of(account, world, backend == Backend::Port).await
    }

    async fn of(account: AccountId, world: Option<World>, port: bool) -> Result<Self, Failure> {
        let sent = Arc::new(AtomicUsize::new(0));
        let place = Place { account: account.clone(), region: Region::new(REGION) };
        let key = format!("AKIASIM{account}");
        let wire = wire(world.as_ref(), &key, &account, &sent).await?;
        let clouds = match &world {
            Some(world) if port => AnyClouds::Sim(world.clouds(&key)),
            _ => AnyClouds::Client(wire.clone()),
        };
        let cloud = clouds.at(&place);
        Ok(Self { clouds, cloud, place, world, wire, sent, image: RefCell::default(), images: RefCell::default() })
    }

    /// Another account's stage in the same EC2.
    pub(crate) async fn of_another_account(&self) -> Result<Self, Failure> {
        let other = AccountId::new(format!("2{}", &self.place.account.as_str()[1..]));
        Self::of(other, self.world.clone(), matches!(self.clouds, AnyClouds::Sim(_))).await
    }

    /// The same account in another Region.
    pub(crate) fn elsewhere(&self, region: &str) -> AnyCloud {
        self.clouds.at(&Place { account: self.place.account.clone(), region: Region::new(region) })
    }

    /// The same EC2 for the holder of another key.
    pub(crate) async fn with_key(&self, key: &str) -> Result<AnyClouds, Failure> {
        if let (AnyClouds::Sim(_), Some(world)) = (&self.clouds, &self.world) {
            return Ok(AnyClouds::Sim(world.clouds(key)));
        }
        let wire = wire(self.world.as_ref(), key, &self.place.account, &self.sent).await?;
        Ok(AnyClouds::Client(wire))
    }

    /// The simulated world, for what no API can bring about.
    pub(crate) fn world(&self) -> Result<&World, Failure> {
        self.world.as_ref().ok_or_else(|| Failure::new(ONLY_SIM))
    }

    /// Lets time pass. moto has nothing that takes time.
    pub(crate) fn pass(&self, duration: Duration) {
        if let Some(world) = &self.world {
            world.advance(duration);
        }
    }

    /// This EC2's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.world.as_ref().map_or_else(Timestamp::now, World::now)
    }

    /// Pages of at most so many; AWS is free to give fewer than asked for. moto
    /// gives what it gives.
    pub(crate) fn small_pages(&self, page: usize) {
        if let Some(world) = &self.world {
            world.rules(ebskeep_sim::Rules { page, ..world.current_rules() });
        }
    }

    /// How many calls arrived so far, or were sent.
    pub(crate) fn calls(&self) -> usize {
        self.world.as_ref().map_or_else(|| self.sent.load(Ordering::Relaxed), |world| world.calls().len())
    }

    /// Any EC2 action, by its wire names.
    pub(crate) async fn raw(&self, action: &str, params: &[(&str, &str)]) -> Result<Said, Failure> {
        let params: Vec<(String, String)> = params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        self.raw_owned(action, &params).await
    }

    async fn raw_owned(&self, action: &str, params: &[(String, String)]) -> Result<Said, Failure> {
        let body = self.wire.at(&self.place).raw(action, params).await?;
        Ok(Said(String::from_utf8_lossy(&body).into_owned()))
    }

    /// A volume of 4 GiB with these tags.
    pub(crate) async fn volume(&self, tags: &[(&str, &str)]) -> Result<VolumeId, Failure> {
        let zone = format!("{REGION}a");
        let mut params = owned(&[("AvailabilityZone", &zone), ("Size", "4")]);
        params.extend(specification("volume", tags));
        Ok(VolumeId::new(self.raw_owned("CreateVolume", &params).await?.one("volumeId")?))
    }

    /// So many volumes.
    pub(crate) async fn volumes(&self, count: usize) -> Result<BTreeSet<VolumeId>, Failure> {
        let mut made = BTreeSet::new();
        for _ in 0..count {
            made.insert(self.volume(&[]).await?);
        }
        Ok(made)
    }

    /// An instance of 8 GiB with a data volume of 1 GiB for each of these
    /// devices.
    pub(crate) async fn launch(&self, data: &[&str]) -> Result<Launched, Failure> {
        self.launch_tagged(data, &[]).await
    }

    pub(crate) async fn launch_tagged(&self, data: &[&str], tags: &[(&str, &str)]) -> Result<Launched, Failure> {
        let id = self.run(1, data, tags).await?;
        let said = self.raw("DescribeInstances", &[("InstanceId.1", id.as_str())]).await?;
        let volumes = said.all("volumeId").into_iter().map(VolumeId::new);
        Ok(Launched { volumes: said.all("deviceName").into_iter().zip(volumes).collect(), id })
    }

    /// So many instances at once; the first one's id.
    pub(crate) async fn run(&self, count: usize, data: &[&str], tags: &[(&str, &str)]) -> Result<InstanceId, Failure> {
        let (image, count) = (self.image().await?, count.to_string());
        let mut params = owned(&[
            ("ImageId", image.as_str()),
            ("InstanceType", "t3.micro"),
            ("MinCount", &count),
            ("MaxCount", &count),
            ("BlockDeviceMapping.1.DeviceName", ROOT),
            ("BlockDeviceMapping.1.Ebs.VolumeSize", "8"),
            ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
        ]);
        for (n, device) in (2..).zip(data) {
            let name = |rest: &str| format!("BlockDeviceMapping.{n}.{rest}");
            params.push((name("DeviceName"), (*device).to_owned()));
            params.push((name("Ebs.VolumeSize"), "1".to_owned()));
            params.push((name("Ebs.DeleteOnTermination"), "false".to_owned()));
        }
        params.extend(specification("instance", tags));
        Ok(InstanceId::new(self.raw_owned("RunInstances", &params).await?.one("instanceId")?))
    }

    /// The image that instances here are launched from.
    async fn image(&self) -> Result<ImageId, Failure> {
        let known = self.image.borrow().clone();
        if let Some(image) = known {
            return Ok(image);
        }
        let (image, _) = self.register().await?;
        *self.image.borrow_mut() = Some(image.clone());
        Ok(image)
    }

    /// A new image, and the snapshot it was registered with.
    pub(crate) async fn register(&self) -> Result<(ImageId, SnapshotId), Failure> {
        let volume = self.volume(&[]).await?;
        let snapshot = self.begin(&volume, &[]).await?;
        self.pass(Duration::from_mins(2));
        self.raw("DeleteVolume", &[("VolumeId", volume.as_str())]).await?;
        let name = {
            let mut images = self.images.borrow_mut();
            *images += 1;
            format!("image-{images}")
        };
        let image = self
            .raw(
                "RegisterImage",
                &[
                    ("Name", &name),
                    ("Architecture", "x86_64"),
                    ("RootDeviceName", ROOT),
                    ("BlockDeviceMapping.1.DeviceName", ROOT),
                    ("BlockDeviceMapping.1.Ebs.SnapshotId", snapshot.as_str()),
                ],
            )
            .await?;
        Ok((ImageId::new(image.one("imageId")?), snapshot))
    }

    /// A snapshot of a volume, through the port. Its volume can have the next
    /// one at once.
    pub(crate) async fn begin(&self, volume: &VolumeId, tags: &[(&str, &str)]) -> Result<SnapshotId, Failure> {
        let begun = self.cloud.create_snapshot(&creation(volume, tags)).await?;
        self.pass(Duration::from_secs(15));
        Ok(begun.id)
    }

    /// The one snapshot of this id.
    pub(crate) async fn snapshot(&self, id: &SnapshotId) -> Result<Snapshot, Failure> {
        one(self.cloud.describe_snapshots(&ids([id.as_str()]), None).await?)
    }

    /// The one volume of this id.
    pub(crate) async fn seen_volume(&self, id: &VolumeId) -> Result<Volume, Failure> {
        one(self.cloud.describe_volumes(&ids([id.as_str()]), None).await?)
    }

    /// The one instance of this id.
    pub(crate) async fn seen_instance(&self, id: &InstanceId) -> Result<Instance, Failure> {
        one(self.cloud.describe_instances(&ids([id.as_str()]), None).await?)
    }

    /// The ids of all snapshots this account lists.
    pub(crate) async fn all_snapshots(&self) -> Result<BTreeSet<SnapshotId>, Failure> {
        let pages = pages(async |token| self.cloud.describe_snapshots(&Query::All, token).await).await?;
        Ok(pages.into_iter().flatten().map(|snapshot| snapshot.id).collect())
    }
}

/// The client over sim's wire if there is a world, else over moto.
async fn wire(world: Option<&World>, key: &str, account: &AccountId, sent: &Arc<AtomicUsize>) -> Result<Aws, Failure> {
    let credentials = Credentials::new(key, "secret", None, None, "conformance");
    let mut options = Options { region: Some(Region::new(REGION)), ..Options::default() };
    let Some(world) = world else {
        let url = std::env::var(MOTO_URL).map_err(|_| Failure::new(format!("{MOTO_URL} is not set")))?;
        options.endpoint_url = Some(url);
        let way = ToMoto::new(account.clone(), Arc::clone(sent))?;
        return Ok(connect_through(way, credentials, options).await);
    };
    Ok(connect_through(to_sim(world), credentials, options).await)
}

/// An answer as it came.
pub(crate) struct Said(String);

impl Said {
    /// The text of every element of this name, in order.
    pub(crate) fn all(&self, element: &str) -> Vec<String> {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let after = self.0.split(&open).skip(1);
        after.filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
    }

    /// The text of the first of them.
    pub(crate) fn one(&self, element: &str) -> Result<String, Failure> {
        self.all(element).into_iter().next().ok_or_else(|| Failure::new(format!("no {element} in {}", self.0)))
    }
}

fn owned(params: &[(&str, &str)]) -> Vec<(String, String)> {
    params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn specification(resource: &str, tags: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut params = Vec::new();
    if !tags.is_empty() {
        params.push(("TagSpecification.1.ResourceType".to_owned(), resource.to_owned()));
    }
    for (n, (key, value)) in (1..).zip(tags) {
        params.push((format!("TagSpecification.1.Tag.{n}.Key"), (*key).to_owned()));
        params.push((format!("TagSpecification.1.Tag.{n}.Value"), (*value).to_owned()));
    }
    params
}

/// Tags from pairs.
pub(crate) fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().copied().collect()
}

/// A query by ids.
pub(crate) fn ids<I: AsRef<str>>(all: impl IntoIterator<Item = I>) -> Query {
    Query::Ids(all.into_iter().map(|id| SmolStr::new(id.as_ref())).collect())
}

/// A query by one filter.
pub(crate) fn filter(name: &str, values: &[&str]) -> Query {
    Query::Filters(vec![one_filter(name, values)])
}

pub(crate) fn one_filter(name: &str, values: &[&str]) -> Filter {
    Filter { name: name.into(), values: values.iter().map(SmolStr::new).collect() }
}

/// A request for a snapshot.
pub(crate) fn creation(volume: &VolumeId, pairs: &[(&str, &str)]) -> CreateSnapshot {
    CreateSnapshot { volume: volume.clone(), description: "of a case".to_owned(), tags: tags(pairs), site: None }
}

/// A request for a set of all volumes of an instance.
pub(crate) fn creation_of_all(instance: &InstanceId, pairs: &[(&str, &str)]) -> CreateSnapshots {
    CreateSnapshots {
        instance: instance.clone(),
        exclude_boot: false,
        exclude_data: Vec::new(),
        description: "of a set".to_owned(),
        tags: tags(pairs),
        site: None,
    }
}

/// The one item of a page that has one.
pub(crate) fn one<T>(page: Page<T>) -> Result<T, Failure> {
    let count = page.items.len();
    match page.items.into_iter().next() {
        Some(item) if count == 1 && page.next.is_none() => Ok(item),
        _ => Err(Failure::new(format!("{count} items on a page that should hold one, and be the last"))),
    }
}

/// Follows a listing to its last page.
pub(crate) async fn pages<T>(
    mut ask: impl AsyncFnMut(Option<&Token>) -> Result<Page<T>, CloudError>,
) -> Result<Vec<Vec<T>>, Failure> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let page = ask(token.as_ref()).await?;
        all.push(page.items);
        match page.next {
            None => return Ok(all),
            Some(next) if all.len() < 100 => token = Some(next),
            Some(_) => return Err(Failure::new("a listing without end")),
        }
    }
}
