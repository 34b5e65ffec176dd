//! The syntax tree of a file, before scalars get their meaning. Aliases are resolved to their anchors.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::tabs::{self, Lines};
use crate::check::place::{Fault, Place};

/// A node of a document.
#[derive(Debug)]
pub(in crate::check) struct Syntax {
    pub(in crate::check) place: Place,
    pub(in crate::check) tag: Option<String>,
    pub(in crate::check) kind: Kind,
}

#[derive(Debug)]
pub(in crate::check) enum Kind {
    Scalar {
        text: String,
        /// Whether it is written without quotes, and not as a block of text.
        plain: bool,
    },
    List(Vec<Rc<Syntax>>),
    /// Keys and values in the order of the file.
    Block(Vec<(Rc<Syntax>, Rc<Syntax>)>),
}

/// Reads the documents of a text, up to the first one that is not YAML.
pub(in crate::check) fn read(text: &str) -> (Vec<Rc<Syntax>>, Option<Fault>) {
    let mut reader = Reader::default();
    if let Some(fault) = control_character(text) {
        return (Vec::new(), Some(fault));
    }
    for event in Parser::new_from_str(text) {
        let taken = match event {
            Ok((event, span)) => unknown_escape(&event, &span, text).and_then(|()| reader.take(event, span)),
            Err(error) => Err(Fault::new(
                Place {
                    line: error.marker().line() as u64,
                    column: error.marker().col() as u64 + 1,
                },
                error.info(),
            )),
        };
        if let Err(fault) = taken {
            return (reader.documents, Some(fault));
        }
    }
    match tabs::refused(text, &reader.lines) {
        Some(fault) => (Vec::new(), Some(fault)),
        None => (reader.documents, None),
    }
}

/// Finds a character that Go's parsers refuse, even in quotes.
fn control_character(text: &str) -> Option<Fault> {
    let is_allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | '\u{85}' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
            && c != '\u{feff}'
    };
    let (at, _) = text.char_indices().find(|(_, c)| !is_allowed(*c))?;
    let before = text.get(..at)?;
    let last = before.rsplit('\n').next().unwrap_or_default();
    let place = Place {
        line: before.matches('\n').count() as u64 + 1,
        column: last.chars().count() as u64 + 1,
    };
    Some(Fault::new(place, "control characters are not allowed"))
}

/// Finds `\/`. It is valid in YAML 1.2, for compatibility with JSON, but Go's parsers refuse it.
fn unknown_escape(event: &Event<'_>, span: &Span, text: &str) -> Result<(), Fault> {
    let Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) = event else {
        return Ok(());
    };
    let mut characters = span.slice(text).unwrap_or_default().chars();
    while let Some(c) = characters.next() {
        if c == '\\' && characters.next() == Some('/') {
            let place = Place {
                line: span.start.line() as u64,
                column: span.start.col() as u64 + 1,
            };
            return Err(Fault::new(
                place,
                "found unknown escape character: write / without a backslash",
            ));
        }
    }
    Ok(())
}

/// Returns whether kubectl begins a new document at this line.
pub(in crate::check) fn is_document_separator(line: &str) -> bool {
    line.starts_with("---")
}

/// The maximum depth. No configuration is as deep, and recursion to this depth is safe.
const DEEPEST: usize = 100;

#[derive(Default)]
struct Reader {
    documents: Vec<Rc<Syntax>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Syntax>>,
    lines: Lines,
}

/// A list or block that is still open.
struct Open {
    place: Place,
    anchor: usize,
    tag: Option<String>,
    is_block: bool,
    /// Whether it is written in brackets.
    is_flow: bool,
    items: Vec<Rc<Syntax>>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let place = Place {
            line: span.start.line() as u64,
            column: span.start.col() as u64 + 1,
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let lines = (span.start.line() + 1, span.end.line());
                match style {
                    ScalarStyle::Plain => {}
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => self.lines.free.push(lines),
                    ScalarStyle::Literal | ScalarStyle::Folded => self.lines.texts.push(lines),
                }
                let kind = Kind::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                };
                let tag = tag.map(|tag| name(&tag));
                self.add(anchor, Syntax { place, tag, kind });
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.begin(place, anchor, tag.map(|tag| name(&tag)), (false, style))?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.begin(place, anchor, tag.map(|tag| name(&tag)), (true, style))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span.end.line()),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err(Fault::new(place, "the alias stands within its own anchor"));
                };
                let node = Rc::clone(node);
                self.put(node);
            }
            Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 1) => {
                return Err(Fault::new(
                    place,
                    "found incompatible YAML document: %YAML must be 1.1",
                ));
            }
            Event::DocumentEnd => self.anchors.clear(),
            _ => {}
        }
        Ok(())
    }

    fn begin(
        &mut self,
        place: Place,
        anchor: usize,
        tag: Option<String>,
        (is_block, style): (bool, StructureStyle),
    ) -> Result<(), Fault> {
        if self.open.len() >= DEEPEST {
            return Err(Fault::new(place, "nested too deeply"));
        }
        self.open.push(Open {
            place,
            anchor,
            tag,
            is_block,
            is_flow: style == StructureStyle::Flow,
            items: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self, line: usize) {
        let Some(open) = self.open.pop() else { return };
        if open.is_flow && !self.open.iter().any(|outer| outer.is_flow) {
            let first = usize::try_from(open.place.line).unwrap_or(line);
            self.lines.free.push((first + 1, line));
        }
        let kind = if open.is_block {
            let mut items = open.items.into_iter();
            let mut members = Vec::new();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                members.push((key, value));
            }
            Kind::Block(members)
        } else {
            Kind::List(open.items)
        };
        let (place, tag) = (open.place, open.tag);
        self.add(open.anchor, Syntax { place, tag, kind });
    }

    fn add(&mut self, anchor: usize, node: Syntax) {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node);
    }

    fn put(&mut self, node: Rc<Syntax>) {
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.documents.push(node),
        }
    }
}

/// Returns the short form of YAML's own tags, such as `!!int`, and other tags unchanged.
fn name(tag: &Tag) -> String {
    match tag.suffix_in_namespace("tag:yaml.org,2002:") {
        Some(suffix) => format!("!!{suffix}"),
        None => tag.original(),
    }
}
