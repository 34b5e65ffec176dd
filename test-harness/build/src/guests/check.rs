//! The final check of a plugin.

use std::collections::BTreeSet;

use wasmparser::{
    ExternalKind, FuncType, FunctionSectionReader, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures,
};

use super::lower::bulk_instruction;

/// Why a module is not fit for Traefik.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The module is not valid, or uses a proposal that Traefik's runtime does not support.
    #[error("the module is not valid for Traefik's runtime: {0}")]
    Invalid(String),

    /// The module contains an instruction that the runtime gets wrong.
    #[error("the module still holds `{0}`, which corrupts it in Traefik's runtime: it must be lowered first")]
    BulkInstruction(&'static str),

    /// The module imports something that Traefik does not offer, or that a plugin must not use.
    #[error(
        "the module imports `{module}` `{name}`, which Traefik does not offer: find the dependency that asks for it"
    )]
    Import {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },

    /// The module lacks an export that Traefik calls.
    #[error(
        "the module does not export `{0}` as the http-wasm handler ABI defines it: register a guest in `main`"
    )]
    Export(&'static str),

    /// The module is larger than its [`budget`](super::Guest::budget).
    #[error(
        "the module has {size} bytes, more than its budget of {budget}: look for what grew. If it is worth its bytes, \
         raise the budget in test-harness/build/src/guests/plugins.rs"
    )]
    TooLarge {
        /// Bytes of the module.
        size: usize,
        /// Bytes that it may have.
        budget: usize,
    },
}

/// Refuses a module that Traefik would not load, or would run wrongly, or that is larger than `budget`. Names of
/// functions do not count.
pub fn check(wasm: &[u8], budget: Option<usize>) -> Result<(), CheckError> {
    Validator::new_with_features(RUNTIME_FEATURES)
        .validate_all(wasm)
        .map_err(invalid)?;

    let mut size = wasm.len();
    let mut types = Vec::new();
    let mut functions = Vec::new();
    let mut exports = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(invalid)? {
            Payload::CustomSection(section) => size -= section.data().len(),
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    types.push(ty.map_err(invalid)?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    match import.ty {
                        TypeRef::Func(ty) if is_offered(import.module, import.name) => functions.push(ty),
                        _ => {
                            return Err(CheckError::Import {
                                module: import.module.into(),
                                name: import.name.into(),
                            });
                        }
                    }
                }
            }
            Payload::FunctionSection(section) => add_functions(&mut functions, section)?,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(invalid)?;
                    let ty = functions
                        .get(export.index as usize)
                        .and_then(|ty| types.get(*ty as usize));
                    exports.extend(required(export.name, export.kind, ty));
                }
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader().map_err(invalid)? {
                    if let Some(name) = bulk_instruction(&operator.map_err(invalid)?) {
                        return Err(CheckError::BulkInstruction(name));
                    }
                }
            }
            _ => {}
        }
    }
    if let Some(budget) = budget
        && size > budget
    {
        return Err(CheckError::TooLarge { size, budget });
    }
    match REQUIRED_EXPORTS.iter().find(|name| !exports.contains(*name)) {
        Some(missing) => Err(CheckError::Export(missing)),
        None => Ok(()),
    }
}

fn add_functions(functions: &mut Vec<u32>, section: FunctionSectionReader<'_>) -> Result<(), CheckError> {
    for ty in section {
        functions.push(ty.map_err(invalid)?);
    }
    Ok(())
}

/// Returns the name if this is a required export of the right kind and type.
fn required(name: &str, kind: ExternalKind, ty: Option<&FuncType>) -> Option<&'static str> {
    let name = REQUIRED_EXPORTS.into_iter().find(|required| *required == name)?;
    let has_type = |params: &[ValType], results: &[ValType]| {
        kind == ExternalKind::Func && ty.is_some_and(|ty| ty.params() == params && ty.results() == results)
    };
    let right = match name {
        "memory" => kind == ExternalKind::Memory,
        "handle_request" => has_type(&[], &[ValType::I64]),
        _ => has_type(&[ValType::I32; 2], &[]),
    };
    right.then_some(name)
}

fn is_offered(module: &str, name: &str) -> bool {
    match module {
        "http_handler" => HTTP_HANDLER.contains(&name),
        "wasi_snapshot_preview1" => WASI.contains(&name) || WASMEDGE_SOCKETS.contains(&name),
        _ => false,
    }
}

fn invalid(error: wasmparser::BinaryReaderError) -> CheckError {
    CheckError::Invalid(error.to_string())
}

/// What wazero 1.8 supports: WebAssembly 2.0.
const RUNTIME_FEATURES: WasmFeatures = WasmFeatures::WASM2;

const REQUIRED_EXPORTS: [&str; 3] = ["handle_request", "handle_response", "memory"];

/// The http-wasm handler ABI.
const HTTP_HANDLER: &[&str] = &[
    "add_header_value",
    "enable_features",
    "get_config",
    "get_header_names",
    "get_header_values",
    "get_method",
    "get_protocol_version",
    "get_source_addr",
    "get_status_code",
    "get_uri",
    "log",
    "log_enabled",
    "read_body",
    "remove_header",
    "set_header_value",
    "set_method",
    "set_status_code",
    "set_uri",
    "write_body",
];

/// WASI preview 1. `proc_exec`, `proc_raise` and the like are left out on purpose, because no plugin may end the host.
const WASI: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

/// The part of WasmEdge's socket extension that a client needs.
const WASMEDGE_SOCKETS: &[&str] = &["sock_connect", "sock_getaddrinfo", "sock_getsockopt", "sock_open"];

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
        MemorySection, MemoryType, Module, TypeSection, ValType as Type,
    };

    /// A module that passes, except for at most one change.
    #[derive(Default)]
    struct Guest {
        import: Option<(&'static str, &'static str)>,
        without_export: Option<&'static str>,
        wrong_type: bool,
        bulk: bool,
        padding: usize,
    }

    impl Guest {
        fn wasm(&self) -> Vec<u8> {
            let mut types = TypeSection::new();
            types.ty().function([], [Type::I64]);
            types.ty().function([Type::I32; 2], []);
            let mut imports = ImportSection::new();
            if let Some((module, name)) = self.import {
                imports.import(module, name, EntityType::Function(1));
            }
            let own = self.import.iter().count() as u32;
            let mut functions = FunctionSection::new();
            functions.function(0).function(1);
            let mut memories = MemorySection::new();
            memories.memory(MemoryType {
                minimum: 1,
                maximum: None,
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
            let mut exports = ExportSection::new();
            let response = if self.wrong_type { own } else { own + 1 };
            for (name, kind, index) in [
                ("handle_request", ExportKind::Func, own),
                ("handle_response", ExportKind::Func, response),
                ("memory", ExportKind::Memory, 0),
            ] {
                if self.without_export != Some(name) {
                    exports.export(name, kind, index);
                }
            }
            let mut code = CodeSection::new();
            let mut request = Function::new([]);
            if self.bulk {
                request
                    .instructions()
                    .i32_const(0)
                    .i32_const(0)
                    .i32_const(0)
                    .memory_fill(0);
            }
            request.instructions().i64_const(1).end();
            code.function(&request);
            let mut response = Function::new([]);
            for _ in 0..self.padding {
                response.instructions().nop();
            }
            response.instructions().end();
            code.function(&response);
            let mut module = Module::new();
            module
                .section(&types)
                .section(&imports)
                .section(&functions)
                .section(&memories);
            module.section(&exports).section(&code);
            module.finish()
        }
    }

    #[test]
    fn a_plain_guest_passes() {
        assert_eq!(check(&Guest::default().wasm(), None), Ok(()));
    }

    #[test]
    fn imports_are_judged_by_module_and_name() {
        for (module, name, offered) in [
            ("http_handler", "get_uri", true),
            ("http_handler", "get_moon", false),
            ("wasi_snapshot_preview1", "random_get", true),
            ("wasi_snapshot_preview1", "sock_open", true),
            ("wasi_snapshot_preview1", "sock_listen", false),
            ("wasi_snapshot_preview1", "get_uri", false),
            ("env", "memcpy", false),
        ] {
            let verdict = check(
                &Guest {
                    import: Some((module, name)),
                    ..Guest::default()
                }
                .wasm(),
                None,
            );
            let expected = match offered {
                true => Ok(()),
                false => Err(CheckError::Import {
                    module: module.into(),
                    name: name.into(),
                }),
            };
            assert_eq!(verdict, expected);
        }
    }

    #[test]
    fn every_required_export_is_missed() {
        for name in REQUIRED_EXPORTS {
            let verdict = check(
                &Guest {
                    without_export: Some(name),
                    ..Guest::default()
                }
                .wasm(),
                None,
            );
            assert_eq!(verdict, Err(CheckError::Export(name)));
        }
    }

    #[test]
    fn an_export_of_the_wrong_type_is_none() {
        let verdict = check(
            &Guest {
                wrong_type: true,
                ..Guest::default()
            }
            .wasm(),
            None,
        );
        assert_eq!(verdict, Err(CheckError::Export("handle_response")));
    }

    #[test]
    fn a_bulk_instruction_is_refused() {
        let verdict = check(
            &Guest {
                bulk: true,
                ..Guest::default()
            }
            .wasm(),
            None,
        );
        assert_eq!(verdict, Err(CheckError::BulkInstruction("memory.fill")));
    }

    #[test]
    fn one_byte_over_the_budget_is_refused() {
        let wasm = Guest {
            padding: 1000,
            ..Guest::default()
        }
        .wasm();
        let size = wasm.len();
        assert_eq!(check(&wasm, Some(size)), Ok(()));
        let budget = size - 1;
        assert_eq!(
            check(&wasm, Some(budget)),
            Err(CheckError::TooLarge { size, budget })
        );
        let error = CheckError::TooLarge { size, budget }.to_string();
        assert!(
            error.contains(&size.to_string()) && error.contains(&budget.to_string()),
            "{error}"
        );
    }

    #[test]
    fn names_of_functions_do_not_count() {
        let mut wasm = Guest::default().wasm();
        let budget = wasm.len();
        let names = wasm_encoder::CustomSection {
            name: "name".into(),
            data: vec![0; 100].into(),
        };
        wasm_encoder::Section::append_to(&names, &mut wasm);
        // The section's header remains.
        assert_eq!(check(&wasm, Some(budget + 8)), Ok(()));
    }

    #[test]
    fn bytes_that_are_no_module_are_invalid() {
        assert!(matches!(check(b"not wasm", None), Err(CheckError::Invalid(_))));
    }
}
