use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

/// The words of the format, so that random trees come near what is read.
const WORDS: [&str; 60] = [
    "schema",
    "name",
    "duration",
    "seed",
    "service",
    "servers",
    "latency",
    "dist",
    "value",
    "queue",
    "cap",
    "deadline",
    "errors",
    "kind",
    "probability",
    "link",
    "from",
    "to",
    "handler",
    "calls",
    "variant",
    "extends",
    "checkout",
    "timeout",
    "per_attempt",
    "retry",
    "attempts",
    "circuit_breaker",
    "window",
    "runtime",
    "restarts",
    "load",
    "model",
    "stages",
    "for",
    "rate",
    "keys",
    "hot",
    "share",
    "n",
    "fault",
    "at",
    "on",
    "target",
    "expect",
    "metric",
    "over",
    "max",
    "min",
    "seeds",
    "sometimes",
    "reached",
    "swarm",
    "families",
    "omit",
    "budget",
    "matrix",
    "mean",
    "shape",
    "s",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        proptest::sample::select(
            &[
                "280/s",
                "30s",
                "-1h",
                "link:app->db",
                "service:db",
                "actor:breaker/db",
                "event:x",
                "10s..20s",
                "0..30",
                "rejected.open",
                "transitions.",
                "queue.db",
                "breaker:db=open",
                "const",
                "exp",
                "zipf",
                "1e99/s",
                "99999999999999999999d",
                "bare",
                "db",
                "*",
                "",
                "0s",
                "\u{1f980}",
                "a.b.c",
                "/s",
                "->",
                ":",
                "=",
            ][..]
        )
        .prop_map(str::to_owned),
        ".{0,20}",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![9 => proptest::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => "[a-z0-9_.]{0,8}"]
}

/// The text of a random value, as a file writes it.
fn tree() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        text().prop_map(quoted),
        any::<i64>().prop_map(|number| number.to_string()),
        (0i64..100).prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}").to_lowercase()),
        any::<bool>().prop_map(|flag| flag.to_string()),
    ];
    leaf.prop_recursive(5, 200, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|values| format!("[{}]", values.join(", "))),
            btree_map(key(), inner, 0..10).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.into_iter().map(|(key, value)| format!("{} = {value}", quoted(key))).collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

fn quoted(text: String) -> String {
    format!("'{}'", text.replace(|c: char| c.is_control() || c == '\'', "?"))
}

/// Reads as the program does; whatever comes out, it is no panic and says where.
fn survive(bytes: &[u8]) -> Result<(), TestCaseError> {
    let read = Document::parse("fuzz.toml", bytes).and_then(|document| {
        for combination in document.combinations()? {
            combination.document.scenario()?;
        }
        document.scenario()
    });
    if let Err(error) = read {
        prop_assert!(!error.mistakes().is_empty());
        for mistake in error.mistakes() {
            prop_assert!(!mistake.message.is_empty());
            prop_assert!(mistake.column >= 1);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn bytes_of_any_kind_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..400)) {
        survive(&bytes)?;
    }

    #[test]
    fn a_good_file_with_bytes_replaced_never_panics(
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let mut bytes = include_bytes!("../../../scenarios/retry-metastable.toml").to_vec();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        survive(&bytes)?;
    }

    #[test]
    fn a_good_file_cut_and_put_together_otherwise_never_panics(
        cuts in vec(any::<proptest::sample::Index>(), 2..6)
    ) {
        let good = include_str!("../../../scenarios/retry-metastable.toml");
        let lines: Vec<&str> = good.lines().collect();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(lines.len())).collect();
        let mut mixed: Vec<&str> = Vec::new();
        while let Some(place) = places.pop() {
            mixed.extend(&lines[place..(place + 12).min(lines.len())]);
        }
        survive(mixed.join("\n").as_bytes())?;
    }

    #[test]
    fn trees_of_the_formats_own_words_never_panic(entries in btree_map(key(), tree(), 0..12)) {
        let lines: Vec<String> =
            entries.into_iter().map(|(key, value)| format!("{} = {value}", quoted(key))).collect();
        survive(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn values_set_by_path_never_panic(path in "[a-z0-9.]{0,20}", value in text(), known in 0usize..6) {
        let known = ["service.db.servers", "load.0.stages.0.rate", "fault.0", "variant", "duration", &path][known];
        let mut document = parsed(SMALL);
        if document.set(known, &value).is_ok() {
            let _ = document.scenario();
        }
    }
}
