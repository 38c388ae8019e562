use super::tree::Node;
use super::*;
use crate::fixture::parsed;

mod hostile;

const SMALL: &str = r#"
schema = 1
name = "small"
duration = "10s"
[[service]]
name = "db"
servers = 3
latency = "10ms"
[[handler]]
name = "checkout"
calls = ["db"]
[[variant]]
name = "bare"
[variant.checkout]
timeout = { per_attempt = "1s" }
[[load]]
handler = "checkout"
stages = [{ for = "10s", rate = "10/s" }]
"#;

fn read(text: &str) -> Result<Scenario, ScenarioError> {
    Document::parse("test.toml", text.as_bytes())?.scenario()
}

/// The mistakes of `SMALL` with `from` replaced by `to`.
fn mistakes(from: &str, to: &str) -> Vec<Mistake> {
    assert!(SMALL.contains(from), "{from:?} is not in the file");
    read(&SMALL.replacen(from, to, 1)).unwrap_err().mistakes().to_vec()
}

fn one(from: &str, to: &str) -> Mistake {
    let found = mistakes(from, to);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn the_example_of_the_format_is_read_as_it_is_meant() {
    let scenario = read(include_str!("../../../scenarios/retry-metastable.toml")).unwrap();
    assert_eq!(scenario.duration, 120_000_000_000);
    assert_eq!(scenario.services[0].servers, 30);
    assert_eq!(scenario.services[0].latency, Distribution::Const(100_000_000));
    assert_eq!(scenario.handlers[0].calls, [Step::Call("db".to_owned())]);
    let names: Vec<&str> = scenario.variants.iter().map(|variant| variant.name.as_str()).collect();
    assert_eq!(names, ["bare", "guarded", "cap-270", "cap-330", "lifo", "queue-deadline"]);
    let attributes = |index: usize| -> Vec<&str> {
        scenario.variants[index].policies["checkout"].iter().map(|policy| policy.attribute).collect()
    };
    assert_eq!(attributes(0), ["retry", "timeout"]);
    assert_eq!(attributes(1), ["circuit_breaker", "retry", "timeout"]);
    assert_eq!(scenario.variants[2].services["db"].queue.cap, Some(270));
    assert_eq!(
        scenario.variants[2].services["db"].servers, 30,
        "what a variant leaves out stays as declared"
    );
    let fault = &scenario.faults[0];
    assert_eq!((&fault.when, fault.lasts), (&When::At(20_000_000_000), Some(10_000_000_000)));
    assert_eq!(fault.kind, FaultKind::Hold);
    assert_eq!(scenario.expectations[0].over, Some((100_000_000_000, 120_000_000_000)));
    assert_eq!(scenario.expectations[0].max, Some(Bound::Rate(5.0)));
}

#[test]
fn a_misspelt_key_is_named_with_its_place_and_the_nearest_that_exists() {
    let mistake = one("servers = 3", "server = 3\nservers = 3");
    assert_eq!((mistake.line, mistake.column, mistake.text.as_str()), (7, 1, "server = 3"));
    assert!(mistake.message.contains("did you mean `servers`?"), "{}", mistake.message);
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_in_its_order() {
    let wrong = SMALL
        .replace("\"10s\"\n[[service]]", "\"10\"\n[[service]]")
        .replace("servers = 3", "servers = 1_000_000_000")
        .replace("[\"db\"]", "[\"bd\"]")
        .replace("per_attempt = \"1s\"", "per_atempt = \"1s\"")
        .replace("\"10/s\"", "\"ten\"");
    let error = read(&wrong).unwrap_err();
    let lines: Vec<usize> = error.mistakes().iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [4, 7, 11, 15, 15, 18], "{error}");
    assert!(error.to_string().starts_with("test.toml:4:12: the unit is missing in \"10\""), "{error}");
    assert!(error.to_string().contains("did you mean `per_attempt`?"), "{error}");
    assert!(error.to_string().contains("did you mean `db`?"), "{error}");
}

#[test]
fn policies_are_checked_with_the_words_of_the_attributes() {
    let wrong =
        "timeout = { per_attempt = \"1s\" }\nretry = { attempts = 0 }\ncircuit_braker = { name = \"db\" }";
    let found = mistakes("timeout = { per_attempt = \"1s\" }", wrong);
    assert!(found[0].message.starts_with("retry: attempts: 0 is out of range"), "{found:?}");
    assert_eq!((found[0].line, found[0].column), (16, 11));
    assert!(found[1].message.contains("did you mean `circuit_breaker`?"), "{found:?}");
}

#[test]
fn names_that_nothing_declares_are_mistakes_wherever_they_stand() {
    let tail = |text: &str| format!("stages = [{{ for = \"10s\", rate = \"10/s\" }}]\n{text}");
    let line = "stages = [{ for = \"10s\", rate = \"10/s\" }]";
    for (more, meant) in [
        ("[[fault]]\nat = \"1s\"\ntarget = \"service:dd\"\nkind = \"hang\"", "did you mean `db`?"),
        ("[[fault]]\nat = \"1s\"\ntarget = \"link:ap->db\"\nkind = \"hold\"", "did you mean `app`?"),
        ("[[fault]]\nat = \"1s\"\ntarget = \"link:app->db\"\nkind = \"holt\"", "did you mean \"hold\"?"),
        ("[[fault]]\nat = \"1s\"\ntarget = \"actor:braker/db\"\nkind = \"crash\"", "did you mean `breaker`?"),
        (
            "[[fault]]\nat = \"1s\"\ntarget = \"actor:breaker/db\"\nkind = \"crash\"",
            "there is no breaker `db`",
        ),
        ("[[fault]]\nat = \"1s\"\ntarget = \"store:snapshot\"\nkind = \"torn\"", "did you mean `snapshots`?"),
        ("[[expect]]\nvariant = \"bar\"\nmetric = \"p99\"\nmax = \"1s\"", "did you mean `bare`?"),
        ("[[expect]]\nvariant = \"bare\"\nmetric = \"p9\"\nmax = \"1s\"", "did you mean \"p90\"?"),
        (
            "[[expect]]\nvariant = \"bare\"\nmetric = \"p99\"\nhandler = [\"chekout\"]\nmax = \"1s\"",
            "did you mean `checkout`?",
        ),
        (
            "[[expect]]\nvariant = \"bare\"\nmetric = \"wasted\"\nhandler = \"checkout\"\nmax = 1",
            "not measured by handler",
        ),
        ("[[expect]]\nvariant = \"bare\"\nmetric = \"transitions.db\"\nmax = 1", "there is no actor `db`"),
        ("[[expect]]\nvariant = \"bare\"\nmetric = \"queue.d\"\nmax = 1", "did you mean `db`?"),
        ("[[sometimes]]\nvariant = \"bare\"\nreached = \"breaker:db=open\"", "there is no breaker `db`"),
        ("[[link]]\nfrom = \"checkot\"\nto = \"db\"", "did you mean `checkout`?"),
        (
            "[[load]]\nhandler = \"chekout\"\nstages = [{ for = \"1s\", rate = \"1/s\" }]",
            "did you mean `checkout`?",
        ),
        (
            "[[service]]\nname = \"db\"\nservers = 1\nlatency = \"1ms\"",
            "another [[service]] is called \"db\" too",
        ),
    ] {
        let mistake = one(line, &tail(more));
        assert!(mistake.message.contains(meant), "{more}: {}", mistake.message);
    }
}

#[test]
fn handlers_that_call_each_other_in_a_circle_are_refused() {
    let found = mistakes(
        "calls = [\"db\"]",
        "calls = [\"db\", [\"pay\"]]\n[[handler]]\nname = \"pay\"\ncalls = [\"checkout\"]",
    );
    assert!(found[0].message.contains("checkout -> pay -> checkout"), "{found:?}");
}

#[test]
fn values_without_unit_or_out_of_range_are_refused() {
    for (from, to) in [
        ("latency = \"10ms\"", "latency = 10"),
        ("latency = \"10ms\"", "latency = { dist = \"exp\", mean = \"-1s\" }"),
        ("latency = \"10ms\"", "latency = { dist = \"pareto\", min = \"1ms\", shape = nan }"),
        ("rate = \"10/s\"", "rate = \"nan/s\""),
        ("rate = \"10/s\"", "rate = \"inf/s\""),
        ("rate = \"10/s\"", "rate = \"99999999/s\""),
        ("duration = \"10s\"", "duration = \"900d\""),
        ("duration = \"10s\"", "duration = \"0s\""),
        ("servers = 3", "servers = 0"),
        ("servers = 3", "servers = 99999999999999999999"),
        ("schema = 1", "schema = 2"),
        ("schema = 1", ""),
        ("name = \"small\"", "name = \"sm all\""),
    ] {
        assert_eq!(mistakes(from, to).len(), 1, "{to}");
    }
}

#[test]
fn a_value_can_be_set_by_its_path_with_or_without_quotes() {
    let mut document = parsed(SMALL);
    document.set("duration", "7s").unwrap();
    document.set("load.0.stages.0.rate", "\"20/s\"").unwrap();
    document.set("service.db.servers", "9").unwrap();
    document.set("variant.bare.checkout.retry", "{ attempts = 2 }").unwrap();
    let scenario = document.scenario().unwrap();
    assert_eq!((scenario.duration, scenario.services[0].servers), (7_000_000_000, 9));
    assert_eq!(scenario.variants[0].policies["checkout"][0].attribute, "retry");
    let Model::Open { stages, .. } = &scenario.loads[0].model else { panic!("the load is open") };
    assert!((stages[0].rate - 20.0).abs() < f64::EPSILON);
}

#[test]
fn a_mistake_in_a_set_value_shows_the_argument() {
    let mut document = parsed(SMALL);
    let nowhere = document.clone().set("load.7.rate", "1/s").unwrap_err().to_string();
    assert!(nowhere.contains("\"7\" is neither one of its 1 entries nor a name of one"), "{nowhere}");
    document.set("service.db.servers", "many").unwrap();
    let error = document.scenario().unwrap_err();
    let mistake = &error.mistakes()[0];
    assert_eq!((mistake.line, mistake.text.as_str()), (0, "--set service.db.servers=many"));
    assert_eq!(
        error.to_string(),
        "test.toml: expected a whole number, found a text\n    --set service.db.servers=many"
    );
}

#[test]
fn a_matrix_makes_one_document_for_each_combination() {
    let matrix =
        "\n[matrix]\n\"load.0.stages.0.rate\" = [\"1/s\", \"2/s\"]\n\"service.db.servers\" = [1, 2, 3]\n";
    let document = parsed(&(SMALL.to_owned() + matrix));
    let runs = document.combinations().unwrap();
    assert_eq!(runs.len(), 6);
    let Combination { set, document: last } = &runs[5];
    assert_eq!(set[0], ("load.0.stages.0.rate".to_owned(), "\"2/s\"".to_owned()));
    assert_eq!(last.scenario().unwrap().services[0].servers, 3);
    let wrong = "\n[matrix]\n\"load.7.stages\" = [1]\n";
    let document = parsed(&(SMALL.to_owned() + wrong));
    assert_eq!(document.combinations().unwrap_err().mistakes()[0].line, 21);
}

#[test]
fn a_variant_extends_another_key_by_key_and_takes_policies_away_with_false() {
    let more = "timeout = { per_attempt = \"1s\" }\nretry = { attempts = 2, jitter = false }\n\
                [[variant]]\nname = \"more\"\nextends = \"bare\"\n[variant.checkout]\nretry = { attempts = 5 }\n\
                timeout = false";
    let scenario = read(&SMALL.replace("timeout = { per_attempt = \"1s\" }", more)).unwrap();
    let policies = &scenario.variants[1].policies["checkout"];
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].settings.to_string(), "attempts = 5, jitter = false");
    let circle = SMALL.replace("name = \"bare\"", "name = \"bare\"\nextends = \"bare\"");
    assert!(read(&circle).unwrap_err().to_string().contains("in a circle"));
}

#[test]
fn what_is_no_text_at_all_is_refused_where_it_ends() {
    let error = Document::parse("test.toml", b"schema = 1\nname = \"\xff\"").unwrap_err();
    assert_eq!((error.mistakes()[0].line, error.mistakes()[0].column), (2, 9));
}

#[test]
fn what_is_written_says_the_same_as_what_was_read() {
    let good = include_str!("../../../scenarios/retry-metastable.toml");
    for text in
        [good, SMALL, "a = \"\\u0001 \\\" \\\\ \u{1f980}\"\nb = [nan, -inf, 1.0, 1, true, {}]\n\"x y\" = {}"]
    {
        let read = Node::parse(text).unwrap();
        let written = write::file(&read);
        let again = Node::parse(&written).unwrap_or_else(|(_, message)| panic!("{message}\n{written}"));
        // NaN equals nothing, so the texts of the values are compared.
        assert_eq!(sorted(&again), sorted(&read), "{written}");
    }
}

fn sorted(node: &Node) -> String {
    node.to_value().to_string()
}

#[test]
fn random_faults_come_from_the_seed_and_make_a_good_scenario() {
    let swarm = SMALL.to_owned() + "[swarm]\nomit = 0.5\nbudget = 20\n";
    let document = parsed(&swarm);
    let mut families = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let drawn = document.with_random_faults(seed).unwrap();
        assert_eq!(drawn.to_toml(), document.with_random_faults(seed).unwrap().to_toml());
        let scenario = drawn.scenario().unwrap_or_else(|error| panic!("{error}\n{}", drawn.to_toml()));
        assert!(scenario.faults.len() <= 20);
        assert_eq!(scenario.seed, seed);
        families.extend(scenario.faults.iter().map(|fault| fault.kind.as_str()));
    }
    let expected = ["partition", "drop", "slow", "latency", "errors", "crash", "jump", "freeze", "torn"];
    assert!(expected.iter().all(|kind| families.contains(kind)), "{families:?}");
}

#[test]
fn without_a_swarm_only_the_seed_changes() {
    let document = parsed(SMALL);
    let scenario = document.with_random_faults(7).unwrap().scenario().unwrap();
    assert_eq!((scenario.seed, scenario.faults.len()), (7, 0));
}
