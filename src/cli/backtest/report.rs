//! What a backtest found, for people, for programs and for a pull request.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::output::{Table, count, harmless, time};
use crate::retrial::{Difference, Example, Group, Kind, Tally};

/// What was found, and how it is told.
pub(super) struct Report<'a> {
    pub(super) tally: &'a Tally,
    /// The configuration whose rules were tried.
    pub(super) config: PathBuf,
    /// What they were compared with.
    pub(super) against: &'static str,
    /// Whether today's sources were asked for what lookups find.
    pub(super) live: bool,
    /// The lookups of which nothing recorded was taken, for they are others now.
    pub(super) redefined: &'a [String],
    /// How a person is named.
    pub(super) person: &'a dyn Fn(&str) -> String,
}

impl Report<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.headline());
        for kind in Kind::ALL {
            let groups: Vec<(&Difference, &Group)> = self.of(kind).collect();
            if groups.is_empty() {
                continue;
            }
            let events: u64 = groups.iter().map(|(_, group)| group.events).sum();
            let _ = writeln!(text, "\n{}: {}", kind.words(), count(events, "event"));
            for (difference, group) in groups {
                let _ = writeln!(text, "  {}: {}", rule(difference), group.events);
                self.examples(group, &mut text);
            }
        }
        if self.tally.unknown > 0 {
            let _ = writeln!(text, "\ncannot be told: {}", count(self.tally.unknown, "event"));
            for (why, group) in &self.tally.untold {
                let _ = writeln!(text, "  {}: {}", harmless(why), group.events);
                self.examples(group, &mut text);
            }
        }
        text
    }

    pub(super) fn markdown(&self) -> String {
        let mut text = format!("## Backtest\n\n{}\n", self.headline());
        if !self.tally.differences.is_empty() {
            text.push_str("\n| what | rule | events |\n|---|---|---:|\n");
        }
        for kind in Kind::ALL {
            for (difference, group) in self.of(kind) {
                let _ = writeln!(text, "| {} | {} | {} |", kind.words(), cell(&rule(difference)), group.events);
            }
        }
        if !self.tally.untold.is_empty() {
            text.push_str("\n| cannot be told, because | events |\n|---|---:|\n");
        }
        for (why, group) in &self.tally.untold {
            let _ = writeln!(text, "| {} | {} |", cell(why), group.events);
        }
        let mut examples = String::new();
        for kind in Kind::ALL {
            for example in self.of(kind).flat_map(|(_, group)| &group.examples) {
                let cells = self.cells(example).map(|text| cell(&text)).join(" | ");
                let _ = writeln!(examples, "| {} | {cells} |", kind.words());
            }
        }
        if !examples.is_empty() {
            text.push_str("\n<details><summary>Examples</summary>\n\n");
            text.push_str("| what | entry | time | event | person | was | would be |\n|---|---|---|---|---|---|---|\n");
            text.push_str(&examples);
            text.push_str("\n</details>\n");
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let group = |group: &Group| {
            let examples = group.examples.iter().map(|example| {
                json!({
                    "seq": example.seq,
                    "id": example.id.to_string(),
                    "time": time(example.received_at),
                    "event": example.event,
                    "person": self.name(example),
                    "was": example.was,
                    "now": example.now,
                })
            });
            (group.events, examples.collect::<Vec<_>>())
        };
        let differences = Kind::ALL.into_iter().flat_map(|kind| self.of(kind)).map(|(difference, found)| {
            let (events, examples) = group(found);
            let (kind, rule) = (difference.kind.as_str(), &difference.rule);
            json!({ "kind": kind, "rule": rule, "events": events, "examples": examples })
        });
        let untold = self.tally.untold.iter().map(|(why, found)| {
            let (events, examples) = group(found);
            json!({ "why": why, "events": events, "examples": examples })
        });
        json!({
            "config": self.config.display().to_string(),
            "against": self.against,
            "lookups": if self.live { "live" } else { "recorded" },
            "redefined_lookups": self.redefined,
            "events": self.tally.events,
            "changed": self.tally.changed,
            "unknown": self.tally.unknown,
            "differences": differences.collect::<Vec<_>>(),
            "untold": untold.collect::<Vec<_>>(),
        })
    }

    fn headline(&self) -> String {
        let Tally { events, changed, unknown, .. } = self.tally;
        let changes = match changed {
            0 if events == unknown => "nothing can be told".to_owned(),
            0 => "nothing changes".to_owned(),
            changed => format!("{changed} would change"),
        };
        let more = if *unknown > 0 { format!(", {unknown} cannot be told") } else { String::new() };
        let config = harmless(&self.config.display().to_string());
        let live = if self.live { " with what lookups find today" } else { "" };
        let events = count(*events, "event");
        let redefined = match self.redefined {
            [] => String::new(),
            ids => format!("; without what was recorded of redefined lookups: {}", harmless(&ids.join(", "))),
        };
        format!("{events} judged again by {config}{live}, against {}: {changes}{more}{redefined}", self.against)
    }

    /// What differs in this way, the most frequent first.
    fn of(&self, kind: Kind) -> impl Iterator<Item = (&Difference, &Group)> {
        let mut found: Vec<_> =
            self.tally.differences.iter().filter(|(difference, _)| difference.kind == kind).collect();
        found.sort_by_key(|(_, group)| std::cmp::Reverse(group.events));
        found.into_iter()
    }

    fn examples(&self, group: &Group, text: &mut String) {
        let mut table = Table::new(&["", "", "", "", "", ""]);
        group.examples.iter().for_each(|example| table.row(self.cells(example)));
        for row in table.render().lines().skip(1) {
            let _ = writeln!(text, "    {row}");
        }
    }

    fn cells(&self, example: &Example) -> [String; 6] {
        [
            example.seq.to_string(),
            time(example.received_at),
            example.event.clone(),
            self.name(example),
            example.was.clone(),
            example.now.clone(),
        ]
    }

    fn name(&self, example: &Example) -> String {
        example.person.as_deref().map(self.person).unwrap_or_default()
    }
}

fn rule(difference: &Difference) -> String {
    if difference.rule.is_empty() { "no rule".to_owned() } else { format!("rule {}", harmless(&difference.rule)) }
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    harmless(text).replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "\\`")
}
