//! The sample.

use proptest::prelude::*;

use super::*;
use crate::names::Stage;
use crate::routing::{BackendId, Match, NoTrace, Overrides, Percent, Route, RulesParts, SubjectRules, SubjectSource};
use crate::snapshot::Comparison;

/// One route that takes everything, whose comparison has secrets of its own.
struct Facade {
    rules: Rules,
    shadows: Vec<Option<Arc<ShadowPlan>>>,
}

fn facade() -> Facade {
    let header = |name| SubjectSource::Header { name: HeaderName::from_static(name), trusted: false };
    let subjects =
        SubjectRules { tenant: vec![header("x-tenant")], user: vec![SubjectSource::Cookie { name: "sid".into() }] };
    let any = Match { methods: vec![], host: None, path: None, headers: vec![], query: vec![] };
    let route = Route {
        name: "a".into(),
        owner: None,
        group: None,
        salt: "a".into(),
        stage: Stage::Legacy,
        matches: vec![any],
        legacy: Some(BackendId(0)),
        new: None,
        canary: None,
        rewrite: None,
        timeout: Duration::from_secs(1),
    };
    let redact = ["header:X-Card", "query:email"].map(|text| diff::Selector::parse(text).unwrap()).to_vec();
    let comparison = Comparison {
        name: "c".into(),
        rules: diff::Compiled::new(diff::Rules { redact, ..diff::Rules::default() }),
        noise: Percent::ZERO,
        confirm: false,
        hashes_only: false,
    };
    let plan = ShadowPlan {
        sample: Percent::ALL,
        salt: "".into(),
        noise_salt: "".into(),
        methods: vec![],
        max_body: 0,
        timeout: Duration::from_secs(1),
        set: vec![],
        remove: vec![],
        comparison: Some(Arc::new(comparison)),
    };
    let rules = Rules::build(RulesParts { routes: vec![route], subjects, ..RulesParts::default() });
    Facade { rules, shadows: vec![Some(Arc::new(plan))] }
}

/// Offers a request so often.
fn offer(sampler: &mut Sampler, sample: &Sample, facade: &Facade, query: &str, headers: &HeaderMap, times: usize) {
    let view = RequestView {
        method: &Method::GET,
        host: "shop.example",
        path: "/orders/7",
        query: Some(query),
        headers: &headers.into(),
        client: "192.0.2.7".parse().unwrap(),
        trusted: false,
        claims: None,
    };
    for _ in 0..times {
        let mut subject = Subject::default();
        let decision = facade.rules.decide(&view, &Overrides::default(), None, &mut subject, &mut NoTrace);
        let by = By { rules: &facade.rules, shadows: &facade.shadows, generation: 3 };
        sampler.offer(sample, (&view, &subject), by, &decision);
    }
}

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    list.iter().map(pair).collect()
}

#[test]
fn an_input_is_what_other_rules_would_look_at() {
    let (facade, sample) = (facade(), Sample::new(2));
    let sent = headers(&[("x-tenant", "acme"), ("cookie", "sid=u-7"), ("x-api-version", "2"), ("accept", "*/*")]);
    offer(&mut Sampler::default(), &sample, &facade, "full=1", &sent, 1);
    let inputs = sample.inputs();
    let input = &inputs[0];
    assert_eq!((&*input.host, &*input.path, input.query.as_deref()), ("shop.example", "/orders/7", Some("full=1")));
    assert_eq!((input.tenant.as_deref(), input.user()), (Some("acme"), Some("u-7")));
    assert_eq!((input.weight, input.generation, input.side), (1.0, 3, Side::Legacy));
    let kept = input.headers(|name| name != "accept");
    assert_eq!(kept.get("x-api-version").unwrap(), "2");
    assert_eq!((kept.get("cookie").unwrap(), kept.get("accept")), (&HeaderValue::from_static("sid=[redacted]"), None));
}

#[test]
fn what_is_too_large_is_lost_and_counted() {
    let (facade, sample) = (facade(), Sample::new(1));
    offer(&mut Sampler::default(), &sample, &facade, &"a".repeat(LARGEST), &HeaderMap::new(), 1);
    assert_eq!((sample.inputs().len(), sample.lost()), (0, 1));
}

#[test]
fn the_newest_are_kept_within_count_and_bytes() {
    let (facade, sample) = (facade(), Sample::new(1));
    let mut sampler = Sampler::default();
    let wide = "a".repeat(8000);
    for round in 0..18 {
        let query = if round < 15 { "old" } else { &wide };
        for _ in 0..1500 {
            sampler.chance = 1.0;
            sampler.left = 0;
            offer(&mut sampler, &sample, &facade, query, &HeaderMap::new(), 1);
        }
        sample.drain();
        let kept = sample.kept.lock().unwrap();
        assert!(kept.inputs.len() <= MOST && kept.bytes <= MOST_BYTES);
        assert_eq!(kept.bytes, kept.inputs.iter().map(|input| input.size()).sum::<usize>());
    }
    let inputs = sample.inputs();
    assert!(inputs.len() > 3000 && inputs.iter().all(|input| input.query.as_deref() == Some(&wide)));
    assert_eq!(sample.lost(), 0);
}

#[test]
fn a_full_queue_drops_and_never_waits() {
    let (facade, sample) = (facade(), Sample::new(1));
    for _ in 0..WAITING + 10 {
        offer(&mut Sampler::default(), &sample, &facade, "q", &HeaderMap::new(), 1);
    }
    assert_eq!((sample.lost(), sample.inputs().len()), (10, WAITING));
}

#[test]
fn the_weights_add_up_to_what_passed_by_at_any_rate() {
    let (facade, sample) = (facade(), Sample::new(1));
    let mut sampler = Sampler { random: fastrand::Rng::with_seed(7), ..Sampler::default() };
    let mut passed = 0;
    for rate in [100, 20_000, 3_000, 50_000, 400] {
        sampler.adapt(f64::from(rate), sample.pace);
        offer(&mut sampler, &sample, &facade, "q", &HeaderMap::new(), rate as usize);
        sample.drain();
        passed += rate;
    }
    let inputs = sample.inputs();
    let weights: f64 = inputs.iter().map(|input| input.weight).sum();
    assert!((weights / f64::from(passed) - 1.0).abs() < 0.15, "{weights} of {passed} by {}", inputs.len());
    assert!(inputs.len() < 600, "{}", inputs.len());
}

#[test]
fn a_sudden_crowd_is_met_before_the_next_adaption() {
    let (facade, sample) = (facade(), Sample::new(1));
    offer(&mut Sampler::default(), &sample, &facade, "q", &HeaderMap::new(), 100_000);
    assert!(sample.inputs().len() < 2000, "{}", sample.inputs().len());
}

proptest! {
    #[test]
    fn no_secret_is_kept(secret in "[A-Z]{16}[a-z0-9]{4}") {
        let (facade, sample) = (facade(), Sample::new(1));
        let bearer = format!("Bearer {secret}");
        let cookie = format!("session={secret}; b={secret}");
        let sent = headers(&[
            ("authorization", &bearer), ("proxy-authorization", &bearer), ("cookie", &cookie), ("set-cookie", &cookie),
            ("x-api-key", &secret), ("x-card", &secret), ("referer", &format!("/x?token={secret}")),
        ]);
        let query = format!("email={secret}&access_token={secret}&x=1");
        offer(&mut Sampler::default(), &sample, &facade, &query, &sent, 1);
        let inputs = sample.inputs();
        prop_assert_eq!(inputs.len(), 1);
        let input = &inputs[0];
        let shown = [format!("{input:?}"), format!("{:?}", input.headers(|_| true))];
        prop_assert!(shown.iter().all(|shown| !shown.contains(&secret)), "{:?}", shown);
        prop_assert!(!input.headers.contains(&secret) && !input.query.as_deref().unwrap().contains(&secret));
        prop_assert!(input.query.as_deref().unwrap().ends_with("&x=1"));
    }
}
