//! The tokens of one client.

use std::sync::Arc;

use super::timeline::Timeline;
use harness::idcs::IdcsHandle;

/// A genuine token and the generation of the key that signed it.
#[derive(Clone)]
pub(super) struct Minted {
    pub(super) generation: usize,
    pub(super) token: String,
}

/// Good and bad tokens. Like a real client, the wallet uses a good token for a while. After a rotation it takes a new
/// one and keeps the last token of the old key.
pub(super) struct Wallet {
    idcs: IdcsHandle,
    timeline: Arc<Timeline>,
    current: Minted,
    uses_left: u32,
    retired: Option<Minted>,
    forged: [String; 3],
    unacceptable: [(&'static str, String); 6],
}

/// How many requests carry the same token.
const USES: u32 = 50;

impl Wallet {
    pub(super) fn new(idcs: IdcsHandle, timeline: Arc<Timeline>) -> Self {
        let token = || idcs.client_token();
        let genuine = token().mint();
        let forged = [
            token().signed_by_another_key().mint(),
            token()
                .signed_by_another_key()
                .header("kid", "NO_SUCH_KEY")
                .mint(),
            with_other_claims(&genuine, &token().scope("echo orders.write").mint()),
        ];
        let unacceptable = [
            ("expired", token().expired().mint()),
            (
                "wrong audience",
                token().audience("https://other.example.com/").mint(),
            ),
            (
                "wrong issuer",
                token().issuer("https://issuer.example.com/").mint(),
            ),
            ("unsigned", token().unsigned().mint()),
            ("brings its key", token().embeds_its_key().mint()),
            ("garbage", "a.b.c".to_owned()),
        ];
        let current = mint(&idcs, &timeline);
        Self {
            idcs,
            timeline,
            current,
            uses_left: USES,
            retired: None,
            forged,
            unacceptable,
        }
    }

    /// A good token, signed by the key that is current now.
    pub(super) fn good(&mut self) -> Minted {
        let generation = self.timeline.generation();
        if generation != self.current.generation {
            let fresh = mint(&self.idcs, &self.timeline);
            self.retired = Some(std::mem::replace(&mut self.current, fresh));
            self.uses_left = USES;
        } else if self.uses_left == 0 {
            self.current = mint(&self.idcs, &self.timeline);
            self.uses_left = USES;
        }
        self.uses_left -= 1;
        self.current.clone()
    }

    /// A good token that the gateway has not seen yet.
    pub(super) fn fresh(&mut self) -> Minted {
        self.uses_left = 0;
        self.good()
    }

    /// A token of the previous key. Before the first rotation, a good token.
    pub(super) fn retired(&mut self) -> Minted {
        self.retired.clone().unwrap_or_else(|| self.good())
    }

    /// A token without the required scope.
    pub(super) fn lacks_scope(&self) -> Minted {
        self.timeline.with_current_key(|generation| Minted {
            generation,
            token: self.idcs.client_token().scope("orders.read").mint(),
        })
    }

    /// One of the forged tokens.
    pub(super) fn forged(&self, number: usize) -> &str {
        self.forged
            .get(number % self.forged.len())
            .map_or("", String::as_str)
    }

    /// One of the tokens that are invalid because of their claims or form, and its name.
    pub(super) fn unacceptable(&self, number: usize) -> (&'static str, &str) {
        let token = self.unacceptable.get(number % self.unacceptable.len());
        token.map_or(("", ""), |(name, token)| (*name, token.as_str()))
    }
}

fn mint(idcs: &IdcsHandle, timeline: &Timeline) -> Minted {
    timeline.with_current_key(|generation| Minted {
        generation,
        token: idcs.client_token().mint(),
    })
}

/// Combines the header and signature of one token with the claims of another.
fn with_other_claims(token: &str, other: &str) -> String {
    let (mine, theirs): (Vec<&str>, Vec<&str>) = (token.split('.').collect(), other.split('.').collect());
    match (&*mine, &*theirs) {
        ([header, _, signature], [_, claims, _]) => format!("{header}.{claims}.{signature}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::idcs::Idcs;

    #[test]
    fn after_a_rotation_there_is_a_token_of_either_key() {
        let idcs = Idcs::builder().plain_http().start();
        let timeline = Arc::new(Timeline::start());
        let mut wallet = Wallet::new(idcs.handle(), Arc::clone(&timeline));
        let first = wallet.good();
        assert_eq!(
            (first.generation, wallet.retired().token == first.token),
            (0, true)
        );
        assert_eq!(wallet.good().token, first.token, "used for a while");
        timeline.rotate(|| idcs.rotate_now());
        let second = wallet.good();
        assert_eq!((second.generation, wallet.retired().generation), (1, 0));
        assert_ne!(wallet.fresh().token, second.token);
    }

    #[test]
    fn a_token_with_other_claims_is_no_longer_genuine() {
        let idcs = Idcs::builder().plain_http().start();
        let (one, other) = (idcs.client_token().mint(), idcs.client_token().scope("x").mint());
        let spliced = with_other_claims(&one, &other);
        let keys = idcs.keys_ever_used();
        let verify = |token: &str| harness::verification::verify(&keys, token, idcs.clock().now()).is_ok();
        assert!(verify(&one) && verify(&other) && !verify(&spliced));
    }
}
