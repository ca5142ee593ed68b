//! Every known difference shows, nothing else does.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::net::{Ipv4Addr, SocketAddr};

use http::{HeaderName, Method, StatusCode};
use serde_json::Value;

use super::{DIFFERENCES, Difference, Shop};
use crate::demo::client::{Answer, Ask, Client};
use crate::names::Side;

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn start(side: Side) -> Shop {
    Shop::start(side, ANYWHERE).unwrap()
}

fn ask(shop: &Shop, ask: Ask) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Client::new(shop.address()).ask(ask)).unwrap()
}

fn get(shop: &Shop, target: &str) -> Answer {
    ask(shop, Ask::get(target))
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn both() -> (Shop, Shop) {
    (start(Side::Legacy), start(Side::New))
}

#[test]
fn module_doc_lists_every_difference() {
    let doc = include_str!("mod.rs");
    for Difference { place, legacy, new } in DIFFERENCES {
        let row = format!("//! | {place} | {legacy} | {new} |\n");
        assert!(doc.contains(&row), "missing: {row}");
    }
}

#[test]
fn orders_differ_in_price_of_teas_order_of_items_and_channel_only() {
    let (legacy, new) = both();
    for id in 1..=40 {
        let old = json(&get(&legacy, &format!("/orders/{id}")));
        let mut fresh = json(&get(&new, &format!("/v2/orders/{id}")));
        assert_eq!(fresh.as_object_mut().unwrap().remove("channel").unwrap(), "web");
        let mut sorted = old.clone();
        let items = sorted["items"].as_array_mut().unwrap();
        items.sort_by_key(|item| item["sku"].as_str().unwrap().to_owned());
        for item in items {
            if item["sku"].as_str().unwrap().starts_with("tea-") {
                item["price"] = item["price"].as_str().unwrap().parse::<f64>().unwrap().into();
            }
        }
        assert_eq!(sorted, fresh);
    }
    let seven = json(&get(&legacy, "/orders/7"));
    assert_eq!(seven["items"][0]["sku"], "tea-sencha", "the tour shows order 7 for its items' order");
    assert_eq!(json(&get(&new, "/v2/orders/7"))["items"][1]["price"], 7.8);
}

#[test]
fn one_invoice_differs_by_a_cent() {
    let (legacy, new) = both();
    let (old, fresh) = (json(&get(&legacy, "/invoices")), json(&get(&new, "/invoices")));
    let pairs = old["invoices"].as_array().unwrap().iter().zip(fresh["invoices"].as_array().unwrap());
    let different: Vec<&Value> = pairs.filter(|(old, fresh)| old != fresh).map(|(old, _)| &old["id"]).collect();
    assert_eq!(different, [22]);
    assert_ne!(json(&get(&legacy, "/invoices/22"))["vat"], json(&get(&new, "/invoices/22"))["vat"]);
}

#[test]
fn customers_differ_in_field_name_and_cache_control() {
    let (legacy, new) = both();
    let (old, fresh) = (get(&legacy, "/customers/2"), get(&new, "/customers/2"));
    assert_eq!(json(&old)["cust_name"], "Grace Hopper");
    assert_eq!(json(&fresh)["name"], "Grace Hopper");
    assert_eq!(old.header("cache-control"), Some("private, max-age=60"));
    assert_eq!(fresh.header("cache-control"), None);
}

#[test]
fn paths_locations_and_cookies_name_the_shops_own_layout() {
    let (legacy, new) = both();
    for (shop, orders) in [(&legacy, "/orders"), (&new, "/v2/orders")] {
        assert_eq!(get(shop, "/").header("location"), Some(orders));
        let cookie = get(shop, &format!("{orders}/7")).header("set-cookie").unwrap().to_owned();
        assert!(cookie.starts_with(&format!("viewed=7; Path={orders};")), "{cookie}");
        let latest = ask(shop, Ask::get(format!("{orders}/latest")).host("shop.example"));
        assert_eq!(latest.header("location"), Some(&*format!("http://shop.example{orders}/40")));
    }
    assert_eq!(get(&new, "/orders").status, StatusCode::NOT_FOUND);
    assert_eq!(get(&legacy, "/v2/orders").status, StatusCode::NOT_FOUND);
    assert_eq!(get(&legacy, "/catalog").status, StatusCode::NOT_FOUND);
    assert_eq!(json(&get(&new, "/catalog/kettle"))["price"], "34.95");
}

#[test]
fn order_that_was_placed_can_be_read() {
    for (shop, orders) in [(start(Side::Legacy), "/orders"), (start(Side::New), "/v2/orders")] {
        let order = r#"{"customer_id":3,"items":[{"sku":"kettle","quantity":2}]}"#;
        let answer = ask(&shop, Ask::new(Method::POST, orders).json(order));
        assert_eq!(answer.status, StatusCode::CREATED);
        let location = answer.header("location").unwrap().to_owned();
        assert_eq!(location, format!("{orders}/41"));
        assert_eq!(get(&shop, &location).body, answer.body);
    }
}

#[test]
fn wrong_orders_are_problems() {
    let shop = start(Side::Legacy);
    let post = |body: &'static str| ask(&shop, Ask::new(Method::POST, "/orders").json(body)).status.as_u16();
    assert_eq!(post("{"), 400);
    assert_eq!(post(r#"{"customer_id":99,"items":[{"sku":"kettle","quantity":1}]}"#), 422);
    assert_eq!(post(r#"{"customer_id":1,"items":[{"sku":"sofa","quantity":1}]}"#), 422);
    assert_eq!(post(r#"{"customer_id":1,"items":[]}"#), 422);
    assert_eq!(ask(&shop, Ask::new(Method::POST, "/orders")).status.as_u16(), 415);
    let large = Ask::new(Method::POST, "/orders").json(vec![b' '; 65 * 1024]);
    assert_eq!(ask(&shop, large).status.as_u16(), 413);
    let wrong = ask(&shop, Ask::new(Method::DELETE, "/orders"));
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    assert_eq!(wrong.header("content-type"), Some("application/problem+json"));
}

#[test]
fn head_and_options_have_no_body() {
    let shop = start(Side::Legacy);
    let head = ask(&shop, Ask::new(Method::HEAD, "/orders/7"));
    assert_eq!(head.status, StatusCode::OK);
    assert!(head.body.is_empty());
    let length: usize = head.header("content-length").unwrap().parse().unwrap();
    assert_eq!(length, get(&shop, "/orders/7").body.len());
    let options = ask(&shop, Ask::new(Method::OPTIONS, "/customers"));
    assert_eq!((options.status.as_u16(), options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn login_sets_the_users_cookie() {
    let shop = start(Side::New);
    let answer = ask(&shop, Ask::new(Method::POST, "/login?user=ada"));
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.header("set-cookie").unwrap().starts_with("sid=ada; Path=/;"));
    assert_eq!(ask(&shop, Ask::new(Method::POST, "/login")).status, StatusCode::BAD_REQUEST);
}

#[test]
fn record_keeps_counters_and_the_last_heads() {
    let shop = start(Side::Legacy);
    for _ in 0..70 {
        get(&shop, "/healthz");
    }
    ask(&shop, Ask::get("/nowhere?x=1").header(HeaderName::from_static("x-tenant-id"), "acme"));
    assert_eq!(shop.record().total(), 71);
    assert_eq!(shop.record().pages()["/healthz"], 70);
    assert_eq!(shop.record().pages()["other"], 1);
    assert_eq!(shop.record().recent().len(), 64);
    let last = shop.record().last().unwrap();
    assert_eq!((last.target.to_string().as_str(), last.status), ("/nowhere?x=1", StatusCode::NOT_FOUND));
    assert_eq!(last.headers["x-tenant-id"], "acme");
}

#[test]
fn stopped_shop_frees_its_port() {
    let shop = start(Side::Legacy);
    let address = shop.address();
    shop.stop();
    let again = Shop::start(Side::Legacy, address).unwrap();
    assert_eq!(get(&again, "/healthz").status, StatusCode::OK);
}
