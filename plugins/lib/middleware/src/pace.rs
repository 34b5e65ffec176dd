//! Safe points: how code that computes lets the rest of Traefik run.
//!
//! Traefik's Wasm runtime cannot interrupt a guest. When Go wants to collect garbage, it stops every goroutine and
//! waits until each guest returns or calls the host. A guest that computes for a second can therefore stop all routers
//! for a second. A call of the host is a safe point: Go can go on there.
//!
//! Code whose amount of work depends on a caller announces that work with [`work`], which calls the host whenever
//! enough has added up. Work that cannot be divided, such as one signature check, announces more than [`STRETCH`], so
//! it always begins at a safe point.

use std::cell::Cell;

/// The most steps between two safe points: about a millisecond.
pub const STRETCH: usize = 100_000;

thread_local! {
    static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Announces `steps` of work that follow. A step takes about ten nanoseconds in a guest, enough to process a byte.
pub fn work(steps: usize) {
    let done = DONE.get().saturating_add(steps);
    if done <= STRETCH {
        DONE.set(done);
    } else {
        safe_point();
        DONE.set(steps);
    }
    #[cfg(not(target_family = "wasm"))]
    watch::announced(steps, DONE.get());
}

/// Calls the cheapest function of the host, `sched_yield`. Any instance may call it at any time.
fn safe_point() {
    #[cfg(target_family = "wasm")]
    std::thread::yield_now();
    #[cfg(not(target_family = "wasm"))]
    watch::safe_point();
}

/// For tests: how the work is divided.
#[cfg(not(target_family = "wasm"))]
pub use watch::{Pace, watch};

#[cfg(not(target_family = "wasm"))]
mod watch {
    use std::cell::Cell;

    use super::DONE;

    thread_local! {
        static PACE: Cell<Pace> = const { Cell::new(Pace::NONE) };
    }

    /// How the work of this thread was divided.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Pace {
        /// All announced steps.
        pub steps: usize,
        /// The number of safe points.
        pub safe_points: usize,
        /// The most steps between two of them.
        pub longest_stretch: usize,
    }

    impl Pace {
        const NONE: Self = Self {
            steps: 0,
            safe_points: 0,
            longest_stretch: 0,
        };
    }

    /// Runs `task` and measures how its work is divided.
    pub fn watch<T>(task: impl FnOnce() -> T) -> (T, Pace) {
        DONE.set(0);
        PACE.set(Pace::NONE);
        let outcome = task();
        (outcome, PACE.get())
    }

    pub(super) fn announced(steps: usize, stretch: usize) {
        let mut pace = PACE.get();
        pace.steps = pace.steps.saturating_add(steps);
        pace.longest_stretch = pace.longest_stretch.max(stretch);
        PACE.set(pace);
    }

    pub(super) fn safe_point() {
        let mut pace = PACE.get();
        pace.safe_points += 1;
        PACE.set(pace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_adds_up_is_divided_by_safe_points() {
        let ((), pace) = watch(|| (0..1000).for_each(|_| work(1000)));
        assert_eq!(pace.steps, 1_000_000);
        assert!(pace.longest_stretch <= STRETCH, "{pace:?}");
        assert!((9..=11).contains(&pace.safe_points), "{pace:?}");
    }

    #[test]
    fn a_little_work_calls_nobody() {
        let ((), pace) = watch(|| work(STRETCH));
        assert_eq!(pace.safe_points, 0);
    }

    #[test]
    fn work_that_cannot_be_divided_begins_at_a_safe_point() {
        let ((), pace) = watch(|| (0..8).for_each(|_| work(STRETCH + 1)));
        assert_eq!((pace.safe_points, pace.longest_stretch), (8, STRETCH + 1));
    }
}
