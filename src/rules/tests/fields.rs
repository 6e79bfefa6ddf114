//! Fields that nobody has listed: which are warned of, where, and how the warning is declared away.

use expect_test::expect;

use super::{finds, load};

/// The unknown fields that a rule on `validateUser` with this `when` is warned of, and what else is found.
#[track_caller]
fn warns(attributes: &str, when: &str, expected: &[&str]) {
    let toml = format!(
        "[attributes]\n{attributes}\n[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{when}'''\ndeny = \"A\"\n"
    );
    let (_, findings) = load(&toml);
    let found: Vec<String> = findings
        .iter()
        .map(|finding| {
            let hint = finding.hint.as_deref().unwrap_or_default();
            match hint.split_once("under `[attributes]`: ") {
                Some((_, line)) if finding.code == "unknown-field" => line.to_owned(),
                _ => format!("{}: {}", finding.code, finding.message),
            }
        })
        .collect();
    assert_eq!(found, expected, "{when}");
}

#[test]
fn a_field_that_nobody_lists_is_a_warning_with_its_place_and_the_line_to_add() {
    finds(
        r#"[[rule]]
id = "a"
on = ["validateUser", "validateUpdateUser"]
when = 'user.costCentre == "CC1" && user.emial != user.costCentre'
deny = "A"
[[rule]]
id = "b"
on = ["preCreateUser", "preUpdateUser"]
unset = ["nickNmae", "address.zip"]
set.displayNam = '"x"'
set.hr.level = '3'
set."hr\\.code" = 'text(user.costCentre)'
"#,
        expect![[r#"
            warning[unknown-field]: `user.costCentre` is not a field that is known
             --> rules.toml:4:9
              |
            4 | when = 'user.costCentre == "CC1" && user.emial != user.costCentre'
              |         ^^^^^^^^^^^^^^^
              |
              = help: declare it under `[attributes]`: "user.costCentre" = "string"
            warning[unknown-field]: `user.emial` is not a field that is known
             --> rules.toml:4:37
              |
            4 | when = 'user.costCentre == "CC1" && user.emial != user.costCentre'
              |                                     ^^^^^^^^^^
              |
              = help: did you mean `user.email`? If not, declare it under `[attributes]`: "user.emial" = "string"
            warning[unknown-field]: `user.nickNmae` is not a field that is known
             --> rules.toml:9:10
              |
            9 | unset = ["nickNmae", "address.zip"]
              |          ^^^^^^^^^^
              |
              = help: did you mean `user.nickName`? If not, declare it under `[attributes]`: "user.nickNmae" = "string"
            warning[unknown-field]: `user.displayNam` is not a field that is known
              --> rules.toml:10:5
               |
            10 | set.displayNam = '"x"'
               |     ^^^^^^^^^^
               |
               = help: did you mean `user.displayName`? If not, declare it under `[attributes]`: "user.displayNam" = "string"
            warning[unknown-field]: `user.hr` is not a field that is known
              --> rules.toml:11:8
               |
            11 | set.hr.level = '3'
               |        ^^^^^
               |
               = help: declare it under `[attributes]`: "user.hr" = "map"
            warning[unknown-field]: `user.hr\.code` is not a field that is known
              --> rules.toml:12:5
               |
            12 | set."hr\\.code" = 'text(user.costCentre)'
               |     ^^^^^^^^^^^
               |
               = help: declare it under `[attributes]`: "user.hr\\.code" = "string"
            warning[unknown-field]: `user.costCentre` is not a field that is known
              --> rules.toml:12:25
               |
            12 | set."hr\\.code" = 'text(user.costCentre)'
               |                         ^^^^^^^^^^^^^^^
               |
               = help: declare it under `[attributes]`: "user.costCentre" = "string""#]],
    );
}

#[test]
fn however_a_field_is_named_it_is_warned_of_once_for_a_rule() {
    for when in [
        r#"user.costCentre == "x""#,
        r#"user.?costCentre.orValue("") == "x""#,
        "has(user.costCentre)",
        r#"user["costCentre"] == "x""#,
        r#"user[?"costCentre"].hasValue()"#,
        r#"request.user.costCentre == "x""#,
        r#"user.costCentre == "x" && user.?costCentre.hasValue() && request.user.costCentre == "y""#,
    ] {
        warns("", when, &[r#""user.costCentre" = "string""#]);
        warns("\"user.costCentre\" = \"string\"", when, &[]);
        warns("\"request.user.costCentre\" = \"any\"", when, &[]);
    }
}

#[test]
fn the_line_to_add_has_the_type_that_the_use_tells() {
    for (when, line) in [
        ("user.x > 5", "int"),
        ("2.5 < user.x", "double"),
        ("user.x", "bool"),
        ("!user.x", "bool"),
        (r#""a" in user.x"#, "list"),
        ("user.x.all(i, i > 0)", "list"),
        ("user.x[0] == 1", "list"),
        ("user.x.name == 1", "map"),
        ("user.?x.orValue(0) == now.getDate()", "int"),
        ("lower(user.x) == upper(user.x)", "string"),
        ("has(user.x)", "string"),
    ] {
        warns("", when, &[&format!("\"user.x\" = \"{line}\"")]);
        if !when.contains("2.5") {
            warns(&format!("\"user.x\" = \"{line}\""), when, &[]);
        }
    }
    warns("", r#"user["a.b c"] == "x""#, &[r#""user.a\\.b c" = "string""#]);
    warns(r#""user.a\\.b c" = "string""#, r#"user["a.b c"] == "x""#, &[]);
}

#[test]
fn fields_of_objects_of_which_nothing_is_listed_are_not_warned_of() {
    for when in [
        r#"user.address.city == "Pune" && user.address.anything.at.all == 1"#,
        r#"user.?manager.?name.orValue("") == """#,
        "user.provisionedApps.exists(app, has(user.provisionedApps[app].login))",
        r#"token.tenantId == "as100" && "ADMIN" in token.anything.roles"#,
        "user.assignedGroups.all(group, group.name == group.other.name)",
        "user.assignedGroups[0].name == 1",
        r#"user.exists(key, key.startsWith("hr"))"#,
        "user[user.login] == 1",
        "cel.bind(whole, user, whole.login == whole.anything)",
        "user.?address.optMap(address, address.anything == 1).orValue(false)",
    ] {
        warns("", when, &[]);
    }
    warns("", "user.list.all(x, x.y == 1)", &[r#""user.list" = "list""#]);
}

#[test]
fn names_below_request_have_to_be_listed_too() {
    warns("", "request.tenant == 1", &[r#""request.tenant" = "int""#]);
    warns("\"request.tenant\" = \"int\"", "request.tenant == 1", &[]);
    finds(
        r#"[[rule]]
id = "a"
on = "policyMap"
map = 'request.targetAtribute == "x" && request.formVeriable.anything == 1'
"#,
        expect![[r#"
            warning[unknown-field]: `request.targetAtribute` is not a field that is known
             --> rules.toml:4:8
              |
            4 | map = 'request.targetAtribute == "x" && request.formVeriable.anything == 1'
              |        ^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `request.targetAttribute`? If not, declare it under `[attributes]`: "request.targetAtribute" = "string""#]],
    );
}

#[test]
fn an_object_of_which_a_field_is_declared_has_no_others_unless_it_is_declared_open() {
    let unit = "\"user.org.unit\" = \"string\"";
    warns(unit, r#"user.org.unit == "x" && has(user.org)"#, &[]);
    warns(unit, "user.org.code == 1", &[r#""user.org.code" = "int""#]);
    warns(&format!("{unit}\n\"user.org\" = \"map\""), "user.org.code == 1", &[]);
    warns(&format!("{unit}\n\"user.org\" = \"any\""), "user.org.unti == 1", &[r#""user.org.unti" = "int""#]);
    warns("\"user.address.city\" = \"string\"", "user.address.zip == 1", &[r#""user.address.zip" = "int""#]);
}

#[test]
fn a_declared_type_counts_in_checks_and_goes_before_the_catalogues() {
    let declared = "\"user.costCentre\" = \"string\"\n\"user.mobile\" = \"int\"";
    let never = |a: &str, b: &str| format!("never-equal: {a} is never equal to {b}: `==` never holds here");
    warns(declared, "user.costCentre == 5", &[&never("a string", "an int")]);
    warns(declared, "request.user.costCentre == 5", &[&never("a string", "an int")]);
    warns(declared, "user.costCentre < 5", &["expression-type: `<` does not take a string and an int"]);
    warns(declared, r#"user.mobile == "5""#, &[&never("an int", "a string")]);
    warns(declared, "user.mobile == 5", &[]);
    warns(declared, "user.costCentre.unit == 5", &["expression-type: `user.costCentre` is a string and has no fields"]);
}

#[test]
fn a_field_that_only_some_of_a_rules_events_know_is_named_with_those_that_do_not() {
    finds(
        r#"[[rule]]
id = "a"
on = ["policyMap", "runDeprovision", "validateUser"]
when = 'request.targetAttribute == "x"'
deny = "A"
"#,
        expect![[r#"
            error[rule-effect]: `deny` is no effect of policyMap
             --> rules.toml:5:1
              |
            5 | deny = "A"
              | ^^^^
              |
              = help: policyMap can have: map
            error[rule-effect]: `deny` is no effect of runDeprovision
             --> rules.toml:5:1
              |
            5 | deny = "A"
              | ^^^^
              |
              = help: runDeprovision can have: deprovision
            warning[unknown-field]: `request.targetAttribute` is not a field that is known on runDeprovision, validateUser
             --> rules.toml:4:9
              |
            4 | when = 'request.targetAttribute == "x"'
              |         ^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: it is known on policyMap: write a rule for each, or declare it under `[attributes]`: "request.targetAttribute" = "string""#]],
    );
}

#[test]
fn expressions_of_a_rule_with_an_unknown_key_event_or_effect_are_looked_at_too() {
    finds(
        r#"[[rule]]
id = "a"
on = ["validatUser", "validateUser"]
wen = 'true'
when = 'usr.login == "x"'
deny = "A"
[[rule]]
id = "b"
on = "policyMap"
set.x = 'usr.x'
map = 'usr.y'
"#,
        expect![[r#"
            error[unknown-key]: unknown key `wen`
             --> rules.toml:4:1
              |
            4 | wen = 'true'
              | ^^^
              |
              = help: did you mean `when`?
            error[rule-event]: there is no event `validatUser`
             --> rules.toml:3:7
              |
            3 | on = ["validatUser", "validateUser"]
              |       ^^^^^^^^^^^^^
              |
              = help: did you mean `validateUser`?
            error[unknown-name]: unknown name `usr`
             --> rules.toml:5:9
              |
            5 | when = 'usr.login == "x"'
              |         ^^^
              |
              = help: did you mean `user`?
            error[rule-effect]: rule `b` has more than one effect: `map` and `set`
              --> rules.toml:10:1
               |
            10 | set.x = 'usr.x'
               | ^^^
               |
               = help: write a rule for each
            warning[unknown-field]: `user.x` is not a field that is known
              --> rules.toml:10:5
               |
            10 | set.x = 'usr.x'
               |     ^
               |
               = help: declare it under `[attributes]`: "user.x" = "string"
            error[unknown-name]: unknown name `usr`
              --> rules.toml:10:10
               |
            10 | set.x = 'usr.x'
               |          ^^^
               |
               = help: did you mean `user`?
            error[unknown-name]: unknown name `usr`
              --> rules.toml:11:8
               |
            11 | map = 'usr.y'
               |        ^^^
               |
               = help: did you mean `user`?"#]],
    );
}
