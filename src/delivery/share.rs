//! How much of what is claimed are first attempts, so that retries never starve them, nor they retries.

use std::collections::VecDeque;

use crate::base::future::BoxFuture;

/// One in so many places is for retries first.
const ONE_IN: usize = 4;

/// Shares places out between first attempts and retries.
#[derive(Debug, Default)]
pub(super) struct Share {
    turn: usize,
}

/// How many of each to claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) fresh: usize,
    pub(super) retries: usize,
}

/// What a claimed delivery is, for the shares. Performed ones come beside all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Performed,
    Fresh,
    Retry,
}

impl Share {
    /// The quota of so many places.
    pub(super) fn of(&mut self, places: usize) -> Quota {
        let mut quota = Quota { fresh: 0, retries: 0 };
        for _ in 0..places {
            self.turn = (self.turn + 1) % ONE_IN;
            if self.turn == 0 { quota.retries += 1 } else { quota.fresh += 1 }
        }
        quota
    }
}

impl Quota {
    /// What is left of `places` when so many were found, for the kind of which there may be more.
    pub(super) fn rest(self, found: Self) -> Self {
        let left = (self.fresh + self.retries).saturating_sub(found.fresh + found.retries);
        match (found.fresh == self.fresh, found.retries == self.retries) {
            (true, false) => Self { fresh: left, retries: 0 },
            (false, true) => Self { fresh: 0, retries: left },
            _ => Self::default(),
        }
    }
}

/// Claims what `quota` allows, of the one kind more where there is less of the other. What was claimed is in `into` also where
/// a later claim fails: nobody else gets it until it is settled.
pub(super) async fn claim<'c, T, E>(
    quota: Quota,
    into: &mut VecDeque<T>,
    kind: impl Fn(&T) -> Kind,
    mut claim: impl FnMut(Quota) -> BoxFuture<'c, Result<Vec<T>, E>>,
) -> Result<(), E> {
    let found = claim(quota).await?;
    let number = |wanted| found.iter().filter(|claimed| kind(claimed) == wanted).count();
    let rest = quota.rest(Quota { fresh: number(Kind::Fresh), retries: number(Kind::Retry) });
    into.extend(found);
    if rest != Quota::default() {
        into.extend(claim(rest).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_claimed_is_kept_where_the_next_claim_fails() {
        let mut ready = VecDeque::new();
        let mut claims = 0;
        let outcome = claim(
            Quota { fresh: 2, retries: 1 },
            &mut ready,
            |_| Kind::Fresh,
            |_| {
                claims += 1;
                let found = if claims == 1 { Ok(vec!["a", "b"]) } else { Err("the journal cannot be read") };
                Box::pin(async { found })
            },
        );
        assert_eq!(outcome.await, Err("the journal cannot be read"));
        assert_eq!((claims, ready), (2, VecDeque::from(["a", "b"])));
    }

    #[test]
    fn one_place_in_four_is_for_retries_and_none_stays_empty() {
        let mut share = Share::default();
        assert_eq!(share.of(8), Quota { fresh: 6, retries: 2 });
        let ones: Vec<Quota> = (0..4).map(|_| share.of(1)).collect();
        assert_eq!(ones.iter().filter(|quota| quota.retries == 1).count(), 1);
        let quota = Quota { fresh: 6, retries: 2 };
        assert_eq!(quota.rest(Quota { fresh: 6, retries: 0 }), Quota { fresh: 2, retries: 0 });
        assert_eq!(quota.rest(Quota { fresh: 1, retries: 2 }), Quota { fresh: 0, retries: 5 });
        assert_eq!(quota.rest(Quota { fresh: 6, retries: 2 }), Quota::default());
        assert_eq!(quota.rest(Quota { fresh: 1, retries: 1 }), Quota::default());
    }
}
