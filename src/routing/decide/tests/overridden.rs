//! What beats the rules, and where a tenant goes by all of it.

use proptest::prelude::*;

use super::*;
use crate::routing::TenantSide;

fn pinned(overrides: &Overrides, rules: &Rules, lines: &[(&'static str, &str)], force: Option<Side>) -> Decision {
    let headers = headers(lines);
    rules.decide(&view("/orders/7", &headers), overrides, force, &mut Subject::default(), &mut NoTrace)
}

#[test]
fn the_kill_switch_beats_pins_pins_beat_force_and_force_beats_the_stage() {
    let rules = Rules::build(parts(Stage::Live, None));
    let acme = [("x-tenant", "acme")];
    let mut overrides = Overrides::default();
    let reason = |overrides: &Overrides| pinned(overrides, &rules, &acme, Some(Side::New)).reason;
    assert_eq!(reason(&overrides), Reason::Force);
    overrides.pin_route(RouteId(0), PinOn::Group);
    assert_eq!(reason(&overrides), Reason::Pin(PinOn::Group));
    overrides.pin_route(RouteId(0), PinOn::Route);
    assert_eq!(reason(&overrides), Reason::Pin(PinOn::Route));
    overrides.pin_tenant("acme");
    assert_eq!(reason(&overrides), Reason::Pin(PinOn::Tenant));
    overrides.pin_tenant_on("acme", RouteId(0));
    assert_eq!(reason(&overrides), Reason::Pin(PinOn::RouteAndTenant));
    overrides.kill();
    let decision = pinned(&overrides, &rules, &acme, Some(Side::New));
    assert_eq!((decision.side, decision.reason, decision.backend), (Side::Legacy, Reason::Kill, Some(LEGACY)));
}

#[test]
fn a_pinned_tenant_takes_no_other_tenant_along() {
    let rules = Rules::build(parts(Stage::Live, None));
    let mut overrides = Overrides::default();
    overrides.pin_tenant("acme");
    overrides.pin_tenant_on("globex", RouteId(7));
    for (tenant, side) in [("acme", Side::Legacy), ("globex", Side::New), ("initech", Side::New)] {
        assert_eq!(pinned(&overrides, &rules, &[("x-tenant", tenant)], None).side, side, "{tenant}");
    }
    assert_eq!(pinned(&overrides, &rules, &[], None).side, Side::New);
}

#[test]
fn a_route_without_legacy_is_left_alone() {
    let mut parts = parts(Stage::Complete, None);
    parts.routes[0].legacy = None;
    let rules = Rules::build(parts);
    let mut overrides = Overrides::default();
    overrides.kill();
    overrides.pin_route(RouteId(0), PinOn::Route);
    let decision = pinned(&overrides, &rules, &[], None);
    assert_eq!((decision.side, decision.reason), (Side::New, Reason::Stage(Stage::Complete)));
}

#[test]
fn a_ramp_decides_by_the_percentage_it_has_reached() {
    let canary = Canary { share: Some(Share { ramped: true, ..share("0", Key::User).unwrap() }), ..Canary::default() };
    let rules = Rules::build(parts(Stage::Canary, Some(canary)));
    let mut overrides = Overrides::default();
    let side = |overrides: &Overrides, user: &str| pinned(overrides, &rules, &[("x-user", user)], None).side;
    assert_eq!(side(&overrides, "u-1"), Side::Legacy, "nothing has begun");
    let bucket = pinned(&overrides, &rules, &[("x-user", "u-1")], None).bucket.unwrap();
    overrides.ramp(RouteId(0), Percent::from_thousandths(bucket.0).unwrap());
    assert_eq!(side(&overrides, "u-1"), Side::Legacy);
    overrides.ramp(RouteId(0), Percent::from_thousandths(bucket.0 + 1).unwrap());
    assert_eq!(side(&overrides, "u-1"), Side::New);
}

fn everything_maybe() -> impl Strategy<Value = (Canary, Vec<Cohort>, Vec<Flag>)> {
    let keys = prop::sample::select(Key::ALL.to_vec());
    let percents = prop::sample::select(vec!["0", "30", "100"]);
    let some = |count| prop::collection::vec(0..4_u32, 0..count);
    let share = prop::option::of((percents.clone(), keys.clone(), prop::option::of(0..4_u32)));
    let layers = (prop::option::of(any::<bool>()), any::<bool>(), prop::option::of((percents, keys)), any::<bool>());
    let parts = (some(3), some(2), prop::collection::vec(Just(FlagId(0)), 0..2), share, layers, any::<[bool; 3]>());
    parts.prop_map(|(cohorts, except, flags, share, (over, default, share_of_flag, by_user), [tenants, out, any])| {
        let ids = |ids: Vec<u32>| ids.into_iter().map(CohortId).collect();
        let share =
            share.map(|(text, by, of)| Share { percent: percent(text), by, of: of.map(CohortId), ramped: false });
        let named = |is: bool| if is { set(&["acme"]) } else { set(&[]) };
        let except = Except { cohorts: ids(except), tenants: named(out) };
        let canary = Canary { cohorts: ids(cohorts), tenants: named(tenants), flags, share, except };
        let condition =
            HeaderCondition { name: HeaderName::from_static("x-employee"), value: ValueMatch::Exact("yes".into()) };
        let both = vec![CohortId(0), CohortId(1)];
        let cohorts = vec![
            cohort("beta", CohortKind::Tenants(set(&["acme", "globex"])), &[]),
            cohort("staff", CohortKind::Header { condition, trusted: false }, &[]),
            cohort("both", if any { CohortKind::Any(both) } else { CohortKind::All(both) }, &[]),
            cohort("but", CohortKind::Percent { percent: percent("50"), by: Key::Tenant, salt: "w".into() }, &[1]),
        ];
        let users = if by_user { KeyMap::from_iter([(Box::from("u-1"), true)]) } else { Default::default() };
        let share = share_of_flag.map(|(text, by)| (percent(text), by));
        (canary, cohorts, vec![Flag { over, users, percent: share, default, ..flag("f") }])
    })
}

proptest! {
    #[test]
    fn a_tenant_that_is_said_to_be_on_one_side_never_goes_to_the_other(
        (canary, cohorts, flags) in everything_maybe(),
        tenant in prop::sample::select(vec!["acme", "globex", "initech"]),
        pins in any::<[bool; 2]>(),
    ) {
        let mut parts = parts(Stage::Canary, Some(canary));
        (parts.cohorts, parts.flags) = (cohorts, flags);
        let rules = Rules::build(parts);
        let mut overrides = Overrides::default();
        if pins[0] {
            overrides.pin_tenant_on("acme", RouteId(0));
        }
        if pins == [true, true] {
            overrides.pin_tenant("globex");
        }
        let said = rules.side_of_tenant(RouteId(0), &overrides, tenant);
        for number in 0..20 {
            let user = format!("u-{number}");
            let mut lines = vec![("x-tenant", tenant)];
            lines.extend((number % 3 > 0).then_some(("x-user", user.as_str())));
            lines.extend((number % 2 > 0).then_some(("x-employee", "yes")));
            let side = pinned(&overrides, &rules, &lines, None).side;
            prop_assert!(said == TenantSide::Mixed || said == TenantSide::All(side), "{said:?}, but {side} for {lines:?}");
        }
    }
}
