//! `cargo run -p ebskeep-chaos -- --seeds N`: worlds one after the other, and what
//! did not hold, with the command that lives through the same world again.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use ebskeep_chaos::again;
use ebskeep_chaos::coverage::{self, Coverage};
use ebskeep_chaos::flaw::Flaw;
use ebskeep_chaos::life::live;

/// From so many worlds on everything that can happen must have happened, as in the tests.
const ENOUGH: u64 = 240;
/// And from so many on what is seldom, too.
const MANY: u64 = 5_000;

/// Live through random worlds and see that nothing is lost.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask chaos", bin_name = "cargo xtask chaos")]
struct Options {
    /// How many worlds
    #[arg(long, default_value_t = ENOUGH)]
    seeds: u64,

    /// The first one's seed
    #[arg(long, default_value_t = 0)]
    from: u64,

    /// Tell what happened in each
    #[arg(long)]
    story: bool,

    /// Plant this mistake, such as HoldNotSeen
    #[arg(long, value_parser = planted)]
    flaw: Option<Flaw>,
}

fn planted(name: &str) -> Result<Flaw, String> {
    let named = |flaw: &Flaw| format!("{flaw:?}") == name;
    Flaw::ALL.into_iter().find(named).ok_or_else(|| format!("one of {:?}", Flaw::ALL))
}

/// The seed of the world that is being lived through.
static LIVING: AtomicU64 = AtomicU64::new(0);

/// A build that aborts where it panics, as a release does, drops nothing that could say how
/// to live through that world again.
fn says_again_before_it_aborts(flaw: Option<Flaw>) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        eprintln!("{}", again::words(LIVING.load(Ordering::Relaxed), flaw));
    }));
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if cfg!(panic = "abort") {
        says_again_before_it_aborts(options.flaw);
    }
    let mut coverage = Coverage::new();
    let mut failed = 0_u64;
    for seed in options.from..options.from.saturating_add(options.seeds) {
        LIVING.store(seed, Ordering::Relaxed);
        let life = live(seed, options.flaw)?;
        for (what, times) in &life.coverage {
            *coverage.entry(what.clone()).or_default() += times;
        }
        if options.story {
            println!("{}", life.story.join("\n"));
        }
        if !life.violations.is_empty() {
            failed += 1;
            for violation in &life.violations {
                println!("seed {seed}: {violation}");
            }
            println!("{}", again::words(seed, options.flaw));
        }
    }
    println!("\nWhat befell them, and how often:");
    for (what, times) in &coverage {
        println!("{times:>8}  {what}");
    }
    let missing = match options.seeds {
        MANY.. => coverage::missing(&coverage, coverage::all()),
        ENOUGH.. => coverage::missing(&coverage, coverage::required()),
        _ => Vec::new(),
    };
    for what in &missing {
        println!("{:>8}  {what}: of {} worlds it was to happen in some", 0, options.seeds);
    }
    println!("\n{} worlds, {failed} in which something did not hold", options.seeds);
    Ok(if failed == 0 && missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
