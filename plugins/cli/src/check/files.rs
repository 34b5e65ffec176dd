//! Reads files and detects what they are: dynamic or static configuration of Traefik, Kubernetes objects, a Compose
//! file, or values of Traefik's Helm chart.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::document::Node;
use super::elsewhere::elsewhere;
use super::finding::{Finding, Severity, finding};
use super::place::{Fault, Place};
use super::raw::{Raw, RawValue};
use super::yaml::decode::decode;
use super::yaml::dialect::Dialect;
use super::yaml::syntax::{self, Syntax};
use super::{compose, file_provider, helm, toml};

/// A document, and the file that contains it.
pub(super) struct Document {
    pub(super) file: PathBuf,
    pub(super) source: Source,
    pub(super) node: Node,
    /// The directories that Traefik's Helm chart mounts, if the document comes from the chart's values.
    pub(super) chart_mounts: Option<Vec<String>>,
}

/// Which program reads a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Traefik's file provider.
    Dynamic,
    /// Traefik's Docker provider.
    Labels,
    /// Traefik, when it starts.
    Static,
    /// Kubernetes.
    Object,
}

const START: Place = Place { line: 1, column: 1 };

/// Reads a file. An error becomes a finding.
pub(super) fn read(file: &Path, documents: &mut Vec<Document>, findings: &mut Vec<Finding>) {
    let mut reader = Reader {
        file,
        documents,
        findings,
    };
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(_) if file.is_dir() => {
            return reader.say(START, Severity::Error, "is a directory; name the files in it");
        }
        Err(error) => {
            return reader.say(START, Severity::Error, format!("cannot be read: {error}"));
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => reader.text(text.strip_prefix('\u{feff}').unwrap_or(&text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let place = place_after(error.as_bytes().get(..good).unwrap_or_default());
            reader.say(
                place,
                Severity::Error,
                "is not UTF-8 from here on; nothing in it was checked",
            );
        }
    }
}

fn place_after(bytes: &[u8]) -> Place {
    let text = String::from_utf8_lossy(bytes);
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place {
        line: text.matches('\n').count() as u64 + 1,
        column: last.chars().count() as u64 + 1,
    }
}

struct Reader<'r> {
    file: &'r Path,
    documents: &'r mut Vec<Document>,
    findings: &'r mut Vec<Finding>,
}

impl Reader<'_> {
    fn say(&mut self, place: Place, severity: Severity, message: impl Into<String>) {
        self.findings.push(finding(self.file, place, severity, message));
    }

    fn extension(&self) -> String {
        let extension = self.file.extension().unwrap_or_default();
        extension.to_string_lossy().to_ascii_lowercase()
    }

    fn text(&mut self, text: &str) {
        let template = template(text);
        if self.extension() == "toml" {
            match toml::read(text) {
                Ok(raw) => self.traefik(&raw, template),
                Err(fault) => self.not_read(fault, "TOML", template),
            }
            return;
        }
        let (documents, fault) = syntax::read(text);
        let objects = documents.iter().find_map(is_object).unwrap_or_default();
        if objects {
            return self.objects(text, template);
        }
        let Some(first) = documents.first() else {
            if let Some(fault) = fault {
                self.not_read(fault, "YAML", template);
            }
            return;
        };
        match decode(first, Dialect::Traefik) {
            Ok((raw, _)) => self.traefik(&raw, template),
            Err(fault) => return self.not_read(fault, "YAML", template),
        }
        let more = documents.iter().skip(1).map(|document| document.place);
        // Traefik does not even check whether the rest is YAML.
        if let Some(place) = more.chain(fault.map(|fault| fault.place)).next() {
            self.say(
                place,
                Severity::Warning,
                "is a second document: Traefik reads only the first document of a file, and ignores everything from here on",

            );
        }
    }

    fn not_read(&mut self, fault: Fault, kind: &str, template: Option<Place>) {
        match template {
            Some(place) => self.say(
                place,
                Severity::Error,
                format!(
                    "this file is a Go template and not {kind} until Traefik (or Helm) has executed it; nothing in it was \
                     checked: check the output instead"
                ),
            ),
            None => self.say(
                fault.place,
                Severity::Error,
                format!("not valid {kind}: {}; nothing in this file was checked", fault.what),
            ),
        }
    }

    /// Adds a document that Traefik reads as dynamic or static configuration. If it has settings of both, it is added
    /// as both.
    fn traefik(&mut self, raw: &Raw, template: Option<Place>) {
        if let Some(values) = helm::read(raw) {
            return self.helm(&values, template);
        }
        let (is_dynamic, is_static) = file_provider::sections(raw);
        if is_dynamic {
            if !["yml", "yaml", "toml"].contains(&self.extension().as_str()) {
                self.say(
                    raw.place,
                    Severity::Error,
                    "Traefik's file provider reads only files that end in .yml, .yaml or .toml; it ignores this one",

                );
            }
            if let Some(place) = template {
                self.say(
                    place,
                    Severity::Warning,
                    "this file is a Go template: Traefik reads its output, which may differ from what is checked here",

                );
            }
            match file_provider::dynamic(raw) {
                Ok(node) => self.add(Source::Dynamic, node),
                Err(Fault { place, what }) => self.say(
                    place,
                    Severity::Error,
                    format!(
                        "Traefik refuses the whole file, and every other file of the same directory: {what}"
                    ),
                ),
            }
        }
        if is_static {
            self.static_configuration(raw);
        }
        if is_dynamic || is_static {
            return;
        }
        match &raw.value {
            RawValue::Null => {}
            RawValue::Block(members) if members.is_empty() => {}
            RawValue::Block(_) => {
                let node = Node::from(raw.clone());
                match (compose::read(&node), elsewhere(&node)) {
                    (Some(services), _) => self.compose(&services),
                    (None, Some((place, what))) => self.say(place, Severity::Warning, what),
                    (None, None) => self.say(
                        raw.place,
                        Severity::Note,
                        "has none of the settings that Traefik reads from a file, and is not a Kubernetes object, a \
                         Compose file or Helm values; nothing in it was checked",
                    ),
                }
            }
            _ => self.say(
                raw.place,
                Severity::Error,
                "is not a block of settings; nothing in it was checked",
            ),
        }
    }

    fn static_configuration(&mut self, raw: &Raw) {
        match file_provider::static_configuration(raw) {
            Ok(node) => self.add(Source::Static, node),
            Err(Fault { place, what }) => {
                self.say(place, Severity::Error, format!("Traefik does not start: {what}"));
            }
        }
    }

    /// Adds the values of Traefik's Helm chart.
    fn helm(&mut self, values: &helm::Values<'_>, template: Option<Place>) {
        let before = self.documents.len();
        self.static_configuration(&values.configuration);
        for document in self.documents.iter_mut().skip(before) {
            document.chart_mounts = Some(values.mounts.clone());
        }
        for object in &values.objects {
            match &object.value {
                RawValue::Text(text) if text.contains("{{") => self.say(
                    object.place,
                    Severity::Warning,
                    "this object is a template and was not checked: check the output of `helm template`",
                ),
                // The place is that of the text's first line.
                RawValue::Text(text) => self.chunk(text, object.place.line.saturating_sub(1)),
                _ => self.object(Node::from((*object).clone())),
            }
        }
        let is_within = |object: &&Raw| matches!(&object.value, RawValue::Text(text) if text.contains("{{"));
        if let (Some(place), false) = (template, values.objects.iter().any(is_within)) {
            self.say(
                place,
                Severity::Note,
                "these values hold a template; it was checked as it stands",
            );
        }
    }

    /// Adds a Docker Compose file.
    fn compose(&mut self, services: &[compose::Service<'_>]) {
        let mut some = false;
        for service in services {
            if let Some(arguments) = &service.arguments {
                some = true;
                self.static_configuration(arguments);
            }
            if let Some((place, what)) = service.environment.and_then(elsewhere) {
                some = true;
                self.say(place, Severity::Warning, what);
            }
            let Some(labels) = &service.labels else { continue };
            some = true;
            match file_provider::dynamic(labels) {
                Ok(mut node) => {
                    service.complete(&mut node);
                    self.add(Source::Labels, node);
                }
                Err(Fault { place, what }) => self.say(
                    place,
                    Severity::Error,
                    format!("Traefik ignores the labels of {}: {what}", service.name),
                ),
            }
        }
        if !some {
            self.say(
                START,
                Severity::Note,
                "this Compose file has neither labels nor arguments for Traefik; nothing in it was checked",
            );
        }
    }

    /// Adds Kubernetes objects. Each one is parsed on its own, as kubectl does.
    fn objects(&mut self, text: &str, template: Option<Place>) {
        if let Some(place) = template {
            self.say(
                place,
                Severity::Warning,
                "this file is a template: its output may differ from what is checked here (with Helm, check the output of \
                 `helm template`)",
            );
        }
        for (chunk, lines_before) in chunks(text) {
            self.chunk(&chunk, lines_before);
        }
    }

    /// Parses one document of a file, or of a text within a file, on its own.
    fn chunk(&mut self, text: &str, lines_before: u64) {
        let (documents, fault) = syntax::read(text);
        let decoded = match (documents.first(), fault) {
            (Some(first), None) => decode(first, Dialect::Kubectl),
            (_, Some(fault)) => Err(fault),
            (None, None) => return,
        };
        match decoded {
            Ok((raw, remarks)) => {
                for Fault { place, what } in remarks {
                    self.say(moved(place, lines_before), Severity::Warning, what);
                }
                let mut node = Node::from(raw);
                node.move_down(lines_before);
                self.object(node);
            }
            Err(fault) => {
                let place = moved(fault.place, lines_before);
                self.say(
                    place,
                    Severity::Error,
                    format!(
                        "not valid YAML: {}; nothing in this document was checked",
                        fault.what
                    ),
                );
            }
        }
    }

    /// Adds an object, or the objects of a list.
    fn object(&mut self, node: Node) {
        let kind = node.text_of("kind").unwrap_or_default();
        if kind.ends_with("List") && node.get("items").is_some() {
            for item in node.items_of("items") {
                self.object(item.clone());
            }
        } else if node.get("kind").is_some() {
            self.add(Source::Object, node);
        } else if node.members().next().is_some() {
            self.say(
                node.place,
                Severity::Warning,
                "is not a Kubernetes object, unlike the rest of this file; nothing in it was checked",
            );
        }
    }

    fn add(&mut self, source: Source, node: Node) {
        self.documents.push(Document {
            file: self.file.to_owned(),
            source,
            node,
            chart_mounts: None,
        });
    }
}

/// Returns whether a document is a Kubernetes object, or `None` if it is empty.
fn is_object(document: &Rc<Syntax>) -> Option<bool> {
    let (raw, _) = decode(document, Dialect::Kubectl).ok()?;
    match raw.value {
        RawValue::Null => None,
        RawValue::Block(members) => {
            let has = |name: &str| members.iter().any(|member| member.name == name);
            Some(has("apiVersion") && has("kind"))
        }
        _ => Some(false),
    }
}

/// Splits a file into documents like kubectl, with the number of lines before each one.
fn chunks(text: &str) -> Vec<(String, u64)> {
    let mut chunks = vec![(String::new(), 0)];
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if syntax::is_document_separator(line) {
            chunks.push((String::new(), index as u64 + 1));
        } else if let Some((chunk, _)) = chunks.last_mut() {
            chunk.push_str(line);
        }
    }
    chunks
}

fn moved(place: Place, lines: u64) -> Place {
    Place {
        line: place.line + lines,
        ..place
    }
}

/// Returns the place of the first action of a Go template.
fn template(text: &str) -> Option<Place> {
    let at = text.find("{{")?;
    Some(place_after(text.get(..at)?.as_bytes()))
}
