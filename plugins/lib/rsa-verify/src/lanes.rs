//! Two `f64` side by side, in one 128-bit register where the target has them.

/// Two numbers that are processed at once.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[derive(Clone, Copy)]
pub(crate) struct Pair(core::arch::wasm32::v128);

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
impl Pair {
    #[inline(always)]
    pub(crate) const fn new(first: f64, second: f64) -> Self {
        Self(core::arch::wasm32::f64x2(first, second))
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        Self(core::arch::wasm32::f64x2_mul(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(core::arch::wasm32::f64x2_add(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(core::arch::wasm32::f64x2_sub(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn first(self) -> f64 {
        core::arch::wasm32::f64x2_extract_lane::<0>(self.0)
    }

    #[inline(always)]
    pub(crate) fn second(self) -> f64 {
        core::arch::wasm32::f64x2_extract_lane::<1>(self.0)
    }
}

/// Two numbers that are processed at once.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[derive(Clone, Copy)]
pub(crate) struct Pair([f64; 2]);

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
impl Pair {
    #[inline(always)]
    pub(crate) const fn new(first: f64, second: f64) -> Self {
        Self([first, second])
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        Self([self.0[0] * other.0[0], self.0[1] * other.0[1]])
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self([self.0[0] + other.0[0], self.0[1] + other.0[1]])
    }

    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self([self.0[0] - other.0[0], self.0[1] - other.0[1]])
    }

    #[inline(always)]
    pub(crate) fn first(self) -> f64 {
        self.0[0]
    }

    #[inline(always)]
    pub(crate) fn second(self) -> f64 {
        self.0[1]
    }
}

impl Pair {
    pub(crate) const ZERO: Self = Self::new(0.0, 0.0);

    #[inline(always)]
    pub(crate) fn sum(self) -> f64 {
        self.first() + self.second()
    }
}
