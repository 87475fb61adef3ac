//! The one hash whose result may decide an order.
//!
//! The same on every platform and in every version (B08): rapidhash's frozen version 3 with a
//! fixed seed.

/// The hash of `bytes`.
pub(crate) fn stable(bytes: &[u8]) -> u64 {
    rapidhash::v3::rapidhash_v3(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn gives_the_same_numbers_everywhere() {
        insta::assert_debug_snapshot!(["", "a", "10.0.0.1:9100"].map(|text| super::stable(text.as_bytes())));
    }
}
