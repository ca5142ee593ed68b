use super::super::tests::{ROUTES, snapshot};
use super::*;

fn route(name: &str) -> Route {
    snapshot(ROUTES).rules.routes.into_iter().find(|route| &*route.name == name).unwrap()
}

#[test]
fn each_stage_has_its_next_step() {
    for (name, label) in [
        ("search", "stage shadow"),
        ("orders-write", "1 %"),
        ("orders-read", "25 %"),
        ("cart", "1 %"),
        ("catalog", "stage complete"),
        ("old", "the next step"),
    ] {
        assert_eq!(Step::of(&route(name), "").label(), label, "{name}");
    }
}

#[test]
fn another_step_can_be_asked_for_where_it_goes_up() {
    let read = route("orders-read");
    for (asked, label) in [
        ("50", "50 %"),
        ("50%", "50 %"),
        ("33.3 %", "33.3 %"),
        ("live", "stage live"),
        ("5", "25 %"),
        ("x", "25 %"),
        ("complete", "25 %"),
    ] {
        assert_eq!(Step::of(&read, asked).label(), label, "{asked}");
    }
    assert_eq!(Step::of(&route("catalog"), "50").label(), "stage complete");
}

#[test]
fn the_commands_do_what_is_asked() {
    let commands = |name: &str, asked: &str| {
        let route = route(name);
        Step::of(&route, asked)
            .how(&route, name == "orders-write")
            .map(|how| (how.commands, how.together.len(), how.yaml))
    };
    assert_eq!(
        commands("orders-read", "50"),
        Some((vec!["banyan set orders-read canary.percent 50".to_owned()], 1, "canary:\n  percent: 50".to_owned()))
    );
    let (of_cart, _, yaml) = commands("cart", "5").unwrap();
    assert!(of_cart.is_empty() && yaml.ends_with("  percent: 5\n  by: user"), "{yaml}");
    assert_eq!(
        commands("orders-write", "").unwrap().0,
        ["banyan set orders-write canary '{ percent: 1, by: user }'", "banyan set orders-write stage canary"]
    );
    assert_eq!(
        commands("search", "").unwrap().0,
        ["banyan set search shadow '{ sample: 100% }'", "banyan set search stage shadow"]
    );
    assert_eq!(commands("orders-read", "live").unwrap().0, ["banyan set orders-read stage live"]);
    assert_eq!(commands("old", ""), None);
}

#[test]
fn who_moves_is_said() {
    let read = route("orders-read");
    let moves = Step::of(&read, "50").moves(Some("user")).unwrap();
    assert!(moves.starts_with("From 12.5 % to 50 %: about 37.5 of 100 users move to new"), "{moves}");
}

#[test]
fn what_a_shell_would_take_apart_is_quoted() {
    assert_eq!(command("a'b", "owner", "x y"), r"banyan set 'a'\''b' owner 'x y'");
}
