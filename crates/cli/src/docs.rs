//! Holds docs/cli.md and docs/schema/ together with the code: what can be made
//! from the code is made, and a test fails where the files differ.
//!
//! `UPDATE_DOCS=1 cargo test -p ebskeep docs` writes them anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use ebskeep_core::adopt::{self, SCHEMA as ADOPT};
use ebskeep_core::forecast::{Forecast, SCHEMA as FORECAST};
use ebskeep_core::plan::explain::{Explanation, SCHEMA as EXPLAIN};
use ebskeep_core::plan::{Plan, SCHEMA as PLAN};
use ebskeep_core::report::{Document, SCHEMA as REPORT};
use ebskeep_core::retag::{self, SCHEMA as RETAG};
use ebskeep_core::setting::{Setting, TABLE};
use ebskeep_core::watch::{SCHEMA as WATCH, Watch};
use ebskeep_core::whatif::{SCHEMA as WHAT_IF, WhatIf};
use ebskeep_files::PLANS;
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::Value;

use crate::cli;
use crate::output::{PlanList, REPORTS, RETAGS, ReportList, RetagList, WATCHES, WatchList};

/// The documents, by the name of their schema.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (PLAN, schema(PLAN, schema_for!(Plan))),
        (PLANS, schema_of::<PlanList<'_>>(PLANS)),
        (REPORT, schema_of::<Document<'_>>(REPORT)),
        (ADOPT, schema_of::<adopt::Document<'_>>(ADOPT)),
        (RETAG, schema_of::<retag::Document<'_>>(RETAG)),
        (RETAGS, schema_of::<RetagList<'_>>(RETAGS)),
        (EXPLAIN, schema(EXPLAIN, schema_for!(Explanation))),
        (WHAT_IF, schema(WHAT_IF, schema_for!(WhatIf))),
        (REPORTS, schema_of::<ReportList<'_>>(REPORTS)),
        (WATCH, schema(WATCH, schema_for!(Watch))),
        (WATCHES, schema_of::<WatchList<'_>>(WATCHES)),
        (FORECAST, schema(FORECAST, schema_for!(Forecast))),
    ]
}

fn schema_of<T: JsonSchema>(name: &str) -> Value {
    schema(name, schemars::SchemaGenerator::default().into_root_schema_for::<T>())
}

fn schema(name: &str, schema: Schema) -> Value {
    let mut value = Value::from(schema);
    // What makes the document recognisable.
    value["title"] = name.into();
    value["properties"]["schema"]["const"] = name.into();
    value
}

fn docs(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).join(file)
}

/// Compares a file with what it has to be, or writes it if told to.
fn hold(file: &str, expected: &str) {
    let path = docs(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        is == expected,
        "docs/{file} is not what the code says; UPDATE_DOCS=1 cargo test -p ebskeep docs writes it anew"
    );
}

#[test]
fn the_schemas_in_docs_are_those_of_the_code() {
    for (name, schema) in schemas() {
        let file = format!("schema/{}.schema.json", name.replace('/', "-"));
        hold(&file, &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()));
    }
}

#[test]
fn the_reference_in_docs_is_that_of_the_code() {
    let _proof = ebskeep_proofs::proves(&["7.1"]);
    let mut text = std::fs::read_to_string(docs("cli.md")).unwrap();
    for (name, expected) in [("flags", flags()), ("settings", settings()), ("fields", fields())] {
        let (begin, end) = (format!("<!-- {name}: made from the code -->\n"), format!("<!-- end of {name} -->"));
        let from = text.find(&begin).unwrap_or_else(|| panic!("docs/cli.md has no {begin}")) + begin.len();
        let to = text.find(&end).unwrap_or_else(|| panic!("docs/cli.md has no {end}"));
        text.replace_range(from..to, &format!("\n{expected}\n"));
    }
    hold("cli.md", &text);
}

#[test]
fn docs_tell_of_every_exit_code() {
    let text = std::fs::read_to_string(docs("cli.md")).unwrap();
    for code in [0, 1, 2, 3, 4, 5, 130] {
        assert!(text.contains(&format!("\n| {code} |")), "{code}");
    }
}

/// All flags, verb by verb. Global ones stand first, settings elsewhere.
fn flags() -> String {
    let mut command = cli::command();
    command.build();
    let mut text = "### For every verb\n\n".to_owned();
    table(&mut text, command.get_arguments().filter(|arg| !is_setting(arg)));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let about = verb.get_long_about().or(verb.get_about()).map(ToString::to_string).unwrap_or_default();
        let _ = write!(text, "\n### `ebskeep {}`\n\n{}\n\n", verb.get_name(), sentence(&about));
        let own: Vec<&clap::Arg> =
            verb.get_arguments().filter(|arg| !arg.is_global_set() && !arg.is_hide_set()).collect();
        if own.iter().any(|arg| !is_help(arg)) {
            table(&mut text, own.into_iter());
        }
    }
    text
}

fn is_setting(arg: &clap::Arg) -> bool {
    TABLE.iter().any(|setting| setting.name == arg.get_id().as_str())
}

fn is_help(arg: &clap::Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

fn table<'a>(text: &mut String, args: impl Iterator<Item = &'a clap::Arg>) {
    text.push_str("| argument | meaning |\n|---|---|\n");
    for arg in args.filter(|arg| !is_help(arg)) {
        let short = arg.get_short().map(|short| format!("`-{short}` ")).unwrap_or_default();
        let long = arg.get_long().map(|long| format!("--{long}"));
        let names = arg.get_value_names().filter(|_| arg.get_action().takes_values()).unwrap_or_default();
        let value: Vec<String> = names.iter().map(ToString::to_string).collect();
        let many = if arg.get_num_args().is_some_and(|range| range.max_values() > 1)
            || arg.is_positional() && matches!(arg.get_id().as_str(), "jobs" | "snapshots" | "what" | "ids")
        {
            "…"
        } else {
            ""
        };
        let name = match long {
            Some(long) if value.is_empty() => long,
            Some(long) => format!("{long} {}{many}", value.join(" ")),
            None => format!("{}{many}", value.join(" ")),
        };
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let possible: Vec<String> =
            arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        let possible = if possible.is_empty() || !arg.get_action().takes_values() {
            String::new()
        } else {
            format!(" One of {}.", possible.join(", "))
        };
        let _ = writeln!(text, "| {short}`{name}` | {}{possible} |", sentence(&help));
    }
}

/// Help as running text that ends as sentences do.
fn sentence(help: &str) -> String {
    let mut parts: Vec<String> =
        help.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for part in &mut parts {
        if !part.ends_with(['.', ':']) {
            part.push('.');
        }
    }
    parts.join(" ").replace('|', "\\|")
}

fn settings() -> String {
    let mut text = "| flag | variable | default | meaning |\n|---|---|---|---|\n".to_owned();
    for setting in TABLE {
        let Setting { name, value, default, help } = setting;
        let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        let _ = writeln!(text, "| `--{name} {value}` | `{}` | {default} | {} |", setting.variable(), sentence(help));
    }
    text
}

/// Every field of every document, each type told once.
fn fields() -> String {
    let mut text = String::new();
    let mut told: Vec<String> = Vec::new();
    for (name, schema) in schemas() {
        let _ = write!(text, "### `{name}`\n\n{}\n\n", described(&schema));
        object(&mut text, &schema);
        let definitions = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
        for (definition, schema) in definitions {
            // The parts of lists of documents are documents told above.
            if told.contains(&definition) || ["Plan", "Report", "Watch"].contains(&definition.as_str()) {
                continue;
            }
            told.push(definition.clone());
            let _ = write!(text, "#### {definition}\n\n{}\n\n", described(&schema));
            object(&mut text, &schema);
            variants(&mut text, &schema);
        }
    }
    text.trim_end().to_owned() + "\n"
}

fn described(schema: &Value) -> String {
    sentence(schema.get("description").and_then(Value::as_str).unwrap_or_default())
}

fn object(text: &mut String, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let empty = Vec::new();
    let required = schema.get("required").and_then(Value::as_array).unwrap_or(&empty);
    text.push_str("| field | type | meaning |\n|---|---|---|\n");
    for (name, property) in properties {
        let optional = if required.iter().any(|r| r == name) { "" } else { ", optional" };
        let _ = writeln!(text, "| `{name}` | {}{optional} | {} |", type_of(property), described(property));
    }
    text.push('\n');
}

/// The values of an enumeration, or the forms of one that has fields.
fn variants(text: &mut String, schema: &Value) {
    let Some(all) = schema.get("oneOf").and_then(Value::as_array) else { return };
    text.push_str("| value | meaning |\n|---|---|\n");
    for one in all {
        let tags = ["action", "of", "kind", "when"].map(|tag| one.pointer(&format!("/properties/{tag}/const")));
        let tag = tags.into_iter().flatten().next().or_else(|| one.get("const"));
        let fields = one.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
        let fields = fields.map(|name| format!(" With the fields of {name}.")).unwrap_or_default();
        let _ = writeln!(text, "| `{}` | {}{fields} |", tag.and_then(Value::as_str).unwrap_or("?"), described(one));
    }
    text.push('\n');
}

fn type_of(property: &Value) -> String {
    if let Some(reference) = property.get("$ref").and_then(Value::as_str) {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(any) = property.get("anyOf").and_then(Value::as_array) {
        let names: Vec<String> = any.iter().map(type_of).filter(|name| name != "null").collect();
        return names.join(" or ");
    }
    match property.get("type") {
        Some(Value::String(name)) if name == "array" => {
            format!("list of {}", property.get("items").map(type_of).unwrap_or_default())
        }
        Some(Value::String(name)) if name == "object" => {
            let of = property.get("additionalProperties").map(type_of).unwrap_or_default();
            format!("object of {of}")
        }
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
            names.join(" or ")
        }
        _ => "any".to_owned(),
    }
}

#[test]
fn what_a_schema_leaves_open_is_told_nowhere() {
    // A type this reference cannot name would be documented as "any".
    let text = std::fs::read_to_string(docs("cli.md")).unwrap();
    assert!(!text.contains("| any |") && !text.contains("| `?` |"), "a field's type is not told");
}
