//! Points of the curve y² = x³ − 3x + b, which has a prime number of points (FIPS 186, SP 800-186 §3.2.1.3).

use crate::field::Element;

/// b.
const B: Element = Element([
    -124273669, -52469206, 25462469, 24324129, -38970912, 180318739, -100216560, -143516383, 8782020,
]);

/// A point other than the one at infinity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affine {
    pub(crate) x: Element,
    pub(crate) y: Element,
}

/// The point (x/z², y/z³), where z is not 0. The point at infinity has no such form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jacobian {
    x: Element,
    y: Element,
    z: Element,
}

impl Affine {
    /// The base point of the group.
    pub(crate) const GENERATOR: Self = Self {
        x: Element([
            -182286461, 120640537, 229641167, 92213755, 169929589, -222857694, 53542330, -84615849, 1182703,
        ]),
        y: Element([
            -223690416, -229419057, 253945584, 238620294, 105584277, 143512095, 44659779, 43393398, 11419619,
        ]),
    };

    /// Returns the point with these coordinates, if it is on the curve.
    pub(crate) fn new(x: Element, y: Element) -> Option<Self> {
        let difference = y.square().minus(&right_side(&x));
        difference.is_zero().then_some(Self { x, y })
    }

    /// Returns the point with this x whose y is odd or even, if there is one.
    pub(crate) fn with_parity(x: Element, odd: bool) -> Option<Self> {
        let y = right_side(&x).square_root();
        let y = match (y.to_words()[0] & 1 == 1) == odd {
            true => y,
            false => y.multiple(-1),
        };
        Self::new(x, y)
    }

    #[inline(always)]
    pub(crate) fn negative(&self) -> Self {
        Self {
            x: self.x,
            y: self.y.multiple(-1),
        }
    }
}

/// x³ − 3x + b.
fn right_side(x: &Element) -> Element {
    let addend = B.minus(&x.multiple(3));
    x.square().times_plus(x, &addend)
}

impl From<Affine> for Jacobian {
    fn from(Affine { x, y }: Affine) -> Self {
        Self {
            x,
            y,
            z: Element::ONE,
        }
    }
}

impl Jacobian {
    /// 2P. It is never at infinity, because the group has an odd order.
    ///
    /// X is reduced, because the large factors of its terms would let it grow in a chain of doublings. With |X| ≤ 6·2²⁵⁶
    /// and |Y|, |Z| ≤ 2·2²⁵⁶, which hold for all results here, all numbers stay small.
    pub(crate) fn double(&self) -> Self {
        let Self { x, y, z } = self;
        let delta = z.square();
        let gamma = y.square();
        // 4·x·y²
        let beta = x.multiple(4).times(&gamma);
        let alpha = x.minus(&delta).times(&x.plus(&delta)).multiple(3);
        let new_x = alpha.square_plus(&beta.multiple(-2)).reduced();
        let gamma = gamma.multiple(2).square();
        Self {
            x: new_x,
            y: alpha.times_plus(&beta.minus(&new_x), &gamma.multiple(-2)),
            z: y.multiple(2).times(z),
        }
    }

    /// P + Q. `None` is the point at infinity.
    pub(crate) fn plus(&self, other: &Affine) -> Option<Self> {
        let Self { x, y, z } = self;
        let z_squared = z.square();
        let h = other.x.times(&z_squared).minus(x);
        let r = other.y.times(z).times(&z_squared).minus(y);
        if h.is_zero() {
            // The same x: the points are equal or opposite.
            return r.is_zero().then(|| self.double());
        }
        let h_squared = h.square();
        let h_cubed = h.times(&h_squared);
        let v = x.times(&h_squared);
        let new_x = r.square_plus(&h_cubed.plus(&v.multiple(2)).multiple(-1));
        Some(Self {
            x: new_x,
            y: r.times_minus(&v.minus(&new_x), y, &h_cubed),
            z: z.times(&h),
        })
    }

    /// Whether x/z² is `candidate`, a number in its usual form.
    ///
    /// If z were 0, every candidate would seem right, so this is checked once more. A sum with z = 0 keeps it in all sums
    /// that follow, and z is a product, so nothing can hide it.
    pub(crate) fn has_x(&self, candidate: &Element) -> bool {
        !self.z.is_zero() && candidate.times(&self.z.square()).minus(&self.x).is_zero()
    }

    /// Converts points with a single inversion.
    pub(crate) fn to_affine(points: &[Self]) -> Vec<Affine> {
        // The products of all z up to each point.
        let mut product = Element::ONE;
        let products: Vec<Element> = points
            .iter()
            .map(|point| {
                let before = product;
                product = product.times(&point.z);
                before
            })
            .collect();
        let mut inverse = product.inverse();
        let mut affine: Vec<Affine> = points
            .iter()
            .zip(products)
            .rev()
            .map(|(point, before)| {
                let own = inverse.times(&before);
                inverse = inverse.times(&point.z);
                let squared = own.square();
                Affine {
                    x: point.x.times(&squared),
                    y: point.y.times(&squared.times(&own)),
                }
            })
            .collect();
        affine.reverse();
        affine
    }
}

#[cfg(test)]
mod tests;
