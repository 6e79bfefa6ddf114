//! The directory: what every journal must do with it, and how the one in SQLite looks people up.

use std::sync::Arc;
use std::time::Duration;

use super::conformance::Opener;
use super::{Bench, FIRST_VERSION, draft, person, says, silent};
use crate::base::clock::Clock;
use crate::event::Person;
use crate::journal::{Anew, FieldForm, FieldKey, Journal, Listed, PersonField, Reader, Record, Search, Sighting};

fn key(name: &str, form: &str, normal: &str) -> FieldKey {
    FieldKey { name: name.into(), form: form.into(), normal: normal.into() }
}

/// Fields by name and value; the normal form is the value in lower case.
fn seen(fields: &[(&str, &str)]) -> Sighting {
    Sighting::Seen(fields.iter().map(|(name, value)| told(name, "text", value)).collect())
}

fn told(name: &str, form: &str, value: &str) -> PersonField {
    PersonField {
        key: key(name, form, &value.to_lowercase()),
        value: value.into(),
        identifies: matches!(name, "login" | "id"),
    }
}

fn search(all: &[(&str, &str)]) -> Search {
    let keys = all.iter().map(|(name, normal)| key(name, "text", normal));
    Search {
        system: "cymmetri",
        tenant: "as100".into(),
        asker: None,
        all: keys.collect(),
        except: Vec::new(),
        fields: true,
    }
}

async fn find(journal: &dyn Journal, search: Search) -> Option<Listed> {
    journal.find_person(search).await.expect("a look")
}

/// The text of one of the fields of whoever is found.
async fn found(journal: &dyn Journal, all: &[(&str, &str)], field: &str) -> Option<String> {
    let fields = find(journal, search(all)).await?.fields().expect("they can be read");
    fields.get(field).cloned()
}

async fn listed(journal: &dyn Journal, who: &str) -> Option<Listed> {
    journal.listed(&person(who)).await.expect("a look")
}

pub(super) async fn what_a_notice_tells_of_a_person_is_found(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let ada = [("login", "Ada"), ("mail", "Ada@x.example"), ("mobile", "1")];
    draft("ada").request("X").sighting(seen(&ada)).append(&*journal, clock).await;
    drop(journal);
    let journal = open();
    let listed = listed(&*journal, "ada").await.expect("she is listed");
    assert_eq!((listed.number, listed.system.as_str(), listed.tenant.as_str()), (1, "cymmetri", "as100"));
    assert_eq!(
        (listed.at, listed.person),
        (clock.now(), journal.entry_at(1).await.expect("a read").expect("it").0.person)
    );
    assert_eq!(listed.record, Record::Bytes(br#"{"login":"Ada","mail":"Ada@x.example","mobile":"1"}"#.to_vec()));
    assert_eq!(find(&*journal, search(&[("mail", "ada@x.example")])).await, Some(listed.clone()));
    let unread = Search { fields: false, ..search(&[("mobile", "1")]) };
    assert_eq!(find(&*journal, unread).await, Some(Listed { record: Record::Unread, ..listed }));
    for nobody in [
        search(&[("mail", "Ada@x.example")]),
        search(&[("mobile", "ada@x.example")]),
        Search { tenant: "as200".into(), ..search(&[("mobile", "1")]) },
        Search { all: vec![key("mobile", "phone", "1")], ..search(&[]) },
        Search { asker: Some(person("ada")), ..search(&[("mobile", "1")]) },
        search(&[]),
    ] {
        assert_eq!(find(&*journal, nobody.clone()).await, None, "{nobody:?}");
    }
    // A repeat tells nothing; another notice tells what it says and leaves the rest.
    draft("ada").request("X").sighting(seen(&[("mobile", "9")])).append(&*journal, clock).await;
    assert_eq!(found(&*journal, &[("mobile", "9")], "login").await, None);
    draft("ada").request("Y").sighting(seen(&[("mobile", "2"), ("mail", "")])).append(&*journal, clock).await;
    assert_eq!(found(&*journal, &[("mobile", "1")], "login").await, None);
    assert_eq!(found(&*journal, &[("mail", "ada@x.example")], "login").await, None);
    assert_eq!(found(&*journal, &[("mail", "")], "login").await, None, "what is empty is never found");
    assert_eq!(found(&*journal, &[("mobile", "2")], "login").await, Some("Ada".into()));
    // Entries grow old, people do not.
    clock.advance(Duration::from_secs(200 * 24 * 3600));
    draft("bob").append(&*journal, clock).await;
    assert_eq!(journal.retain().await.expect("it is cut"), 3);
    assert_eq!(found(&*journal, &[("mobile", "2")], "login").await, Some("Ada".into()));
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

pub(super) async fn whoever_is_looked_for_has_all_and_nothing_that_excludes(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    for (who, city, mobile) in [("ada", "Pune", "1"), ("bob", "Pune", "2"), ("eve", "Goa", "1")] {
        let fields = seen(&[("login", who), ("city", city), ("mobile", mobile)]);
        draft(who).sighting(fields).append(&*journal, clock).await;
    }
    assert_eq!(found(&*journal, &[("city", "pune"), ("mobile", "2")], "login").await, Some("bob".into()));
    assert_eq!(found(&*journal, &[("city", "goa"), ("mobile", "2")], "login").await, None);
    let except = |keys: &[(&str, &str)]| Search {
        except: keys.iter().map(|(name, normal)| key(name, "text", normal)).collect(),
        ..search(&[("mobile", "1")])
    };
    let login =
        async |search| find(&*journal, search).await.map(|listed| listed.fields().expect("fields")["login"].clone());
    assert_eq!(login(except(&[])).await.as_deref(), Some("ada"));
    assert_eq!(login(except(&[("login", "ada"), ("id", "7")])).await.as_deref(), Some("eve"));
    assert_eq!(login(except(&[("login", "ada"), ("city", "goa")])).await, None);
    let asked = Search { asker: Some(person("ada")), ..search(&[("mobile", "1")]) };
    assert_eq!(login(asked).await.as_deref(), Some("eve"));
}

pub(super) async fn a_person_leaves_the_directory_and_nothing_of_it_stays(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    for who in ["ada", "bob", "eve"] {
        draft(who).sighting(seen(&[("login", who), ("mobile", "1")])).append(&*journal, clock).await;
    }
    draft("ada").sighting(Sighting::Left).append(&*journal, clock).await;
    draft("nobody").sighting(Sighting::Left).append(&*journal, clock).await;
    assert_eq!(listed(&*journal, "ada").await, None);
    assert_eq!(journal.forget(&person("bob")).await.expect("he is forgotten"), 1);
    assert_eq!(listed(&*journal, "bob").await, None);
    assert_eq!(found(&*journal, &[("mobile", "1")], "login").await, Some("eve".into()));
    let removed = journal.tell_people(vec![(person("eve"), Sighting::Left), (person("ada"), Sighting::Left)]).await;
    assert_eq!(removed.expect("it is told"), 1);
    assert_eq!(found(&*journal, &[("mobile", "1")], "login").await, None);
    // Whoever is only listed, and never was in an event, is forgotten as well; and comes back as another.
    journal.tell_people(vec![(person("kim"), seen(&[("login", "kim")]))]).await.expect("it is told");
    let before = listed(&*journal, "kim").await.expect("listed").person;
    assert_eq!(journal.forget(&person("kim")).await.expect("forgotten"), 0);
    assert_eq!(listed(&*journal, "kim").await, None);
    journal.tell_people(vec![(person("kim"), seen(&[("login", "kim")]))]).await.expect("it is told");
    assert_ne!(listed(&*journal, "kim").await.expect("listed").person, before);
    drop(journal);
    let journal = open();
    assert!(listed(&*journal, "bob").await.is_none() && listed(&*journal, "kim").await.is_some());
}

pub(super) async fn many_are_told_of_at_once_and_read_in_pages(open: Opener<'_>, _: &Clock) {
    let journal = open();
    let people = || {
        let person = |number: u32| {
            let login = format!("p{number}");
            (person(&login), seen(&[("login", &login), ("mobile", &number.to_string())]))
        };
        (0..300).map(person).collect::<Vec<_>>()
    };
    assert_eq!(journal.tell_people(people()).await.expect("told"), 300);
    assert_eq!(journal.tell_people(people()).await.expect("told"), 0, "nothing is new");
    let unknown = Person { known: false, ..person("r-1") };
    assert_eq!(journal.tell_people(vec![(unknown, seen(&[("login", "x")]))]).await.expect("told"), 0);
    let (mut after, mut logins) = (0, Vec::new());
    loop {
        let page = journal.people(after, 70).await.expect("a page");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 70);
        after = last.number;
        logins.extend(page.iter().map(|listed| listed.fields().expect("fields")["login"].clone()));
    }
    assert_eq!(logins, (0..300).map(|number| format!("p{number}")).collect::<Vec<_>>());
    assert_eq!(found(&*journal, &[("mobile", "299")], "login").await, Some("p299".into()));
}

pub(super) async fn a_persons_login_and_id_are_nobody_elses(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    draft("ada").sighting(seen(&[("login", "ada"), ("id", "7"), ("mobile", "1")])).append(&*journal, clock).await;
    // She has another login now, which is another person to all but the directory.
    draft("ada.k").sighting(seen(&[("login", "ada.k"), ("id", "7"), ("mobile", "2")])).append(&*journal, clock).await;
    assert_eq!(listed(&*journal, "ada").await, None);
    assert_eq!(found(&*journal, &[("mobile", "1")], "login").await, None);
    assert_eq!(found(&*journal, &[("id", "7")], "login").await, Some("ada.k".into()));
    let elsewhere = Person { tenant: "as200".into(), ..person("ada.k") };
    let same = seen(&[("login", "ada.k"), ("id", "7")]);
    assert_eq!(journal.tell_people(vec![(elsewhere, same)]).await.expect("told"), 1);
    assert!(listed(&*journal, "ada.k").await.is_some(), "another tenant's are others");
}

pub(super) async fn whoever_was_taken_out_is_not_brought_back_by_what_is_old(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let told = |login: &str| seen(&[("login", login), ("id", "7"), ("mobile", "1")]);
    // She has had two logins.
    draft("ada").sighting(told("ada")).append(&*journal, clock).await;
    let first = clock.now();
    clock.advance(Duration::from_secs(60));
    draft("ada.k").sighting(told("ada.k")).append(&*journal, clock).await;
    let second = clock.now();
    clock.advance(Duration::from_secs(60));
    let removed = journal.tell_people(vec![(person("ada.k"), Sighting::Removed), (person("eve"), Sighting::Removed)]);
    assert_eq!(removed.await.expect("told"), 1);
    drop(journal);
    let journal = open();
    let again = || {
        let then = |at, who: &str| (person(who), Sighting::Then(at, Box::new(told(who))));
        journal.tell_people(vec![then(first, "ada"), then(second, "ada.k")])
    };
    again().await.expect("told");
    assert!(find(&*journal, search(&[("mobile", "1")])).await.is_none(), "under neither name");
    // What is told now counts, and then the old is no news.
    clock.advance(Duration::from_secs(60));
    draft("ada.k").request("Y").sighting(seen(&[("login", "ada.k"), ("id", "7")])).append(&*journal, clock).await;
    assert_eq!(again().await.expect("told"), 0);
    assert_eq!(found(&*journal, &[("id", "7")], "login").await, Some("ada.k".into()));
    assert!(find(&*journal, search(&[("mobile", "1")])).await.is_none());
    // Once no entry is left of before, nobody can go through them, and it is no longer known who was taken out.
    clock.advance(Duration::from_secs(200 * 24 * 3600));
    draft("bob").append(&*journal, clock).await;
    assert_eq!(journal.retain().await.expect("cut"), 3);
    let eve = Sighting::Then(second, Box::new(seen(&[("login", "eve")])));
    assert_eq!(journal.tell_people(vec![(person("eve"), eve)]).await.expect("told"), 1);
}

#[tokio::test]
async fn what_was_learnt_long_ago_fills_only_what_is_not_known() {
    let bench = Bench::new();
    let journal = bench.open();
    draft("ada").sighting(seen(&[("login", "ada"), ("mobile", "2")])).append(&journal, &bench.clock).await;
    let at = bench.clock.now() - chrono::TimeDelta::days(1);
    let then = |fields: &[(&str, &str)]| Sighting::Then(at, Box::new(seen(fields)));
    let old = vec![(person("ada"), then(&[("login", "ada"), ("mobile", "1"), ("city", "Pune")]))];
    assert_eq!(journal.tell_people(old).await.expect("told"), 1);
    let known = listed(&journal, "ada").await.expect("listed");
    assert_eq!((&*known.fields().expect("fields")["mobile"], &*known.fields().expect("fields")["city"]), ("2", "Pune"));
    let left = Sighting::Then(at, Box::new(Sighting::Left));
    // Nor does it take anybody out, or another's place.
    assert_eq!(journal.tell_people(vec![(person("ada"), left)]).await.expect("told"), 0);
    draft("bob").sighting(seen(&[("login", "bob"), ("id", "7")])).append(&journal, &bench.clock).await;
    let before = vec![(person("bert"), then(&[("login", "bert"), ("id", "7")]))];
    assert_eq!(journal.tell_people(before).await.expect("told"), 0, "he has another login by now");
    assert_eq!(found(&journal, &[("id", "7")], "login").await, Some("bob".into()));
}

pub(super) async fn the_index_is_brought_to_other_forms(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let forms = |forms: &[(&str, &str)]| -> Vec<FieldForm> {
        forms.iter().map(|(name, form)| FieldForm { name: (*name).into(), form: (*form).into() }).collect()
    };
    // Digits alone.
    let anew: Anew = Arc::new(|fields| {
        let mobile = fields.get("mobile").map(|value| {
            let normal: String = value.chars().filter(char::is_ascii_digit).collect();
            PersonField { key: key("mobile", "phone", &normal), value: value.clone(), identifies: false }
        });
        let login = fields.get("login").map(|value| told("login", "text", value));
        login.into_iter().chain(mobile).collect()
    });
    let before = forms(&[("login", "text"), ("mobile", "text"), ("city", "text")]);
    assert_eq!(journal.index_people(before.clone(), anew.clone(), silent()).await.expect("indexed"), 0);
    for number in 0..450 {
        let fields = seen(&[("login", &format!("p{number}")), ("mobile", &format!("+{number}")), ("city", "Pune")]);
        draft(&format!("p{number}")).sighting(fields).queue(&*journal, clock).await.expect("appended");
    }
    let more = [before.clone(), forms(&[("mail", "mail")])].concat();
    assert_eq!(
        journal.index_people(more.clone(), anew.clone(), silent()).await.expect("indexed"),
        0,
        "one more is no change"
    );
    assert_eq!(
        journal.unready_people(more.clone()).await.expect("a look"),
        ["mail".into()],
        "but nothing is known of it"
    );
    journal.complete_people(vec!["mail".into()]).await.expect("it is known");
    assert!(journal.unready_people(more).await.expect("a look").is_empty());
    assert!(find(&*journal, search(&[("mobile", "+7")])).await.is_some());
    let after = forms(&[("login", "text"), ("mobile", "phone")]);
    assert_eq!(journal.index_people(after.clone(), anew.clone(), silent()).await.expect("indexed"), 450);
    let by_digits = Search { all: vec![key("mobile", "phone", "7")], ..search(&[]) };
    let found = find(&*journal, by_digits).await.expect("somebody");
    assert_eq!(
        found.fields().expect("fields").into_iter().collect::<Vec<_>>(),
        [("city", "Pune"), ("login", "p7"), ("mobile", "+7")].map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert!(find(&*journal, search(&[("mobile", "+7")])).await.is_none(), "the old form is gone");
    assert!(find(&*journal, search(&[("city", "pune")])).await.is_some(), "what nobody asks for is kept");
    assert_eq!(journal.unready_people(before).await.expect("a look"), ["mobile".into(), "city".into()]);
    drop(journal);
    let journal = open();
    assert_eq!(journal.index_people(after, anew, silent()).await.expect("indexed"), 0, "it is known by now");
}

#[tokio::test]
async fn where_too_many_share_a_value_it_is_said() {
    let bench = Bench::new();
    let journal = bench.open();
    let people = (0..1001).map(|number| {
        let login = format!("p{number}");
        (person(&login), seen(&[("login", &login), ("city", "Pune")]))
    });
    journal.tell_people(people.collect()).await.expect("told");
    let both = Search { except: vec![key("city", "text", "pune")], ..search(&[("city", "pune")]) };
    says(journal.find_person(both).await, "1000 people share that value");
    assert!(journal.find_person(search(&[("city", "pune")])).await.expect("a look").is_some());
}

#[tokio::test]
async fn nobody_is_found_by_going_through_all() {
    let bench = Bench::new();
    drop(bench.open());
    let connection = rusqlite::Connection::open(&bench.options.path).expect("it opens");
    for query in crate::journal::sqlite::PEOPLE_QUERIES {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).expect("a plan");
        let values = rusqlite::params_from_iter(vec![0; plan.parameter_count()]);
        let plan: Vec<String> =
            plan.query_map(values, |row| row.get(3)).expect("rows").collect::<Result<_, _>>().expect("texts");
        assert!(plan.iter().all(|step| step.starts_with("SEARCH") && !step.contains("SCAN")), "{query}: {plan:?}");
    }
}

#[tokio::test]
async fn a_persons_fields_are_sealed_and_destroyed_with_its_key() {
    let bench = Bench::sealed();
    let journal = bench.open();
    let fields = seen(&[("login", "a-login-to-be-found"), ("mobile", "4915112345678")]);
    draft("ada").sighting(fields).append(&journal, &bench.clock).await;
    let files = || {
        let files = std::fs::read_dir(bench.directory.path()).expect("a directory");
        files.map(|file| std::fs::read(file.expect("a file").path()).expect("bytes")).collect::<Vec<_>>().concat()
    };
    let has = |text: &str| files().windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!has("a-login-to-be-found") && !has("4915112345678"));
    // Without the key it is listed, and cannot be read.
    drop(journal);
    let mut options = bench.options.clone();
    options.encryption_keys = vec![crate::base::secret::Secret::new("another key of the operator")];
    let reader = crate::journal::sqlite::SqliteReader::open(&options).expect("it opens");
    let listed = reader.people(0, 10).await.expect("a page");
    assert_eq!((listed.len(), &listed[0].record), (1, &Record::Sealed));
}

#[tokio::test]
async fn of_a_forgotten_person_not_a_byte_is_left_in_the_directory() {
    let bench = Bench::new();
    let journal = bench.open();
    let mark = "a-mark-that-is-found";
    let people = (0..200).map(|number| {
        let login = format!("p{number}");
        (person(&login), seen(&[("login", &login), ("mobile", &format!("{number}"))]))
    });
    journal.tell_people(people.collect()).await.expect("told");
    for value in ["", "-and-longer", ""] {
        let fields = seen(&[("login", "ada"), ("mail", &format!("{mark}{value}"))]);
        draft("ada").sighting(fields).append(&journal, &bench.clock).await;
    }
    journal.forget(&person("ada")).await.expect("she is forgotten");
    journal.close().await;
    for file in std::fs::read_dir(bench.directory.path()).expect("a directory") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).expect("bytes");
        assert!(!bytes.windows(mark.len()).any(|window| window == mark.as_bytes()), "{}", path.display());
    }
}

#[tokio::test]
async fn an_older_file_gets_its_directory() {
    let bench = Bench::new();
    let journal = bench.open();
    draft("ada").append(&journal, &bench.clock).await;
    drop(journal);
    let connection = rusqlite::Connection::open(&bench.options.path).expect("it opens");
    connection.execute_batch(FIRST_VERSION).expect("as it was before");
    drop(connection);
    let journal = bench.open();
    assert!(journal.entry_at(1).await.expect("a read").is_some());
    assert!(journal.people(0, 10).await.expect("a page").is_empty());
}
