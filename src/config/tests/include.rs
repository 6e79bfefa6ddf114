//! Several files as one.

use super::*;

#[test]
fn an_include_below_a_section_is_told_where_it_belongs() {
    Case::new("[server]\nhealth = true\n[[rule]]\nid = 'x'\ninclude = ['rules/*.toml']\n").check(&expect![[r"
        error[misplaced-key]: `include` is part of the table above it
         --> /config/hookreeve.toml:5:1
          |
        5 | include = ['rules/*.toml']
          | ^^^^^^^
          |
          = help: move it above the first [section]"]]);
}

#[test]
fn rules_are_appended_main_file_first_then_in_byte_order() {
    let case = Case::new(
        "include = ['rules/*.toml', 'b/last.toml', 'rules/10.toml']\n[[rule]]\nid = 'main'\n[server]\nhealth = false",
    )
    .file("config/rules/é.toml", "[[rule]]\nid = 'é'")
    .file("config/rules/9.toml", "[[rule]]\nid = '9'\n[log]\nlevel = 'warn'")
    .file("config/rules/10.toml", "[[rule]]\nid = '10'\n[server]\nmax_in_flight = 1")
    .file("config/rules/B.toml", "[[rule]]\nid = 'B'")
    .file("config/rules/a.toml", "\u{feff}rule = [{ id = 'a' }]")
    .file("config/rules/.hidden.toml", "nonsense")
    .file("config/rules/deeper/x.toml", "nonsense")
    .file("config/b/last.toml", "[[rule]]\nid = 'last'");
    let loaded = case.check(&expect![[""]]);
    let rules = loaded.lists.get("rule").and_then(|rules| rules.as_array()).expect("rules");
    let ids: Vec<_> = rules.iter().filter_map(|rule| rule.get("id")?.as_str()).collect();
    assert_eq!(ids, ["main", "10", "9", "B", "a", "é", "last"]);
    let settings = loaded.settings.expect("settings");
    assert_eq!(
        (settings.server.max_in_flight, settings.server.health, settings.log.level),
        (1, false, log::Level::Warn)
    );
    let watched: Vec<_> = loaded.files.paths().map(|path| case.shorten(&path.display().to_string())).collect();
    assert_eq!(watched.len(), 7, "{watched:?}");
}

#[test]
fn an_include_that_finds_nothing_is_told() {
    Case::new("include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']")
        .file("config/latin1.toml", b"# ok\nname = \"gr\xf6\xdfe\"\n")
        .file("config/utf16.toml", b"\xff\xfea\0")
        .file("config/large.toml", vec![b'#'; (4 << 20) + 1])
        .file("config/nested.toml", "include = ['more.toml']")
        .check(&expect![[r#"
            warning[no-match]: no file matches `none/*.toml`
             --> /config/hookreeve.toml:1:12
              |
            1 | include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']
              |            ^^^^^^^^^^^^^
              |
              = help: it is relative to the directory of the file that it stands in

            error[unreadable-file]: /config/none.toml could not be read: No such file or directory (os error 2)
             --> /config/hookreeve.toml:1:27
              |
            1 | include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']
              |                           ^^^^^^^^^^^
              |
              = help: a path is relative to the file that it stands in

            error[invalid-value]: `include`: expected a list of paths or patterns
             --> /config/hookreeve.toml:1:40
              |
            1 | include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']
              |                                        ^
              |
              = help: include = ["rules/*.toml"]

            error[invalid-value]: `include`: expected a list of paths or patterns
             --> /config/hookreeve.toml:1:43
              |
            1 | include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']
              |                                           ^^
              |
              = help: include = ["rules/*.toml"]

            error[invalid-pattern]: no pattern: invalid range pattern
             --> /config/hookreeve.toml:1:47
              |
            1 | include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']
              |                                               ^^^^
              |
              = help: `*` and `?` stand for any characters, `[ab]` for one of those named

            error[unreadable-file]: /config/utf16.toml is UTF-16, not UTF-8
             --> /config/hookreeve.toml:1:68
              |
            1 | include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']
              |                                                                    ^^^^^^^^^^^^
              |
              = help: save the file as UTF-8

            error[unreadable-file]: /config/large.toml could not be read: it is larger than 4MiB
             --> /config/hookreeve.toml:1:82
              |
            1 | include = ['none/*.toml', 'none.toml', 3, '', 'a[', 'latin1.toml', 'utf16.toml', 'large.toml', 'nested.toml', 'hookreeve.toml']
              |                                                                                  ^^^^^^^^^^^^
              |
              = help: split it up, and `include` the parts

            error[nested-include]: an included file includes no others
             --> /config/nested.toml:1:1
              |
            1 | include = ['more.toml']
              | ^^^^^^^
              |
              = help: name them in the main file's `include`

            error[unreadable-file]: this is not UTF-8
            --> /config/latin1.toml:2:11
             = help: save the file as UTF-8"#]]);
}

#[test]
fn an_include_that_is_no_list_is_told() {
    Case::new("include = 'rules/*.toml'").check(&expect![[r#"
        error[invalid-value]: `include`: expected a list of paths or patterns
         --> /config/hookreeve.toml:1:11
          |
        1 | include = 'rules/*.toml'
          |           ^^^^^^^^^^^^^^
          |
          = help: include = ["rules/*.toml"]"#]]);
}

#[test]
fn the_same_key_in_two_files_is_an_error_that_names_both() {
    Case::new("include = ['more.toml']\n[server]\nhealth = true\ntls = { cert = 'a', key = 'b' }\ntrusted_proxies = ['::1']\n[[rule]]\nid = 'x'")
        .file("config/more.toml", "rule = 3\n[server]\nhealth = false\ntls.cert = 'c'\ntrusted_proxies = ['::2']\n[log]\nlevel = 'warn'")
        .check(&expect![[r"
            error[set-twice]: `rule` is set in two files
             --> /config/more.toml:1:1
              |
            1 | rule = 3
              | ^^^^
              |
             ::: /config/hookreeve.toml:6:3
              |
            6 | [[rule]]
              |   ---- first set here
              |
              = help: keep one of the two

            error[set-twice]: `server.health` is set in two files
             --> /config/more.toml:3:1
              |
            3 | health = false
              | ^^^^^^
              |
             ::: /config/hookreeve.toml:3:1
              |
            3 | health = true
              | ------ first set here
              |
              = help: keep one of the two

            error[set-twice]: `server.tls.cert` is set in two files
             --> /config/more.toml:4:5
              |
            4 | tls.cert = 'c'
              |     ^^^^
              |
             ::: /config/hookreeve.toml:4:9
              |
            4 | tls = { cert = 'a', key = 'b' }
              |         ---- first set here
              |
              = help: keep one of the two

            error[set-twice]: `server.trusted_proxies` is set in two files
             --> /config/more.toml:5:1
              |
            5 | trusted_proxies = ['::2']
              | ^^^^^^^^^^^^^^^
              |
             ::: /config/hookreeve.toml:5:1
              |
            5 | trusted_proxies = ['::1']
              | --------------- first set here
              |
              = help: keep one of the two"]]);
}
