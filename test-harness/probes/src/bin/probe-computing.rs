//! A guest that computes for as long as the caller wants, with as many safe points in between as the caller wants. The
//! path is `/…/<rounds>/<pieces>`; the answer is the result.

#[cfg(target_family = "wasm")]
fn main() {
    host_probes::answer_with(|path| {
        let mut numbers = path.rsplit('/').map(|number| number.parse().unwrap_or(1));
        let pieces: u64 = numbers.next().unwrap_or(1).max(1);
        let rounds: u64 = numbers.next().unwrap_or(1);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for piece in 0..pieces {
            for _ in (piece * rounds / pieces)..((piece + 1) * rounds / pieces) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
            }
            // A call of the host. Nothing more is needed for a safe point.
            std::thread::yield_now();
        }
        format!("{state:016x}")
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
