//! The step after lowering: merges functions that are equal, and numbers functions so that calls are short.
//!
//! rustc compiles a generic function again for each type, often to the same bytes. Neither it nor the linker merges
//! such copies. This step keeps the first of them and directs all calls to it. Merging can make callers equal too, so
//! it is repeated until nothing changes. Function pointers stay different, because they are places in a table.
//!
//! A call names its function by number, and numbers below 128 take one byte. The most called functions get these
//! numbers. All others keep their order.

use std::cmp::Reverse;
use std::collections::HashMap;

use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{CodeSection, Encode, FunctionSection, Module, NameMap, NameSection};
use wasmparser::{
    CodeSectionReader, FunctionBody, FunctionSectionReader, Name, Operator, Parser, Payload, TypeRef,
};

use super::lower::{LowerError, unreadable};

/// Returns the module with equal functions merged.
///
/// # Errors
/// The module cannot be read.
pub(super) fn merge(wasm: &[u8]) -> Result<Vec<u8>, LowerError> {
    let survey = Survey::of(wasm)?;
    let mut numbering = Numbering {
        imported: survey.imported,
        kept: (0..survey.functions.len()).collect(),
        numbers: (0..survey.imported)
            .chain((survey.imported..).take(survey.functions.len()))
            .collect(),
    };
    while numbering.merge(&survey)? {}
    numbering.renumber(&survey)?;
    let mut module = Module::new();
    numbering
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(unreadable)?;
    Ok(module.finish())
}

/// The functions of a module.
#[derive(Default)]
struct Survey<'m> {
    /// The number of imported functions. The module's own functions have the numbers after them.
    imported: u32,
    types: Vec<u32>,
    functions: Vec<FunctionBody<'m>>,
}

impl<'m> Survey<'m> {
    fn of(wasm: &'m [u8]) -> Result<Self, LowerError> {
        let mut survey = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(unreadable)? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if let TypeRef::Func(_) | TypeRef::FuncExact(_) = import.map_err(unreadable)?.ty {
                            survey.imported += 1;
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        survey.types.push(ty.map_err(unreadable)?);
                    }
                }
                Payload::CodeSectionEntry(body) => survey.functions.push(body),
                _ => {}
            }
        }
        Ok(survey)
    }
}

/// Which functions are kept, and the new number of each function.
struct Numbering {
    imported: u32,
    /// The positions of the kept functions in the old code section, in their new order.
    kept: Vec<usize>,
    /// The new number of each old function, including imported ones. During merging, the old number of the function
    /// that takes its place.
    numbers: Vec<u32>,
}

impl Numbering {
    /// Merges functions that are equal once their calls are directed to kept functions. Returns whether there were any.
    fn merge(&mut self, survey: &Survey<'_>) -> Result<bool, LowerError> {
        let mut first: HashMap<(u32, Vec<u8>), u32> = HashMap::new();
        let mut merged: HashMap<u32, u32> = HashMap::new();
        let mut kept = Vec::new();
        for position in std::mem::take(&mut self.kept) {
            let number = self.imported + position as u32;
            let mut code = CodeSection::new();
            self.parse_function_body(&mut code, survey.functions[position].clone())
                .map_err(unreadable)?;
            let mut bytes = Vec::new();
            code.encode(&mut bytes);
            let earlier = *first.entry((survey.types[position], bytes)).or_insert(number);
            if earlier == number {
                kept.push(position);
            } else {
                merged.insert(number, earlier);
            }
        }
        self.kept = kept;
        for number in &mut self.numbers {
            *number = *merged.get(number).unwrap_or(number);
        }
        Ok(!merged.is_empty())
    }

    /// Gives the kept functions their final numbers.
    fn renumber(&mut self, survey: &Survey<'_>) -> Result<(), LowerError> {
        const SHORT: usize = 128;
        let mut calls = vec![0_usize; self.numbers.len()];
        for position in &self.kept {
            let body = &survey.functions[*position];
            for operator in body.get_operators_reader().map_err(unreadable)? {
                if let Operator::Call { function_index } = operator.map_err(unreadable)? {
                    calls[self.numbers[function_index as usize] as usize] += 1;
                }
            }
        }
        let imported = self.imported as usize;
        let mut by_calls = self.kept.clone();
        by_calls.sort_by_key(|position| Reverse(calls[imported + position]));
        let short: Vec<usize> = by_calls
            .into_iter()
            .take(SHORT.saturating_sub(imported))
            .collect();
        self.kept
            .sort_by_key(|position| (!short.contains(position), *position));

        let mut new_numbers: Vec<u32> = (0..self.imported)
            .chain(self.numbers.iter().skip(imported).map(|_| 0))
            .collect();
        for (number, position) in (self.imported..).zip(&self.kept) {
            new_numbers[imported + position] = number;
        }
        for number in &mut self.numbers {
            *number = new_numbers[*number as usize];
        }
        Ok(())
    }

    /// Whether the old function `number` is still there.
    fn is_kept(&self, number: u32) -> bool {
        let position = number.checked_sub(self.imported);
        position.is_none_or(|position| self.kept.contains(&(position as usize)))
    }
}

impl Reencode for Numbering {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error<Self::Error>> {
        Ok(self.numbers[function as usize])
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Outcome {
        let types: Vec<u32> = section.into_iter().collect::<Result<_, _>>()?;
        for position in &self.kept {
            functions.function(types[*position]);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Outcome {
        let bodies: Vec<FunctionBody<'_>> = section.into_iter().collect::<Result<_, _>>()?;
        for position in self.kept.clone() {
            self.parse_function_body(code, bodies[position].clone())?;
        }
        Ok(())
    }

    fn parse_custom_name_subsection(&mut self, names: &mut NameSection, section: Name<'_>) -> Outcome {
        let Name::Function(functions) = section else {
            return match section {
                // Names inside functions; rustc writes none into a plugin.
                Name::Local(_) | Name::Label(_) => Ok(()),
                section => utils::parse_custom_name_subsection(self, names, section),
            };
        };
        let mut named = Vec::new();
        for naming in functions {
            let naming = naming?;
            if self.is_kept(naming.index) {
                named.push((self.numbers[naming.index as usize], naming.name));
            }
        }
        named.sort_unstable();
        let mut map = NameMap::new();
        for (number, name) in named {
            map.append(number, name);
        }
        names.functions(&map);
        Ok(())
    }
}

type Outcome = Result<(), reencode::Error<std::convert::Infallible>>;

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        ConstExpr, ElementSection, Elements, ExportKind, ExportSection, Function, ImportSection, RefType,
        TableSection, TableType, TypeSection, ValType,
    };

    const IMPORTED: u32 = 0;

    /// A module with these functions `(i32) -> i32` after an imported one. The function at position `n` is the export
    /// `fn`, and place `n` in the table.
    fn module(functions: &[Function]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut imports = ImportSection::new();
        imports.import("host", "add", wasm_encoder::EntityType::Function(0));
        let mut declared = FunctionSection::new();
        let mut tables = TableSection::new();
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            minimum: functions.len() as u64,
            maximum: None,
            table64: false,
            shared: false,
        });
        let mut exports = ExportSection::new();
        let mut code = CodeSection::new();
        let mut names = NameMap::new();
        names.append(IMPORTED, "add");
        for (number, function) in (1..).zip(functions) {
            declared.function(0);
            exports.export(&format!("f{}", number - 1), ExportKind::Func, number);
            code.function(function);
            names.append(number, &format!("f{}", number - 1));
        }
        let numbers: Vec<u32> = (1..).take(functions.len()).collect();
        let mut elements = ElementSection::new();
        elements.active(
            None,
            &ConstExpr::i32_const(0),
            Elements::Functions(numbers.into()),
        );
        let mut name_section = NameSection::new();
        name_section.functions(&names);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&imports)
            .section(&declared)
            .section(&tables)
            .section(&exports)
            .section(&elements)
            .section(&code)
            .section(&name_section);
        module.finish()
    }

    /// Returns `argument + addend`.
    fn adds(addend: i32) -> Function {
        let mut function = Function::new([]);
        function
            .instructions()
            .local_get(0)
            .i32_const(addend)
            .i32_add()
            .end();
        function
    }

    /// Calls a function.
    fn calls(number: u32) -> Function {
        let mut function = Function::new([]);
        function.instructions().local_get(0).call(number).end();
        function
    }

    /// Calls the function at this place in the table.
    fn calls_pointer(place: i32) -> Function {
        let mut function = Function::new([]);
        function
            .instructions()
            .local_get(0)
            .i32_const(place)
            .call_indirect(0, 0)
            .end();
        function
    }

    /// The results of all exports `f0` to `fn` for the argument 1000. The imported function adds 500.
    fn results(wasm: &[u8], count: usize) -> Vec<i32> {
        let engine = wasmi::Engine::default();
        let mut store = wasmi::Store::new(&engine, ());
        let mut linker = wasmi::Linker::new(&engine);
        linker.func_wrap("host", "add", |value: i32| value + 500).unwrap();
        let module = wasmi::Module::new(&engine, wasm).unwrap();
        let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
        (0..count)
            .map(|position| {
                let function = instance.get_typed_func::<i32, i32>(&store, &format!("f{position}"));
                function.unwrap().call(&mut store, 1000).unwrap()
            })
            .collect()
    }

    #[test]
    fn equal_functions_become_one_and_still_do_what_they_did() {
        // f3 and f4 become equal when f0 and f1 have become one, and then f5 and f6.
        let functions = [
            adds(1),
            adds(1),
            adds(2),
            calls(1),
            calls(2),
            calls(4),
            calls(5),
            calls_pointer(0),
            calls_pointer(1),
            calls(IMPORTED),
        ];
        let wasm = module(&functions);
        let merged = merge(&wasm).unwrap();
        assert_eq!(results(&merged, functions.len()), results(&wasm, functions.len()));
        assert_eq!(Survey::of(&merged).unwrap().functions.len(), 7);
        assert!(merged.len() < wasm.len());
        assert_eq!(merge(&merged).unwrap(), merged, "a merged module stays as it is");
    }

    #[test]
    fn the_most_called_functions_get_the_short_numbers() {
        let target = 190;
        let mut functions: Vec<Function> = (0..target).map(adds).collect();
        functions.extend((0..3).map(|_| calls(target as u32)).zip(0..).map(|(_, more)| {
            let mut function = Function::new([]);
            let mut body = function.instructions();
            body.local_get(0);
            for _ in 0..=more {
                body.call(target as u32);
            }
            body.end();
            function
        }));
        let wasm = module(&functions);
        let merged = merge(&wasm).unwrap();
        assert_eq!(results(&merged, functions.len()), results(&wasm, functions.len()));
        // Six calls with numbers of one byte instead of two, and some entries of the table and of the exports.
        assert!(merged.len() + 6 <= wasm.len(), "{} {}", merged.len(), wasm.len());
    }

    #[test]
    fn kept_functions_keep_their_names() {
        let merged = merge(&module(&[adds(1), adds(1), calls(2)])).unwrap();
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(&merged) {
            let Payload::CustomSection(section) = payload.unwrap() else {
                continue;
            };
            let wasmparser::KnownCustom::Name(names) = section.as_known() else {
                continue;
            };
            for subsection in names {
                if let Name::Function(functions) = subsection.unwrap() {
                    let names = functions.into_iter().map(|naming| naming.unwrap());
                    found.extend(names.map(|naming| (naming.index, naming.name.to_owned())));
                }
            }
        }
        let expected = [(0, "add"), (1, "f0"), (2, "f2")].map(|(number, name)| (number, name.to_owned()));
        assert_eq!(found, expected);
    }
}
