//! Private keys that are encrypted, in the two forms that `openssl` has written them in: PKCS #8 with PBES2 (RFC 8018), and
//! the one of old with `DEK-Info`. The ciphers are those of AES in CBC mode.

use std::num::NonZeroU32;

use aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use ring::pbkdf2;

/// More rounds than anybody has, and than anybody should wait for.
const MOST_ROUNDS: u32 = 10_000_000;
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// HMAC with SHA-1, SHA-256 and SHA-512, up to their last numbers.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];
/// AES, up to the last number.
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;

/// Why a key can't be decrypted. Says nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecryptError {
    #[error("it is encrypted in a way that is not known; write it anew with `openssl pkey -aes256`")]
    Unknown,
    #[error("it can't be decrypted; is key_passphrase right?")]
    Passphrase,
}

/// A key in PEM form without the passphrase, if it had one. Anything else is left as it is.
pub(super) fn decrypted(pem: &str, passphrase: &str) -> Result<String, DecryptError> {
    let Some(found) = Block::first(pem) else {
        return Ok(pem.to_owned());
    };
    let (label, der) = match (found.label, found.info) {
        ("ENCRYPTED PRIVATE KEY", _) => ("PRIVATE KEY", of_pkcs8(&found.body()?, passphrase)?),
        (label, Some(info)) => (label, of_old(&found.body()?, info, passphrase)?),
        _ => return Ok(pem.to_owned()),
    };
    // What comes out of a wrong passphrase is mostly no padding, but not always.
    if der.first() != Some(&SEQUENCE) {
        return Err(DecryptError::Passphrase);
    }
    Ok(format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    ))
}

/// A block of PEM.
struct Block<'a> {
    label: &'a str,
    /// What `DEK-Info` says.
    info: Option<&'a str>,
    body: &'a str,
}

impl<'a> Block<'a> {
    fn first(pem: &'a str) -> Option<Self> {
        let (_, rest) = pem.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        let info = body.lines().find_map(|line| line.trim().strip_prefix("DEK-Info:"));
        let info = info.map(str::trim);
        // Headers end with the first empty line after them.
        let body = match info {
            Some(info) => body.split_once(info).map_or(body, |(_, body)| body),
            None => body,
        };
        Some(Self { label, info, body })
    }

    fn body(&self) -> Result<Vec<u8>, DecryptError> {
        let letters: String = self.body.chars().filter(|letter| !letter.is_whitespace()).collect();
        STANDARD.decode(letters).map_err(|_| DecryptError::Unknown)
    }
}

/// `DEK-Info: AES-256-CBC,<hex>`: the key is made by MD5 of the passphrase and the beginning of the vector.
fn of_old(body: &[u8], info: &str, passphrase: &str) -> Result<Vec<u8>, DecryptError> {
    let (cipher, vector) = info.split_once(',').ok_or(DecryptError::Unknown)?;
    let length = match cipher.trim() {
        "AES-128-CBC" => 16,
        "AES-192-CBC" => 24,
        "AES-256-CBC" => 32,
        _ => return Err(DecryptError::Unknown),
    };
    let vector = from_hex(vector.trim()).ok_or(DecryptError::Unknown)?;
    let salt = vector.get(..8).ok_or(DecryptError::Unknown)?;
    let mut key = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while key.len() < length {
        last = md5::compute([&last, passphrase.as_bytes(), salt].concat()).to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    decrypt(&key, &vector, body)
}

/// `EncryptedPrivateKeyInfo` with PBES2.
fn of_pkcs8(body: &[u8], passphrase: &str) -> Result<Vec<u8>, DecryptError> {
    let scheme = Scheme::read(body).ok_or(DecryptError::Unknown)?;
    let mut key = vec![0; scheme.key_length];
    pbkdf2::derive(
        scheme.digest,
        scheme.rounds,
        scheme.salt,
        passphrase.as_bytes(),
        &mut key,
    );
    decrypt(&key, scheme.vector, scheme.encrypted)
}

struct Scheme<'a> {
    digest: pbkdf2::Algorithm,
    rounds: NonZeroU32,
    salt: &'a [u8],
    key_length: usize,
    vector: &'a [u8],
    encrypted: &'a [u8],
}

impl<'a> Scheme<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut info = Der(Der(body).take(SEQUENCE)?);
        let mut algorithm = Der(info.take(SEQUENCE)?);
        let encrypted = info.take(OCTETS)?;
        (algorithm.take(OBJECT)? == PBES2).then_some(())?;
        let mut parameters = Der(algorithm.take(SEQUENCE)?);
        let mut derivation = Der(parameters.take(SEQUENCE)?);
        let mut cipher = Der(parameters.take(SEQUENCE)?);
        (derivation.take(OBJECT)? == PBKDF2).then_some(())?;
        let mut derivation = Der(derivation.take(SEQUENCE)?);
        let salt = derivation.take(OCTETS)?;
        let rounds = derivation
            .take(INTEGER)?
            .iter()
            .try_fold(0_u32, |all, byte| all.checked_mul(256)?.checked_add(u32::from(*byte)))?;
        // The length of the key may stand here, and is that of the cipher.
        let mut next = derivation.next();
        if next.is_some_and(|(kind, _)| kind == INTEGER) {
            next = derivation.next();
        }
        let digest = match next {
            // Unless it is said.
            None => pbkdf2::PBKDF2_HMAC_SHA1,
            Some((_, digest)) => match Der(digest).take(OBJECT)?.strip_prefix(HMAC)? {
                [7] => pbkdf2::PBKDF2_HMAC_SHA1,
                [9] => pbkdf2::PBKDF2_HMAC_SHA256,
                [11] => pbkdf2::PBKDF2_HMAC_SHA512,
                _ => return None,
            },
        };
        let key_length = match cipher.take(OBJECT)?.strip_prefix(AES)? {
            [2] => 16,
            [22] => 24,
            [42] => 32,
            _ => return None,
        };
        Some(Self {
            digest,
            rounds: NonZeroU32::new(rounds).filter(|rounds| rounds.get() <= MOST_ROUNDS)?,
            salt,
            key_length,
            vector: cipher.take(OCTETS)?,
            encrypted,
        })
    }
}

fn decrypt(key: &[u8], vector: &[u8], body: &[u8]) -> Result<Vec<u8>, DecryptError> {
    let wrong = |_| DecryptError::Unknown;
    let plain = match key.len() {
        16 => Decryptor::<Aes128>::new_from_slices(key, vector)
            .map_err(wrong)?
            .decrypt_padded_vec::<Pkcs7>(body),
        24 => Decryptor::<Aes192>::new_from_slices(key, vector)
            .map_err(wrong)?
            .decrypt_padded_vec::<Pkcs7>(body),
        _ => Decryptor::<Aes256>::new_from_slices(key, vector)
            .map_err(wrong)?
            .decrypt_padded_vec::<Pkcs7>(body),
    };
    plain.map_err(|_| DecryptError::Passphrase)
}

/// What is left of a text in DER (X.690).
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// The next value, with its tag.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes.iter().try_fold(0_usize, |all, byte| {
                    all.checked_mul(256)?.checked_add(usize::from(*byte))
                })?;
                (length, rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }

    /// The next value, which has to be of this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let bytes = digits?;
    let pairs = bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    (bytes.len() % 2 == 0).then(|| pairs.collect()).flatten()
}

#[cfg(test)]
mod tests {
    use headcount_reader::Secret;

    use super::*;
    use crate::bearer::RsaKey;

    const PLAIN: &str = include_str!("../bearer/testdata/rsa.pem");
    /// What openssl 3 makes of it: `openssl pkey -aes256`, `openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1`,
    /// `openssl rsa -traditional -aes128`, and the same with `-des3`.
    const PKCS8: &str = include_str!("testdata/key-pkcs8.pem");
    const SHA1: &str = include_str!("testdata/key-pkcs8-sha1.pem");
    const OLD: &str = include_str!("testdata/key-old.pem");
    const OLD_DES: &str = include_str!("testdata/key-old-des.pem");

    fn signature(pem: &str) -> Vec<u8> {
        let key = RsaKey::from_pem(&Secret::new(pem)).expect("a key");
        key.sign(b"message").expect("it can sign")
    }

    #[test]
    fn a_key_is_the_same_whatever_it_was_encrypted_with() {
        for pem in [PLAIN, PKCS8, SHA1, OLD] {
            let pem = decrypted(pem, "hunter2").expect("it is decrypted");
            assert_eq!(signature(&pem), signature(PLAIN));
        }
    }

    #[test]
    fn what_cannot_be_decrypted_says_why() {
        for pem in [PKCS8, SHA1, OLD] {
            assert_eq!(decrypted(pem, "hunter3").err(), Some(DecryptError::Passphrase));
        }
        assert_eq!(decrypted(OLD_DES, "hunter2").err(), Some(DecryptError::Unknown));
        for length in 0..PKCS8.len() {
            // A key that is cut off is no reason to panic.
            drop(decrypted(&PKCS8[..length], "hunter2"));
        }
        let cut = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIFLTBX\n-----END ENCRYPTED PRIVATE KEY-----";
        assert_eq!(decrypted(cut, "").err(), Some(DecryptError::Unknown));
        assert_eq!(decrypted("no key", ""), Ok("no key".to_owned()));
    }
}
