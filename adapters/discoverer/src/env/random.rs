use std::time::Duration;

/// Random numbers, for spreading load. Not for secrets.
pub trait Random: Send + Sync {
    /// Sixty-four random bits.
    fn next_u64(&self) -> u64;

    /// A duration from `low` to `high`, each as likely as the others; `low` if `high` is not longer.
    fn between(&self, low: Duration, high: Duration) -> Duration {
        // 53 bits are what an `f64` holds exactly, so the fraction is below one.
        let fraction = (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        low.saturating_add(high.saturating_sub(low).mul_f64(fraction))
    }
}
