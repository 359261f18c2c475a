//! The settings' flags and `EBSKEEP_…` variables, made from the one table of
//! settings. Precedence: flag, variable, default. There is no settings file.

use anyhow::anyhow;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use ebskeep_core::setting::{SettingError, Settings, TABLE};

use crate::error::Failure;

/// `EBSKEEP_…` variables that are no settings: the functions' job, and where
/// this project's own tests find the built programs.
const NO_SETTINGS: [&str; 3] = ["EBSKEEP_JOB", "EBSKEEP_BIN", "EBSKEEP_BOOTSTRAP"];

/// Settings as given, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingArgs {
    given: Vec<Given>,
}

/// One setting as given.
#[derive(Clone, Debug)]
struct Given {
    name: &'static str,
    value: String,
    /// `--max-delete` or `EBSKEEP_MAX_DELETE`.
    by: String,
}

impl SettingArgs {
    /// The settings, or the first that cannot be.
    pub(crate) fn read(&self) -> Result<Settings, Failure> {
        refuse_unknown_variables()?;
        let mut settings = Settings::default();
        for Given { name, value, by } in &self.given {
            settings.set(name, value).map_err(|error| match error {
                SettingError::BadValue { name: _, value, why } => Failure::usage(anyhow!("{by}: {value:?}: {why}")),
                error @ SettingError::UnknownName(_) => Failure::usage(error.into()),
            })?;
        }
        settings.validate().map_err(|error| Failure::usage(error.into()))?;
        Ok(settings)
    }
}

/// A misspelt variable would otherwise be a setting that silently is not set.
fn refuse_unknown_variables() -> Result<(), Failure> {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let known = || TABLE.iter().any(|setting| setting.variable() == name) || NO_SETTINGS.contains(&name.as_ref());
        if name.starts_with("EBSKEEP_") && !known() {
            let error = anyhow!("the environment variable {name} is none that ebskeep knows");
            let all: Vec<String> = TABLE.iter().map(ebskeep_core::setting::Setting::variable).collect();
            return Err(Failure::usage(error).hint(format!("there are {}", all.join(", "))));
        }
    }
    Ok(())
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        command.next_help_heading("Settings").args(TABLE.iter().map(|setting| {
            Arg::new(setting.name)
                .long(setting.name)
                .env(setting.variable())
                .hide_env_values(true)
                .hide_short_help(true)
                .value_name(setting.value)
                .allow_hyphen_values(true)
                .global(true)
                .help(format!("{} [default: {}]", setting.help, or_none(setting.default)))
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A default in words.
fn or_none(default: &str) -> &str {
    if default.is_empty() { "none" } else { default }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.given = TABLE
            .iter()
            .filter_map(|setting| {
                let value = matches.get_one::<String>(setting.name)?.clone();
                let by = match matches.value_source(setting.name) {
                    Some(ValueSource::EnvVariable) => setting.variable(),
                    _ => format!("--{}", setting.name),
                };
                Some(Given { name: setting.name, value, by })
            })
            .collect();
        Ok(())
    }
}
