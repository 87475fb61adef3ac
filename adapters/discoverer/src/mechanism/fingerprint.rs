//! What an entry is known by in another process, such as the one that starts after this one.
//!
//! The one rule: **it is made of what is written, not of what this version makes of it.** So it stays over versions of
//! headcount, in which settings get new fields, and of the compiler. Secrets have no part in it: a new password does
//! not make another source of it, and who reads a state learns nothing of the old one.

use std::fmt::Debug;

use headcount_core::ConfigFingerprint;
use headcount_reader::MASK;
use rapidhash::v3::{RapidSecrets, rapidhash_v3, rapidhash_v3_seeded};

use super::Place;

/// That of an entry, as [`Cursor::redacted`](headcount_reader::Cursor::redacted) writes it.
pub(super) fn of_entry(mechanism: &str, entry: &str, place: &Place<'_>) -> ConfigFingerprint {
    ConfigFingerprint {
        // Relative paths are other paths in another folder.
        hash: hash(&[
            mechanism.as_bytes(),
            entry.as_bytes(),
            place.folder.as_os_str().as_encoded_bytes(),
        ]),
        is_exact: !entry.contains(MASK),
    }
}

/// That of a value that was not read from an entry. Its debug output may leave out anything.
pub(super) fn of_value(mechanism: &str, value: &dyn Debug) -> ConfigFingerprint {
    ConfigFingerprint {
        hash: hash(&[mechanism.as_bytes(), format!("{value:?}").as_bytes()]),
        is_exact: false,
    }
}

/// Two hashes with different secrets, since what collides would be taken for the same.
fn hash(parts: &[&[u8]]) -> u128 {
    const SECOND: RapidSecrets = RapidSecrets::seed(0x6865_6164);
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(&(part.len() as u64).to_le_bytes());
        all.extend_from_slice(part);
    }
    u128::from(rapidhash_v3(&all)) << 64 | u128::from(rapidhash_v3_seeded(&all, &SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entry: &str, folder: &str) -> ConfigFingerprint {
        of_entry("http", entry, &Place::new(folder.as_ref()))
    }

    #[test]
    fn it_is_the_same_for_ever() {
        // States that were written before are not found again when this changes.
        let known = of("{url: http://h/}", "/etc");
        assert_eq!(
            known.hash, 0xcb77_631b_7819_e0dd_424b_66d3_0589_f68e,
            "{:#x}",
            known.hash
        );
        assert!(known.is_exact);
    }

    #[test]
    fn each_part_counts_and_what_is_hidden_is_said() {
        let known = of("{url: http://h/}", "/etc");
        assert_ne!(of("{url: http://h/}", "/srv").hash, known.hash);
        assert_ne!(of("{url: http://i/}", "/etc").hash, known.hash);
        let place = Place::new("/etc".as_ref());
        assert_ne!(of_entry("consul", "{url: http://h/}", &place).hash, known.hash);
        assert!(!of("{basic_auth: {password: <secret>}}", "/etc").is_exact);
        assert!(!of_value("http", &7).is_exact);
    }
}
