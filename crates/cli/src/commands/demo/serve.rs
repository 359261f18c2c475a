//! The demo's EC2 kept open on a loopback port, for any AWS client.

use std::net::SocketAddr;

use anyhow::{Context as _, anyhow};
use ebskeep_sim::{ServeOptions, World};
use jiff::{Timestamp, ToSpan};
use tokio::net::TcpListener;

use super::story::{self, Ending};
use super::{REGION, SEED, access_key};
use crate::commands::runtime;
use crate::error::{Exit, Failure};
use crate::signals::Signals;
use crate::ui::Ui;

/// Serves until Ctrl-C or SIGTERM.
pub(crate) fn serve(address: SocketAddr, empty: bool, ui: &Ui) -> Result<Exit, Failure> {
    if !address.ip().is_loopback() {
        let error = anyhow!("{address} is no loopback address, and nothing here is protected");
        return Err(Failure::usage(error).hint("give an address such as 127.0.0.1:0"));
    }
    let world = world(empty)?;
    runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let listening = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok::<_, std::io::Error>((listener, address))
        };
        let (listener, address) =
            listening.await.with_context(|| format!("{address} cannot be listened on")).map_err(Failure::failed)?;
        ui.print(&how_to_use(address))?;
        let shutdown = async move { signals.next().await };
        let served = ebskeep_sim::serve(listener, world, ServeOptions::default(), shutdown).await;
        served.context("the simulated EC2 broke down").map_err(Failure::failed)?;
        Ok(Exit::Done)
    })
}

/// A world whose time is the machine's now, so that a client's clock agrees
/// with it.
fn world(empty: bool) -> Result<World, Failure> {
    let now = Timestamp::now();
    if empty {
        return Ok(World::new(SEED, now));
    }
    // The last run of the story, on its 30th day, is left to the client.
    let start = now.saturating_sub((29 * 24).hours()).map_err(|error| Failure::failed(error.into()))?;
    let world = World::new(SEED, start);
    story::live(&world, Ending::BeforeTheLastRun)?;
    Ok(world)
}

/// The first lines on stdout, which a shell can evaluate.
fn how_to_use(address: SocketAddr) -> String {
    format!(
        "export AWS_ENDPOINT_URL=http://{address}\n\
         export AWS_ACCESS_KEY_ID={}\n\
         export AWS_SECRET_ACCESS_KEY=demo\n\
         export AWS_REGION={REGION}\n\
         export AWS_DEFAULT_REGION={REGION}\n\
         # EC2 and STS for any AWS client, until Ctrl-C. Other accounts: the twelve\n\
         # digits of the access key id. Try: ebskeep plan; aws ec2 describe-snapshots\n",
        access_key()
    )
}
