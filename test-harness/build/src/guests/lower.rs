//! The step after linking: removes bulk-memory instructions from a plugin.
//!
//! Traefik's Wasm runtime (wazero 1.8) compiles `memory.copy` and `memory.fill` to calls of Go's own `memmove` and
//! assumes that certain processor registers survive the call. With the Go version that Traefik is built with, they do
//! not, and the plugin then computes with garbage. Compiler flags do not help, because Rust's standard library comes
//! compiled with these instructions. So each instruction is replaced by a call of an equivalent function. The functions
//! are appended to the module, so that no index changes.

use std::fmt;

use serde::{Deserialize, Serialize};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{CodeSection, FunctionSection, Instruction, Module, TypeSection, ValType};
use wasmparser::{
    CodeSectionReader, FunctionSectionReader, KnownCustom, Operator, Parser, Payload, TypeRef,
    TypeSectionReader,
};

use super::memory;

/// A module without bulk-memory instructions, and what was replaced.
#[derive(Debug)]
pub struct Lowered {
    /// The new module.
    pub wasm: Vec<u8>,
    /// What was replaced.
    pub replaced: Replaced,
}

/// The numbers of instructions that were replaced by calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Occurrences of `memory.copy`.
    pub memory_copy: u32,
    /// Occurrences of `memory.fill`.
    pub memory_fill: u32,
}

/// Why a module cannot be lowered.
#[derive(Debug, thiserror::Error)]
pub enum LowerError {
    /// The module is not valid Wasm, or uses a feature that the encoder does not know.
    #[error("the module cannot be read: {0}; it must be a core module as rustc links it")]
    Unreadable(String),

    /// The module contains `memory.init`, `data.drop`, or an instruction that moves table entries.
    ///
    /// wazero uses the same `memmove` for these. rustc's linker emits them only for threads and for passive table
    /// segments. A plugin has neither, so they need no replacement.
    #[error(
        "the module holds `{0}`, which Traefik's runtime gets wrong: link without threads and passive segments"
    )]
    Unsupported(&'static str),

    /// The module has more than one memory, or a kind of memory that the runtime does not support.
    #[error("the module has {0}, which Traefik's runtime does not know: build it for wasm32 with one memory")]
    Memory(&'static str),
}

/// Replaces every `memory.copy` and `memory.fill`, and drops the custom sections, except `name` if `keep_names`.
pub fn lower(wasm: &[u8], keep_names: bool) -> Result<Lowered, LowerError> {
    let survey = Survey::of(wasm)?;
    let mut next_function = survey.functions;
    let mut index_if = |used: bool| {
        used.then(|| {
            next_function += 1;
            next_function - 1
        })
    };
    let mut lowering = Lowering {
        helper_type: survey.types,
        copy: index_if(survey.replaced.memory_copy > 0),
        fill: index_if(survey.replaced.memory_fill > 0),
        keep_names,
    };
    let mut module = Module::new();
    lowering
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(unreadable)?;
    Ok(Lowered {
        wasm: module.finish(),
        replaced: survey.replaced,
    })
}

/// The name of an instruction that must not be in a plugin. `None` for every other instruction.
pub(super) fn bulk_instruction(operator: &Operator<'_>) -> Option<&'static str> {
    Some(match operator {
        Operator::MemoryCopy { .. } => "memory.copy",
        Operator::MemoryFill { .. } => "memory.fill",
        Operator::MemoryInit { .. } => "memory.init",
        Operator::DataDrop { .. } => "data.drop",
        Operator::TableCopy { .. } => "table.copy",
        Operator::TableFill { .. } => "table.fill",
        Operator::TableInit { .. } => "table.init",
        Operator::ElemDrop { .. } => "elem.drop",
        _ => return None,
    })
}

/// What the rewriting needs to know of a module.
#[derive(Default)]
struct Survey {
    types: u32,
    /// Imported and own functions.
    functions: u32,
    memories: u32,
    replaced: Replaced,
}

impl Survey {
    fn of(wasm: &[u8]) -> Result<Self, LowerError> {
        let mut survey = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            survey.add(payload.map_err(unreadable)?)?;
        }
        Ok(survey)
    }

    fn add(&mut self, payload: Payload<'_>) -> Result<(), LowerError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    self.types += group.map_err(unreadable)?.types().count() as u32;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import.map_err(unreadable)?.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => self.functions += 1,
                        TypeRef::Memory(memory) => self.add_memory(memory)?,
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(section) => self.functions += section.count(),
            Payload::MemorySection(section) => {
                for memory in section {
                    self.add_memory(memory.map_err(unreadable)?)?;
                }
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader().map_err(unreadable)? {
                    match bulk_instruction(&operator.map_err(unreadable)?) {
                        None => {}
                        Some("memory.copy") => self.replaced.memory_copy += 1,
                        Some("memory.fill") => self.replaced.memory_fill += 1,
                        Some(other) => return Err(LowerError::Unsupported(other)),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_memory(&mut self, memory: wasmparser::MemoryType) -> Result<(), LowerError> {
        self.memories += 1;
        match memory {
            _ if self.memories > 1 => Err(LowerError::Memory("more than one memory")),
            memory if memory.memory64 => Err(LowerError::Memory("a 64-bit memory")),
            memory if memory.page_size_log2.is_some() => {
                Err(LowerError::Memory("a memory of custom page size"))
            }
            _ => Ok(()),
        }
    }
}

/// Rewrites a module. Holds the indices of the appended type and functions. A helper that is not called is not
/// appended.
struct Lowering {
    helper_type: u32,
    copy: Option<u32>,
    fill: Option<u32>,
    keep_names: bool,
}

impl Reencode for Lowering {
    type Error = std::convert::Infallible;

    fn parse_type_section(&mut self, types: &mut TypeSection, section: TypeSectionReader<'_>) -> Outcome {
        utils::parse_type_section(self, types, section)?;
        if self.copy.or(self.fill).is_some() {
            types.ty().function([ValType::I32; 3], []);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Outcome {
        utils::parse_function_section(self, functions, section)?;
        for _ in self.copy.iter().chain(&self.fill) {
            functions.function(self.helper_type);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Outcome {
        utils::parse_code_section(self, code, section)?;
        if self.copy.is_some() {
            code.function(&memory::copy());
        }
        if self.fill.is_some() {
            code.function(&memory::fill());
        }
        Ok(())
    }

    fn instruction<'a>(
        &mut self,
        operator: Operator<'a>,
    ) -> Result<Instruction<'a>, reencode::Error<Self::Error>> {
        match (&operator, self.copy, self.fill) {
            (Operator::MemoryCopy { .. }, Some(copy), _) => Ok(Instruction::Call(copy)),
            (Operator::MemoryFill { .. }, _, Some(fill)) => Ok(Instruction::Call(fill)),
            _ => utils::instruction(self, operator),
        }
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Outcome {
        match section.as_known() {
            KnownCustom::Name(_) if self.keep_names => utils::parse_custom_section(self, module, section),
            _ => Ok(()),
        }
    }
}

type Outcome = Result<(), reencode::Error<std::convert::Infallible>>;

pub(super) fn unreadable(error: impl fmt::Display) -> LowerError {
    LowerError::Unreadable(error.to_string())
}

#[cfg(test)]
#[path = "lower_tests.rs"]
mod tests;
