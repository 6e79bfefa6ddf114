//! Who is not the cloud is turned away.

use super::{Outcome, Source, Stage, person};
use crate::event::Spec;

const VERIFIED: Source =
    Source::Documented("each call brings a token, signed with the secret that the tenant has set, which expires");

pub(super) async fn play(stage: &mut Stage<'_>, spec: &'static Spec) {
    let part = stage.part;
    for bad in &part.bad {
        let what = format!("with {} is refused with 401 or 403", bad.what);
        let result = match &bad.token {
            Err(why) => Outcome::Untold((*why).to_owned()),
            Ok(token) => match stage.client.post(spec.name, person::body(spec), token.as_deref()).await {
                Ok(reply) => Outcome::of(matches!(reply.status, 401 | 403), || reply.words()),
                Err(error) => Outcome::NotMet(error.to_string()),
            },
        };
        stage.tell(spec, what, VERIFIED, result);
    }
}
