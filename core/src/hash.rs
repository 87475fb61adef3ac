//! The hashes whose results may decide an order or name something.
//!
//! The same on every platform and in every version (B08).

/// Rapidhash's frozen version 3 of `bytes`, with a fixed seed.
pub(crate) fn stable(bytes: &[u8]) -> u64 {
    rapidhash::v3::rapidhash_v3(bytes)
}

/// 128 bits of hash, for what has to be told apart by it.
///
/// Built as rapidhash is, on 64-bit multiplications, with all 128 bits of the state kept: sixteen
/// bytes go in at a time, the last sixteen once more if they don't end there, and the length.
/// Not made to withstand who seeks collisions.
#[inline]
pub(crate) fn wide(bytes: &[u8]) -> [u64; 2] {
    let state = [0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b];
    let state = match bytes.last_chunk::<16>() {
        Some(last) => {
            let (whole, _) = bytes.as_chunks::<16>();
            // What ends with a whole chunk has it once; the length tells them apart.
            let whole = whole.get(..bytes.len().saturating_sub(1) / 16).unwrap_or_default();
            absorb(whole.iter().fold(state, absorb), last)
        }
        None => take_in(state, short(bytes)),
    };
    let [low, high] = take_in(state, [bytes.len() as u64, 0xa54f_f53a_5f1d_36f1]);
    [
        fold(low ^ 0x3c6e_f372_fe94_f82b, high ^ 0x510e_527f_ade6_82d1),
        fold(low ^ 0x9b05_688c_2b3e_6c1f, high ^ 0x1f83_d9ab_fb41_bd6b),
    ]
}

/// Fewer than 16 bytes as two numbers. With their length known, no two texts give the same.
#[inline]
fn short(bytes: &[u8]) -> [u64; 2] {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return [u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()];
    }
    match *bytes {
        [a] => [a.into(), 0],
        [a, b] => [a.into(), b.into()],
        [a, b, c] => [u16::from_le_bytes([a, b]).into(), c.into()],
        _ => [0, 0],
    }
}

#[inline]
fn absorb(state: [u64; 2], chunk: &[u8; 16]) -> [u64; 2] {
    let chunk = u128::from_le_bytes(*chunk);
    take_in(state, [chunk as u64, (chunk >> 64) as u64])
}

/// Nothing is lost where a factor is 0.
#[inline]
fn take_in([low, high]: [u64; 2], [a, b]: [u64; 2]) -> [u64; 2] {
    let (x, y) = (low ^ a, high ^ b);
    let product = u128::from(x).wrapping_mul(y.into());
    [(product >> 64) as u64 ^ y, product as u64 ^ x]
}

#[inline]
pub(crate) fn fold(x: u64, y: u64) -> u64 {
    let product = u128::from(x).wrapping_mul(y.into());
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn gives_the_same_numbers_everywhere() {
        insta::assert_debug_snapshot!(["", "a", "10.0.0.1:9100"].map(|text| super::stable(text.as_bytes())));
        let texts = ["", "a", "10.0.0.1:9100", "a text of more than sixteen bytes"];
        insta::assert_debug_snapshot!("wide", texts.map(|text| super::wide(text.as_bytes())));
    }

    /// Of 200,000 texts about five pairs share any 32 bits of a good hash.
    #[test]
    fn texts_that_hardly_differ_have_hashes_that_do() {
        let kinds: [fn(u32) -> String; 5] = [
            |n| format!("{n}"),
            |n| format!("10.{}.{}.{}:9100", n >> 16, n >> 8 & 255, n & 255),
            |n| format!("host-{n:08}.example.internal"),
            |n| format!("{n:032b}"),
            |n| "x".repeat(n as usize % 512) + &(n / 512).to_string(),
        ];
        for kind in kinds {
            let mut parts: [BTreeSet<u32>; 4] = Default::default();
            let texts: BTreeSet<String> = (0..200_000).map(kind).collect();
            for text in &texts {
                let [low, high] = super::wide(text.as_bytes());
                let halves = [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32];
                parts.iter_mut().zip(halves).for_each(|(part, half)| {
                    part.insert(half);
                });
            }
            for part in parts {
                let shared = texts.len() - part.len();
                assert!(shared < 20, "{shared} of {} like {}", texts.len(), kind(12_345));
            }
        }
    }

    #[test]
    fn any_length_and_any_byte_counts() {
        let mut seen = BTreeSet::new();
        for length in 0..100 {
            let mut text = vec![0; length];
            assert!(seen.insert(super::wide(&text)), "{length} bytes");
            for place in 0..length {
                text[place] = 1;
                assert!(seen.insert(super::wide(&text)), "{length} bytes, another at {place}");
                text[place] = 0;
            }
        }
    }
}
