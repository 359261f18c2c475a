//! Writes the seeds of every target where cargo-fuzz looks for them:
//! `fuzz/corpus/TARGET/`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for target in ebskeep_fuzzing::TARGETS {
        let directory = corpus.join(target.name);
        std::fs::create_dir_all(&directory)?;
        for (n, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{n:03}")), seed)?;
        }
    }
    Ok(())
}
