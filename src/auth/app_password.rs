//! Passwords that this server makes for mail programs.
//!
//! They are drawn, not chosen: twenty characters of thirty-two, a hundred bits. Nobody guesses them, so they need no
//! slow hash, and a program that connects every minute costs none. What is kept is a salted BLAKE3 hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::clock::World;
use crate::store::accounts::PasswordHash;

use super::Secret;

/// None that are mistaken for each other, none that a keyboard hides.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Characters of a password, without the hyphens between groups.
const CHARACTERS: usize = 20;

/// Characters of a group.
const GROUP: usize = 4;

/// Begins the text of a hash, where `$argon2id$` stands in those of chosen passwords.
const SCHEME: &str = "$blake3$";

/// A new password as it is shown, once.
pub(super) fn draw(world: &World) -> Secret {
    let bytes: [u8; CHARACTERS] = world.random();
    let mut text = String::with_capacity(CHARACTERS + CHARACTERS / GROUP);
    for (at, byte) in bytes.into_iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        // Thirty-two characters: every byte means each of them equally often.
        text.push(ALPHABET.get(usize::from(byte % 32)).copied().map_or('a', char::from));
    }
    Secret::new(text)
}

/// What is kept of it.
pub(super) fn hash(password: &Secret, world: &World) -> PasswordHash {
    let salt = world.random::<16>();
    let hash = digest(&salt, &essence(password));
    PasswordHash::new(format!("{SCHEME}{}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash.as_bytes())))
}

/// Compares in constant time, whatever people made of the hyphens and of large letters when they typed it.
pub(super) fn verify(password: &Secret, hash: &PasswordHash) -> bool {
    let Some((salt, wanted)) = parts(hash) else { return false };
    // `blake3::Hash` compares in constant time.
    digest(&salt, &essence(password)) == wanted
}

fn parts(hash: &PasswordHash) -> Option<([u8; 16], blake3::Hash)> {
    let (salt, hash) = hash.as_str().strip_prefix(SCHEME)?.split_once('$')?;
    let decode = |text| STANDARD_NO_PAD.decode(text).ok();
    let hash: [u8; 32] = decode(hash)?.try_into().ok()?;
    Some((decode(salt)?.try_into().ok()?, blake3::Hash::from_bytes(hash)))
}

fn digest(salt: &[u8; 16], essence: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("poshta 2026-11-29 app password");
    hasher.update(salt);
    hasher.update(essence.as_bytes());
    hasher.finalize()
}

fn essence(password: &Secret) -> zeroize::Zeroizing<String> {
    let characters = password.expose().chars().filter(|character| !matches!(character, '-' | ' '));
    zeroize::Zeroizing::new(characters.flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_password_opens_however_it_is_typed_and_nothing_else_does() {
        let world = World::system();
        let password = draw(&world);
        assert_eq!(password.expose().len(), 24, "five groups of four");
        let kept = hash(&password, &world);
        assert!(kept.as_str().starts_with("$blake3$") && !kept.as_str().contains(password.expose()));
        let typed = |text: String| verify(&Secret::new(text), &kept);
        assert!(typed(password.expose().to_owned()));
        assert!(typed(password.expose().replace('-', "")));
        assert!(typed(password.expose().replace('-', " ").to_uppercase()));
        assert!(!typed(password.expose().chars().rev().collect()));
        assert!(!typed(String::new()));
        assert!(!verify(&password, &hash(&draw(&world), &world)));
        assert!(!verify(&password, &PasswordHash::new("$blake3$x$y".into())));
    }

    #[test]
    fn two_draws_differ() {
        let world = World::system();
        assert_ne!(draw(&world).expose(), draw(&world).expose());
    }
}
