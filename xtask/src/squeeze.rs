//! Makes the wasm cheaper to send without touching what it does. What is compiled from one generic
//! function for many types is scattered over the file and often the very same code. Functions that are
//! equal become one, and functions that look alike become neighbours, where the compressor finds them.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Result, anyhow};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{CodeSectionReader, FunctionBody, FunctionSectionReader, Parser, Payload, TypeRef};

pub(crate) fn squeeze(wasm: &[u8]) -> Result<Vec<u8>> {
    let program = Program::read(wasm)?;
    let stands_for = program.fold()?;
    let order = program.order(&stands_for)?;
    let mut module = Module::new();
    let mut renumbered = Renumbered { to: program.numbers(&stands_for, &order), order };
    renumbered.parse_core_module(&mut module, Parser::new(0), wasm).map_err(|err| anyhow!("{err}"))?;
    Ok(module.finish())
}

/// The functions of a module. They are numbered through: first the imported ones, then its own.
struct Program<'a> {
    imported: usize,
    own: Vec<Function<'a>>,
}

struct Function<'a> {
    type_index: u32,
    body: FunctionBody<'a>,
}

impl<'a> Program<'a> {
    fn read(wasm: &'a [u8]) -> Result<Self> {
        let (mut imported, mut types, mut bodies) = (0, Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(functions) => types = functions.into_iter().collect::<Result<_, _>>()?,
                Payload::CodeSectionEntry(body) => bodies.push(body),
                _ => {}
            }
        }
        let own = types.into_iter().zip(bodies).map(|(type_index, body)| Function { type_index, body }).collect();
        Ok(Self { imported, own })
    }

    /// For each function the one that stands for it: itself, or the first that is equal. Callers of two
    /// functions that became one may have become equal themselves, so this goes on until nothing changes.
    fn fold(&self) -> Result<Vec<u32>> {
        let mut stands_for: Vec<u32> = (0..u32::try_from(self.imported + self.own.len())?).collect();
        loop {
            let mut first = HashMap::new();
            let mut next = stands_for.clone();
            let mut renumbered = Renumbered { to: stands_for, order: Vec::new() };
            for (index, function) in self.own.iter().enumerate() {
                let number = index + self.imported;
                let code = renumbered.encode(function)?;
                next[number] = *first.entry((function.type_index, code)).or_insert(u32::try_from(number)?);
            }
            if next == renumbered.to {
                return Ok(next);
            }
            stands_for = next;
        }
    }

    /// The functions that stay, as positions in `own`: sorted by what they take and by their
    /// instructions, so that those which differ in details only follow one another.
    fn order(&self, stands_for: &[u32]) -> Result<Vec<usize>> {
        let mut order = Vec::new();
        for (index, function) in self.own.iter().enumerate() {
            if stands_for[index + self.imported] as usize == index + self.imported {
                order.push((function.type_index, function.opcodes()?, index));
            }
        }
        order.sort();
        Ok(order.into_iter().map(|(_, _, index)| index).collect())
    }

    /// The new number of each old one.
    fn numbers(&self, stands_for: &[u32], order: &[usize]) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..).take(stands_for.len()).collect();
        for (number, index) in (0..).zip(order) {
            numbers[self.imported + index] = self.imported as u32 + number;
        }
        stands_for.iter().map(|kept| numbers[*kept as usize]).collect()
    }
}

impl Function<'_> {
    /// The first byte of each instruction.
    fn opcodes(&self) -> Result<Vec<u8>> {
        let (bytes, start) = (self.body.as_bytes(), self.body.range().start);
        let reader = self.body.get_operators_reader()?;
        reader.into_iter_with_offsets().map(|found| Ok(bytes[found?.1 - start])).collect()
    }
}

/// Writes the module anew with other numbers for its functions.
struct Renumbered {
    /// New numbers by old ones.
    to: Vec<u32>,
    /// Which of the module's own functions are written, and in what order.
    order: Vec<usize>,
}

type Error = reencode::Error<Infallible>;

impl Renumbered {
    fn encode(&mut self, function: &Function<'_>) -> Result<Vec<u8>> {
        let mut code = CodeSection::new();
        self.parse_function_body(&mut code, function.body.clone()).map_err(|err| anyhow!("{err}"))?;
        let mut bytes = Vec::new();
        wasm_encoder::Encode::encode(&code, &mut bytes);
        Ok(bytes)
    }
}

impl Reencode for Renumbered {
    type Error = Infallible;

    fn function_index(&mut self, old: u32) -> Result<u32, Error> {
        Ok(self.to[old as usize])
    }

    fn parse_function_section(
        &mut self,
        out: &mut FunctionSection,
        old: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        let types: Vec<u32> = old.into_iter().collect::<Result<_, _>>()?;
        for index in &self.order {
            out.function(types[*index]);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, out: &mut CodeSection, old: CodeSectionReader<'_>) -> Result<(), Error> {
        let bodies: Vec<FunctionBody<'_>> = old.into_iter().collect::<Result<_, _>>()?;
        for index in self.order.clone() {
            self.parse_function_body(out, bodies[index].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection, ImportSection, Instruction,
        RefType, TableSection, TableType, TypeSection, ValType,
    };
    use wasmparser::{ElementItems, Operator};

    use super::*;

    const ONE: Instruction<'static> = Instruction::I32Const(1);
    const TWO: Instruction<'static> = Instruction::I32Const(2);

    /// One imported function (number 0), and own ones of the given code; each is exported by its number
    /// and lies in the table at it.
    fn module(own: &[&[Instruction<'_>]]) -> Vec<u8> {
        let (mut types, mut imports, mut functions) =
            (TypeSection::new(), ImportSection::new(), FunctionSection::new());
        types.ty().function([], [ValType::I32]);
        imports.import("page", "now", EntityType::Function(0));
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        for (number, instructions) in (1..).zip(own) {
            functions.function(0);
            exports.export(&number.to_string(), ExportKind::Func, number);
            let mut body = wasm_encoder::Function::new([]);
            instructions.iter().chain([&Instruction::End]).for_each(|instruction| {
                body.instruction(instruction);
            });
            code.function(&body);
        }
        let (mut tables, mut elements) = (TableSection::new(), ElementSection::new());
        let all: Vec<u32> = (0..).take(own.len() + 1).collect();
        let (minimum, element_type) = (all.len() as u64, RefType::FUNCREF);
        tables.table(TableType { element_type, minimum, maximum: None, table64: false, shared: false });
        elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(all.into()));
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&tables);
        module.section(&exports).section(&elements).section(&code);
        module.finish()
    }

    /// What each own function does, and where the exports and the table lead.
    struct Read {
        own: Vec<Vec<String>>,
        exports: Vec<(String, u32)>,
        table: Vec<u32>,
    }

    fn read(wasm: &[u8]) -> Read {
        let (mut exports, mut table) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.expect("is wasm") {
                Payload::ExportSection(section) => {
                    exports.extend(section.into_iter().flatten().map(|export| (export.name.to_owned(), export.index)));
                }
                Payload::ElementSection(section) => {
                    for element in section.into_iter().flatten() {
                        let ElementItems::Functions(functions) = element.items else { panic!("functions go in") };
                        table.extend(functions.into_iter().flatten());
                    }
                }
                _ => {}
            }
        }
        let program = Program::read(wasm).expect("is wasm");
        let instructions = |function: &Function<'_>| {
            let reader = function.body.get_operators_reader().expect("has code");
            reader.into_iter().flatten().map(|operator| format!("{operator:?}")).collect()
        };
        Read { own: program.own.iter().map(instructions).collect(), exports, table }
    }

    /// The value that a function of [`module`] returns; `None` is the imported one's.
    fn value(wasm: &[u8], number: u32) -> Option<i32> {
        let program = Program::read(wasm).expect("is wasm");
        let body = &program.own[(number as usize).checked_sub(program.imported)?].body;
        match body.get_operators_reader().expect("has code").read().expect("has an instruction") {
            Operator::I32Const { value } => Some(value),
            Operator::Call { function_index } => value(wasm, function_index),
            other => panic!("unexpected {other:?}"),
        }
    }

    #[test]
    fn equal_functions_become_one_and_then_their_callers() {
        let call = Instruction::Call;
        let wasm = module(&[&[ONE], &[call(1)], &[ONE], &[call(3)], &[TWO], &[call(5)], &[call(0)]]);
        let small = squeeze(&wasm).expect("squeezes");
        let found = read(&small);
        assert_eq!(found.own.len(), 5, "1 and 2, a caller of each, and one of the import: {:?}", found.own);
        let expected = [Some(1), Some(1), Some(1), Some(1), Some(2), Some(2), None];
        for ((name, number), expected) in found.exports.iter().zip(expected) {
            assert_eq!(value(&small, *number), expected, "export {name}");
        }
        for (slot, expected) in [None].into_iter().chain(expected).enumerate() {
            assert_eq!(value(&small, found.table[slot]), expected, "slot {slot} of the table");
        }
        assert_eq!(squeeze(&small).expect("squeezes"), small, "nothing is left to do");
    }

    #[test]
    fn functions_that_look_alike_become_neighbours() {
        let call = Instruction::Call(0);
        let wasm = module(&[&[ONE], &[call.clone(), Instruction::Drop, ONE], &[TWO]]);
        let found = read(&squeeze(&wasm).expect("squeezes"));
        let lengths: Vec<usize> = found.own.iter().map(Vec::len).collect();
        assert_eq!(lengths, [4, 2, 2], "{:?}", found.own);
    }
}
