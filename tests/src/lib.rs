//! What only holds across crates: see the files beside this folder.
