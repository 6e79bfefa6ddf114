//! What can be said of calls: whether there is such a function, and whether what it is given fits.

use super::Checker;
use crate::base::tree::closest;
use crate::expr::ast::{Expr, Kind, Span};
use crate::expr::functions::{self, BIND, FUNCTIONS, Function, MACROS};
use crate::expr::mistakes;
use crate::expr::names::{Meaning, chain};
use crate::expr::schema::Type;

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        expr: &Expr,
        function: &str,
        receiver: Option<&Expr>,
        arguments: &[Expr],
        name: Span,
    ) -> Type {
        let (forms, with_receiver) = self.names.function(function, receiver);
        let receiver = receiver.filter(|_| with_receiver || forms.is_empty());
        if forms.is_empty()
            && let Some((_, usage)) = MACROS.iter().find(|(name, _)| *name == function)
        {
            let message = format!("`{function}` is not called this way");
            self.error_with_hint("unknown-function", name, message, format!("it is written {usage}"));
            return Type::Dyn;
        }
        if let Some(space) = receiver.and_then(|receiver| self.namespace(receiver))
            && self.no_such_member(expr, &space, function, arguments.len())
        {
            return Type::Dyn;
        }
        let receiver_type = receiver.map(|receiver| self.infer(receiver));
        if forms.is_empty() && self.names_a_variable(arguments) {
            // Meant for a macro: what stands behind the name is about a variable that there is not.
            self.unknown_function(name, function, receiver, arguments);
            return Type::Dyn;
        }
        let found: Vec<Type> = arguments.iter().map(|argument| self.infer(argument)).collect();
        if forms.is_empty() {
            self.unknown_function(name, function, receiver, arguments);
            return Type::Dyn;
        }
        self.literals(expr, function, with_receiver, arguments);
        let fits = |form: &&&Function| {
            form.receiver.zip(receiver_type).is_none_or(|(wanted, found)| found.may_be(wanted))
                && form.arguments.len() == found.len()
                && form.arguments.iter().zip(&found).all(|(wanted, found)| found.may_be(*wanted))
        };
        if let Some(form) = forms.iter().find(fits) {
            if let Some((operand, wanted)) = receiver.zip(form.receiver) {
                // What counts in place of a missing field is of the field's type.
                let default = found.first().filter(|_| form.name == "orValue");
                self.guess(operand, *default.unwrap_or(&wanted));
            }
            for (argument, wanted) in arguments.iter().zip(form.arguments) {
                self.guess(argument, *wanted);
            }
            return form.result;
        }
        let known: Vec<String> = forms.iter().map(|form| signature(form)).collect();
        let types = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let full = forms.first().map_or(function, |form| form.name);
        let written = match receiver_type {
            Some(receiver) => format!("{receiver}.{full}({types})"),
            None => format!("{full}({types})"),
        };
        let mut hint = format!("it can be called as {}", known.join(" or "));
        if receiver_type == Some(Type::Optional) || found.contains(&Type::Optional) {
            hint = format!("{hint}; `text(…)` or `.orValue(…)` makes a plain value of an optional");
        }
        let message = if forms.iter().any(|form| form.arguments.len() == found.len()) {
            format!("`{written}` does not fit")
        } else {
            format!("`{full}` takes {}, and here {}", numbers(&forms), are(found.len()))
        };
        self.error_with_hint("expression-type", name, message, hint);
        forms.first().map_or(Type::Dyn, |form| form.result)
    }

    /// Whether the first of several arguments is a name that nothing has.
    fn names_a_variable(&self, arguments: &[Expr]) -> bool {
        let [Expr { kind: Kind::Name { .. }, .. }, _, ..] = arguments else { return false };
        chain(&arguments[0]).is_some_and(|chain| self.names.meaning(&chain) == Meaning::Unknown)
    }

    /// The name of what looks like a namespace: one that nothing else has.
    fn namespace(&self, receiver: &Expr) -> Option<String> {
        let chain = chain(receiver)?;
        let (first, _) = chain.steps.first()?;
        (self.names.meaning(&chain) == Meaning::Unknown).then(|| first.clone())
    }

    /// Says so if there is such a namespace without such a function.
    fn no_such_member(&mut self, expr: &Expr, space: &str, function: &str, arguments: usize) -> bool {
        if functions::UNSUPPORTED.contains(&space) {
            let message = format!("`{space}.{function}` is of an extension that is not supported");
            self.error("unknown-function", expr.span, message);
            return true;
        }
        let prefix = format!("{space}.");
        let bind = BIND.split('(').next().unwrap_or_default();
        let mut members: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).chain([bind]).collect();
        members.retain(|name| name.starts_with(&prefix));
        members.dedup();
        if members.is_empty() {
            return false;
        }
        let full = format!("{space}.{function}");
        if full == bind {
            let message = format!("`{bind}` takes 3 arguments, and here {}", are(arguments));
            self.error_with_hint("unknown-function", expr.span, message, format!("it is written {BIND}"));
            return true;
        }
        let short: Vec<&str> = members.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
        let hint = match closest(function, &short) {
            Some(near) => format!("did you mean `{prefix}{near}`?"),
            None => format!("there is `{}`", members.join("`, `")),
        };
        self.error_with_hint("unknown-function", expr.span, format!("there is no `{full}`"), hint);
        true
    }

    fn unknown_function(&mut self, place: Span, name: &str, receiver: Option<&Expr>, arguments: &[Expr]) {
        if let Some(form) = functions::forms(name, receiver.is_none()).next() {
            let mut values = receiver.into_iter().chain(arguments).map(|value| self.written(value));
            let call = if form.receiver.is_some() {
                let on = values.next().unwrap_or("x").to_owned();
                format!("{on}.{name}({})", values.collect::<Vec<_>>().join(", "))
            } else {
                format!("{name}({})", values.collect::<Vec<_>>().join(", "))
            };
            let message = format!("`{name}` is not called this way");
            self.error_with_hint("unknown-function", place, message, format!("write `{call}`"));
            return;
        }
        let names: Vec<&str> =
            FUNCTIONS.iter().map(|function| function.name).chain(MACROS.iter().map(|(name, _)| *name)).collect();
        let hint = if receiver.is_none() && self.names.schema.variable_type(name).is_some() {
            format!("`{name}` is a variable: leave the brackets out")
        } else if let Some(hint) = mistakes::function(name) {
            hint.to_owned()
        } else if let Some(near) = closest(name, &names) {
            format!("did you mean `{near}`?")
        } else {
            "docs/rules.md has a table of all functions".to_owned()
        };
        self.error_with_hint("unknown-function", place, format!("unknown function `{name}`"), hint);
    }
}

fn signature(function: &Function) -> String {
    let arguments = function.arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match function.receiver {
        Some(receiver) => format!("{receiver}.{}({arguments})", function.name),
        None => format!("{}({arguments})", function.name),
    }
}

/// How many arguments a function takes: `1 or 2 arguments`.
fn numbers(forms: &[&Function]) -> String {
    let mut numbers: Vec<usize> = forms.iter().map(|form| form.arguments.len()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.as_slice() {
        [0] => "no argument".to_owned(),
        [1] => "1 argument".to_owned(),
        several => {
            format!("{} arguments", several.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))
        }
    }
}

fn are(arguments: usize) -> String {
    match arguments {
        0 => "is none".to_owned(),
        1 => "is 1".to_owned(),
        more => format!("are {more}"),
    }
}
