use super::*;

fn program(arguments: &[&str]) -> (Exit, String, String) {
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let exit = run(&arguments, &mut out, &mut errors);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
}

#[test]
fn every_bundled_scenario_is_good_and_goes_by_its_own_name() {
    for bundled in BUNDLED {
        let document = Document::parse(bundled.name, bundled.text.as_bytes()).unwrap();
        let scenario = document.scenario().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(scenario.name, bundled.name);
        assert!(!scenario.expectations.is_empty(), "{} expects nothing", bundled.name);
        assert!(!scenario.sometimes.is_empty(), "{} could test nothing", bundled.name);
        assert!(!scenario.about.is_empty(), "{} says nothing", bundled.name);
    }
}

#[test]
fn a_list_has_one_line_for_each_bundled_scenario() {
    let (exit, out, _) = program(&["list"]);
    assert_eq!((exit, out.lines().count()), (Exit::Held, BUNDLED.len()));
    assert!(out.starts_with("retry-metastable  a 10 s outage"), "{out}");
}

#[test]
fn a_scenario_is_explained_in_words_with_what_was_set() {
    let (exit, out, errors) = program(&["explain", "retry-metastable", "--set", "service.db.servers=7"]);
    assert_eq!((exit, errors.as_str()), (Exit::Held, ""));
    assert!(out.contains("db: 7 servers, 100ms, fifo queue"), "{out}");
    assert!(out.contains("at 20s for 10s: link:app->db hold"), "{out}");
    let breaker = out.find("checkout: circuit_breaker").unwrap();
    assert!(out.find("checkout: retry").unwrap() < breaker, "the outermost comes first");
}

#[test]
fn wrong_arguments_exit_with_2_and_the_nearest_word() {
    for (arguments, meant) in [
        (&["explian", "x"][..], "did you mean explain?"),
        (&["explain"], "write which FILE"),
        (&["explain", "retry-metastabel"], "did you mean retry-metastable?"),
        (&["explain", "retry-metastable", "--ste", "a=1"], "did you mean --set?"),
        (&["explain", "retry-metastable", "more"], "one argument too many"),
        (&["explain", "retry-metastable", "--set"], "--set needs a value"),
        (&["explain", "retry-metastable", "--set", "duration"], "write it as in"),
        (&["explain", "/no/such/file.toml"], "cannot be read"),
        (&[], "write what to do"),
    ] {
        let (exit, out, errors) = program(arguments);
        assert_eq!((exit, out.as_str()), (Exit::Wrong, ""), "{arguments:?}");
        assert!(errors.contains(meant), "{arguments:?}: {errors}");
    }
}
