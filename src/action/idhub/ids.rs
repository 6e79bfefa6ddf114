//! IDHub's ids in one form. They come as `_id.$oid`, as `id.$oid`, and as plain texts.

use serde_json::Value as Json;

/// An answer in which every `{"$oid": "…"}` is the text in it, and whatever has an `_id` has it as `id`, too.
pub(super) fn plain(answer: Json) -> Json {
    match answer {
        Json::Object(members) => {
            if let (1, Some(Json::String(text))) = (members.len(), members.get("$oid")) {
                return Json::String(text.clone());
            }
            let mut members: serde_json::Map<String, Json> =
                members.into_iter().map(|(name, value)| (name, plain(value))).collect();
            if let (Some(id), None) = (members.get("_id"), members.get("id")) {
                members.insert("id".into(), id.clone());
            }
            Json::Object(members)
        }
        Json::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_a_text_in_whichever_form_it_comes() {
        for (answer, id) in [
            (json!({ "_id": { "$oid": "7" } }), json!("7")),
            (json!({ "id": { "$oid": "7" } }), json!("7")),
            (json!({ "_id": "7" }), json!("7")),
            (json!({ "id": "7" }), json!("7")),
            (json!({ "id": "7", "_id": { "$oid": "8" } }), json!("7")),
            (json!({ "id": 7 }), json!(7)),
            (json!({ "id": { "$oid": "7", "x": 1 } }), json!({ "$oid": "7", "x": 1 })),
        ] {
            assert_eq!(plain(answer.clone())["id"], id, "{answer}");
        }
        let deep = json!({ "items": [{ "_id": { "$oid": "7" }, "owner": { "$oid": "8" } }] });
        assert_eq!(plain(deep), json!({ "items": [{ "_id": "7", "owner": "8", "id": "7" }] }));
    }
}
