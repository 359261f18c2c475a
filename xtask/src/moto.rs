//! A moto server for the Rust tests, on a free loopback port.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, bail};

use crate::env;
use crate::venv::Venv;

/// A running server. It ends when its stdin closes: with this value, and also if
/// this process dies.
#[derive(Debug)]
pub(crate) struct Moto {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
}

impl Moto {
    /// Starts one and waits until it listens.
    pub(crate) fn start(venv: &Venv) -> anyhow::Result<Self> {
        let log = std::fs::File::create(env::target().join("moto.log")).context("could not write target/moto.log")?;
        let mut child = venv
            .python()
            .arg("tests/serve_moto.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("could not start moto")?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url).context("could not read moto's address")?;
        }
        let moto = Self { child, url: url.trim().to_owned() };
        if moto.url.is_empty() {
            bail!("moto did not start; see target/moto.log");
        }
        Ok(moto)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
