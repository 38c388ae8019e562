//! The README's lines are the quickstart's.

#[test]
fn the_readmes_block_is_the_quickstart_in_at_most_thirty_lines() {
    let (readme, quickstart) = (include_str!("../../README.md"), include_str!("../quickstart.rs"));
    let block = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (_, lines) = quickstart.split_once("\n\n").unwrap();
    assert_eq!(block, lines);
    assert!(quickstart.lines().count() <= 30);
}
