//! `memory.copy` and `memory.fill` as plain Wasm functions.
//!
//! They are written as instructions, not in Rust: LLVM recognises such loops and turns them back into the instruction,
//! so the function would call itself.
//!
//! They behave like the instructions: bounds are checked before the first byte is written, an access out of bounds
//! traps in the same way, a length of zero is checked too, and the ranges of a copy may overlap in both directions.

use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget, ValType};

/// The body of `(dst: i32, src: i32, len: i32)` that does what `memory.copy` does.
pub(super) fn copy() -> Function {
    const DST: u32 = 0;
    const SRC: u32 = 1;
    const LEN: u32 = 2; // bytes still to copy
    const TO: u32 = 3;
    const FROM: u32 = 4;
    const WORDS: [u32; 4] = [5, 6, 7, 8];
    let mut function = Function::new([(2, ValType::I32), (4, ValType::I64)]);
    let mut body = function.instructions();

    trap_if_out_of_bounds(&mut body, &[DST, SRC], LEN);

    // Modulo 2^32, `dst - src >= len` means that dst lies before or behind src's range, so copying upwards is safe.
    body.local_get(DST)
        .local_get(SRC)
        .i32_sub()
        .local_get(LEN)
        .i32_ge_u()
        .if_(BlockType::Empty);
    while_at_least(&mut body, LEN, 32, |body| {
        move_words(body, DST, SRC, &WORDS);
        add(body, DST, 32);
        add(body, SRC, 32);
    });
    while_at_least(&mut body, LEN, 8, |body| {
        move_part(body, DST, SRC, 8);
        add(body, DST, 8);
        add(body, SRC, 8);
    });
    for width in [4, 2, 1] {
        if_bit(&mut body, LEN, width, |body| {
            move_part(body, DST, SRC, width);
            add(body, DST, width);
            add(body, SRC, width);
        });
    }

    // Otherwise the end goes first. Once LEN is lowered by the width of a part, the part begins at DST + LEN and SRC +
    // LEN.
    body.else_();
    let last_part = |body: &mut InstructionSink<'_>| {
        body.local_get(DST).local_get(LEN).i32_add().local_set(TO);
        body.local_get(SRC).local_get(LEN).i32_add().local_set(FROM);
    };
    while_at_least(&mut body, LEN, 32, |body| {
        last_part(body);
        move_words(body, TO, FROM, &WORDS);
    });
    while_at_least(&mut body, LEN, 8, |body| {
        last_part(body);
        move_part(body, TO, FROM, 8);
    });
    for width in [4, 2, 1] {
        if_bit(&mut body, LEN, width, |body| {
            add(body, LEN, -width);
            last_part(body);
            move_part(body, TO, FROM, width);
        });
    }
    body.end();

    body.end();
    function
}

/// The body of `(dst: i32, value: i32, len: i32)` that does what `memory.fill` does.
pub(super) fn fill() -> Function {
    const DST: u32 = 0;
    const VALUE: u32 = 1;
    const LEN: u32 = 2;
    const EIGHT: u32 = 3; // the byte, eight times
    let mut function = Function::new([(1, ValType::I64)]);
    let mut body = function.instructions();

    trap_if_out_of_bounds(&mut body, &[DST], LEN);

    body.local_get(VALUE).i64_extend_i32_u().i64_const(0xff).i64_and();
    body.i64_const(0x0101_0101_0101_0101).i64_mul().local_set(EIGHT);
    while_at_least(&mut body, LEN, 32, |body| {
        for offset in [24, 16, 8, 0] {
            body.local_get(DST).local_get(EIGHT).i64_store(at(offset));
        }
        add(body, DST, 32);
    });
    while_at_least(&mut body, LEN, 8, |body| {
        body.local_get(DST).local_get(EIGHT).i64_store(at(0));
        add(body, DST, 8);
    });
    for width in [4, 2, 1] {
        if_bit(&mut body, LEN, width, |body| {
            body.local_get(DST).local_get(EIGHT);
            match width {
                4 => body.i64_store32(at(0)),
                2 => body.i64_store16(at(0)),
                _ => body.i64_store8(at(0)),
            };
            add(body, DST, width);
        });
    }

    body.end();
    function
}

/// Traps like an access out of bounds, unless `[start, start + len)` lies in memory for every start.
fn trap_if_out_of_bounds(body: &mut InstructionSink<'_>, starts: &[u32], len: u32) {
    const PAGE_SHIFT: i64 = 16;
    for (position, start) in starts.iter().enumerate() {
        // In 64 bits neither the sum nor the size can overflow.
        body.local_get(*start)
            .i64_extend_i32_u()
            .local_get(len)
            .i64_extend_i32_u()
            .i64_add();
        body.memory_size(0)
            .i64_extend_i32_u()
            .i64_const(PAGE_SHIFT)
            .i64_shl()
            .i64_gt_u();
        if position > 0 {
            body.i32_or();
        }
    }
    // This load is out of bounds in every memory, so the host reports the same trap as for the instruction.
    body.if_(BlockType::Empty);
    body.i32_const(-1).i32_load8_u(at(u64::from(u32::MAX))).drop();
    body.unreachable();
    body.end();
}

/// `while (len >= step) { len -= step; step_body }`.
fn while_at_least(
    body: &mut InstructionSink<'_>,
    len: u32,
    step: i32,
    step_body: impl FnOnce(&mut InstructionSink<'_>),
) {
    body.block(BlockType::Empty).loop_(BlockType::Empty);
    body.local_get(len).i32_const(step).i32_lt_u().br_if(1);
    add(body, len, -step);
    step_body(body);
    body.br(0).end().end();
}

/// `if (value & bit) { then }`.
fn if_bit(body: &mut InstructionSink<'_>, value: u32, bit: i32, then: impl FnOnce(&mut InstructionSink<'_>)) {
    body.local_get(value)
        .i32_const(bit)
        .i32_and()
        .if_(BlockType::Empty);
    then(body);
    body.end();
}

/// `local += amount`.
fn add(body: &mut InstructionSink<'_>, local: u32, amount: i32) {
    body.local_get(local).i32_const(amount).i32_add().local_set(local);
}

/// Moves 32 bytes. All are read before the first one is written, so the ranges may overlap. The highest offset goes
/// first, so that the runtime checks the bounds once for all four.
fn move_words(body: &mut InstructionSink<'_>, to: u32, from: u32, words: &[u32; 4]) {
    const OFFSETS: [u64; 4] = [24, 16, 8, 0];
    for (word, offset) in words.iter().zip(OFFSETS) {
        body.local_get(from).i64_load(at(offset)).local_set(*word);
    }
    for (word, offset) in words.iter().zip(OFFSETS) {
        body.local_get(to).local_get(*word).i64_store(at(offset));
    }
}

/// Moves 8, 4, 2 or 1 bytes at once.
fn move_part(body: &mut InstructionSink<'_>, to: u32, from: u32, width: i32) {
    body.local_get(to).local_get(from);
    match width {
        8 => body.i64_load(at(0)).i64_store(at(0)),
        4 => body.i32_load(at(0)).i32_store(at(0)),
        2 => body.i32_load16_u(at(0)).i32_store16(at(0)),
        _ => body.i32_load8_u(at(0)).i32_store8(at(0)),
    };
}

/// An access at a constant offset. The alignment is only a hint, and it is not known here.
fn at(offset: u64) -> MemArg {
    MemArg {
        offset,
        align: 0,
        target: MemArgTarget::Memory(0),
        ordering: None,
    }
}
