use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::check::{self, Declared};
use super::mistake::{Notes, ScenarioError};
use super::names::read_name;
use super::reader::{Table, clip, unknown};
use super::runtime::{self, RuntimeOptions};
use super::tree::{Item, Node, Span};
use super::variant::{self, Draft, Ground};
use super::{Scenario, expect, fault, handler, load, service, swarm};

/// No scenario needs more; what is larger is not even read.
const MOST_BYTES: usize = 128 * 1_024;

/// More combinations than this would run for ever.
const MOST_COMBINATIONS: usize = 1_000;

/// A scenario's file before its values are laid out: paths can still be set in it.
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    /// Where the files lie that it names.
    directory: PathBuf,
    /// The file's text, and behind it one line for each value that was set.
    source: String,
    /// Where the file's text ends.
    end: usize,
    root: Node,
}

/// One combination of a matrix.
#[derive(Clone, Debug)]
pub struct Combination {
    /// Each path of the matrix and the value that it has here.
    pub set: Vec<(String, String)>,
    /// The document with these values.
    pub document: Document,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, is larger than the limit, or is no TOML.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        let whole = |message: String| ScenarioError::whole(&file, message);
        let opened =
            std::fs::File::open(path).map_err(|error| whole(format!("it cannot be read: {error}")))?;
        let mut bytes = Vec::new();
        let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX) + 1;
        opened
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| whole(format!("it cannot be read: {error}")))?;
        let mut document = Self::parse(&file, &bytes)?;
        document.directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(document)
    }

    /// Reads the bytes of a file that goes by the name `file` in messages.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, ScenarioError> {
        if bytes.len() > MOST_BYTES {
            return Err(ScenarioError::whole(
                file,
                format!("it is larger than {MOST_BYTES} bytes, the most"),
            ));
        }
        let source = match std::str::from_utf8(bytes) {
            Ok(source) => source.to_owned(),
            Err(error) => {
                let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
                let mut notes = Notes::new(&good);
                notes.add(&(good.len()..good.len()), "it is no UTF-8 text from here on");
                return notes.finish(file, None);
            }
        };
        let root = match Node::parse(&source) {
            Ok(root) => root,
            Err((span, message)) => {
                let mut notes = Notes::new(&source);
                notes.add(&span, message);
                return notes.finish(file, None);
            }
        };
        Ok(Document { file: file.to_owned(), directory: PathBuf::from("."), end: source.len(), source, root })
    }

    /// Puts a value at a path such as `load.0.stages.0.rate` or `service.db.servers`.
    ///
    /// # Errors
    /// Where the path leads nowhere.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), ScenarioError> {
        let argument = format!("\n--set {path}={value}");
        self.source.push_str(&argument);
        let place = self.source.len() + 1 - argument.len()..self.source.len();
        match self.root.set(path, Node::parse_value(value, &place)) {
            Ok(()) => Ok(()),
            Err(message) => self.fail(&place, &message),
        }
    }

    /// One document for each combination of `[matrix]`, with what was set in it; the document itself where it has none.
    ///
    /// # Errors
    /// Where a path leads nowhere, or there are more than a thousand combinations.
    pub fn combinations(&self) -> Result<Vec<Combination>, ScenarioError> {
        let mut plain = self.clone();
        let mut matrix = Vec::new();
        if let Item::Table(entries) = &mut plain.root.item
            && let Some(index) = entries.iter().position(|(key, _)| key.name == "matrix")
        {
            let (key, node) = entries.remove(index);
            let Item::Table(rows) = node.item else {
                return self.fail(&key.span, "a matrix is a table of paths and lists");
            };
            matrix = rows;
        }
        let mut made = vec![Combination { set: Vec::new(), document: plain }];
        for (path, node) in &matrix {
            let values = match &node.item {
                Item::List(values) if !values.is_empty() => values,
                _ => return self.fail(&node.span, "a path of a matrix takes a list of values"),
            };
            if made.len() * values.len() > MOST_COMBINATIONS {
                return self.fail(&node.span, "this matrix has more than 1000 combinations");
            }
            let mut next = Vec::new();
            for Combination { set, document } in &made {
                for value in values {
                    let mut set = set.clone();
                    set.push((path.name.clone(), value.to_value().to_string()));
                    let mut document = document.clone();
                    if let Err(message) = document.root.set(&path.name, value.clone()) {
                        return self.fail(&path.span, &message);
                    }
                    next.push(Combination { set, document });
                }
            }
            made = next;
        }
        Ok(made)
    }

    /// The text of a file that says the same, with everything that was set.
    #[must_use]
    pub fn to_toml(&self) -> String {
        super::write::file(&self.root)
    }

    /// The files that it names: where each lies, and its name.
    pub(crate) fn files(&self) -> Vec<(PathBuf, String)> {
        let names = self.root.list_of("load").iter().filter_map(|load| load.text_of("file"));
        names.map(|name| (self.directory.join(name), name.to_owned())).collect()
    }

    /// Where the values lie, for whoever changes them.
    pub(crate) fn root_mut(&mut self) -> &mut Node {
        &mut self.root
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    fn fail<T>(&self, span: &Span, message: &str) -> Result<T, ScenarioError> {
        let mut notes = self.notes();
        notes.add(span, message);
        notes.finish(&self.file, None)
    }

    fn notes(&self) -> Notes<'_> {
        Notes::with_arguments(&self.source, self.end)
    }

    /// Lays out and checks everything.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let mut notes = self.notes();
        let scenario = self.lay_out(&mut notes);
        if let Some(scenario) = &scenario {
            check::check(scenario, &Declared::of(&self.root), &mut notes);
        }
        notes.finish(&self.file, scenario)
    }

    fn lay_out(&self, notes: &mut Notes<'_>) -> Option<Scenario> {
        let mut table = Table::new(&self.root, "a scenario", notes)?;
        let schema = table.need("schema", "1", notes);
        if let Some(node) = schema
            && node.item != Item::Integer(1)
        {
            notes.add(&node.span, "this program reads schema = 1");
        }
        let name = read_name(&mut table, notes);
        let about = table.text("about", notes).unwrap_or_default().to_owned();
        let source = table.text("source", notes).unwrap_or_default().to_owned();
        let duration = table.need("duration", "\"120s\"", notes);
        let duration = duration.and_then(|node| {
            let nanos = super::reader::duration(node, notes)?;
            if nanos == 0 {
                notes.add(&node.span, "a run lasts longer than zero");
            }
            Some(nanos)
        });
        let seed = table.integer("seed", 0..=i64::MAX.unsigned_abs(), notes).unwrap_or(1);
        table.choice("rng", &[("chacha8/v1", ())], notes);
        let service_nodes = table.list("service", 1_000, notes);
        let services = service_nodes.iter().filter_map(|node| service::read(node, notes)).collect();
        let links =
            table.list("link", 1_000, notes).iter().filter_map(|node| handler::read_link(node, notes));
        let links = links.collect();
        let handlers =
            table.list("handler", 1_000, notes).iter().filter_map(|node| handler::read(node, notes));
        let handlers = handlers.collect();
        let options = RuntimeOptions::default();
        let runtime =
            table.get("runtime").map_or(options.clone(), |node| runtime::read(node, &options, notes));
        let drafts = table.list("variant", 100, notes);
        let drafts: Vec<_> = drafts.iter().filter_map(|node| variant::read_draft(node, notes)).collect();
        let named = service_nodes.iter().filter_map(|node| Some((node.text_of("name")?, node)));
        let named: BTreeMap<&str, &Node> = named.collect();
        let declared = Declared::of(&self.root);
        let ground = Ground { handlers: &declared.handlers, services: &named, runtime: &runtime };
        let variants = assemble_all(&drafts, &ground, notes);
        let loads = table.list("load", 100, notes).iter();
        let loads = loads.filter_map(|node| load::read(node, &self.directory, notes)).collect();
        let faults = table.list("fault", 1_000, notes).iter().filter_map(|node| fault::read(node, notes));
        let faults = faults.collect();
        let expected = table.list("expect", 1_000, notes).iter().filter_map(|node| expect::read(node, notes));
        let expectations = expected.collect();
        let sometimes = table.list("sometimes", 1_000, notes).iter();
        let sometimes = sometimes.filter_map(|node| expect::read_sometimes(node, notes)).collect();
        let swarm = table.get("swarm").and_then(|node| swarm::read(node, notes));
        let _ = table.get("matrix");
        table.finish(notes);
        for list in ["service", "handler", "variant"] {
            twice(list, self.root.list_of(list), notes);
        }
        // What could not be read was noted; the rest is still checked.
        Some(Scenario {
            name: name.unwrap_or_default(),
            about,
            source,
            duration: duration.unwrap_or_default(),
            seed,
            services,
            links,
            handlers,
            variants,
            loads,
            faults,
            expectations,
            sometimes,
            swarm,
        })
    }
}

fn assemble_all(drafts: &[Draft<'_>], ground: &Ground<'_>, notes: &mut Notes<'_>) -> Vec<variant::Variant> {
    let mut variants = Vec::new();
    for draft in drafts {
        let mut chain = vec![draft];
        while let Some((base, span)) = chain.last().and_then(|draft| draft.extends.as_ref()) {
            let Some(next) = drafts.iter().find(|draft| draft.name == *base) else {
                unknown("variant", base, span, drafts.iter().map(|draft| draft.name.as_str()), notes);
                break;
            };
            if chain.iter().any(|draft| std::ptr::eq(*draft, next)) {
                notes.add(span, format!("variants extend each other in a circle, through `{}`", clip(base)));
                break;
            }
            chain.push(next);
        }
        chain.reverse();
        variants.extend(variant::assemble(&chain, ground, notes));
    }
    if drafts.is_empty() {
        // Without a variant the handlers run bare: good enough to look at a load.
        let bare = variant::Variant {
            name: "bare".to_owned(),
            policies: BTreeMap::new(),
            services: BTreeMap::new(),
            runtime: ground.runtime.clone(),
        };
        variants.push(bare);
    }
    variants
}

/// Notes each name in a list that stands there already.
fn twice(list: &str, entries: &[Node], notes: &mut Notes<'_>) {
    let mut seen = std::collections::BTreeSet::new();
    for node in entries.iter().filter_map(|entry| entry.get("name")) {
        if let Item::Text(name) = &node.item
            && !seen.insert(name)
        {
            notes.add(&node.span, format!("another [[{list}]] is called {:?} too", clip(name)));
        }
    }
}
