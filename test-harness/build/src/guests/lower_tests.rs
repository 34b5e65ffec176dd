//! Executes modules in an interpreter before and after lowering. The results must not differ.

use super::*;
use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, ElementSection, Elements, ExportKind, ExportSection, Function,
    GlobalSection, GlobalType, MemorySection, MemoryType, NameMap, NameSection, RefType, TableSection,
    TableType,
};
use wasmi::{Engine, Linker, Store, TypedFunc};

const PAGE: u32 = 65_536;

/// A module with one page of memory and the exports `copy`, `fill`, `memory`.
fn mover() -> Vec<u8> {
    let mut copy = Function::new([]);
    copy.instructions()
        .local_get(0)
        .local_get(1)
        .local_get(2)
        .memory_copy(0, 0)
        .end();
    let mut fill = Function::new([]);
    fill.instructions()
        .local_get(0)
        .local_get(1)
        .local_get(2)
        .memory_fill(0)
        .end();
    module(&[("copy", copy), ("fill", fill)], one_page())
}

fn one_page() -> MemoryType {
    MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}

fn module(functions: &[(&str, Function)], memory: MemoryType) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 3], []);
    let mut declared = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    for (index, (name, function)) in functions.iter().enumerate() {
        declared.function(0);
        exports.export(name, ExportKind::Func, index as u32);
        code.function(function);
    }
    exports.export("memory", ExportKind::Memory, 0);
    let mut memories = MemorySection::new();
    memories.memory(memory);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&declared)
        .section(&memories)
        .section(&exports)
        .section(&code);
    module.finish()
}

/// A running instance.
struct Instance {
    store: Store<()>,
    memory: wasmi::Memory,
    copy: TypedFunc<(u32, u32, u32), ()>,
    fill: TypedFunc<(u32, u32, u32), ()>,
}

impl Instance {
    fn of(wasm: &[u8]) -> Self {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let module = wasmi::Module::new(&engine, wasm).unwrap();
        let instance = Linker::new(&engine)
            .instantiate_and_start(&mut store, &module)
            .unwrap();
        Self {
            memory: instance.get_memory(&store, "memory").unwrap(),
            copy: instance.get_typed_func(&store, "copy").unwrap(),
            fill: instance.get_typed_func(&store, "fill").unwrap(),
            store,
        }
    }

    fn before_and_after() -> [Self; 2] {
        let original = mover();
        let lowered = lower(&original, false).unwrap();
        assert_eq!(
            lowered.replaced,
            Replaced {
                memory_copy: 1,
                memory_fill: 1
            }
        );
        [Self::of(&original), Self::of(&lowered.wasm)]
    }

    /// Performs the operation. Returns the memory afterwards, and the trap if there was one.
    fn outcome(&mut self, operation: Operation) -> (&[u8], Option<wasmi::TrapCode>) {
        let result = match operation {
            Operation::Copy(dst, src, len) => self.copy.call(&mut self.store, (dst, src, len)),
            Operation::Fill(dst, value, len) => self.fill.call(&mut self.store, (dst, value, len)),
        };
        let trap = result.err().map(|error| error.as_trap_code().expect("a trap"));
        (self.memory.data(&self.store), trap)
    }
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Copy(u32, u32, u32),
    Fill(u32, u32, u32),
}

/// A linear congruential generator, so that every run has the same cases.
fn next(state: u32) -> u32 {
    state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

/// A page without a period that could hide a wrong copy.
fn pattern() -> Vec<u8> {
    std::iter::successors(Some(1), |state| Some(next(*state)))
        .map(|state| (state >> 24) as u8)
        .take(PAGE as usize)
        .collect()
}

fn assert_same(operations: impl IntoIterator<Item = Operation>) {
    let [mut original, mut lowered] = Instance::before_and_after();
    let pattern = pattern();
    for operation in operations {
        for instance in [&mut original, &mut lowered] {
            instance
                .memory
                .data_mut(&mut instance.store)
                .copy_from_slice(&pattern);
        }
        let (expected, expected_trap) = original.outcome(operation);
        let (actual, actual_trap) = lowered.outcome(operation);
        assert_eq!(actual_trap, expected_trap, "{operation:?}");
        assert!(actual == expected, "{operation:?} leaves different memory");
    }
}

#[test]
fn copies_of_every_short_length_and_overlap_are_the_same() {
    let base = 1000;
    let distances = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 99, 100, 101];
    for distance in distances {
        assert_same((0..=100).flat_map(|len| {
            [
                Operation::Copy(base + distance, base, len),
                Operation::Copy(base, base + distance, len),
            ]
        }));
    }
}

#[test]
fn fills_of_every_short_length_and_alignment_are_the_same() {
    for start in 1000..1008 {
        assert_same((0..=100).map(|len| Operation::Fill(start, 0xabcd_ef00 + len, len)));
    }
}

#[test]
fn random_operations_are_the_same() {
    let mut state = 7;
    let mut random = |limit: u32| {
        state = next(state);
        (state >> 8) % limit
    };
    let mut operations = Vec::new();
    for _ in 0..300 {
        let (dst, src, len) = (random(PAGE), random(PAGE), random(5000));
        operations.push(Operation::Copy(dst, src, len)); // some reach beyond the end
        operations.push(Operation::Copy(dst, (dst + random(200)).saturating_sub(100), len));
        operations.push(Operation::Fill(dst, src, len));
    }
    assert_same(operations);
}

#[test]
fn accesses_out_of_bounds_trap_alike_and_write_nothing() {
    let edges = [
        0,
        1,
        PAGE - 33,
        PAGE - 8,
        PAGE - 1,
        PAGE,
        PAGE + 1,
        u32::MAX - 1,
        u32::MAX,
    ];
    for first in edges {
        for second in edges {
            assert_same(edges.into_iter().flat_map(|len| {
                [
                    Operation::Copy(first, second, len),
                    Operation::Fill(first, second, len),
                ]
            }));
        }
    }
}

#[test]
fn bounds_follow_a_memory_that_grew() {
    for wasm in [mover(), lower(&mover(), false).unwrap().wasm] {
        let mut instance = Instance::of(&wasm);
        assert!(instance.outcome(Operation::Fill(PAGE, 1, 1)).1.is_some());
        instance.memory.grow(&mut instance.store, 1).unwrap();
        let (memory, trap) = instance.outcome(Operation::Fill(PAGE, 1, PAGE));
        assert_eq!(trap, None);
        assert_eq!(memory[PAGE as usize..], [1; PAGE as usize]);
    }
}

#[test]
fn no_bulk_instruction_is_left() {
    let lowered = lower(&mover(), false).unwrap().wasm;
    assert_eq!(Survey::of(&lowered).unwrap().replaced, Replaced::default());
    let again = lower(&lowered, false).unwrap();
    assert_eq!(again.wasm, lowered, "a lowered module stays as it is");
}

#[test]
fn only_the_helper_that_is_called_is_appended() {
    let mut fill = Function::new([]);
    fill.instructions()
        .local_get(0)
        .local_get(1)
        .local_get(2)
        .memory_fill(0)
        .end();
    let lowered = lower(&module(&[("fill", fill)], one_page()), false).unwrap();
    assert_eq!(
        lowered.replaced,
        Replaced {
            memory_copy: 0,
            memory_fill: 1
        }
    );
    assert_eq!(Survey::of(&lowered.wasm).unwrap().functions, 2);
}

#[test]
fn instructions_the_runtime_gets_wrong_and_nobody_needs_are_refused() {
    let passive = |emit: fn(&mut wasm_encoder::InstructionSink<'_>)| {
        let mut function = Function::new([]);
        let mut body = function.instructions();
        body.i32_const(0).i32_const(0).i32_const(0);
        emit(&mut body);
        body.end();
        module(&[("f", function)], one_page())
    };
    for (name, wasm) in [
        (
            "memory.init",
            passive(|body| {
                body.memory_init(0, 0);
            }),
        ),
        (
            "data.drop",
            passive(|body| {
                body.data_drop(0);
            }),
        ),
        (
            "table.copy",
            passive(|body| {
                body.table_copy(0, 0);
            }),
        ),
        (
            "table.init",
            passive(|body| {
                body.table_init(0, 0);
            }),
        ),
        (
            "table.fill",
            passive(|body| {
                body.table_fill(0);
            }),
        ),
        (
            "elem.drop",
            passive(|body| {
                body.elem_drop(0);
            }),
        ),
    ] {
        match lower(&wasm, false) {
            Err(LowerError::Unsupported(found)) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn memories_the_runtime_does_not_know_are_refused() {
    for (memory, reason) in [
        (
            MemoryType {
                memory64: true,
                ..one_page()
            },
            "a 64-bit memory",
        ),
        (
            MemoryType {
                page_size_log2: Some(0),
                ..one_page()
            },
            "a memory of custom page size",
        ),
    ] {
        match lower(&module(&[], memory), false) {
            Err(LowerError::Memory(found)) => assert_eq!(found, reason),
            other => panic!("{reason}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_module_is_unreadable() {
    assert!(matches!(
        lower(b"\0asm\x01\0\0\0\x01\xff", false),
        Err(LowerError::Unreadable(_))
    ));
}

#[test]
fn names_are_kept_only_when_asked_for() {
    let mut wasm = mover();
    let mut functions = NameMap::new();
    functions.append(0, "copy_it");
    let mut names = NameSection::new();
    names.functions(&functions);
    for section in [
        wasm_encoder::Section::append_to as fn(&NameSection, &mut Vec<u8>),
        // and one that is never kept
        |_, wasm| {
            use wasm_encoder::{CustomSection, Section};
            CustomSection {
                name: "producers".into(),
                data: (&[0]).into(),
            }
            .append_to(wasm);
        },
    ] {
        section(&names, &mut wasm);
    }
    let holds = |wasm: &[u8], text: &str| wasm.windows(text.len()).any(|part| part == text.as_bytes());
    let kept = lower(&wasm, true).unwrap().wasm;
    let stripped = lower(&wasm, false).unwrap().wasm;
    assert!(holds(&kept, "copy_it") && !holds(&kept, "producers"));
    assert!(!holds(&stripped, "copy_it") && !holds(&stripped, "producers"));
}

/// Tables, element and data segments, globals, several results, conversions, SIMD, references, a start function and
/// a call through the table: the parts that Rust's output uses, and more.
#[test]
fn a_module_that_uses_many_features_behaves_as_before() {
    let original = rich_module();
    let lowered = lower(&original, false).unwrap();
    assert_eq!(
        lowered.replaced,
        Replaced {
            memory_copy: 2,
            memory_fill: 1
        }
    );
    wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::WASM2)
        .validate_all(&lowered.wasm)
        .unwrap();
    let results = [&original, &lowered.wasm].map(|wasm| {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let module = wasmi::Module::new(&engine, wasm).unwrap();
        let mut linker = Linker::new(&engine);
        linker.func_wrap("host", "twice", |value: i32| value * 2).unwrap();
        let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
        let run = instance
            .get_typed_func::<(i32, f64), (i32, i64)>(&store, "run")
            .unwrap();
        let returned = run.call(&mut store, (-3, 1e300)).unwrap();
        let memory = instance
            .get_memory(&store, "memory")
            .unwrap()
            .data(&store)
            .to_vec();
        (returned, memory)
    });
    assert_eq!(
        results[0].0,
        (-6 + 0x44, i64::MAX),
        "the module does what it is written to do"
    );
    assert!(results[0] == results[1]);
}

fn at_zero() -> wasm_encoder::MemArg {
    wasm_encoder::MemArg {
        offset: 0,
        align: 0,
        target: Default::default(),
        ordering: None,
    }
}

fn rich_module() -> Vec<u8> {
    const TWICE: u32 = 0; // imported
    const RUN: u32 = 1;
    const START: u32 = 2;

    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    types
        .ty()
        .function([ValType::I32, ValType::F64], [ValType::I32, ValType::I64]);
    types.ty().function([], []);
    let mut imports = wasm_encoder::ImportSection::new();
    imports.import("host", "twice", wasm_encoder::EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(1).function(2);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: 2,
        maximum: Some(2),
        table64: false,
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(one_page());
    let mut globals = GlobalSection::new();
    globals.global(
        GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        },
        &ConstExpr::i32_const(9),
    );
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, RUN);
    exports.export("memory", ExportKind::Memory, 0);
    let mut elements = ElementSection::new();
    elements.active(
        None,
        &ConstExpr::i32_const(1),
        Elements::Functions([TWICE].as_slice().into()),
    );
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(64), *b"DATA");

    // (twice(a) through the table + the byte that the start function copied, the float saturated)
    let mut run = Function::new([(1, ValType::V128)]);
    let mut body = run.instructions();
    body.local_get(0).i32_extend8_s().i32_const(1).call_indirect(0, 0);
    body.global_get(0).i32_load8_u(at_zero()).i32_add();
    body.local_get(1).i64_trunc_sat_f64_s();
    body.i32_const(7).i8x16_splat().local_set(2);
    body.i32_const(512).local_get(2).v128_store(at_zero());
    body.i32_const(516).i32_const(513).i32_const(12).memory_copy(0, 0);
    body.end();

    let mut start = Function::new([]);
    let mut body = start.instructions();
    body.i32_const(200).i32_const(64).i32_const(4).memory_copy(0, 0);
    body.i32_const(300).i32_const(-1).i32_const(50).memory_fill(0);
    body.i32_const(200).global_set(0).end();

    let mut code = CodeSection::new();
    code.function(&run).function(&start);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&tables)
        .section(&memories);
    module
        .section(&globals)
        .section(&exports)
        .section(&wasm_encoder::StartSection {
            function_index: START,
        });
    module
        .section(&elements)
        .section(&DataCountSection { count: 1 })
        .section(&code)
        .section(&data);
    module.finish()
}
