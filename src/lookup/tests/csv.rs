//! Files of rows.

use super::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn toml(file: &tempfile::NamedTempFile, more: &str) -> String {
    format!("[[lookup]]\nid = 'people'\ntype = 'csv'\nfile = '{}'\n{more}", file.path().display())
}

#[tokio::test]
async fn a_row_is_found_by_its_key() {
    let file = file("\u{feff}login, Cost Centre ,note\nanna,42,\"a \"\"b\"\", c\"\n bert ,43,\n,44,nobody\n");
    let lookups = ready(&toml(&file, "key = 'login'"));
    assert_eq!(
        told(&lookups, json!({ "login": " anna " })).await,
        r#"{"login":"anna","Cost Centre":"42","note":"a \"b\", c"}"#
    );
    assert_eq!(told(&lookups, json!({ "login": "bert" })).await, r#"{"login":" bert ","Cost Centre":"43","note":""}"#);
    for user in [json!({ "login": "carl" }), json!({ "login": "" }), json!({}), json!({ "login": null })] {
        assert_eq!(told(&lookups, user).await, "not found");
    }
}

#[tokio::test]
async fn several_columns_make_a_key() {
    let file = file("a;b;c\n1;2;x\n1;3;y\n");
    let lookups = ready(&toml(&file, "delimiter = ';'\nmatch = { b = 'text(user.?login)', a = '1' }"));
    assert_eq!(told(&lookups, json!({ "login": "3" })).await, r#"{"a":"1","b":"3","c":"y"}"#);
    assert_eq!(told(&lookups, json!({ "login": "1" })).await, "not found");
}

#[tokio::test]
async fn the_first_of_two_rows_with_one_key_counts_and_somebody_is_told() {
    let file = file("login,n\nanna,1\nbert,1\nanna,2\nanna,3\nbert,4\nanna,5\n");
    let (lookups, findings) = prepare(&toml(&file, "key = 'login'"), "", None);
    assert!(
        said(&findings).contains("the key of line 4, 5, 6 and 1 more is that of a line before"),
        "{}",
        said(&findings)
    );
    assert_eq!(told(&lookups.unwrap(), json!({ "login": "anna" })).await, r#"{"login":"anna","n":"1"}"#);
}

#[test]
fn a_file_that_is_none_says_why_and_where_and_never_what_stands_in_it() {
    for (text, more, why) in [
        ("login\nPRIVATE,x\n", "key = 'login'", "2 columns in line 2, where the first line has 1"),
        ("login\nPRIVATE\n", "key = 'mobile'", "there is no column `mobile`"),
        ("login,login\n", "key = 'login'", "two columns have the name `login`"),
        ("login\nPRIVATE\n", "key = 'login'\nsize_limit = '8B'", "it is larger than 8B"),
    ] {
        let (lookups, findings) = prepare(&toml(&file(text), more), "", None);
        assert!(lookups.is_none() && said(&findings).contains(why), "{}", said(&findings));
        assert!(!said(&findings).contains("PRIVATE"), "{}", said(&findings));
    }
    let binary = file("");
    std::fs::write(binary.path(), b"login\n\xff\xfe\n").unwrap();
    let (_, findings) = prepare(&toml(&binary, "key = 'login'"), "", None);
    assert!(said(&findings).contains("is not UTF-8"), "{}", said(&findings));
    let (_, findings) = prepare("[[lookup]]\nid = 'a'\ntype = 'csv'\nfile = '/nowhere.csv'\nkey = 'login'", "", None);
    assert!(said(&findings).contains("file /nowhere.csv could not be read"), "{}", said(&findings));
}
