use steadfast_actors::settings::Settings;

use crate::Runtime;
use crate::pipeline::Pipeline;

#[tokio::test(start_paused = true)]
async fn a_description_says_in_plain_words_what_holds_with_its_defaults() {
    let runtime = Runtime::builder().isolated().build().unwrap();
    let pipeline = Pipeline::builder("charge")
        .layer("rate_limit", Settings::new().with("requests", 10).with("per", "minute").with("by", "user"))
        .layer("fallback", Settings::new().with("path", "other"))
        .layer("timeout", Settings::new().with("total", "10s"))
        .layer("shed", Settings::new())
        .layer("retry", Settings::new().with("attempts", 4).with("jitter", false))
        .layer("circuit_breaker", Settings::new().with("name", "payments"))
        .layer("adaptive_timeout", Settings::new().with("base_timeout", "2s").with("max_timeout", "8s"))
        .build(&runtime)
        .unwrap();
    let text = pipeline.describe().to_string();
    let expected = [
        "charge",
        "  1. rate_limit (after): \"charge\" 10 a minute for each user, at most 100000 of them, by sliding_window; \
         refuses at once; while its actor is away, lets pass within what was published last",
        "  2. fallback: runs on every refusal below it, timeout, panic and used-up attempt, within 1s",
        "  3. timeout (total): 10s for the whole call",
        "  4. shed: turns calls away, the lowest class first, where none has waited less than 5ms for 100ms; while its \
         actor is away, lets pass within what was published last",
        "  5. retry: at most 4 runs; waits 1s, 2s, 4s .. up to 30s; budget 20 % of first runs plus 10 in 1s, at most 100",
        "  6. circuit_breaker: \"payments\" opens at 5 failures in the last 10 calls, for 30s; closes after 3 successes in \
         a row, 3 probes at a time; starts slowly for 10s; while its actor is away, lets pass within what was published \
         last",
        "  7. timeout (per attempt): 2s for each attempt at first, then twice what 99.9 % of recent successes needed, by 0.1 of \
         the way with each, up to 8s; while its actor is away, lets pass within what was published last",
        "  8. handler",
    ];
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("       from")).collect();
    assert_eq!(lines, expected);
}

#[tokio::test(start_paused = true)]
async fn what_a_file_lays_over_an_attribute_holds_and_is_named() {
    let file = "[circuit_breaker.payments]\nrecovery_timeout = \"5s\"\n";
    let runtime = Runtime::builder().isolated().config_text(file).build().unwrap();
    let pipeline = Pipeline::builder("charge")
        .layer("circuit_breaker", Settings::new().with("name", "payments"))
        .build(&runtime)
        .unwrap();
    let layer = &pipeline.describe().layers[0];
    assert!(layer.settings.contains("for 5s"), "{}", layer.settings);
    assert!(layer.from.contains("the settings in code"), "{}", layer.from);
}
