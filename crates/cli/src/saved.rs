//! Plans in files: written whole or not at all, as other files are, and read with
//! the line of what is wrong.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use ebskeep_core::job::SavedPlan;
use ebskeep_files::Utf8;
use serde::Serialize;

use crate::error::Failure;

/// Writes a plan so that the file is never half of one.
pub(crate) fn write(path: &Path, document: &impl Serialize) -> Result<(), Failure> {
    let hint = "name a file; `--format json` writes the plan to standard output";
    whole(path, &Whose { flag: "--out", what: "the plan", hint }, |file| {
        serde_json::to_writer_pretty(&mut *file, document)?;
        Ok(file.write_all(b"\n")?)
    })
}

/// Whose file it is, for errors.
pub(crate) struct Whose {
    /// The flag that names it.
    pub(crate) flag: &'static str,
    /// What is in it.
    pub(crate) what: &'static str,
    /// What to do if it is no file.
    pub(crate) hint: &'static str,
}

/// Writes a file whole or not at all.
pub(crate) fn whole(
    path: &Path,
    whose: &Whose,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> Result<(), Failure> {
    let Whose { flag, what, hint } = whose;
    // Renaming over a device would replace the device; a link is followed to its file.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.exists() && !target.is_file() {
        let error = anyhow!("{flag} {} is no regular file", path.display());
        return Err(Failure::usage(error).hint(*hint));
    }
    let path = target.as_path();
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    let written = || -> anyhow::Result<()> {
        let mut file = BufWriter::new(File::create(beside)?);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        Ok(std::fs::rename(beside, path)?)
    };
    written().map_err(|error| {
        // It may never have been there.
        let _ = std::fs::remove_file(beside);
        Failure::failed(error.context(format!("{what} could not be written to {}", path.display())))
    })
}

/// Reads the plans of a file: of one Region or of several.
pub(crate) fn read(path: &Path) -> Result<Vec<SavedPlan>, Failure> {
    let what = || format!("the plan {} cannot be read", path.display());
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| Utf8::new(file).read_to_end(&mut text));
    read.with_context(what).map_err(Failure::usage)?;
    ebskeep_files::plans(&text).with_context(what).map_err(|error| {
        Failure::usage(error).hint("a plan is what `ebskeep plan --out FILE` writes; nothing was done")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_written_to_files_alone_and_through_links() {
        // Root could replace a device by renaming over it.
        let refused = write(Path::new("/dev/null"), &"plan").unwrap_err();
        assert_eq!(refused.exit, crate::error::Exit::Usage);
        let directory = std::env::temp_dir().join(format!("ebskeep-saved-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (target, link) = (directory.join("target.json"), directory.join("link.json"));
        std::fs::write(&target, "").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write(&link, &"plan").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "\"plan\"\n");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
