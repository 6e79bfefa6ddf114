//! What is said of expressions as people write them who know other languages.
#![expect(clippy::too_many_lines, reason = "the lines are cases")]

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::load;

/// What is found in a `when`: message and hint, with what the caret stands under.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "the cases read better without an ampersand")]
fn says(expressions: &[&str], expected: Expect) {
    let mut text = String::new();
    for when in expressions {
        let attributes = "[attributes]\n\"user.grade\" = \"int\"\n\"user.active\" = \"any\"\n";
        let rule = format!("[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{when}'''\ndeny = \"A\"\n");
        let (_, findings) = load(&format!("{attributes}{rule}"));
        text.push_str(when);
        text.push('\n');
        assert!(!findings.is_empty(), "nothing is found in {when}");
        for finding in &findings {
            let place = finding.place.as_ref().expect("a place");
            let under = &place.source.text[place.span.clone()];
            let under = if under == *when { "all of it" } else { under };
            let _ = writeln!(text, "  {}: {} [{under}]", finding.code, finding.message);
            if let Some(hint) = &finding.hint {
                let _ = writeln!(text, "    {hint}");
            }
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn a_finding_of_an_expression_has_place_message_and_hint() {
    super::finds(
        r#"[[rule]]
id = "a"
on = "validateUser"
when = 'user?.email == "x" || user.email "y"'
deny = "A"
"#,
        expect![[r#"
            error[expression-syntax]: `?.` does not belong here
             --> rules.toml:4:13
              |
            4 | when = 'user?.email == "x" || user.email "y"'
              |             ^^
              |
              = help: write `user.?email`"#]],
    );
}

#[test]
fn operators_of_other_languages_are_told_apart() {
    says(
        &[
            r#"user.email = """#,
            r#"user.email === "x""#,
            r#"user.email !== "x""#,
            r#"user.email <> "x""#,
            r#"user.email =~ "x""#,
            r#"user.email == "x" & user.login == "y""#,
            r#"user.email == "x" | user.login == "y""#,
            r#"user.email == "x" and user.login == "y""#,
            r#"(user.email == "x" OR user.login == "y")"#,
            "not has(user.email)",
            r#"user.email not in ["x"]"#,
            r#"user.email IN ("x", "y")"#,
            r#"user.email in ("x", "y")"#,
            r#"user.email LIKE "%x""#,
            "user.email is null",
            r#"user.email eq "x""#,
            r#"user.email matches "x""#,
            r#"user.email contains "x""#,
            "user.grade between 1 and 5",
            r#"user.email == "x" || "y""#,
            r#"user.email ?? "none""#,
            r#"user.email ?: "none""#,
            r#"user->email == "x""#,
            "user.grade => 5",
            "user.assignedGroups.all(g => g.size() > 1)",
            "/^a/.test(user.login)",
            r#"if (user.email == "x") true"#,
            "return true",
            r#"user.email == "x";"#,
            r#"$user.email == "x""#,
            r#"#user.email == "x""#,
        ],
        expect![[r#"
            user.email = ""
              expression-syntax: `=` does not belong here [=]
                `==` compares
            user.email === "x"
              expression-syntax: `===` does not belong here [===]
                `==` compares
            user.email !== "x"
              expression-syntax: `!==` does not belong here [!==]
                `!=` is the opposite of `==`
            user.email <> "x"
              expression-syntax: `<>` does not belong here [<>]
                `!=` is the opposite of `==`
            user.email =~ "x"
              expression-syntax: `=~` does not belong here [=~]
                `re(text, 'regex')` looks for a regular expression
            user.email == "x" & user.login == "y"
              expression-syntax: `&` does not belong here [&]
                `&&` is the logical and
            user.email == "x" | user.login == "y"
              expression-syntax: `|` does not belong here [|]
                `||` is the logical or
            user.email == "x" and user.login == "y"
              expression-syntax: `and` is no operator [and]
                `&&` is the logical and
            (user.email == "x" OR user.login == "y")
              expression-syntax: `OR` is no operator [OR]
                `||` is the logical or
            not has(user.email)
              expression-syntax: `not` is no operator [not]
                `!` is the logical not, as in `!(user.login in ["a", "b"])`
            user.email not in ["x"]
              expression-syntax: `not` is no operator [not]
                `!` is the logical not, as in `!(user.login in ["a", "b"])`
            user.email IN ("x", "y")
              expression-syntax: `IN` is no operator [IN]
                write `in`, in lower case
            user.email in ("x", "y")
              expression-syntax: unexpected `,`; `)` is expected [,]
                a list stands in square brackets: `user.login in ["a", "b"]`
            user.email LIKE "%x"
              expression-syntax: `LIKE` is no operator [LIKE]
                use `.contains(…)`, `.startsWith(…)`, `.endsWith(…)` or `re(text, 'regex')`
            user.email is null
              expression-syntax: `is` is no operator [is]
                `==` compares; `has(user.email)` asks whether a field is there
            user.email eq "x"
              expression-syntax: `eq` is no operator [eq]
                `==` compares
            user.email matches "x"
              expression-syntax: `matches` is no operator [matches]
                write `x.matches(…)`
            user.email contains "x"
              expression-syntax: `contains` is no operator [contains]
                write `x.contains(…)`
            user.grade between 1 and 5
              expression-syntax: `between` is no operator [between]
                write `x >= low && x <= high`
            user.email == "x" || "y"
              expression-type: `||` wants a bool here, and this is a string ["y"]
                each side is a condition of its own: `x == "a" || x == "b"`, or `x in ["a", "b"]`
            user.email ?? "none"
              expression-syntax: `??` does not belong here [??]
                `user.?email.orValue("none")` says what counts where the field is missing
            user.email ?: "none"
              expression-syntax: `?:` does not belong here [?:]
                `user.?email.orValue("none")` says what counts where the field is missing
            user->email == "x"
              expression-syntax: `->` does not belong here [->]
                a field is written with a dot: `user.email`
            user.grade => 5
              expression-syntax: `=>` does not belong here [=>]
                `>=` compares; a condition for each item is written `list.all(name, condition)`
            user.assignedGroups.all(g => g.size() > 1)
              expression-syntax: `=>` does not belong here [=>]
                `>=` compares; a condition for each item is written `list.all(name, condition)`
            /^a/.test(user.login)
              expression-syntax: `^` does not belong here [^]
                there are no operators on bits; a regular expression is a text: `re(user.login, '^[a-z]+$')`
            if (user.email == "x") true
              expression-syntax: `if` is a reserved word and cannot be a name [if]
                write `condition ? this : that`
            return true
              expression-syntax: `return` is a reserved word and cannot be a name [return]
                leave it out: the expression is the value
            user.email == "x";
              expression-syntax: `;` does not belong here [;]
                an expression has no `;` at its end
            $user.email == "x"
              expression-syntax: `$` does not belong here [$]
                names are written as they are: `user.email`
            #user.email == "x"
              expression-syntax: `#` does not belong here [#]
                a comment begins with `//`, and a name with a letter: `user.email`
        "#]],
    );
}

#[test]
fn steps_to_what_may_be_missing_are_written_the_other_way_round() {
    says(
        &[
            r#"user?.email == "x""#,
            r#"text(user?.email) == "x""#,
            r#"user.login == "x" && user.manager?.name == "y""#,
            r#"user.login == "x" ? user?.email == "y" : false"#,
            r#"user?["email"] == "x""#,
            r#"user.?email == "x""#,
            "user.?email == null",
            "user.?email",
            "user.?email && true",
            r#"user.email.optMap(mail, mail == "x")"#,
            "user.email.optFlatMap(mail, user.?login)",
        ],
        expect![[r#"
            user?.email == "x"
              expression-syntax: `?.` does not belong here [?.]
                write `user.?email`
            text(user?.email) == "x"
              expression-syntax: `?.` does not belong here [?.]
                write `user.?email`
            user.login == "x" && user.manager?.name == "y"
              expression-syntax: `?.` does not belong here [?.]
                write `user.manager.?name`
            user.login == "x" ? user?.email == "y" : false
              expression-syntax: `?.` does not belong here [?.]
                write `user.?email`
            user?["email"] == "x"
              expression-syntax: `?[` does not belong here [?[]
                write `user[?"email"]`
            user.?email == "x"
              never-equal: an optional is never equal to a string: `==` never holds here [all of it]
                `text(…)` or `.orValue(…)` makes a plain value of an optional
            user.?email == null
              never-equal: an optional is never equal to a null: `==` never holds here [all of it]
                `.hasValue()` asks whether it is there, `text(…) == ""` whether it is missing or empty
            user.?email
              expression-type: this must be a bool, and is an optional [all of it]
                `.hasValue()` asks whether it is there, `.orValue(…)` says what counts where the field is missing
            user.?email && true
              expression-type: `&&` wants a bool here, and this is an optional [user.?email]
                `.hasValue()` asks whether it is there, `.orValue(…)` says what counts where the field is missing
            user.email.optMap(mail, mail == "x")
              expression-type: `optMap` wants an optional here, and this is a string [user.email]
                a step with `.?` gives an optional: `user.?email`
              expression-type: this must be a bool, and is an optional [all of it]
                `.hasValue()` asks whether it is there, `.orValue(…)` says what counts where the field is missing
            user.email.optFlatMap(mail, user.?login)
              expression-type: `optFlatMap` wants an optional here, and this is a string [user.email]
                a step with `.?` gives an optional: `user.?email`
              expression-type: this must be a bool, and is an optional [all of it]
                `.hasValue()` asks whether it is there, `.orValue(…)` says what counts where the field is missing
        "#]],
    );
}

#[test]
fn values_side_by_side_and_signs_too_many_are_told() {
    says(
        &[
            r#"user.email "x""#,
            r#"user.email"x""#,
            "user.email user.login",
            "has user.email",
            r#"["a" "b"] == user.assignedGroups"#,
            "user.assignedGroups.0 == 1",
            r#"user."email" == "x""#,
            r#"user.email == "x")"#,
            r#"(user.email == "x""#,
            r#"user.email == "x" &&"#,
            "user.email ==",
        ],
        expect![[r#"
            user.email "x"
              expression-syntax: an operator is missing before `"x"` ["x"]
                for example `==` to compare, `&&` for and, `+` to join
            user.email"x"
              expression-syntax: an operator is missing behind `email` ["]
                for example `==`; a text with a `'` in it stands in double quotes
            user.email user.login
              expression-syntax: an operator is missing before `user` [user]
                for example `==` to compare, `&&` for and, `+` to join
            has user.email
              expression-syntax: `has` takes its arguments in brackets [user]
                write `has(…)`
            ["a" "b"] == user.assignedGroups
              expression-syntax: an operator is missing before `"b"` ["b"]
                for example `==` to compare, `&&` for and, `+` to join
            user.assignedGroups.0 == 1
              expression-syntax: an operator is missing before `.0` [.0]
                an item of a list is written in square brackets: `user.assignedGroups[0]`
            user."email" == "x"
              expression-syntax: a field's name stands behind a dot, and no text ["email"]
                write `["email"]` without the dot; `+` joins texts
            user.email == "x")
              expression-syntax: unexpected `)` [)]
                nothing is open that the `)` could close
            (user.email == "x"
              expression-syntax: the expression ends too early; `)` is expected []
            user.email == "x" &&
              expression-syntax: the expression ends too early []
                something is missing behind the `&&`
            user.email ==
              expression-syntax: the expression ends too early []
                something is missing behind the `==`
        "#]],
    );
}

#[test]
fn quotes_blanks_and_signs_that_a_text_program_makes_are_named() {
    says(
        &[
            "user.email == “x”",
            "user.email == ‘x’",
            "user.email == `x`",
            "user.email == \"x'",
            "user.email == 'x\"",
            "user.email == 'O'Brien'",
            "user.email == f'x'",
            "user.email\u{a0}== 'x'",
            "\u{feff}user.email == 'x'",
            "user.grade ≥ 5",
            "user.grade == –5",
        ],
        expect![[r#"
            user.email == “x”
              expression-syntax: `“` does not belong here [“]
                a text stands in straight quotes: "…" or '…'
            user.email == ‘x’
              expression-syntax: `‘` does not belong here [‘]
                a text stands in straight quotes: "…" or '…'
            user.email == `x`
              expression-syntax: only a field's name stands in backticks [`x`]
                a text stands in straight quotes: "x"
            user.email == "x'
              expression-syntax: the text has no end ["]
                it begins with `"`, and a `'` does not end it
            user.email == 'x"
              expression-syntax: the text has no end [']
                it begins with `'`, and a `"` does not end it
            user.email == 'O'Brien'
              expression-syntax: an operator is missing behind `Brien` [']
                for example `==`; a text with a `'` in it stands in double quotes
            user.email == f'x'
              expression-syntax: `f` is no prefix of a text [f]
                `r` begins a raw text, `b` bytes
            user.email == 'x'
              expression-syntax: a character that cannot be seen, U+00A0, does not belong here [ ]
                take it out, or write a plain blank
            ﻿user.email == 'x'
              expression-syntax: a character that cannot be seen, U+FEFF, does not belong here [﻿]
                take it out, or write a plain blank
            user.grade ≥ 5
              expression-syntax: `≥` does not belong here [≥]
                write `>=`
            user.grade == –5
              expression-syntax: `–` does not belong here [–]
                the minus sign is `-`
        "#]],
    );
}

#[test]
fn functions_of_other_languages_have_a_counterpart() {
    says(
        &[
            "user.email.isEmpty()",
            "user.email.isEmpty",
            "isnull(user.email)",
            "user.email.length() > 3",
            "user.email.length > 3",
            "user.assignedGroups.length > 3",
            "user.email.trim == \"x\"",
            r#"user.email.startswith("x")"#,
            r#"user.email.toLowerCase() == "x""#,
            r#"user.email.lower() == "x""#,
            r#"startsWith(user.email, "x")"#,
            r#"user.email.includes("x")"#,
            r#"user.email.equals("x")"#,
            r#"coalesce(user.email, "x") == "x""#,
            "user.endDate < today()",
            "user.endDate < now()",
            r#"user.assignedGroups.some(g, g == "x")"#,
            "undefined == user.email",
            "user.email == NULL",
            "user.active == True",
            r#"email == "x""#,
            "user.userType == Employee",
            r#"user.cost-centre == "x""#,
        ],
        expect![[r#"
            user.email.isEmpty()
              unknown-function: unknown function `isEmpty` [isEmpty]
                `text(x) == ""` asks whether a field is missing or empty, as in `text(user.?email) == ""`; `size(x) == 0` whether a list is
            user.email.isEmpty
              expression-type: `user.email` is a string and has no fields [all of it]
                `text(x) == ""` asks whether a field is missing or empty, as in `text(user.?email) == ""`; `size(x) == 0` whether a list is
            isnull(user.email)
              unknown-function: unknown function `isnull` [isnull]
                `has(user.email)` asks whether a field is there, `text(user.?email) == ""` whether it is missing or empty
            user.email.length() > 3
              unknown-function: unknown function `length` [length]
                write `size(x)`
            user.email.length > 3
              expression-type: `user.email` is a string and has no fields [user.email.length]
                write `size(user.email)`
            user.assignedGroups.length > 3
              expression-type: `user.assignedGroups` is a list and has no `length` [user.assignedGroups.length]
                write `size(user.assignedGroups)`
            user.email.trim == "x"
              expression-type: `user.email` is a string and has no fields [user.email.trim]
                write `user.email.trim()`
            user.email.startswith("x")
              unknown-function: unknown function `startswith` [startswith]
                did you mean `startsWith`?
            user.email.toLowerCase() == "x"
              unknown-function: unknown function `toLowerCase` [toLowerCase]
                write `lower(x)`
            user.email.lower() == "x"
              unknown-function: `lower` is not called this way [lower]
                write `lower(user.email)`
            startsWith(user.email, "x")
              unknown-function: `startsWith` is not called this way [startsWith]
                write `user.email.startsWith("x")`
            user.email.includes("x")
              unknown-function: unknown function `includes` [includes]
                `x.contains(y)` looks into a text, `x in list` into a list
            user.email.equals("x")
              unknown-function: unknown function `equals` [equals]
                `==` compares
            coalesce(user.email, "x") == "x"
              unknown-function: unknown function `coalesce` [coalesce]
                `user.?email.orValue("none")` says what counts where the field is missing
            user.endDate < today()
              unknown-function: unknown function `today` [today]
                `now` is when the event was received
            user.endDate < now()
              unknown-function: unknown function `now` [now]
                `now` is a variable: leave the brackets out
            user.assignedGroups.some(g, g == "x")
              unknown-function: unknown function `some` [some]
                write `list.exists(name, condition)`
            undefined == user.email
              unknown-name: unknown name `undefined` [undefined]
                write `null`
            user.email == NULL
              unknown-name: unknown name `NULL` [NULL]
                write `null`
            user.active == True
              unknown-name: unknown name `True` [True]
                write `true`
            email == "x"
              unknown-name: unknown name `email` [email]
                did you mean `user.email`? A text stands in quotes: "email"
            user.userType == Employee
              unknown-name: unknown name `Employee` [Employee]
                a text stands in quotes: "Employee"; known names: event, user, request, token, now, lookup
            user.cost-centre == "x"
              unknown-name: unknown name `centre` [user.cost-centre]
                a name with a `-` in it stands in quotes: `user["cost-centre"]`
        "#]],
    );
}

#[test]
fn a_call_with_too_many_or_too_few_arguments_is_one_error() {
    says(
        &[
            "user.email.contains('x', 'y')",
            "user.email.trim('x') == 'x'",
            "user.email.substring() == 'x'",
            "lower() == 'x'",
            "cel.bind(x, 2)",
            "cel.block([1], 1)",
            "optional.x()",
            "optional.non() == user.?email",
            "math.greatest(1, 2) == 2",
            "sets.contains([1], [2])",
            "user.assignedGroups.all(x)",
            "all(user.assignedGroups, x, x == 'y')",
            "has(user.email, user.login)",
            "has(email)",
        ],
        expect![[r"
            user.email.contains('x', 'y')
              expression-type: `contains` takes 1 argument, and here are 2 [contains]
                it can be called as string.contains(string)
            user.email.trim('x') == 'x'
              expression-type: `trim` takes no argument, and here is 1 [trim]
                it can be called as string.trim()
            user.email.substring() == 'x'
              expression-type: `substring` takes 1 or 2 arguments, and here is none [substring]
                it can be called as string.substring(int) or string.substring(int, int)
            lower() == 'x'
              expression-type: `lower` takes 1 argument, and here is none [lower]
                it can be called as lower(string)
            cel.bind(x, 2)
              unknown-function: `cel.bind` takes 3 arguments, and here are 2 [all of it]
                it is written cel.bind(name, value, expression)
            cel.block([1], 1)
              unknown-function: there is no `cel.block` [all of it]
                there is `cel.bind`
            optional.x()
              unknown-function: there is no `optional.x` [all of it]
                there is `optional.none`, `optional.of`, `optional.ofNonZeroValue`
            optional.non() == user.?email
              unknown-function: there is no `optional.non` [optional.non()]
                did you mean `optional.none`?
            math.greatest(1, 2) == 2
              unknown-function: `math.greatest` is of an extension that is not supported [math.greatest(1, 2)]
            sets.contains([1], [2])
              unknown-function: `sets.contains` is of an extension that is not supported [all of it]
            user.assignedGroups.all(x)
              unknown-function: `all` is not called this way [all]
                it is written list.all(name, condition)
            all(user.assignedGroups, x, x == 'y')
              unknown-function: `all` is not called this way [all]
                it is written list.all(name, condition)
            has(user.email, user.login)
              expression-syntax: `has` takes one field, such as `has(user.email)` [all of it]
            has(email)
              expression-syntax: `has` takes a field, such as `has(user.email)` [email]
        "]],
    );
}

#[test]
fn values_of_the_wrong_type_come_with_what_makes_them_right() {
    says(
        &[
            "user.email",
            "!user.email",
            "user.email && user.grade",
            "user.assignedGroups",
            r#"user.grade == "5""#,
            "user.login == 5",
            r#"user.login in "abc""#,
            "user.login in user.?assignedGroups",
            "user.login < now",
            "user.login > null",
            "now - 7 < now",
            r#"user.grade + "x" == "5x""#,
            "user.login[0] == 'x'",
            r#"user.assignedGroups["a"] == 1"#,
            "user.assignedGroups.a == 1",
            "[1, 2]['a'] == 1",
        ],
        expect![[r#"
            user.email
              expression-type: this must be a bool, and is a string [all of it]
                compare it: `!= ""` asks whether a text is not empty
            !user.email
              expression-type: `!` wants a bool here, and this is a string [user.email]
                compare it: `!= ""` asks whether a text is not empty
            user.email && user.grade
              expression-type: `&&` wants a bool here, and this is a string [user.email]
                compare it: `!= ""` asks whether a text is not empty
              expression-type: `&&` wants a bool here, and this is an int [user.grade]
                compare it, for example with `> 0`
            user.assignedGroups
              expression-type: this must be a bool, and is a list [all of it]
                `size(…) > 0` asks whether it is not empty
            user.grade == "5"
              never-equal: an int is never equal to a string: `==` never holds here [all of it]
                write `5` without quotes
            user.login == 5
              never-equal: a string is never equal to an int: `==` never holds here [all of it]
                write "5" in quotes
            user.login in "abc"
              expression-type: `in` wants a list or a map on its right, and this is a string [all of it]
                `x.contains(y)` looks into a text
            user.login in user.?assignedGroups
              expression-type: `in` wants a list or a map on its right, and this is an optional [all of it]
                `.orValue([])` makes a list of it
            user.login < now
              expression-type: `<` does not take a string and a timestamp [all of it]
                `date(…)` makes a time of a text
            user.login > null
              expression-type: `>` does not take a string and a null [all of it]
                `has(user.email)` asks whether a field is there
            now - 7 < now
              expression-type: `-` does not take a timestamp and an int [now - 7]
                a time goes on by a duration: `now + duration("24h")`
            user.grade + "x" == "5x"
              expression-type: `+` does not take an int and a string [user.grade + "x"]
                `text(…)` makes a text of a value
            user.login[0] == 'x'
              expression-type: `[]` cannot be taken of a string [user.login[0]]
                `.charAt(0)` is its first character, `.substring(0, 2)` a part of it
            user.assignedGroups["a"] == 1
              expression-type: `user.assignedGroups` is a list and has no `a` [user.assignedGroups["a"]]
                `user.assignedGroups[0]` is its first item, and `"a" in user.assignedGroups` asks whether it has this one
            user.assignedGroups.a == 1
              expression-type: `user.assignedGroups` is a list and has no `a` [user.assignedGroups.a]
                `user.assignedGroups[0]` is its first item, and `"a" in user.assignedGroups` asks whether it has this one
            [1, 2]['a'] == 1
              expression-type: a list has no index that is a string [[1, 2]['a']]
                items are counted from 0: `list[0]`
        "#]],
    );
}

#[test]
fn what_is_empty_too_deep_or_too_large_says_so() {
    says(
        &[
            "",
            "// later",
            "user.grade > 1e400",
            "user.grade > 99999999999999999999",
            "user.assignedGroups.all(x, user.assignedGroups.all(y, x == y))",
            &format!("{}true{}", "(".repeat(65), ")".repeat(65)),
        ],
        expect![[r"

              expression-syntax: the expression is empty [all of it]
            // later
              expression-syntax: the expression holds only a comment [all of it]
            user.grade > 1e400
              expression-syntax: the number is larger than any double [1e400]
            user.grade > 99999999999999999999
              expression-syntax: the number does not fit 64 bits [99999999999999999999]
            user.assignedGroups.all(x, user.assignedGroups.all(y, x == y))
              expression-cost: a loop must not stand within another loop [user.assignedGroups.all(y, x == y)]
                one after another is fine: lists can be joined with `+`, or gone through one by one
            (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((true)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
              expression-cost: brackets, lists, calls and conditions stand more than 64 deep in each other [all of it]
                split the rule in several
        "]],
    );
}
