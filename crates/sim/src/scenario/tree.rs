use std::ops::Range;

use steadfast_actors::settings::{Settings, Value};
use toml::de::{DeTable, DeValue};

/// A place in the file.
pub(crate) type Span = Range<usize>;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) item: Item,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) span: Span,
    pub(crate) name: String,
}

impl Key {
    fn placed(self, place: &Span) -> Key {
        Key { span: place.clone(), name: self.name }
    }
}

impl Node {
    /// Reads TOML. The parser bounds how deep values are nested, so nothing here can recurse without end.
    pub(crate) fn parse(text: &str) -> Result<Node, (Span, String)> {
        let root = DeTable::parse(text).map_err(|error| {
            (error.span().unwrap_or_default(), error.message().lines().collect::<Vec<_>>().join(", "))
        })?;
        table(0..0, root.get_ref())
    }

    /// Reads the text of one value, as `--set` gives it at `place`. What is no TOML value is taken as a plain text, so
    /// that `--set duration=10s` needs no quotes.
    pub(crate) fn parse_value(text: &str, place: &Span) -> Node {
        let parsed = DeValue::parse(text).ok().and_then(|found| value(0..0, found.get_ref()).ok());
        let plain = || Node { span: place.clone(), item: Item::Text(text.to_owned()) };
        parsed.map_or_else(plain, |node| node.placed(place))
    }

    fn placed(self, place: &Span) -> Node {
        let item = match self.item {
            Item::List(nodes) => Item::List(nodes.into_iter().map(|node| node.placed(place)).collect()),
            Item::Table(entries) => {
                let entries = entries.into_iter();
                Item::Table(entries.map(|(key, node)| (key.placed(place), node.placed(place))).collect())
            }
            plain => plain,
        };
        Node { span: place.clone(), item }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match &self.item {
            Item::Table(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text that a table has under `name`.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.item {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of the list that a table has under `name`; none where it has no such list.
    pub(crate) fn list_of(&self, name: &str) -> &[Node] {
        match self.get(name).map(|node| &node.item) {
            Some(Item::List(nodes)) => nodes,
            _ => &[],
        }
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        match &mut self.item {
            Item::Table(entries) => {
                entries.iter_mut().find(|(key, _)| key.name == name).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    pub(crate) fn at_mut(&mut self, index: usize) -> Option<&mut Node> {
        match &mut self.item {
            Item::List(nodes) => nodes.get_mut(index),
            _ => None,
        }
    }

    /// What a person would call this value's type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.item {
            Item::Text(_) => "a text",
            Item::Integer(_) => "an integer",
            Item::Float(_) => "a decimal number",
            Item::Flag(_) => "true or false",
            Item::List(_) => "a list",
            Item::Table(_) => "a table",
        }
    }

    /// The same without places, as policies read it.
    pub(crate) fn to_value(&self) -> Value {
        match &self.item {
            Item::Text(text) => Value::Text(text.clone()),
            Item::Integer(number) => Value::Integer(*number),
            Item::Float(number) => Value::Float(*number),
            Item::Flag(flag) => Value::Flag(*flag),
            Item::List(nodes) => Value::List(nodes.iter().map(Node::to_value).collect()),
            Item::Table(entries) => {
                let mut settings = Settings::new();
                for (key, node) in entries {
                    settings.insert(&key.name, node.to_value());
                }
                Value::Table(settings)
            }
        }
    }

    /// Puts `new` at a path of keys and indices, such as `load.0.stages.0.rate`. Lists also go by their entries'
    /// `name`, as in `service.db.servers`.
    pub(crate) fn set(&mut self, path: &str, new: Node) -> Result<(), String> {
        let mut node = self;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if part.is_empty() {
                return Err(format!("{path:?} is no path; write it as in load.0.stages.0.rate"));
            }
            let last = parts.peek().is_none();
            let found = node
                .step(part, last, new.span.clone())
                .map_err(|message| format!("in the path {path:?}: {message}"))?;
            node = found;
        }
        *node = new;
        Ok(())
    }

    fn step(&mut self, part: &str, last: bool, span: Span) -> Result<&mut Node, String> {
        let type_name = self.type_name();
        match &mut self.item {
            Item::Table(entries) => {
                let index = match entries.iter().position(|(key, _)| key.name == part) {
                    Some(index) => index,
                    None => {
                        let item = if last { Item::Flag(false) } else { Item::Table(Vec::new()) };
                        let key = Key { span: span.clone(), name: part.to_owned() };
                        entries.push((key, Node { span, item }));
                        entries.len() - 1
                    }
                };
                Ok(&mut entries[index].1)
            }
            Item::List(nodes) => {
                let named = |node: &Node| node.text_of("name") == Some(part);
                let index = part.parse::<usize>().ok().or_else(|| nodes.iter().position(named));
                let known = nodes.len();
                let node = index.and_then(|index| nodes.get_mut(index));
                node.ok_or_else(|| {
                    format!("{part:?} is neither one of its {known} entries nor a name of one")
                })
            }
            _ => Err(format!("{part:?} is looked for in {type_name}, which has no parts")),
        }
    }
}

fn table(span: Span, entries: &DeTable<'_>) -> Result<Node, (Span, String)> {
    let mut read = Vec::with_capacity(entries.len());
    for (key, entry) in entries {
        let name = Key { span: key.span(), name: key.get_ref().to_string() };
        read.push((name, value(entry.span(), entry.get_ref())?));
    }
    // The parser sorts by name; mistakes and lists of names are easier to follow in the file's own order.
    read.sort_by_key(|(key, _): &(Key, Node)| key.span.start);
    Ok(Node { span, item: Item::Table(read) })
}

fn value(span: Span, value: &DeValue<'_>) -> Result<Node, (Span, String)> {
    let item = match value {
        DeValue::String(text) => Item::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Item::Integer(number),
            Err(_) => return Err((span, "this number does not fit 64 bits".to_owned())),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Item::Float(number),
            Err(_) => return Err((span, "this is no number".to_owned())),
        },
        DeValue::Boolean(flag) => Item::Flag(*flag),
        DeValue::Datetime(_) => {
            return Err((
                span,
                "a date means nothing here; times count from the start, as in \"20s\"".to_owned(),
            ));
        }
        DeValue::Array(values) => Item::List(
            values
                .iter()
                .map(|found| self::value(found.span(), found.get_ref()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(entries) => return table(span, entries),
    };
    Ok(Node { span, item })
}
