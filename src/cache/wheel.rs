//! Which buckets things that end go into, and which are passed as time goes by: a timer wheel of
//! several levels. It costs the same for ten as for a million.

use std::ops::Range;

/// Each level has 32 buckets, each as wide as all of the level below.
const BITS: u32 = 5;
/// In milliseconds, the widest level spans 34 years.
const LEVELS: usize = 8;

/// Buckets there are.
pub(super) const BUCKETS: usize = LEVELS << BITS;

#[derive(Debug)]
pub(super) struct Wheel {
    /// All buckets up to here are passed.
    time: i64,
    /// By level, a bit for each bucket in which there may be something.
    full: [u32; LEVELS],
}

impl Wheel {
    pub fn new(time: i64) -> Wheel {
        Wheel { time, full: [0; LEVELS] }
    }

    /// The bucket of what ends at a time, and when the bucket is passed: then or earlier, but
    /// later than now. None if that time is passed.
    pub fn bucket(&mut self, end: i64) -> Option<(usize, i64)> {
        // What is further away is looked at once in 34 years.
        let end = end.min(self.time | ((1 << (BITS * LEVELS as u32)) - 1));
        if end <= self.time {
            return None;
        }
        // The widest digit in which it differs from the time: all above are the same, so that it
        // is in the level's present round.
        let level = (63 - (end ^ self.time).leading_zeros()) / BITS;
        let digits = end >> (level * BITS);
        let digit = digits & 31;
        self.full[level as usize] |= 1 << digit;
        Some(((level as usize) << BITS | digit as usize, digits << (level * BITS)))
    }

    /// Time goes on; `passed` is called for each bucket that is passed.
    pub fn advance(&mut self, now: i64, mut passed: impl FnMut(usize)) {
        if now <= self.time {
            return;
        }
        for level in 0..LEVELS {
            let shift = level as u32 * BITS;
            let (from, to) = (self.time >> shift, now >> shift);
            if from == to {
                break;
            }
            // What is in another round is in another level. All buckets that are full lie ahead.
            let is_same_round = from >> BITS == to >> BITS;
            let reached = if is_same_round { u32::MAX >> (31 - (to & 31)) } else { u32::MAX };
            let mut these = self.full[level] & reached;
            self.full[level] &= !reached;
            while these != 0 {
                passed(level << BITS | these.trailing_zeros() as usize);
                these &= these - 1;
            }
        }
        self.time = now;
    }

    /// The bucket that is passed next of those that are not empty, when that is, and until when
    /// at most what is in it ends.
    pub fn next(&mut self, is_empty: impl Fn(usize) -> bool) -> Option<(usize, Range<i64>)> {
        for level in 0..LEVELS {
            while self.full[level] != 0 {
                let digit = self.full[level].trailing_zeros();
                let bucket = level << BITS | digit as usize;
                if !is_empty(bucket) {
                    let shift = level as u32 * BITS;
                    let round = self.time >> shift >> BITS << BITS;
                    let digits = round | i64::from(digit);
                    return Some((bucket, digits << shift..(digits + 1) << shift));
                }
                self.full[level] &= !(1 << digit);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_far_away_is_looked_at_early() {
        let mut wheel = Wheel::new((1 << 40) - 2);
        let (bucket, passed) = wheel.bucket(1 << 50).unwrap();
        assert_eq!(passed, (1 << 40) - 1);
        let mut all = Vec::new();
        wheel.advance(passed, |bucket| all.push(bucket));
        assert_eq!(all, [bucket]);
        assert_eq!(wheel.bucket(1 << 50), None, "at once, in that one millisecond");
    }

    proptest! {
        /// What is in a passed bucket is put in again, unless it has ended: so does the cache.
        #[test]
        fn everything_is_passed_no_later_than_it_ends(
            start in 0..1i64 << 38,
            ends in prop::collection::vec(prop_oneof![0..100i64, 0..1i64 << 20, 0..1i64 << 38], 1..50),
            steps in prop::collection::vec(prop_oneof![1..50i64, 1..1i64 << 18, 1..1i64 << 32], 1..50),
        ) {
            let (mut wheel, mut time) = (Wheel::new(start), start);
            let mut buckets: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
            let put = |wheel: &mut Wheel, time: i64, end: i64| {
                let (bucket, passed) = wheel.bucket(end).expect("not passed");
                assert!(time < passed && passed <= end, "{time} {passed} {end}");
                bucket
            };
            for end in ends {
                let end = start + 1 + end;
                let bucket = put(&mut wheel, time, end);
                buckets.entry(bucket).or_default().push(end);
            }
            for step in steps {
                time += step;
                let next = wheel.next(|bucket| buckets.get(&bucket).is_none_or(Vec::is_empty));
                let soonest = buckets.values().flatten().min().copied();
                prop_assert_eq!(next.is_some(), soonest.is_some());
                if let (Some((bucket, passed)), Some(soonest)) = (next, soonest) {
                    prop_assert!(buckets[&bucket].contains(&soonest) && passed.contains(&soonest));
                }
                let mut passed = Vec::new();
                wheel.advance(time, |bucket| passed.extend(buckets.remove(&bucket).unwrap_or_default()));
                prop_assert!(buckets.values().flatten().all(|&end| end > time));
                for end in passed.into_iter().filter(|&end| end > time) {
                    let bucket = put(&mut wheel, time, end);
                    buckets.entry(bucket).or_default().push(end);
                }
            }
        }
    }
}
