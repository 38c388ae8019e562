use crate::scenario::FaultKind;

/// What goes wrong at one place now, in the order in which it began.
#[derive(Debug, Default)]
pub(crate) struct Active(Vec<Striking>);

/// A fault while it lasts.
#[derive(Debug)]
struct Striking {
    fault: usize,
    kind: FaultKind,
    /// Whose requests it strikes; everybody's where nobody is named.
    whose: Option<u64>,
}

impl Active {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn begin(&mut self, fault: usize, kind: FaultKind, whose: Option<u64>) {
        self.0.push(Striking { fault, kind, whose });
    }

    pub(crate) fn end(&mut self, fault: usize) {
        self.0.retain(|striking| striking.fault != fault);
    }

    /// Each, and whose requests it strikes.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&FaultKind, Option<u64>)> {
        self.0.iter().map(|striking| (&striking.kind, striking.whose))
    }

    /// What strikes a request of this key.
    pub(crate) fn of(&self, key: u64) -> impl Iterator<Item = &FaultKind> {
        self.all().filter(move |(_, whose)| whose.is_none_or(|whose| whose == key)).map(|(kind, _)| kind)
    }
}
