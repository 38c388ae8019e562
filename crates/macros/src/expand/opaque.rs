use syn::Type;
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};

/// Whether an `impl Trait` stands in the type.
pub(crate) fn has_opaque(ty: &Type) -> bool {
    struct Find(bool);
    impl<'a> Visit<'a> for Find {
        fn visit_type_impl_trait(&mut self, _: &'a syn::TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut find = Find(false);
    find.visit_type(ty);
    find.0
}

/// The type with `instead` for each `impl Trait` in it.
pub(super) fn without_opaque(ty: &Type, instead: &Type) -> Type {
    struct Erase<'a>(&'a Type);
    impl VisitMut for Erase<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Type::ImplTrait(_) = ty {
                *ty = self.0.clone();
            }
            visit_mut::visit_type_mut(self, ty);
        }
    }
    let mut erased = ty.clone();
    Erase(instead).visit_type_mut(&mut erased);
    erased
}
