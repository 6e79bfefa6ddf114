//! Regular expressions, whose time is paid for: as a table where one of a bounded size can be made at load, else state by
//! state. The libraries' own choice of engines is fast on average and has no bound that could be told beforehand.
//!
//! | | pays |
//! |---|---|
//! | a table | a step for 16 bytes of text, whatever is in it |
//! | a [`Machine`] | a step for each state that it is in at each character |

mod machine;
mod widest;

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Input, util::look::LookSet};
use regex_syntax::hir::Hir;

use super::ast::Span;
use super::functions::{Failure, spend};
use super::lower::LowerError;
use machine::Machine;

/// The memory that a regular expression may take before it is made a table, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// The memory that its table may take.
const MAX_TABLE_BYTES: usize = 512 << 10;
/// The memory that making the table may take.
const MAX_WORK_BYTES: usize = 512 << 10;
/// The states that may be there to make a table of: of more, none is small enough, and it takes long to find out.
const MAX_STATES: usize = 3000;
/// The bytes of text that a table is led through in one step.
const BYTES_PER_STEP: u64 = 16;

/// A regular expression, compiled.
#[derive(Debug)]
pub(super) struct Pattern {
    table: Option<dense::DFA<Vec<u32>>>,
    /// For a text that the table cannot judge; or for all.
    machine: Option<Machine>,
}

/// The most steps that a search may take: so many, and so many for each byte of the text; but no more than the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Most {
    pub(super) steps: u64,
    /// In 32nds of a step.
    pub(super) per_byte: u64,
    /// Whatever the text.
    pub(super) all: u64,
}

/// Reads a regular expression and looks at its size.
pub(super) fn parse_regex(pattern: &str, span: Span) -> Result<(), LowerError> {
    parse(pattern, span).map(|_| ())
}

fn parse(pattern: &str, span: Span) -> Result<(Hir, NFA), LowerError> {
    let too_large = || LowerError {
        span,
        message: "the regular expression takes more than 4 MiB when compiled".to_owned(),
        hint: Some(r"`\w` and `\d` stand for all scripts: name characters, [a-z0-9], or begin with (?-u)"),
    };
    let hir = syntax::parse(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        LowerError { span, message: format!("not a regular expression: {reason}"), hint: None }
    })?;
    let config = Config::new().nfa_size_limit(Some(MAX_BYTES)).which_captures(WhichCaptures::None);
    let nfa = Compiler::new().configure(config).build_from_hir(&hir).map_err(|_| too_large())?;
    Ok((hir, nfa))
}

impl Pattern {
    /// Compiles a regular expression, within bounds.
    pub(super) fn compile(pattern: &str, span: Span) -> Result<Self, LowerError> {
        let (hir, nfa) = parse(pattern, span)?;
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .unicode_word_boundary(true)
            .dfa_size_limit(Some(MAX_TABLE_BYTES))
            .determinize_size_limit(Some(MAX_WORK_BYTES));
        let few = nfa.states().len() <= MAX_STATES;
        let table = few.then(|| dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()).flatten();
        // Where a word ends depends on more than one byte beyond ASCII, at which a table stops.
        let looks: LookSet = nfa.look_set_any();
        let machine = (table.is_none() || looks.contains_word_unicode()).then(|| Machine::new(&hir));
        Ok(Self { table, machine })
    }

    /// Whether it is found in `text`.
    pub(super) fn is_match(&self, text: &str, budget: &mut u64) -> Result<bool, Failure> {
        if let Some(table) = &self.table {
            spend(budget, 1 + text.len() as u64 / BYTES_PER_STEP)?;
            if let Ok(found) = table.try_search_fwd(&Input::new(text).earliest(true)) {
                return Ok(found.is_some());
            }
        }
        self.machine.as_ref().map_or(Ok(false), |machine| machine.is_match(text, budget))
    }

    /// What [`is_match`](Self::is_match) may take.
    pub(super) fn most(&self) -> Most {
        let table = Most { steps: 1, per_byte: 32 / BYTES_PER_STEP, all: u64::MAX };
        match (&self.table, &self.machine) {
            (_, None) => table,
            (None, Some(machine)) => machine.most(),
            (Some(_), Some(machine)) => {
                let most = machine.most();
                let steps = most.steps.saturating_add(table.steps);
                Most { steps, per_byte: most.per_byte.saturating_add(table.per_byte), all: u64::MAX }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::expr::BUDGET;

    fn compile(pattern: &str) -> Pattern {
        Pattern::compile(pattern, Span::default()).unwrap_or_else(|error| panic!("{pattern}: {error:?}"))
    }

    /// Whether it is found, and the steps.
    fn find(pattern: &Pattern, text: &str) -> (Result<bool, Failure>, u64) {
        let mut budget = BUDGET;
        let found = pattern.is_match(text, &mut budget);
        (found, BUDGET - budget)
    }

    fn within(most: Most, bytes: usize) -> u64 {
        most.steps.saturating_add(most.per_byte.saturating_mul(bytes as u64).div_ceil(32)).min(most.all)
    }

    /// Both ways give what the regex crate gives, within what is said beforehand.
    fn agree(source: &str, text: &str) {
        let pattern = compile(source);
        let wanted = regex::Regex::new(source).expect("a regular expression").is_match(text);
        let (hir, _) = parse(source, Span::default()).expect("a regular expression");
        let by_states = Pattern { table: None, machine: Some(Machine::new(&hir)) };
        for pattern in [&pattern, &by_states] {
            let (found, steps) = find(pattern, text);
            let most = within(pattern.most(), text.len());
            assert!(steps <= most, "{source:?} in {text:?}: {steps} steps, not {most}");
            assert!(
                found == Ok(wanted) || (found == Err(Failure::Budget) && most > BUDGET),
                "{source:?} in {text:?}: {found:?}, not {wanted}"
            );
        }
    }

    const TEXTS: [&str; 13] = [
        "",
        "a",
        "é",
        "aé b",
        "foo bar",
        "12",
        "a\nb",
        "a\r\nb\r\n",
        "\n",
        "Straße 12-b",
        "aaaaab",
        "ΑΒΓ_δ",
        "\u{301}a",
    ];

    #[test]
    fn repetitions_of_repetitions_take_no_more_room_than_they_say() {
        for marks in ["+", "*", "?", "{1,}", "{2,}", "+?", "{0,1}"] {
            for depth in [1, 2, 5] {
                let source = format!("^(?:ab?){}$", marks.repeat(depth));
                for text in ["", "a", "ab", "aba", "abab", "abaabab", "b"] {
                    agree(&source, text);
                }
            }
        }
        // What made 2^60 states once.
        let (hir, _) = parse(&format!("a{}", "+".repeat(60)), Span::default()).expect("a regular expression");
        assert!(Machine::new(&hir).states.len() < 200);
    }

    #[test]
    fn every_kind_of_look_around_is_as_in_the_regex_crate() {
        for look in [
            r"^",
            r"$",
            r"(?m)^",
            r"(?m)$",
            r"(?mR)^",
            r"(?mR)$",
            r"\A",
            r"\z",
            r"\b",
            r"\B",
            r"(?-u:\b)",
            r"(?-u:\B)",
            r"\b{start}",
            r"\b{end}",
            r"\b{start-half}",
            r"\b{end-half}",
            r"(?-u:\b{start})",
            r"(?-u:\b{end})",
            r"(?-u:\b{start-half})",
            r"(?-u:\b{end-half})",
        ] {
            for pattern in [look.to_owned(), format!("{look}a"), format!("é{look}"), format!("a{look}.")] {
                for text in TEXTS {
                    agree(&pattern, text);
                }
            }
        }
    }

    #[test]
    fn what_rules_ordinarily_ask_for_is_a_table() {
        for pattern in [
            r"^[a-z.]+@corp\.example$",
            "^[a-z][a-z0-9._-]{2,31}$",
            r"(?i)^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$",
            r"^\+?[0-9 ()-]{7,20}$",
            r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            r"^\d{4}-\d{2}-\d{2}$",
            "foo|bar|baz",
            "(a|aa)+$",
            r"^\w+$",
            r"^\p{L}+$",
        ] {
            let pattern = compile(pattern);
            assert!(pattern.table.is_some() && pattern.machine.is_none(), "{pattern:?}");
            assert_eq!(find(&pattern, "shreyash2@corp.example").1, 2);
        }
    }

    #[test]
    fn what_is_no_table_is_cheap_on_an_ordinary_text() {
        let pattern = compile(r"^\w{3,64}$");
        assert!(pattern.table.is_none());
        let (found, steps) = find(&pattern, "shreyash2");
        assert_eq!(found, Ok(true));
        assert!(steps < 50, "{steps}");
        assert!(within(pattern.most(), 1 << 20) < 50_000, "{:?}", pattern.most());
    }

    #[test]
    fn what_is_in_few_states_at_once_has_a_low_bound() {
        for (pattern, states) in [(r"^\w{2,50}( \w{2,50})*$", 6), (r"^(\p{L}|[' -])+(, \p{L}{1,30})?$", 12)] {
            let most = compile(pattern).most();
            assert!(most.per_byte <= 32 * states, "{pattern}: {most:?}");
        }
        assert!(compile("[01]*1[01]{1000}x").most().per_byte > 32 * 1000);
    }

    #[test]
    fn what_would_run_for_seconds_ends_when_the_budget_does() {
        let text = "01101".repeat(13_108);
        let pattern = compile("[01]*1[01]{1000}x");
        let (found, steps) = find(&pattern, &text);
        assert_eq!((found, steps), (Err(Failure::Budget), BUDGET));
        assert!(within(pattern.most(), text.len()) > BUDGET);
    }

    #[test]
    fn a_word_beyond_ascii_ends_where_it_ends() {
        let pattern = compile(r"\bStraße\b");
        assert!(pattern.table.is_some());
        for text in ["Straße 1", "StraßeX", "die Straße", "Straßé"] {
            agree(r"\bStraße\b", text);
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "a", "b", "é", "[ab]", "[^a]", r"\w", r"\d", ".", "^", "$", r"\b", r"\B", "()", "ß", r"\p{L}", "(?i:A)",
        ])
        .prop_map(str::to_owned);
        leaf.prop_recursive(5, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}|{b})")),
                inner.clone().prop_map(|a| format!("(?:{a})*")),
                inner.clone().prop_map(|a| format!("(?:{a})+?")),
                inner.clone().prop_map(|a| format!("(?:{a})?")),
                (inner.clone(), 0..4_u32, 0..3_u32)
                    .prop_map(|(a, min, more)| format!("(?:{a}){{{min},{}}}", min + more)),
                (inner, 0..4_u32).prop_map(|(a, min)| format!("(?:{a}){{{min},}}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_found_where_the_regex_crate_finds_it(source in pattern(), text in "[abé ßA1\n]{0,12}") {
            agree(&source, &text);
        }
    }
}
