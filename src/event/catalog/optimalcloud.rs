//! The webhooks of `OptimalCloud` for help desks and for systems of human resources. Source: the vendor's documents.

use super::FieldType::{Any, Text};
use super::Kind::Perform;
use super::{Field, Spec, field, personal};

const SERVICENOW: &[Field] = &[
    personal("requester_email", Text),
    field("number", Text),
    personal("reported_by_email", Text),
    field("opened_at", Any),
    field("impact", Text),
    field("urgency", Text),
    personal("short_description", Text),
    personal("description", Text),
    field("category", Text),
    field("priority", Text),
    field("sys_id", Text),
    field("subcategory", Text),
    field("state", Text),
];

const TICKET: &[Field] = &[personal("requester_email", Text), personal("title", Text), personal("description", Text)];

/// A person, as the documented sample and the list of required fields have it.
const EMPLOYEE: &[Field] = &[
    personal("employee_id", Any),
    personal("first_name", Text),
    personal("last_name", Text),
    personal("email", Text),
    personal("mobile", Any),
    personal("display_name", Text),
];

/// The tickets, then the people.
pub(super) static EVENTS: [Spec; 5] = [
    Spec {
        name: "optimalcloud.servicenow",
        path: "helpdesk/servicenow",
        fields: SERVICENOW,
        sample: include_str!("../../../tests/data/optimalcloud/servicenow.request.json"),
        doc: "An incident, in ServiceNow's words: which ticket is it?",
        ..ticket()
    },
    Spec {
        name: "optimalcloud.createticket",
        path: "helpdesk/createticket",
        fields: TICKET,
        sample: include_str!("../../../tests/data/optimalcloud/createticket.request.json"),
        doc: "A ticket is wanted: which is it?",
        ..ticket()
    },
    Spec {
        name: "optimalcloud.adduser",
        path: "provisioning/*/adduser",
        doc: "Somebody was hired: is there an account?",
        ..employee()
    },
    Spec {
        name: "optimalcloud.modifyuser",
        path: "provisioning/*/modifyuser",
        doc: "An employee has changed: has the account?",
        ..employee()
    },
    Spec {
        name: "optimalcloud.deleteuser",
        path: "provisioning/*/deleteuser",
        doc: "An employee has left: is the account closed?",
        ..employee()
    },
];

const fn ticket() -> Spec {
    Spec {
        name: "",
        system: "optimalcloud",
        path: "",
        kind: Perform,
        fields: TICKET,
        user: &[],
        person: &["requester_email"],
        sample: "",
        doc: "",
    }
}

const fn employee() -> Spec {
    Spec {
        fields: EMPLOYEE,
        user: &[""],
        person: &["employee_id"],
        sample: include_str!("../../../tests/data/optimalcloud/adduser.request.json"),
        ..ticket()
    }
}
