//! The Python environment of the tests: exactly what `tests/requirements.txt`
//! pins, by hash, in `target/venv`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::env;

/// The oldest Python the pinned packages run on.
const OLDEST: &str = "(3, 10)";

/// A ready environment.
#[derive(Debug)]
pub(crate) struct Venv {
    directory: PathBuf,
}

impl Venv {
    /// The environment, made anew if the requirements or the Python changed.
    pub(crate) fn ready() -> anyhow::Result<Self> {
        let (target, directory) = (env::target(), env::target().join("venv"));
        fs::create_dir_all(&target).with_context(|| format!("could not make {}", target.display()))?;
        let lock = File::create(target.join("venv.lock")).context("could not open the lock of target/venv")?;
        lock.lock().context("could not lock target/venv")?;

        let venv = Self { directory };
        let requirements = env::root().join("tests/requirements.txt");
        let pinned = fs::read_to_string(&requirements).context("could not read tests/requirements.txt")?;
        let wanted = format!("# {}\n{pinned}", python_version()?);
        let stamp = venv.directory.join("made-from");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && venv.python_path().exists() {
            println!("target/venv is up to date");
            return Ok(venv);
        }
        venv.make(&requirements)?;
        // Last, so that one cut off half-way is made anew.
        fs::write(&stamp, wanted).context("could not write target/venv/made-from")?;
        Ok(venv)
    }

    fn make(&self, requirements: &Path) -> anyhow::Result<()> {
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).context("could not remove the old target/venv")?;
        }
        println!("making target/venv from tests/requirements.txt");
        let made = Command::new("python3").args(["-m", "venv"]).arg(&self.directory).output();
        let made = made.context("could not start python3")?;
        if !made.status.success() {
            bail!(
                "python3 -m venv failed (on Debian and its kin: apt-get install python3-venv):\n{}{}",
                String::from_utf8_lossy(&made.stdout),
                String::from_utf8_lossy(&made.stderr)
            );
        }
        let installed = Command::new(self.python_path())
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"])
            .arg(requirements)
            .status()
            .context("could not start pip")?;
        if !installed.success() {
            bail!("pip could not install tests/requirements.txt (see above)");
        }
        Ok(())
    }

    fn python_path(&self) -> PathBuf {
        self.directory.join("bin/python")
    }

    /// Its Python, as a command that knows nothing of the developer's account.
    pub(crate) fn python(&self) -> Command {
        let mut python = env::clean(self.python_path());
        python.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }
}

/// The version of `python3`, if it is there and new enough.
fn python_version() -> anyhow::Result<String> {
    let ask = format!("import sys; print(sys.version); sys.exit(sys.version_info[:2] < {OLDEST})");
    let said = Command::new("python3")
        .args(["-c", &ask])
        .stderr(Stdio::inherit())
        .output()
        .context("could not start python3; the tests need Python 3.10 or later, with venv")?;
    let version = String::from_utf8_lossy(&said.stdout).replace('\n', " ").trim().to_owned();
    if !said.status.success() {
        bail!("python3 is {version}; the tests need 3.10 or later");
    }
    Ok(version)
}
