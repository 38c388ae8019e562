//! The annotated functions that the linker collected.

use std::sync::OnceLock;

use super::site::{Declaration, Enrolled, Identity, Site};

/// A linked site, with what it declares.
pub(crate) struct Linked {
    pub(crate) site: &'static Site,
    /// Its path, with its line where another site has the same path.
    pub(crate) name: String,
    pub(crate) declarations: Vec<Declaration>,
}

/// All of them, by name: the linker's own order differs from build to build.
pub(crate) fn linked() -> &'static [Linked] {
    static LINKED: OnceLock<Vec<Linked>> = OnceLock::new();
    LINKED.get_or_init(|| {
        let sites: Vec<&'static Site> =
            inventory::iter::<Enrolled>.into_iter().map(|enrolled| enrolled.0).collect();
        let shares = |site: &Site| {
            sites.iter().filter(|other| is_called_alike(site.identity(), other.identity())).count() > 1
        };
        let mut linked: Vec<Linked> = sites
            .iter()
            .map(|site| {
                let path = site.identity().path();
                let name = if shares(site) { format!("{path}:{}", site.identity().line) } else { path };
                Linked { site, name, declarations: site.declarations() }
            })
            .collect();
        linked.sort_by(|one, other| one.name.cmp(&other.name));
        linked
    })
}

/// The one that stands there.
#[cfg(feature = "http")]
pub(crate) fn linked_at(identity: &Identity) -> Option<&'static Linked> {
    linked().iter().find(|linked| linked.site.identity() == identity)
}

/// The name of a site, linked or not.
pub(crate) fn name_of(site: &Site) -> String {
    let known = linked().iter().find(|linked| std::ptr::eq(linked.site, site));
    known.map_or_else(|| site.identity().path(), |linked| linked.name.clone())
}

fn is_called_alike(one: &Identity, other: &Identity) -> bool {
    (one.function, one.owner, one.module) == (other.function, other.owner, other.module)
}
