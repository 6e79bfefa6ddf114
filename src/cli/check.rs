//! `check`: everything that is wrong with a configuration, at once.

use clap::{Args, ValueEnum};

use super::{Ended, costs, output};
use crate::app::Source;
use crate::base::diagnostic::Severity;
use crate::base::tree::Node;

/// Tells everything that is wrong with the configuration
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve check
  hookreeve check --config /etc/hookreeve/hookreeve.toml --secrets
  hookreeve check --costs
  hookreeve check --deny-warnings --format json | jq '.findings[].message'

Exit status: 0 fine, 1 findings, 2 there is no configuration to look at.")]
pub(super) struct Arguments {
    /// Warnings count like errors
    #[arg(long)]
    deny_warnings: bool,

    /// Looks into secrets, keys and certificates; one that is missing is an error, as it is for serve, else a warning
    #[arg(long)]
    secrets: bool,

    /// Tells the most steps that each expression can take, and all rules on an event
    #[arg(long)]
    costs: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// With place and caret
    Text,
    /// One object
    Json,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> Ended {
    let loaded = source.load();
    let severity = if arguments.secrets { Severity::Error } else { Severity::Warning };
    let (plan, mut findings) = crate::app::plan(&loaded, &source.registry, Some(severity));
    if let Some(plan) = &plan {
        plan.tests.check_files(&mut findings);
    }
    findings.extend(crate::app::shadow(&loaded).1);
    if let Some(plan) = plan.as_ref().filter(|_| arguments.secrets) {
        findings.extend(plan.look_into(&loaded, source));
    }
    let costs = plan.filter(|_| arguments.costs).map(|plan| plan.costs(&loaded));
    // Where the files cannot be read as a whole, nobody knows the rules.
    let rules = loaded.salvaged.as_ref();
    let rules = rules.map(|_| loaded.lists.get("rule").and_then(Node::as_array).map_or(0, <[Node]>::len));
    match arguments.format {
        Format::Text => {
            let color = output::color_out(source);
            for finding in &findings {
                output::print(&finding.render(color));
                output::print("");
            }
            if let Some(table) = costs.as_ref().and_then(costs::table) {
                output::print(&table);
                output::print("");
            }
            let main = loaded.main.display().to_string();
            output::print(&format!(
                "{main}{}{}, {}, {}",
                if main.is_empty() { "" } else { ": " },
                count(findings.errors(), "error"),
                count(findings.warnings(), "warning"),
                rules.map_or_else(|| "rules not looked at".to_owned(), |rules| count(rules, "rule"))
            ));
        }
        Format::Json => {
            let mut said = serde_json::json!({
                "errors": findings.errors(),
                "warnings": findings.warnings(),
                "rules": rules,
                "findings": findings.iter().map(crate::base::diagnostic::Diagnostic::to_json).collect::<Vec<_>>(),
            });
            if let Some(costs) = &costs {
                said["costs"] = costs::json(costs);
            }
            output::print(&said.to_string());
        }
    }
    if output::nothing_to_look_at(&findings) {
        Ended::Nothing
    } else if findings.has_errors() || (arguments.deny_warnings && !findings.is_empty()) {
        Ended::Findings
    } else {
        Ended::Well
    }
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
