//! Two clocks, since either can mislead: the wall clock can be set, and the time since boot
//! means nothing in another process's file. What one of them says is over, is over.

/// A point in time by both clocks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970, by CLOCK_REALTIME.
    pub wall: i64,
    /// Since boot, by CLOCK_BOOTTIME: goes on in suspend, and cannot be set.
    pub boot: i64,
}

impl Moment {
    /// Later than any other.
    pub const NEVER: Moment = Moment { wall: i64::MAX, boot: i64::MAX };

    /// What the clocks say now.
    pub fn now() -> Moment {
        Moment { wall: read(libc::CLOCK_REALTIME), boot: read(libc::CLOCK_BOOTTIME) }
    }

    /// This moment, `ms` later.
    pub fn plus(self, ms: i64) -> Moment {
        Moment { wall: self.wall.saturating_add(ms), boot: self.boot.saturating_add(ms) }
    }

    /// The wall clock's time `wall`, placed on both clocks by what they say `now`.
    pub fn from_wall(wall: i64, now: Moment) -> Moment {
        now.plus(wall.saturating_sub(now.wall))
    }

    /// Whether one of the clocks has come to `end`.
    pub fn reached(self, end: Moment) -> bool {
        self.wall >= end.wall || self.boot >= end.boot
    }

    /// The earlier of both, by each clock.
    pub fn min(self, other: Moment) -> Moment {
        Moment { wall: self.wall.min(other.wall), boot: self.boot.min(other.boot) }
    }

    /// Milliseconds from an earlier moment to this one, by the clock that says more.
    pub fn since(self, earlier: Moment) -> i64 {
        let wall = self.wall.saturating_sub(earlier.wall);
        wall.max(self.boot.saturating_sub(earlier.boot))
    }

    /// Milliseconds from this moment until one of the clocks comes to `end`.
    pub fn until(self, end: Moment) -> i64 {
        end.wall.saturating_sub(self.wall).min(end.boot.saturating_sub(self.boot)).max(0)
    }
}

fn read(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec to write to; both clocks exist on every Linux since 2.6.39.
    unsafe { libc::clock_gettime(clock, &mut time) };
    #[allow(clippy::unnecessary_cast)] // 32-bit targets have smaller ones
    let (seconds, nanoseconds) = (time.tv_sec as i64, time.tv_nsec as i64);
    seconds * 1000 + nanoseconds / 1_000_000
}
