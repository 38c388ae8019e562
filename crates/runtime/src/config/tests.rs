use steadfast_actors::settings::{Settings, Value};

use super::*;

const FILE: &str = r#"
[circuit_breaker.payments]
failure_threshold = 3
recovery_timeout = "60s"

[site.charge_payment.retry]
attempts = 5
budget = { ratio = 0.1 }
"#;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_environment_is_stronger_than_the_file_and_the_file_than_the_attribute() {
    let environment = variables(&[
        ("STEADFAST__CIRCUIT_BREAKER__PAYMENTS__FAILURE_THRESHOLD", "4"),
        ("STEADFAST__SITE__CHARGE_PAYMENT__RETRY__BUDGET__MIN", "5/s"),
        ("PATH", "/bin"),
    ]);
    let layers = Layers::read(None, Some(FILE), &environment).unwrap();
    let declared = Settings::new().with("failure_threshold", 9).with("success_threshold", 2);
    let settings = layers.over(declared, "circuit_breaker", Some("payments"), &["shop::charge_payment"]);
    assert_eq!(settings.get("failure_threshold"), Some(&Value::Integer(4)));
    assert_eq!(settings.get("recovery_timeout"), Some(&Value::from("60s")));
    assert_eq!(settings.get("success_threshold"), Some(&Value::Integer(2)));
    let retry = layers.over(Settings::new(), "retry", None, &["shop::charge_payment", "charge_payment"]);
    let budget = Settings::new().with("ratio", 0.1).with("min", "5/s");
    assert_eq!(retry.get("budget"), Some(&Value::Table(budget)));
    assert_eq!(layers.over(Settings::new(), "retry", None, &["refund"]), Settings::new());
}

#[test]
fn a_name_of_several_parts_can_be_written_in_the_environment() {
    let environment = variables(&[
        ("STEADFAST__THROTTLE__SHOP_CHARGE__MAX_CONCURRENT", "7"),
        ("STEADFAST__SITE__shop_charge__RETRY__ATTEMPTS", "2"),
        ("STEADFAST__CIRCUIT_BREAKER__ZAHLUNGEN_Ä__WINDOW", "8"),
    ]);
    let layers = Layers::read(None, None, &environment).unwrap();
    let says = |attribute: &str, name: Option<&str>, sites: &[&str], key: &str| {
        layers.over(Settings::new(), attribute, name, sites).get(key).cloned()
    };
    assert_eq!(says("throttle", Some("shop::charge"), &[], "max_concurrent"), Some(Value::Integer(7)));
    assert_eq!(says("retry", None, &["charge", "shop::charge"], "attempts"), Some(Value::Integer(2)));
    assert_eq!(says("circuit_breaker", Some("zahlungen--ä/"), &[], "window"), Some(Value::Integer(8)));
    assert_eq!(layers.unasked(), Vec::<String>::new());
}

#[test]
fn of_one_source_what_is_said_of_a_site_is_stronger_than_what_is_said_of_its_policy() {
    let file = "[site.charge]\nbulkhead = { queue = 1 }\nthrottle = { queue = 1 }\n\
                [bulkhead.orders]\nqueue = 2\n[throttle.orders]\nqueue = 2\n";
    let environment = variables(&[
        ("STEADFAST__THROTTLE__PAID__QUEUE", "4"),
        ("STEADFAST__SITE__CHARGE__THROTTLE__QUEUE", "3"),
    ]);
    let queue = |layers: &Layers, attribute: &str, name: &str| {
        layers.over(Settings::new(), attribute, Some(name), &["charge"]).get("queue").cloned()
    };
    let layers = Layers::read(None, Some(file), &[]).unwrap();
    for attribute in ["bulkhead", "throttle"] {
        assert_eq!(queue(&layers, attribute, "orders"), Some(Value::Integer(1)), "{attribute}");
    }
    let layers = Layers::read(None, Some(file), &environment).unwrap();
    assert_eq!(queue(&layers, "throttle", "paid"), Some(Value::Integer(3)));
}

#[test]
fn all_mistakes_of_file_and_environment_come_at_once() {
    let file = "circuit_braker.db = { window = 3 }\nretry = 5\n[site.a.timout]\ntotal = '1s'\n";
    let environment = variables(&[("STEADFAST__RETRY__X", "1"), ("STEADFAST__NOTHING__A__B", "1")]);
    let error = Layers::read(None, Some(file), &environment).unwrap_err();
    assert_eq!(error.mistakes().len(), 5, "{error}");
    assert!(error.to_string().contains("`circuit_breaker`"), "{error}");
    assert!(error.to_string().contains("`timeout`"), "{error}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_said_with_its_place() {
    let missing = Layers::read(Some(Path::new("no/such/steadfast.toml")), None, &[]).unwrap_err();
    assert!(missing.to_string().contains("no/such/steadfast.toml"));
    let broken = Layers::read(None, Some("a = = 1"), &[]).unwrap_err();
    assert!(broken.to_string().contains("line 1"), "{broken}");
}

#[test]
fn settings_that_concern_nothing_are_told_with_the_nearest_name() {
    let file = "[circuit_breaker.paymnets]\nfailure_threshold = 3\n[site.refund.retry]\nattempts = 2\n";
    let environment = variables(&[("STEADFAST__CIRCUIT_BREAKER__PAYMENTS__FAILURE_THRESHOLD", "4")]);
    let layers = Layers::read(None, Some(file), &environment).unwrap();
    layers.over(Settings::new(), "circuit_breaker", Some("payments"), &["refund"]);
    let sentences = layers.unasked();
    assert_eq!(sentences.len(), 2, "{sentences:?}");
    assert!(
        sentences[0].ends_with("nothing of that name is declared; is \"payments\" meant?"),
        "{sentences:?}"
    );
    assert!(sentences[1].ends_with("no site of that name has it"), "{sentences:?}");
    layers.over(Settings::new(), "retry", None, &["refund"]);
    assert_eq!(layers.unasked().len(), 1);
}
