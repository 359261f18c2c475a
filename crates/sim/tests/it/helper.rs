//! Small worlds, and calls on their wire.

use bytes::Bytes;
use ebskeep_core::cloud::{Clouds, CreateSnapshot};
use ebskeep_core::id::{Place, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Deed, SimCloud, World};
use http::{Request, Response};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const KEY: &str = "AKIASIM123456789012";
const SIGNATURE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) fn world() -> World {
    World::new(7, "2026-01-02T03:04:05Z".parse().unwrap())
}

pub(crate) fn place() -> Place {
    Place { account: ACCOUNT.into(), region: "eu-west-1".into() }
}

pub(crate) fn cloud(world: &World) -> SimCloud {
    world.clouds(KEY).at(&place())
}

/// What an outsider does; the id of what that made.
pub(crate) fn act(world: &World, deed: Deed) -> String {
    world.act(Act::at(&place(), deed)).unwrap().id.map(String::from).unwrap_or_default()
}

pub(crate) fn volume(world: &World) -> VolumeId {
    VolumeId::new(act(world, new_volume()))
}

pub(crate) fn new_volume() -> Deed {
    Deed::CreateVolume { id: None, size_gib: 10, kind: None, multi_attach: false, key: None, tags: Tags::new() }
}

pub(crate) fn put(volume: &VolumeId, started: &str) -> Deed {
    Deed::PutSnapshot {
        id: None,
        volume: volume.clone(),
        started: started.parse().unwrap(),
        state: ebskeep_sim::PutState::Completed,
        size_gib: None,
        description: "".into(),
        tags: Tags::new(),
    }
}

pub(crate) fn snapshot_of(volume: &VolumeId) -> CreateSnapshot {
    CreateSnapshot { volume: volume.clone(), description: "d".into(), tags: tags([("Type", "Automated")]), site: None }
}

pub(crate) fn tags<const N: usize>(tags: [(&str, &str); N]) -> Tags {
    tags.into_iter().collect()
}

/// A signed request for an action.
pub(crate) fn request(service: &str, action: &str, params: &[(&str, &str)]) -> Request<Bytes> {
    let version = if service == "sts" { "2011-06-15" } else { "2016-11-15" };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", version).extend_pairs(params);
    Request::post("http://ec2.eu-west-1.amazonaws.com/")
        .header("x-amz-date", "20260102T030405Z")
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={KEY}/20260102/eu-west-1/{service}/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
            ),
        )
        .body(Bytes::from(form.finish()))
        .unwrap()
}

/// What EC2 answers on the wire: status and body.
pub(crate) fn ask(world: &World, action: &str, params: &[(&str, &str)]) -> (u16, String) {
    told(world.answer(request("ec2", action, params)))
}

pub(crate) fn told(response: Response<Bytes>) -> (u16, String) {
    (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

/// The code of an error answer; empty if it is none.
pub(crate) fn code(world: &World, action: &str, params: &[(&str, &str)]) -> String {
    let (status, body) = ask(world, action, params);
    if status == 200 { String::new() } else { text(&body, "Code").unwrap_or_else(|| panic!("{status}: {body}")) }
}

/// The text of the first element of this name.
pub(crate) fn text(body: &str, name: &str) -> Option<String> {
    texts(body, name).into_iter().next()
}

/// The texts of all elements of this name.
pub(crate) fn texts(body: &str, name: &str) -> Vec<String> {
    body.split(&format!("<{name}>"))
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(&format!("</{name}>"))?.0.to_owned()))
        .collect()
}

/// The result of a call to a world without latency, which waits for nothing.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> T {
    futures::FutureExt::now_or_never(call).expect("a call without latency ends at once")
}
