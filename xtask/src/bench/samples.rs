//! Many measurements of one thing, and what is said about them.

use std::time::Duration;

/// Times in milliseconds, sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn of_ms(mut ms: Vec<f64>) -> Self {
        ms.sort_by(f64::total_cmp);
        Self(ms)
    }

    pub(crate) fn of_durations(times: &[Duration]) -> Self {
        Self::of_ms(times.iter().map(|time| time.as_secs_f64() * 1000.0).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest sample that `percent` of all samples do not exceed (the nearest-rank method, so
    /// it is always one that was really measured); 0 without samples.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.clamp(1, self.0.len().max(1)) - 1).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    pub(crate) fn min(&self) -> f64 {
        self.percentile(0.0)
    }

    pub(crate) fn max(&self) -> f64 {
        self.percentile(100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_sample_at_its_rank() {
        let hundred = Samples::of_ms((1..=100).rev().map(f64::from).collect());
        assert_eq!(
            [0.0, 1.0, 50.0, 95.0, 99.0, 100.0].map(|p| hundred.percentile(p)),
            [1.0, 1.0, 50.0, 95.0, 99.0, 100.0]
        );
        let three = Samples::of_ms(vec![7.0, 3.0, 5.0]);
        assert_eq!((three.min(), three.median(), three.percentile(95.0), three.max()), (3.0, 5.0, 7.0, 7.0));
        assert_eq!(Samples::default().median(), 0.0);
    }
}
