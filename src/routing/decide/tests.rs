//! Decisions: stages, canaries, force, reasons, and what must never change one.

mod overridden;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::fields::Fields;
use crate::routing::{
    Canary, Cohort, CohortKind, Except, Flag, HeaderCondition, KeyMap, KeySet, Match, NoTrace, PathPattern, Percent,
    Route, RulesParts, Share, SubjectRules, SubjectSource, ValueMatch, bucket_of,
};

const LEGACY: BackendId = BackendId(0);
const NEW: BackendId = BackendId(1);
const LEFT_OVER: BackendId = BackendId(9);

fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}

fn share(text: &str, by: Key) -> Option<Share> {
    Some(Share { percent: percent(text), by, of: None, ramped: false })
}

fn set(names: &[&str]) -> KeySet {
    names.iter().map(|&name| Box::from(name)).collect()
}

fn cohort(name: &str, kind: CohortKind, except: &[u32]) -> Cohort {
    Cohort { name: name.into(), kind, except: except.iter().copied().map(CohortId).collect() }
}

fn flag(name: &str) -> Flag {
    Flag {
        name: name.into(),
        over: None,
        tenants: Default::default(),
        users: Default::default(),
        percent: None,
        salt: name.into(),
        default: false,
    }
}

/// One route `orders` for `/orders/{id}`, tenant and user from headers; `X-Trusted-Tenant` counts from trusted peers.
fn parts(stage: Stage, canary: Option<Canary>) -> RulesParts {
    let header = |name: &'static str, trusted| SubjectSource::Header { name: HeaderName::from_static(name), trusted };
    let entry = Match {
        host: None,
        path: Some(PathPattern::parse("/orders/{id}").unwrap()),
        methods: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
    };
    RulesParts {
        routes: vec![Route {
            name: "orders".into(),
            owner: None,
            group: None,
            salt: "orders".into(),
            stage,
            matches: vec![entry],
            legacy: Some(LEGACY),
            new: Some(NEW),
            canary,
            rewrite: None,
            timeout: Duration::from_secs(1),
        }],
        cohorts: Vec::new(),
        flags: Vec::new(),
        subjects: SubjectRules {
            tenant: vec![header("x-trusted-tenant", true), header("x-tenant", false)],
            user: vec![header("x-user", false)],
        },
        fallthrough: Some(LEFT_OVER),
    }
}

fn headers(lines: &[(&'static str, &str)]) -> Fields {
    let pair =
        |&(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    lines.iter().map(pair).collect::<HeaderMap>().into()
}

fn view<'a>(path: &'a str, headers: &'a Fields) -> RequestView<'a> {
    RequestView {
        method: &Method::GET,
        host: "shop.example",
        path,
        query: None,
        headers,
        client: IpAddr::from([192, 0, 2, 7]),
        trusted: false,
        claims: None,
    }
}

fn decide(rules: &Rules, lines: &[(&'static str, &str)]) -> Decision {
    let headers = headers(lines);
    rules.decide(&view("/orders/7", &headers), &Overrides::default(), None, &mut Subject::default(), &mut NoTrace)
}

/// The side and the reason as text.
fn said(rules: &Rules, lines: &[(&'static str, &str)]) -> String {
    let decision = decide(rules, lines);
    format!("{} {}", decision.side, rules.reason_text(decision.reason))
}

#[test]
fn stage_says_who_answers() {
    for (stage, expected) in [
        (Stage::Legacy, (Side::Legacy, "stage:legacy")),
        (Stage::Shadow, (Side::Legacy, "stage:shadow")),
        (Stage::Live, (Side::New, "stage:live")),
        (Stage::Complete, (Side::New, "stage:complete")),
    ] {
        let rules = Rules::build(parts(stage, None));
        let decision = decide(&rules, &[]);
        assert_eq!((decision.side, rules.reason_text(decision.reason).to_string().as_str()), expected);
        assert_eq!(decision.backend, Some(if decision.side == Side::New { NEW } else { LEGACY }));
        assert_eq!((decision.route, decision.alternative, decision.bucket), (Some(RouteId(0)), 0, None));
        assert_eq!(decision.captures.get(0, "/orders/7"), Some("7"));
    }
}

#[test]
fn what_no_route_matches_goes_to_the_fallthrough() {
    let rules = Rules::build(parts(Stage::Live, None));
    let none = Fields::default();
    let decision = rules.decide(
        &view("/carts", &none),
        &Overrides::default(),
        Some(Side::New),
        &mut Subject::default(),
        &mut NoTrace,
    );
    assert_eq!((decision.route, decision.side, decision.backend), (None, Side::Legacy, Some(LEFT_OVER)));
    assert_eq!(rules.reason_text(decision.reason).to_string(), "no-route");
}

#[test]
fn force_wins_over_the_stage_unless_there_is_no_such_backend() {
    let none = Fields::default();
    let forced = |parts: RulesParts, side| {
        let rules = Rules::build(parts);
        let decision = rules.decide(
            &view("/orders/7", &none),
            &Overrides::default(),
            Some(side),
            &mut Subject::default(),
            &mut NoTrace,
        );
        (decision.side, decision.backend, rules.reason_text(decision.reason).to_string())
    };
    assert_eq!(forced(parts(Stage::Legacy, None), Side::New), (Side::New, Some(NEW), "force".into()));
    assert_eq!(forced(parts(Stage::Live, None), Side::Legacy), (Side::Legacy, Some(LEGACY), "force".into()));
    let mut complete = parts(Stage::Complete, None);
    complete.routes[0].legacy = None;
    assert_eq!(forced(complete, Side::Legacy), (Side::New, Some(NEW), "stage:complete".into()));
}

#[test]
fn without_a_legacy_backend_nobody_answers_for_legacy() {
    let mut parts = parts(Stage::Canary, Some(Canary { tenants: set(&["acme"]), ..Canary::default() }));
    parts.routes[0].legacy = None;
    let rules = Rules::build(parts);
    assert_eq!(decide(&rules, &[("x-tenant", "acme")]).backend, Some(NEW));
    assert_eq!(decide(&rules, &[]).backend, None);
}

fn full_canary() -> Rules {
    let canary = Canary {
        cohorts: vec![CohortId(0)],
        tenants: set(&["initech", "bigbank"]),
        flags: vec![FlagId(0)],
        share: share("50", Key::User),
        except: Except { cohorts: vec![CohortId(1)], tenants: set(&["bigbank"]) },
    };
    let mut parts = parts(Stage::Canary, Some(canary));
    parts.cohorts = vec![
        cohort("beta", CohortKind::Tenants(set(&["acme", "umbrella"])), &[]),
        cohort("large", CohortKind::Tenants(set(&["umbrella", "hooli"])), &[]),
    ];
    parts.flags = vec![Flag { users: KeyMap::from_iter([(Box::from("u-flag"), true)]), ..flag("new-checkout") }];
    Rules::build(parts)
}

/// A user inside, or outside, of half of everybody.
fn user(inside: bool) -> String {
    let users = (0..).map(|number| format!("u-{number}"));
    users.into_iter().find(|user| percent("50").contains(bucket_of("orders", user)) == inside).unwrap()
}

#[test]
fn canary_takes_whom_any_rule_names_unless_excepted() {
    let rules = full_canary();
    let (inside, outside) = (user(true), user(false));
    for (tenant, user, expected) in [
        ("initech", &*outside, "new tenant"),
        ("acme", &outside, "new cohort:beta"),
        ("other", "u-flag", "new flag:new-checkout"),
        ("other", &inside, "new percent"),
        ("other", &outside, "legacy outside-percent"),
        ("bigbank", &inside, "legacy except:tenant"),
        ("umbrella", &inside, "legacy except:cohort:large"),
        ("hooli", "u-flag", "legacy except:cohort:large"),
    ] {
        assert_eq!(said(&rules, &[("x-tenant", tenant), ("x-user", user)]), expected, "{tenant} {user}");
    }
    assert_eq!(said(&rules, &[]), "legacy missing-key:user");
    assert_eq!(said(&rules, &[("x-user", &inside)]), "new percent");
    assert_eq!(decide(&rules, &[("x-user", &inside)]).bucket, Some(bucket_of("orders", &inside)));
    assert_eq!(decide(&rules, &[("x-tenant", "acme"), ("x-user", &inside)]).bucket, None);
}

#[test]
fn percentage_of_a_cohort_leaves_all_others_with_legacy() {
    let of = Some(Share { percent: Percent::ALL, by: Key::User, of: Some(CohortId(0)), ramped: false });
    let mut parts = parts(Stage::Canary, Some(Canary { share: of, ..Canary::default() }));
    parts.cohorts = vec![cohort("early", CohortKind::Tenants(set(&["acme"])), &[])];
    let rules = Rules::build(parts);
    assert_eq!(said(&rules, &[("x-tenant", "acme"), ("x-user", "u")]), "new percent");
    assert_eq!(said(&rules, &[("x-tenant", "globex"), ("x-user", "u")]), "legacy outside-cohort:early");
    assert_eq!(said(&rules, &[("x-tenant", "acme")]), "legacy missing-key:user");
}

#[test]
fn canary_without_rules_takes_nobody() {
    assert_eq!(said(&Rules::build(parts(Stage::Canary, None)), &[]), "legacy not-in-canary");
    assert_eq!(said(&Rules::build(parts(Stage::Canary, Some(Canary::default()))), &[]), "legacy not-in-canary");
}

#[test]
fn zero_percent_is_nobody_and_all_is_everybody_with_a_key() {
    let rules =
        |text| Rules::build(parts(Stage::Canary, Some(Canary { share: share(text, Key::User), ..Canary::default() })));
    let (zero, all) = (rules("0"), rules("100"));
    for number in 0..2000 {
        let user = format!("u-{number}");
        assert_eq!(decide(&zero, &[("x-user", &user)]).side, Side::Legacy);
        assert_eq!(decide(&all, &[("x-user", &user)]).side, Side::New);
    }
    assert_eq!(said(&zero, &[]), "legacy missing-key:user");
    assert_eq!(said(&all, &[]), "legacy missing-key:user");
}

/// Whether a request is in a cohort, the last of these.
fn is_member(cohorts: Vec<Cohort>, lines: &[(&'static str, &str)]) -> bool {
    let canary = Canary { cohorts: vec![CohortId(cohorts.len() as u32 - 1)], ..Canary::default() };
    let rules = Rules::build(RulesParts { cohorts, ..parts(Stage::Canary, Some(canary)) });
    decide(&rules, lines).side == Side::New
}

#[test]
fn cohorts_are_made_of_tenants_headers_networks_shares_and_cohorts() {
    let staff = |trusted| {
        let condition =
            HeaderCondition { name: HeaderName::from_static("x-employee"), value: ValueMatch::Exact("yes".into()) };
        cohort("staff", CohortKind::Header { condition, trusted }, &[])
    };
    let beta = || cohort("beta", CohortKind::Tenants(set(&["acme", "globex"])), &[]);
    let network = |text: &str| cohort("offices", CohortKind::Networks(vec![text.parse().unwrap()]), &[]);
    let wave = |text| {
        let kind = CohortKind::Percent { percent: percent(text), by: Key::Tenant, salt: Arc::from("wave-1") };
        cohort("wave-1", kind, &[])
    };
    let made = |kind: fn(Vec<CohortId>) -> CohortKind, except: &[u32]| {
        vec![beta(), staff(false), cohort("made", kind(vec![CohortId(0), CohortId(1)]), except)]
    };
    let (acme, yes) = (("x-tenant", "acme"), ("x-employee", "yes"));
    assert!(is_member(vec![beta()], &[acme]) && !is_member(vec![beta()], &[("x-tenant", "ACME")]));
    assert!(is_member(vec![staff(false)], &[yes]) && !is_member(vec![staff(false)], &[yes, yes]));
    assert!(!is_member(vec![staff(true)], &[yes]), "an untrusted peer cannot say so");
    assert!(is_member(vec![network("192.0.2.0/24")], &[]) && !is_member(vec![network("198.51.100.0/24")], &[]));
    assert!(is_member(vec![wave("100")], &[acme]) && !is_member(vec![wave("100")], &[]));
    assert!(!is_member(vec![wave("0")], &[acme]));
    assert!(is_member(made(CohortKind::Any, &[]), &[acme]) && is_member(made(CohortKind::Any, &[]), &[yes]));
    assert!(!is_member(made(CohortKind::All, &[]), &[acme]) && is_member(made(CohortKind::All, &[]), &[acme, yes]));
    assert!(!is_member(made(CohortKind::Any, &[1]), &[acme, yes]), "except wins");
    assert!(!is_member(vec![cohort("none", CohortKind::All(Vec::new()), &[])], &[acme]));
}

#[test]
fn cohorts_that_refer_to_themselves_or_nowhere_find_nobody() {
    for reference in [0, 1, 77] {
        let cohorts = vec![cohort("loop", CohortKind::Any(vec![CohortId(reference)]), &[])];
        assert!(!is_member(cohorts, &[("x-tenant", "acme")]));
    }
}

#[test]
fn shared_parts_of_cohorts_are_worked_out_once() {
    // Without remembering, the last of these would take 2^60 steps.
    let mut cohorts = vec![cohort("c0", CohortKind::Tenants(set(&["acme"])), &[])];
    for id in 0..60 {
        cohorts.push(cohort("more", CohortKind::Any(vec![CohortId(id), CohortId(id)]), &[]));
    }
    assert!(!is_member(cohorts.clone(), &[("x-tenant", "globex")]));
    assert!(is_member(cohorts, &[("x-tenant", "acme")]));
}

#[test]
fn first_layer_of_a_flag_that_speaks_wins() {
    let full = Flag {
        over: None,
        tenants: KeyMap::from_iter([(Box::from("acme"), true), (Box::from("globex"), false)]),
        users: KeyMap::from_iter([(Box::from("u-on"), true), (Box::from("u-off"), false)]),
        percent: Some((percent("50"), Key::User)),
        salt: "orders".into(),
        ..flag("new-checkout")
    };
    let on = |flag: &Flag, tenant: &str, user: &str| {
        let canary = Canary { flags: vec![FlagId(0)], ..Canary::default() };
        let rules = Rules::build(RulesParts { flags: vec![flag.clone()], ..parts(Stage::Canary, Some(canary)) });
        decide(&rules, &[("x-tenant", tenant), ("x-user", user)]).side == Side::New
    };
    let (inside, outside) = (user(true), user(false));
    assert!(on(&full, "acme", "u-off"), "the tenant speaks before the user");
    assert!(!on(&full, "globex", "u-on"));
    assert!(on(&full, "other", "u-on") && !on(&full, "other", "u-off"));
    assert!(on(&full, "other", &inside) && !on(&full, "other", &outside));
    let by_default = Flag { default: true, ..full.clone() };
    assert!(on(&by_default, "other", &outside), "a percentage is silent for those outside");
    assert!(!on(&by_default, "globex", &inside));
    assert!(on(&by_default, "other", ""), "and where the key is missing");
    assert!(!on(&Flag { over: Some(false), ..by_default }, "acme", "u-on"));
    assert!(on(&Flag { over: Some(true), ..full }, "globex", "u-off"));
}

#[test]
fn subject_holds_what_was_looked_up_and_nothing_else() {
    let headers = headers(&[("x-tenant", "acme"), ("x-user", "u-1")]);
    let decide = |rules: &Rules, mut subject: Subject<'static>| {
        let headers: &'static Fields = Box::leak(Box::new(headers.clone()));
        rules.decide(&view("/orders/7", headers), &Overrides::default(), None, &mut subject, &mut NoTrace);
        subject
    };
    let live = decide(&Rules::build(parts(Stage::Live, None)), Subject::default());
    assert_eq!((live.tenant, live.user), (None, None));
    let canary = Canary { share: share("5", Key::User), ..Canary::default() };
    let by_user = decide(&Rules::build(parts(Stage::Canary, Some(canary))), Subject::default());
    assert_eq!((by_user.tenant, by_user.user.as_deref()), (None, Some("u-1")));
    let canary = Canary { tenants: set(&["globex"]), ..Canary::default() };
    let given = Subject::given(Some(Cow::Borrowed("globex")), None);
    let given = decide(&Rules::build(parts(Stage::Canary, Some(canary))), given);
    assert_eq!(given.tenant.as_deref(), Some("globex"));
}

#[test]
fn trace_tells_each_step() {
    let rules = full_canary();
    let headers = headers(&[("x-tenant", "other"), ("x-user", &user(false))]);
    let mut trace: Vec<TraceStep> = Vec::new();
    rules.decide(&view("/orders/7", &headers), &Overrides::default(), None, &mut Subject::default(), &mut trace);
    let lines: Vec<String> = trace.iter().map(TraceStep::to_string).collect();
    let bucket = bucket_of("orders", user(false));
    assert_eq!(
        lines,
        [
            "route orders: matches".to_owned(),
            "tenant: \"other\"".to_owned(),
            "except tenants: no".to_owned(),
            "except cohort large: no".to_owned(),
            "tenants: no".to_owned(),
            "cohort beta: no".to_owned(),
            format!("user: {:?}", user(false)),
            "flag new-checkout: no".to_owned(),
            format!("bucket of user with salt \"orders\": {bucket}, outside 50 % (below 50000)"),
            "50 % by user: no".to_owned(),
            "decided: legacy by orders (outside-percent)".to_owned(),
        ]
    );
}

#[test]
fn decision_is_small_and_without_heap() {
    fn is_copy<T: Copy>() {}
    is_copy::<Decision>();
    assert!(size_of::<Decision>() <= 128);
}

proptest! {
    #[test]
    fn untrusted_and_unasked_headers_never_change_a_decision(
        lines in proptest::collection::vec(("(x-trusted-tenant|x-other|x-forwarded-for|banyan-force)", "[a-z]{0,6}"), 0..6),
        tenant in "(acme|hooli|other)",
        user in "u-[0-9]{1,3}",
    ) {
        let rules = full_canary();
        let plain = [("x-tenant", &*tenant), ("x-user", &user)];
        let mut more = headers(&plain).to_map();
        for (name, value) in &lines {
            more.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let more = more.into();
        let decision = rules.decide(&view("/orders/7", &more), &Overrides::default(), None, &mut Subject::default(), &mut NoTrace);
        prop_assert_eq!(decision, decide(&rules, &plain));
    }

    #[test]
    fn order_of_headers_does_not_matter(
        lines in proptest::collection::vec((proptest::sample::select(vec!["x-tenant", "x-user", "x-b", "x-c"]), "(acme|hooli|u-[0-9])"), 0..5),
    ) {
        let rules = full_canary();
        let forward: Vec<_> = lines.iter().map(|(name, value)| (*name, &**value)).collect();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        prop_assert_eq!(decide(&rules, &forward), decide(&rules, &backward));
    }

    #[test]
    fn raising_the_percentage_moves_nobody_back(low in 0..=100_000_u32, high in 0..=100_000_u32, user in "[a-z0-9]{0,8}") {
        let rules = |thousandths| {
            let share = Some(Share { percent: Percent::from_thousandths(thousandths).unwrap(), by: Key::User, of: None, ramped: false });
            Rules::build(parts(Stage::Canary, Some(Canary { share, ..Canary::default() })))
        };
        let (before, after) = (rules(low.min(high)), rules(low.max(high)));
        let side = |rules: &Rules| decide(rules, &[("x-user", &user)]).side;
        prop_assert!(side(&before) == Side::Legacy || side(&after) == Side::New);
    }

    #[test]
    fn trace_and_repetition_do_not_change_a_decision(tenant in "(acme|hooli|bigbank|other|)", user in "(u-flag|u-[0-9]{1,3}|)") {
        let rules = full_canary();
        let lines = headers(&[("x-tenant", &tenant), ("x-user", &user)]);
        let view = view("/orders/7", &lines);
        let mut trace: Vec<TraceStep> = Vec::new();
        let traced = rules.decide(&view, &Overrides::default(), None, &mut Subject::default(), &mut trace);
        prop_assert_eq!(traced, rules.decide(&view, &Overrides::default(), None, &mut Subject::default(), &mut NoTrace));
        prop_assert_eq!(traced, full_canary().decide(&view, &Overrides::default(), None, &mut Subject::default(), &mut NoTrace));
    }

    #[test]
    fn arbitrary_bytes_are_decided_without_a_panic(
        path in ".*", query in proptest::option::of(".*"), host in ".*", values in proptest::collection::vec(proptest::collection::vec(32_u8..=255, 0..40), 3),
    ) {
        let rules = full_canary();
        let mut lines = HeaderMap::new();
        for (name, value) in ["x-tenant", "x-user", "cookie"].into_iter().zip(&values) {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                lines.append(name, value);
            }
        }
        let lines = lines.into();
        for path in [&*path, "/orders/7"] {
            let view = RequestView { query: query.as_deref(), host: &host, ..view(path, &lines) };
            let _ = rules.decide(&view, &Overrides::default(), None, &mut Subject::default(), &mut Vec::new());
        }
    }
}
