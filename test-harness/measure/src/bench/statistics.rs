//! Summary statistics.

/// The middle value, or the mean of the two middle values. `None` without values.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// An interval that contains the true median with a probability of at least 95 percent, whatever the distribution: the
/// two values as many places from either end as a fair coin allows. `None` with fewer than six values, which are too
/// few for 95 percent.
pub(super) fn median_interval(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    const TAIL: f64 = 0.025;
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len();
    // The probability that exactly `place` of the values lie below the true median, and the sum of these from 0 on.
    let mut exactly = 0.5_f64.powi(i32::try_from(count).ok()?);
    let (mut at_most, mut place) = (exactly, 0);
    if at_most > TAIL {
        return None;
    }
    while at_most <= TAIL {
        place += 1;
        exactly *= (count - place + 1) as f64 / place as f64;
        at_most += exactly;
    }
    // `place` values or fewer below the median are too likely, fewer than `place` are not.
    let lower = *values.get(place - 1)?;
    let upper = *values.get(count - place)?;
    Some((lower, upper))
}

/// The smallest and the largest value. `None` without values.
pub(super) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().fold(None, |range, value| {
        let (least, most) = range.unwrap_or((value, value));
        Some((value.min(least), value.max(most)))
    })
}

/// The slope of the least-squares line through the points. `None` if all have the same x.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (sum_x, sum_y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
        let away = x - mean_x;
        (over + away * (y - mean_y), under + away * away)
    });
    (under > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[4.0, 1.0, 2.0, 100.0], Some(3.0)),
        ] {
            assert_eq!(median(values.iter().copied()), expected, "{values:?}");
        }
    }

    #[test]
    fn the_interval_of_a_median_is_that_of_the_sign_test() {
        // Places from either end, from a table of the binomial distribution with probability 1/2.
        for (count, place) in [(6, 1), (8, 1), (9, 2), (12, 3), (20, 6), (40, 14), (100, 40)] {
            let values: Vec<f64> = (1..=count).rev().map(f64::from).collect();
            let expected = (f64::from(place), f64::from(count + 1 - place));
            assert_eq!(median_interval(values), Some(expected), "{count} values");
        }
        assert_eq!(median_interval([1.0, 2.0, 3.0, 4.0, 5.0]), None);
        assert_eq!(median_interval([]), None);
    }

    #[test]
    fn the_range_is_from_least_to_most() {
        assert_eq!(range([2.0, 1.0, 3.0]), Some((1.0, 3.0)));
        assert_eq!(range([]), None);
    }

    #[test]
    fn the_slope_is_that_of_the_line() {
        assert_eq!(
            slope(&[(50.0, 100.0), (200.0, 400.0), (800.0, 1600.0)]),
            Some(2.0)
        );
        assert_eq!(slope(&[(0.0, 0.0), (1.0, 0.0), (2.0, 3.0)]), Some(1.5));
        assert_eq!(slope(&[(1.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(slope(&[]), None);
    }
}
