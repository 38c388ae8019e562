use std::collections::BTreeMap;

use crate::pipeline::linked_at;
use crate::runtime::Runtime;
use crate::service::contract::Route;

/// The routes that the linker collected, by what tells two of them apart: path without its parameters' names, method.
pub(super) type Routes = BTreeMap<String, BTreeMap<&'static str, &'static Route>>;

/// Collects them.
///
/// # Errors
/// Every two sites on one route, and every site that asks for authentication where there is none.
pub(super) fn collect(runtime: &Runtime) -> Result<Routes, Vec<String>> {
    let mut routes = Routes::new();
    let mut mistakes = Vec::new();
    let mut all: Vec<&'static Route> = inventory::iter::<Route>.into_iter().collect();
    all.sort_by_key(|route| (route.path(), route.method(), route.identity().path()));
    for route in all {
        let methods = routes.entry(pattern(route.path())).or_default();
        if let Some(other) = methods.insert(route.method(), route) {
            let (one, other) = (named(other), named(route));
            mistakes.push(format!("{} {} is served by two: {one} and {other}", route.method(), route.path()));
        }
    }
    if runtime.authentication().authenticators.is_empty() {
        mistakes.extend(
            routes.values().flat_map(BTreeMap::values).filter_map(|route| lacks_authentication(route)),
        );
    }
    if mistakes.is_empty() { Ok(routes) } else { Err(mistakes) }
}

/// Nobody could ever pass such a site, or, worse, everybody.
fn lacks_authentication(route: &Route) -> Option<String> {
    let declarations = &linked_at(route.identity())?.declarations;
    let asks = declarations.iter().any(|declaration| declaration.attribute == "require_auth");
    asks.then(|| {
        format!(
            "{} has #[require_auth], but the runtime has no authenticator; give its builder one, as in \
             .jwt_hs256(secret) or .authenticator(..)",
            named(route)
        )
    })
}

fn named(route: &Route) -> String {
    let identity = route.identity();
    format!("{} ({}:{})", identity.path(), identity.file, identity.line)
}

/// A path in the router's words. Parameters are named by their place: the router knows one name for all methods.
fn pattern(path: &str) -> String {
    let mut place = 0;
    let segments = path.split('/').map(|segment| {
        if segment.starts_with(':') {
            place += 1;
            format!("{{p{place}}}")
        } else {
            segment.replace('{', "{{").replace('}', "}}")
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The route table, a line for each.
pub(super) fn table(routes: &Routes) -> impl Iterator<Item = String> {
    routes
        .values()
        .flat_map(BTreeMap::values)
        .map(|route| format!("{} {} -> {}", route.method(), route.path(), route.identity().path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_by_their_place_and_braces_are_themselves() {
        assert_eq!(pattern("/orders/:id/items/:item"), "/orders/{p1}/items/{p2}");
        assert_eq!(pattern("/orders/:order"), pattern("/orders/:id"));
        assert_eq!(pattern("/a{b}/c:d"), "/a{{b}}/c:d");
        assert_eq!(pattern("/"), "/");
    }
}
