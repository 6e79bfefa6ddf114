//! What OptimalCloud's webhooks take and say: paths, required fields, and the texts of their refusals, as documented.

use schemars::JsonSchema;
use serde::Deserialize;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::action) enum Operation {
    /// A ticket as a `ServiceNow` would file it.
    ServiceNow,
    /// A ticket.
    CreateTicket,
    /// A person is added.
    AddUser,
    /// A person is changed.
    ModifyUser,
    /// A person is disabled.
    DeleteUser,
}

/// The path that all webhooks stand under.
const WEBHOOKS: [&str; 6] = ["v5.0", "mgmt", "api", "v1.0", "webhooks", "helpdesk"];

impl Operation {
    /// The last name of its path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ServiceNow => "servicenow",
            Self::CreateTicket => "createticket",
            Self::AddUser => "adduser",
            Self::ModifyUser => "modifyuser",
            Self::DeleteUser => "deleteuser",
        }
    }

    /// Whether it files a ticket, and is told its number; else it is about a person, and takes a plug-in's id.
    pub(super) fn is_ticket(self) -> bool {
        match self {
            Self::ServiceNow | Self::CreateTicket => true,
            Self::AddUser | Self::ModifyUser | Self::DeleteUser => false,
        }
    }

    /// The names of its path, one below the other.
    pub(super) fn path(self, plugin_id: &str) -> Vec<&str> {
        let [above @ .., helpdesk] = WEBHOOKS;
        let below = if self.is_ticket() { vec![helpdesk] } else { vec!["provisioning", plugin_id] };
        above.into_iter().chain(below).chain([self.name()]).collect()
    }

    /// The fields that it does not go without.
    pub(super) fn required(self) -> &'static [&'static str] {
        match self {
            Self::ServiceNow => &["requester_email", "short_description"],
            Self::CreateTicket => &["title", "description", "requester_email"],
            Self::AddUser => &["employee_id", "first_name", "last_name", "email"],
            Self::ModifyUser | Self::DeleteUser => &["employee_id"],
        }
    }
}

/// A refusal that the API gives a text for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The text as documented.
    pub(super) text: &'static str,
    /// Whether it is another system's failure, which may pass.
    pub(super) passing: bool,
}

const REFUSALS: [Refusal; 3] = [
    Refusal { text: "Requestor email was not found in Zendesk", passing: false },
    Refusal { text: "Failed to create the new ticket in Zendesk", passing: true },
    Refusal { text: "Failed to create user in the OptimalCloud", passing: true },
];

/// The refusal that a body is: the bare text, or that text as JSON.
pub(super) fn refusal(said: &[u8]) -> Option<Refusal> {
    let text = std::str::from_utf8(said).ok()?.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    REFUSALS.into_iter().find(|refusal| refusal.text == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_its_documented_path() {
        assert_eq!(Operation::ServiceNow.path("").join("/"), "v5.0/mgmt/api/v1.0/webhooks/helpdesk/servicenow");
        assert_eq!(Operation::CreateTicket.path("").join("/"), "v5.0/mgmt/api/v1.0/webhooks/helpdesk/createticket");
        for (operation, name) in [
            (Operation::AddUser, "adduser"),
            (Operation::ModifyUser, "modifyuser"),
            (Operation::DeleteUser, "deleteuser"),
        ] {
            let path = operation.path("p-7").join("/");
            assert_eq!(path, format!("v5.0/mgmt/api/v1.0/webhooks/provisioning/p-7/{name}"));
        }
    }

    #[test]
    fn refusals_are_known_by_their_exact_texts() {
        let passing = |said: &str| refusal(said.as_bytes()).map(|refusal| refusal.passing);
        assert_eq!(passing("Requestor email was not found in Zendesk"), Some(false));
        assert_eq!(passing("\"Failed to create the new ticket in Zendesk\"\n"), Some(true));
        assert_eq!(passing("Failed to create user in the OptimalCloud"), Some(true));
        for said in ["", "ERROR", "title is a required field", "<html>Failed to create user in the OptimalCloud</html>"]
        {
            assert_eq!(passing(said), None, "{said}");
        }
    }
}
