//! The command line: flags, their help and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use ebskeep_core::adopt::TABLE;
use ebskeep_core::plan::Job;
use ebskeep_core::watch::Look;
use jiff::Timestamp;
use jiff::civil::Date;
use smol_str::SmolStr;

use crate::error::Failure;
use crate::settings::SettingArgs;

/// Keeps backups of EBS volumes as tags on them say: takes snapshots when they
/// are due, and deletes those that no rule keeps any more.
///
/// Tag an EC2 instance or an EBS volume `Backup=Yes`, look at `ebskeep plan`,
/// and run `ebskeep apply` once an hour or once a day. Every decision comes with
/// its reasons. What ebskeep did not make is never touched, and the newest good
/// backup of a volume that exists is never deleted.
#[derive(Debug, Parser)]
#[command(
    name = "ebskeep",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    propagate_version = true,
    max_term_width = 100,
    after_help = "`--help` also shows the settings, the tags, examples and exit codes. `ebskeep demo` needs no account.",
    after_long_help = TAGS_EXAMPLES_AND_CODES
)]
pub(crate) struct Cli {
    /// Which AWS.
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
    /// How it tells.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The settings.
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// What it does.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const TAGS_EXAMPLES_AND_CODES: &str = "\
Tags on instances and volumes (a volume's own tag beats its instance's):
  Backup               Yes, No, hourly, daily, weekly, monthly, yearly, every 6h,
                       daily @ 03:30, weekly @ sun 03:30, monthly @ 31 03:30,
                       30 3 * * mon-fri (cron), every-run. Without it a resource
                       is not backed up.
  Retention            How long a backup stays: 14 (days), 2w, 6m, 1y, 36h, forever.
                       Without it --default-retention.
  Backup_TimeZone      IANA name, such as Europe/London. Without it --time-zone.
  Skip_Backup_Volumes  On instances: volume ids or device names to leave out.

Tags on snapshots that keep them, whatever else says:
  KeepForever          Any value.
  KeepUntil            A date: stays to the end of that day.

Examples:
  ebskeep demo                           See it work, without an account
  ebskeep plan                           What a run would do here, and why
  ebskeep plan expire -v                 Each snapshot, and every rule that keeps it
  ebskeep apply create                   Take what is due; never deletes
  ebskeep apply --yes --region all       The whole job in every enabled Region, from cron
  ebskeep plan --out plan.json           Plan now, read it, and within the hour:
  ebskeep apply --plan plan.json         carry out exactly that
  ebskeep explain snap-0123456789abcdef0 Why it is still there, and when it will go
  ebskeep hold snap-0123456789abcdef0 --until 2027-03-31 --reason audit
  ebskeep release snap-0123456789abcdef0
  ebskeep watch                          Tags that are wrong, or nearly right
  ebskeep adopt                          What other tools left, and make it ours
  ebskeep forecast --retention 'daily=7 weekly=4 monthly=12'
                                         How many snapshots that will be, and which
  aws ec2 describe-snapshots --owner-ids self > snapshots.json
  ebskeep plan expire --account 123456789012 --region eu-west-1 \\
      --inventory snapshots.json volumes.json instances.json images.json
                                         The same decisions, from files

Exit codes:
  0    done, or nothing to do
  1    failed
  2    wrong usage or input; nothing was done
  3    partly done: something failed, or a Region could not be seen
  4    refused by a check; nothing of what it refuses was done, and the rest was
  5    something found (watch), or changes pending (plan --detailed-exitcode)
  130  interrupted before anything was done

Credentials and the Region come from where the AWS CLI takes them: environment,
profiles, SSO, roles, containers, instance.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a run would do, and why; changes nothing
    Plan(PlanArgs),
    /// Do it: take the snapshots that are due, delete those nothing keeps
    Apply(ApplyArgs),
    /// Tell everything about a snapshot, a volume or an instance
    ///
    /// Of a snapshot: what it is, each rule that keeps it and each that does not,
    /// which retention governs it and where that came from, when it will go and
    /// why then, and all of its lineage. Of a volume or an instance: what its tags
    /// mean, what the next run does, and what there is. Changes nothing.
    Explain(ExplainArgs),
    /// Keep snapshots, whatever else says
    ///
    /// Writes KeepUntil or KeepForever, and KeepReason, on snapshots of this
    /// account in one Region; shows first what changes. Any snapshot can be
    /// held; one that is not ours is never deleted anyway.
    Hold(HoldArgs),
    /// Take holds away again
    ///
    /// Removes KeepForever, KeepUntil and KeepReason, however they are spelt,
    /// from snapshots of this account in one Region. Shows first what would
    /// still keep each, or that it would go, and asks.
    Release(ReleaseArgs),
    /// Find the snapshots of other tools, and make them ours
    ///
    /// Lists them by tool and volume, with the tags that adopting would write and
    /// when they would then go: no earlier than their own tool says, and not
    /// within the next days. With --yes, or once that is answered with yes, it
    /// tags them. Snapshots of AWS Backup and Data Lifecycle Manager are never
    /// among them.
    Adopt(AdoptArgs),
    /// Look for trouble; changes nothing
    ///
    /// Looks over the tags of instances, volumes and snapshots: what is wrong,
    /// what does nothing, what nearly means something, what that means today and
    /// what to write instead; and what the tags that match do. Ends with 5 if
    /// there is anything to look at.
    Watch(WatchArgs),
    /// Show how many snapshots there will be, day by day; no AWS
    ///
    /// Lives through a span with the decisions of `plan`: for one imagined volume
    /// with the tags given, or for all that is in files. Tags stay as they are,
    /// each slot has its snapshot, and expire runs at 00:10.
    Forecast(ForecastArgs),
    /// See it work on an EC2 in memory: 30 days in a few seconds
    ///
    /// Builds a small fleet in an EC2 of its own, lives through 30 days of
    /// create and expire with the real client and in virtual time, and shows the
    /// last plan and what is left. No account, no network.
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l -`
    Man,
}

/// A job by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum JobName {
    /// Take the snapshots that are due
    Create,
    /// Copy snapshots to where their tags say
    Copy,
    /// Delete the snapshots that nothing keeps
    Expire,
}

impl JobName {
    /// The jobs named; all of them if none is.
    pub(crate) fn jobs(named: &[Self]) -> Vec<Job> {
        if named.is_empty() {
            return Job::ALL.to_vec();
        }
        named
            .iter()
            .map(|job| match job {
                Self::Create => Job::Create,
                Self::Copy => Job::Copy,
                Self::Expire => Job::Expire,
            })
            .collect()
    }
}

/// `ebskeep plan`
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Jobs to plan: create, copy, expire; all if none is named. With --what-if also
    /// the volumes and instances to try it on
    #[arg(value_name = "JOB|ID")]
    what: Vec<JobOrId>,
    /// Also write the plan to this file, as JSON, for `apply --plan`
    #[arg(long, value_name = "FILE", conflicts_with = "inventory")]
    pub(crate) out: Option<PathBuf>,
    /// Exit with 5 if the plan would change something, or a what-if differs
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Show what this tag or setting would change; repeatable
    ///
    /// `Retention=daily=7 weekly=4` is a tag, `Retention-` takes it away,
    /// `minimum=3` is a setting. It is tried on the volumes and instances named;
    /// if none is, on those that carry the changed tag or `Backup`. Shown is what
    /// goes and what stays, beside the plan as it is, at once and once the grace
    /// after a changed retention is over.
    #[arg(long, value_name = "CHANGE", conflicts_with = "out")]
    pub(crate) what_if: Vec<String>,
    /// What to look at, and as of when.
    #[command(flatten)]
    pub(crate) seen: InventoryArgs,
}

impl PlanArgs {
    /// The jobs named; all of them if none is.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let named: Vec<JobName> = self.what.iter().filter_map(JobOrId::job).collect();
        JobName::jobs(&named)
    }

    /// The volumes and instances named.
    pub(crate) fn ids(&self) -> Vec<SmolStr> {
        self.what.iter().filter_map(JobOrId::id).collect()
    }
}

/// A job, or a volume or instance by its id.
#[derive(Clone, Debug)]
enum JobOrId {
    Job(JobName),
    Id(SmolStr),
}

impl JobOrId {
    fn job(&self) -> Option<JobName> {
        match self {
            Self::Job(job) => Some(*job),
            Self::Id(_) => None,
        }
    }

    fn id(&self) -> Option<SmolStr> {
        match self {
            Self::Job(_) => None,
            Self::Id(id) => Some(id.clone()),
        }
    }
}

impl std::str::FromStr for JobOrId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("vol-") || text.starts_with("i-") {
            return Ok(Self::Id(text.into()));
        }
        JobName::from_str(text, false)
            .map(Self::Job)
            .map_err(|_| "it is none of create, copy and expire, nor the id of a volume or an instance".to_owned())
    }
}

/// What is looked at, and as of when: for every verb that decides over an
/// inventory and changes nothing.
#[derive(Debug, Args)]
pub(crate) struct InventoryArgs {
    /// Decide as of this instant, such as 2026-03-01T02:00:00Z
    ///
    /// For what-if: the resources are those of now. Without it the time is
    /// AWS's own.
    #[arg(long, value_name = "TIMESTAMP")]
    pub(crate) now: Option<Timestamp>,
    /// Decide from files instead of AWS; `-` is standard input
    ///
    /// The files hold what `aws ec2 describe-snapshots`, `describe-volumes`,
    /// `describe-instances` and `describe-images` print, in any arrangement.
    /// Expiry is refused unless all four are there. `describe-locked-snapshots` and
    /// `describe-snapshot-tier-status` may be added. Name jobs and ids before this flag.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) inventory: Vec<PathBuf>,
    /// The account the files are from
    ///
    /// Without it the owner of the snapshots, if all have the same.
    #[arg(long, value_name = "ID", requires = "inventory")]
    pub(crate) account: Option<String>,
}

/// `ebskeep apply`
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Jobs to do; all if none is named
    #[arg(value_name = "JOB")]
    pub(crate) jobs: Vec<JobName>,
    /// Carry out this plan, written by `plan --out` within the last hour
    ///
    /// It is held against a fresh plan, and refused unless that holds all of it.
    #[arg(long, value_name = "FILE", conflicts_with = "jobs")]
    pub(crate) plan: Option<PathBuf>,
    /// Delete without asking
    ///
    /// Needed where there is no terminal to ask on. What only creates never
    /// asks.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `ebskeep explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Snapshots, volumes, instances
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// What to look at, and as of when.
    #[command(flatten)]
    pub(crate) seen: InventoryArgs,
}

/// A date as it stands in `KeepUntil`. Others are read in two ways by two people.
fn date(text: &str) -> Result<Date, String> {
    text.trim().parse().map_err(|_| "it is no date such as 2027-03-31".to_owned())
}

/// `ebskeep hold`
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("length").required(true).args(["until", "forever"])))]
pub(crate) struct HoldArgs {
    /// The snapshots to keep
    #[arg(value_name = "SNAPSHOT", required = true)]
    pub(crate) snapshots: Vec<String>,
    /// Keep them to the end of this date, such as 2027-03-31
    ///
    /// To its end everywhere on Earth: noon UTC of the next day.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(crate) until: Option<Date>,
    /// Keep them until they are released
    #[arg(long)]
    pub(crate) forever: bool,
    /// Why, for whoever comes after
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Shorten a hold without asking
    ///
    /// Needed where there is no terminal to ask on. What only keeps longer never
    /// asks.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `ebskeep release`
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The snapshots to release
    #[arg(value_name = "SNAPSHOT", required_unless_present = "source_deleted")]
    pub(crate) snapshots: Vec<String>,
    /// Release their copies too, in other Regions and accounts
    ///
    /// Shown beside the others before anything is done. Without it copies stay
    /// held, since holds go from a snapshot to its copies and never back.
    #[arg(long)]
    pub(crate) copies: bool,
    /// Mark copies instead: these source volumes were deleted
    ///
    /// Copies in this Region end only once such a mark says so. The copier writes it where
    /// the volume was; this is for where no copier does. The last ones then stay for
    /// orphan-grace (90 days).
    #[arg(long, value_name = "VOLUME", num_args = 1.., conflicts_with_all = ["snapshots", "copies"])]
    pub(crate) source_deleted: Vec<String>,
    /// Release without asking
    ///
    /// Needed where there is no terminal to ask on.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `ebskeep adopt`
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// Only those of this tool
    ///
    /// `original` is aws-ebs-snapshots-lambda, whose finished snapshots are ours
    /// already; with it comes a report of what the first run of ebskeep changes.
    #[arg(long, value_name = "TOOL", value_parser = PossibleValuesParser::new(TABLE.iter().map(|row| row.name)))]
    pub(crate) from: Option<String>,
    /// Tag them without asking
    ///
    /// Without it, and without a terminal to ask on, they are only shown.
    #[arg(long, short, conflicts_with_all = ["inventory", "now"])]
    pub(crate) yes: bool,
    /// What to look at, and as of when; then they are only shown.
    #[command(flatten)]
    pub(crate) seen: InventoryArgs,
}

/// `ebskeep watch`
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Look for this alone; repeatable
    ///
    /// Without it for all there is: today that is `tags`.
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(Look::ALL.map(Look::name)))]
    pub(crate) only: Vec<String>,
    /// What to look at, and as of when.
    #[command(flatten)]
    pub(crate) seen: InventoryArgs,
}

/// `ebskeep forecast`
#[derive(Debug, Args)]
pub(crate) struct ForecastArgs {
    /// The volume's Backup: daily, hourly, "every 6h"; by default Yes
    #[arg(long, value_name = "SCHEDULE", conflicts_with = "inventory")]
    pub(crate) schedule: Option<String>,
    /// The volume's Retention: 30, 1y, "daily=7 weekly=4"; by default none
    #[arg(long, value_name = "RETENTION", conflicts_with = "inventory")]
    pub(crate) retention: Option<String>,
    /// The volume's Backup_TimeZone, and where days begin; by default --time-zone
    #[arg(long, value_name = "ZONE", conflicts_with = "inventory")]
    pub(crate) zone: Option<String>,
    /// Copy each snapshot there: eu-west-1, or 123456789012/eu-west-1; several by
    /// blank or comma
    #[arg(long, value_name = "DEST", conflicts_with = "inventory")]
    pub(crate) copy_to: Option<String>,
    /// How long copies stay; by default as long as the volume's snapshots
    #[arg(long, value_name = "RETENTION", requires = "copy_to")]
    pub(crate) copy_retention: Option<String>,
    /// The volume's size in GiB
    #[arg(long, value_name = "GIB", default_value_t = 100, conflicts_with = "inventory")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) size: u32,
    /// A date or an instant to begin at; by default today, with files now
    #[arg(long, value_name = "WHEN", conflicts_with = "now")]
    pub(crate) start: Option<String>,
    /// How long to go on, such as 90d or 5y; up to 100y
    #[arg(long = "for", value_name = "AGE", default_value = "2y")]
    pub(crate) span: String,
    /// Also list the snapshots that exist at the end of this date, and why;
    /// repeatable
    #[arg(long, value_name = "DATE")]
    pub(crate) on: Vec<String>,
    /// How often expire runs
    #[arg(long, value_name = "AGE", default_value = "1d")]
    pub(crate) expire_every: String,
    /// Also tell of each snapshot: when it is taken, when it goes, and why then
    #[arg(long)]
    pub(crate) lives: bool,
    /// Also draw the curve into this file, as SVG; - draws it on stdout instead of
    /// the page
    #[arg(long, value_name = "FILE")]
    pub(crate) chart: Option<PathBuf>,
    /// What to begin with.
    #[command(flatten)]
    pub(crate) seen: InventoryArgs,
}

/// `ebskeep demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Keep that EC2 open for any AWS client, at this loopback address
    ///
    /// Port 0 takes a free one. It ends with Ctrl-C.
    #[arg(long, value_name = "ADDR")]
    pub(crate) serve: Option<SocketAddr>,
    /// Serve an EC2 with nothing in it
    #[arg(long, requires = "serve")]
    pub(crate) empty: bool,
}

/// Which AWS.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsArgs {
    /// A Region to work in; repeatable; `all` is every enabled one
    #[arg(long = "region", value_name = "REGION", global = true)]
    pub(crate) regions: Vec<String>,
    /// The profile of ~/.aws/config to use
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,
    /// Where EC2 and STS are, if not at AWS; also AWS_ENDPOINT_URL
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) endpoint_url: Option<String>,
}

/// How it tells.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Text for people, or one JSON document
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub(crate) format: Format,
    /// Tell only what failed, is refused or is to be mended, and the summary
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell of each volume and snapshot, with every reason
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, 80 columns
    Text,
    /// For programs: see docs/cli.md
    Json,
}

/// Global flags that mean nothing to verbs that reach no AWS.
fn meaningless(verb: &str, flag: &str) -> bool {
    match verb {
        "plan" | "apply" | "explain" | "hold" | "release" | "adopt" | "watch" | "help" => false,
        "forecast" => matches!(flag, "profile" | "endpoint_url"),
        "demo" => !matches!(flag, "quiet" | "verbose"),
        _ => true,
    }
}

/// The whole command line. Verbs do not show in their help the global flags
/// that mean nothing to them.
pub(crate) fn command() -> clap::Command {
    let mut command = Cli::command();
    let globals: Vec<clap::Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for verb in verbs {
        let hidden = globals.iter().filter(|arg| meaningless(&verb, arg.get_id().as_str()));
        let hidden: Vec<clap::Arg> = hidden.map(|arg| arg.clone().hide(true)).collect();
        command = command.mut_subcommand(verb, |command| command.args(hidden));
    }
    command
}

/// Refuses flags that were given and mean nothing to this verb.
pub(crate) fn refuse_meaningless(matches: &clap::ArgMatches, verb: &str) -> Result<(), Failure> {
    let given = matches.ids().find(|id| {
        meaningless(verb, id.as_str())
            && matches.value_source(id.as_str()) == Some(clap::parser::ValueSource::CommandLine)
            && Cli::command().get_arguments().any(|arg| arg.get_id() == *id)
    });
    match given {
        None => Ok(()),
        Some(id) => Err(Failure::usage(anyhow::anyhow!("--{} means nothing to `ebskeep {verb}`", flag(id.as_str())))),
    }
}

/// The flag of an argument by its id.
fn flag(id: &str) -> String {
    let command = Cli::command();
    let long = command.get_arguments().find(|arg| arg.get_id() == id).and_then(|arg| arg.get_long());
    long.unwrap_or(id).to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
