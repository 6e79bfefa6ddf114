//! Normal forms: two texts that mean the same address or number are the same here.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// What kind of text a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An address: trimmed and in lower case.
    Mail,
    /// A number: its digits, without leading zeros and without the country's code.
    Phone,
    /// Any text: trimmed and in lower case.
    Text,
}

/// A kind with what it takes to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// An address.
    Mail,
    /// A number, and the country whose code may be left away, with the most digits of its numbers.
    Phone(Option<(String, usize)>),
    /// Any text.
    Text,
}

/// The first of ten digits in each of the scripts that phone numbers are written in.
const ZEROS: [char; 20] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}', '\u{c66}',
    '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{17e0}', '\u{1810}', '\u{ff10}',
];

impl Kind {
    /// What a field's name says.
    pub fn of_name(name: &str) -> Self {
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["mail"]) {
            Self::Mail
        } else if has(&["mobile", "phone"]) {
            Self::Phone
        } else {
            Self::Text
        }
    }
}

impl Form {
    /// The text as it is stored and compared; empty where there is nothing to compare.
    pub fn normal(&self, text: &str) -> String {
        match self {
            Self::Mail | Self::Text => text.trim().to_lowercase(),
            Self::Phone(country) => phone(text, country.as_ref()),
        }
    }
}

/// What names the form in the index.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail => f.write_str("mail"),
            Self::Phone(None) => f.write_str("phone"),
            Self::Phone(Some((code, digits))) => write!(f, "phone {code}/{digits}"),
            Self::Text => f.write_str("text"),
        }
    }
}

fn phone(text: &str, country: Option<&(String, usize)>) -> String {
    let digits: String = text.chars().filter_map(digit).collect();
    // With a plus or two zeros the code is there; with one zero it is not; else the length tells.
    let international = text.trim_start().starts_with(['+', '\u{ff0b}']) || digits.starts_with("00");
    let domestic = !international && digits.starts_with('0');
    let digits = digits.trim_start_matches('0');
    let rest = country.and_then(|(code, longest)| {
        let may = international || (!domestic && digits.len() > *longest);
        digits.strip_prefix(code.as_str()).filter(|_| may)
    });
    // A zero in brackets after the code: +49 (0)151.
    rest.unwrap_or(digits).trim_start_matches('0').to_owned()
}

fn digit(character: char) -> Option<char> {
    ZEROS.iter().find_map(|zero| char::from_digit(u32::from(character).checked_sub(u32::from(*zero))?, 10))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn india() -> Form {
        Form::Phone(Some(("91".into(), 10)))
    }

    #[test]
    fn a_number_is_its_digits() {
        let plain = Form::Phone(None);
        for (text, normal) in [
            ("98200 12345", "9820012345"),
            (" (0)98200-12345 ", "9820012345"),
            ("+91 98200 12345", "919820012345"),
            ("0091 98200 12345", "919820012345"),
            ("९८२००१२३४५", "9820012345"),
            ("９８２００１２３４５", "9820012345"),
            ("", ""),
            ("000", ""),
            ("n/a", ""),
            ("+", ""),
        ] {
            assert_eq!(plain.normal(text), normal, "{text}");
        }
    }

    #[test]
    fn a_number_with_the_countrys_code_and_one_without_are_the_same() {
        for text in
            ["9820012345", "09820012345", "+91 98200 12345", "0091-9820012345", "919820012345", "+91 (0)9820012345"]
        {
            assert_eq!(india().normal(text), "9820012345", "{text}");
        }
        // One that only begins like the code.
        for text in ["9123456789", "09123456789", "+91 9123456789", "919123456789"] {
            assert_eq!(india().normal(text), "9123456789", "{text}");
        }
        assert_eq!(india().normal("+49 151 12345678"), "4915112345678");
        let singapore = Form::Phone(Some(("65".into(), 8)));
        for text in ["91234567", "+65 9123 4567", "6591234567"] {
            assert_eq!(singapore.normal(text), "91234567", "{text}");
        }
    }

    #[test]
    fn an_address_is_compared_without_case_and_space() {
        for text in ["a@b.example", " A@B.Example\t"] {
            assert_eq!(Form::Mail.normal(text), "a@b.example");
        }
        assert_eq!(Form::Mail.normal(" \u{a0}"), "");
    }

    #[test]
    fn a_name_says_what_a_field_is() {
        for (name, kind) in [
            ("email", Kind::Mail),
            ("secondaryMail", Kind::Mail),
            ("mobile", Kind::Phone),
            ("workPhone", Kind::Phone),
            ("login", Kind::Text),
            ("employeeId", Kind::Text),
        ] {
            assert_eq!(Kind::of_name(name), kind, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(text in "\\PC{0,40}") {
            for form in [Form::Mail, Form::Text, Form::Phone(None)] {
                let once = form.normal(&text);
                prop_assert_eq!(form.normal(&once), once);
            }
        }

        #[test]
        fn a_number_of_the_country_is_the_same_however_it_is_written(number in "[1-9][0-9]{9}", gaps in any::<u16>()) {
            let spaced: String = number
                .chars()
                .enumerate()
                .flat_map(|(at, digit)| [Some(digit), (gaps >> at & 1 == 1).then_some('-')])
                .flatten()
                .collect();
            for text in [spaced.clone(), format!("0{spaced}"), format!("+91{spaced}"), format!("0091 {spaced}"),
                format!("91{spaced}")]
            {
                prop_assert_eq!(india().normal(&text), number.clone(), "{}", text);
            }
        }

        #[test]
        fn numbers_that_differ_stay_apart(one in "[1-9][0-9]{9}", other in "[1-9][0-9]{9}") {
            prop_assume!(one != other);
            prop_assert_ne!(india().normal(&one), india().normal(&other));
        }
    }
}
