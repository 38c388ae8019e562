//! Sites for tests, as the macros declare them.

/// A site of this name in the test's `MODULE`, with these attributes and their settings.
macro_rules! site {
    ($name:literal, $($attribute:literal => $settings:expr),+ $(,)?) => {{
        static SITE: $crate::__private::Site = $crate::__private::Site::new(
            $crate::__private::Identity { module: MODULE, owner: "", function: $name, file: "tests.rs", line: 1 },
            || vec![$($crate::__private::Declaration::new($attribute, 1, 1, $settings)),+],
        );
        &SITE
    }};
}
