//! The blocks that the other files include are the specification's own, but for the edits listed here.

use std::fs;
use std::path::Path;

/// The blocks in the specification's order.
const BLOCKS: [&str; 21] = [
    "circuit_breaker",
    "circuit_breaker_config",
    "fallback",
    "retry",
    "retry_strategy",
    "idempotent",
    "timeout",
    "timeout_cascade",
    "bulkhead",
    "bulkhead_priority",
    "rate_limit",
    "throttle",
    "degrade_gracefully",
    "adaptive_timeout",
    "complete_stack",
    "microservice",
    "high_throughput",
    "layered",
    "timeouts",
    "cascading",
    "fallbacks",
];

/// What a block cannot do without, as (block, what stands there, what stands in its place). A value that was moved is
/// cloned before its next use; a function that uses `?`, or may be refused, returns a `Result`; a stack of attributes
/// without a function gets one.
const EDITS: [(&str, &str, &str); 18] = [
    ("timeout_cascade", "get_user_profile(user_id).await?;  ", "get_user_profile(user_id.clone()).await?;  "),
    ("timeout_cascade", "get_recent_orders(user_id).await?; ", "get_recent_orders(user_id.clone()).await?; "),
    ("degrade_gracefully", "fetch_product_details(product_id)", "fetch_product_details(product_id.clone())"),
    (
        "degrade_gracefully",
        "get_product_recommendations(product_id)",
        "get_product_recommendations(product_id.clone())",
    ),
    ("degrade_gracefully", "get_reviews_summary(product_id)", "get_reviews_summary(product_id.clone())"),
    (
        "layered",
        "#[fallback(\"service_fallback\")]\n",
        "#[fallback(\"service_fallback\")]\nasync fn external_service_call() -> Result<u32, String> {\n    stub::run(\"external_service_call\").await\n}\n",
    ),
    (
        "layered",
        "#[throttle(max_concurrent = 5)]\n#[timeout(\"60s\")]\n",
        "#[throttle(max_concurrent = 5)]\n#[timeout(\"60s\")]\nasync fn heavy_operation() -> Result<u32, String> {\n    stub::run(\"heavy_operation\").await\n}\n",
    ),
    (
        "layered",
        "#[timeout(\"30s\")]\n",
        "#[timeout(\"30s\")]\nasync fn public_api() -> Result<u32, String> {\n    stub::run(\"public_api\").await\n}\n",
    ),
    (
        "timeouts",
        "#[timeout(\"2s\")]\n",
        "#[timeout(\"2s\")]\nasync fn quick() -> Result<u32, String> {\n    stub::run(\"quick\").await\n}\n",
    ),
    (
        "timeouts",
        "#[timeout(\"5s\")]\n",
        "#[timeout(\"5s\")]\nasync fn query() -> Result<u32, String> {\n    stub::run(\"query\").await\n}\n",
    ),
    (
        "timeouts",
        "#[timeout(\"10s\")]\n",
        "#[timeout(\"10s\")]\nasync fn external() -> Result<u32, String> {\n    stub::run(\"external\").await\n}\n",
    ),
    (
        "timeouts",
        "#[timeout(\"60s\")]\n",
        "#[timeout(\"60s\")]\nasync fn heavy() -> Result<u32, String> {\n    stub::run(\"heavy\").await\n}\n",
    ),
    (
        "timeouts",
        "#[timeout(\"300s\")]\n",
        "#[timeout(\"300s\")]\nasync fn batch() -> Result<u32, String> {\n    stub::run(\"batch\").await\n}\n",
    ),
    ("cascading", "parent_operation() {", "parent_operation() -> Result<(), String> {"),
    (
        "cascading",
        "child_operation_3().await?; // ~10s timeout\n",
        "child_operation_3().await?; // ~10s timeout\n    Ok(())\n",
    ),
    ("fallbacks", "service_call() {", "service_call() -> Result<Response, Error> {"),
    ("fallbacks", "// Primary implementation\n", "// Primary implementation\n    primary().await\n"),
    (
        "fallbacks",
        "provide value when possible\n",
        "provide value when possible\n    Ok(Response(\"cached\"))\n",
    ),
];

fn specification() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/resilience-macros.md");
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```rust\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn edited(name: &str, block: &str) -> String {
    let mut block = block.to_owned();
    for (_, from, to) in EDITS.iter().filter(|(of, ..)| *of == name) {
        assert_eq!(block.matches(from).count(), 1, "{name}: {from:?} must stand exactly once");
        block = block.replace(from, to);
    }
    block
}

#[test]
fn every_block_stands_here_as_it_is_printed_but_for_the_listed_edits() {
    let printed = specification();
    assert_eq!(printed.len(), BLOCKS.len());
    for (name, block) in BLOCKS.iter().zip(&printed) {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/specification/blocks/{name}.rs"));
        let included = fs::read_to_string(&path).unwrap();
        assert_eq!(included, edited(name, block), "{}", path.display());
    }
}
