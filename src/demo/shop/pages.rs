//! The pages of a shop: from a request to its answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::data::{self, CUSTOMERS, Line, ORDERS, Order, PRODUCTS};
use super::record::{Record, Seen};
use super::views;
use crate::names::Side;

/// How long the slow page takes.
pub const SLOW: Duration = Duration::from_millis(400);

/// How many placed orders are remembered.
const PLACED: usize = 256;

/// The most that an order may weigh, in bytes.
const LARGEST: usize = 64 * 1024;

/// One shop's pages and data.
#[derive(Debug)]
pub(super) struct Pages {
    side: Side,
    orders: Vec<Order>,
    placed: Mutex<Placed>,
    /// How many reports were made.
    reports: AtomicU64,
    record: Arc<Record>,
}

/// Orders that came in while the shop ran.
#[derive(Debug)]
struct Placed {
    next: u64,
    orders: VecDeque<Order>,
}

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page<'a> {
    Home,
    Orders,
    LatestOrder,
    Order(&'a str),
    Invoices,
    Invoice(&'a str),
    Customers,
    Customer(&'a str),
    Catalog,
    Product(&'a str),
    Login,
    Report,
    Health,
}

/// What `POST /orders` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    customer_id: u64,
    items: Vec<NewItem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewItem {
    sku: String,
    quantity: u64,
}

impl<'a> Page<'a> {
    /// The page at this path, as this side lays them out.
    fn at(side: Side, path: &'a str) -> Option<Page<'a>> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let segments = match (side, segments.as_slice()) {
            (Side::New, ["v2", orders @ ..]) if orders.first() == Some(&"orders") => orders,
            (Side::New, ["orders", ..]) | (Side::Legacy, ["catalog", ..]) => return None,
            (_, segments) => segments,
        };
        Some(match segments {
            [""] => Page::Home,
            ["orders"] => Page::Orders,
            ["orders", "latest"] => Page::LatestOrder,
            ["orders", id] => Page::Order(id),
            ["invoices"] => Page::Invoices,
            ["invoices", id] => Page::Invoice(id),
            ["customers"] => Page::Customers,
            ["customers", id] => Page::Customer(id),
            ["catalog"] => Page::Catalog,
            ["catalog", sku] => Page::Product(sku),
            ["login"] => Page::Login,
            ["reports", "daily"] => Page::Report,
            ["healthz"] => Page::Health,
            _ => return None,
        })
    }

    /// The methods it takes.
    fn allow(self) -> &'static str {
        match self {
            Page::Orders => "GET, HEAD, POST, OPTIONS",
            Page::Login => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// Its name in the record.
    fn label(self) -> &'static str {
        match self {
            Page::Home => "/",
            Page::Orders => "/orders",
            Page::LatestOrder => "/orders/latest",
            Page::Order(_) => "/orders/{id}",
            Page::Invoices => "/invoices",
            Page::Invoice(_) => "/invoices/{id}",
            Page::Customers => "/customers",
            Page::Customer(_) => "/customers/{id}",
            Page::Catalog => "/catalog",
            Page::Product(_) => "/catalog/{sku}",
            Page::Login => "/login",
            Page::Report => "/reports/daily",
            Page::Health => "/healthz",
        }
    }
}

impl Pages {
    pub(super) fn new(side: Side, record: Arc<Record>) -> Pages {
        let placed = Mutex::new(Placed { next: ORDERS + 1, orders: VecDeque::new() });
        Pages { side, orders: data::orders(), placed, reports: AtomicU64::new(0), record }
    }

    /// Answers one request and records it.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let page = Page::at(self.side, head.uri.path());
        let answer = match page {
            None => answer::problem(StatusCode::NOT_FOUND, "there is no such page"),
            Some(page) if !page.allow().split(", ").any(|method| method == head.method.as_str()) => {
                answer::not_allowed(page.allow())
            }
            Some(page) if head.method == Method::OPTIONS => answer::options(page.allow()),
            Some(Page::Orders) if head.method == Method::POST => self.place(&head, body).await,
            Some(Page::Report) => {
                tokio::time::sleep(SLOW).await;
                self.report()
            }
            Some(page) => self.show(page, &head),
        };
        let label = page.map_or("other", Page::label);
        let seen = Seen { method: head.method, target: head.uri, headers: head.headers, status: answer.status() };
        self.record.add(label, seen);
        answer
    }

    /// Everything that needs neither a body nor time.
    fn show(&self, page: Page<'_>, head: &Parts) -> Answer {
        match page {
            Page::Home => answer::redirect(StatusCode::FOUND, &self.orders_path()),
            Page::Orders => self.order_list(head.uri.query()),
            Page::LatestOrder => self.latest_order(head),
            Page::Order(id) => self.order(id),
            Page::Invoices => {
                let invoices = self.orders.iter().map(|order| views::invoice(self.side, order));
                list("invoices", invoices.collect())
            }
            Page::Invoice(id) => {
                let order = self.find_order(id);
                found("invoice", id, order.map(|order| views::invoice(self.side, &order)))
            }
            Page::Customers => {
                let customers = CUSTOMERS.iter().map(|customer| views::customer(self.side, customer));
                self.customer_headers(list("customers", customers.collect()))
            }
            Page::Customer(id) => {
                let customer = id.parse().ok().and_then(data::customer);
                let view = customer.map(|customer| views::customer(self.side, customer));
                self.customer_headers(found("customer", id, view))
            }
            Page::Catalog => list("products", PRODUCTS.iter().map(views::product).collect()),
            Page::Product(sku) => found("product", sku, data::product(sku).map(views::product)),
            Page::Login => self.log_in(head.uri.query()),
            Page::Report => self.report(),
            Page::Health => answer::json(StatusCode::OK, &json!({ "status": "ok" })),
        }
    }

    fn order_list(&self, query: Option<&str>) -> Answer {
        let status = parameter(query, "status");
        let orders = self.orders.iter().filter(|order| status.is_none_or(|status| order.status == status));
        list("orders", orders.map(|order| views::order(self.side, order)).collect())
    }

    fn order(&self, id: &str) -> Answer {
        let Some(order) = self.find_order(id) else {
            return found("order", id, None);
        };
        let answer = answer::json(StatusCode::OK, &views::order(self.side, &order));
        let answer = answer::with(answer, CACHE_CONTROL, "private, no-cache");
        let path = self.orders_path();
        answer::with(answer, SET_COOKIE, &format!("viewed={}; Path={path}; Max-Age=3600; SameSite=Lax", order.id))
    }

    fn latest_order(&self, head: &Parts) -> Answer {
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let latest = self.placed().orders.back().map_or(ORDERS, |order| order.id);
        answer::redirect(StatusCode::FOUND, &format!("http://{host}{}/{latest}", self.orders_path()))
    }

    fn log_in(&self, query: Option<&str>) -> Answer {
        let Some(user) = parameter(query, "user").filter(|user| user.bytes().all(|byte| byte.is_ascii_graphic()))
        else {
            return answer::problem(StatusCode::BAD_REQUEST, "the query must name a user");
        };
        let answer = answer::redirect(StatusCode::SEE_OTHER, &self.orders_path());
        answer::with(answer, SET_COOKIE, &format!("sid={user}; Path=/; HttpOnly; SameSite=Lax"))
    }

    fn report(&self) -> Answer {
        let turnover: u64 = self.orders.iter().map(Order::cents).sum();
        // What no two answers have in common: whoever compares answers has to find that out.
        let run = self.reports.fetch_add(1, Ordering::Relaxed) + 1;
        let generated = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let report = json!({ "orders": ORDERS, "turnover_cents": turnover, "generated": generated, "run": run });
        answer::json(StatusCode::OK, &report)
    }

    async fn place(&self, head: &Parts, body: Incoming) -> Answer {
        let kind = head.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
        if !kind.is_some_and(|kind| kind.starts_with(b"application/json")) {
            return answer::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "an order is application/json");
        }
        let Ok(body) = Limited::new(body, LARGEST).collect().await else {
            return answer::problem(StatusCode::PAYLOAD_TOO_LARGE, "that is more than an order");
        };
        match self.enter(&body.to_bytes()) {
            Ok(order) => {
                let answer = answer::json(StatusCode::CREATED, &views::order(self.side, &order));
                answer::with(answer, LOCATION, &format!("{}/{}", self.orders_path(), order.id))
            }
            Err((status, detail)) => answer::problem(status, &detail),
        }
    }

    /// Reads an order and keeps it; the oldest placed order makes room.
    fn enter(&self, body: &Bytes) -> Result<Order, (StatusCode, String)> {
        let wrong = |detail: String| (StatusCode::UNPROCESSABLE_ENTITY, detail);
        let order: NewOrder =
            serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let customer = data::customer(order.customer_id).ok_or_else(|| wrong("no such customer".to_owned()))?;
        let mut lines = Vec::with_capacity(order.items.len());
        for item in &order.items {
            let product = data::product(&item.sku).ok_or_else(|| wrong(format!("no such product: {}", item.sku)))?;
            if !(1..=1000).contains(&item.quantity) {
                return Err(wrong("a quantity is from 1 to 1000".to_owned()));
            }
            lines.push(Line { product, quantity: item.quantity });
        }
        if lines.is_empty() {
            return Err(wrong("an order has items".to_owned()));
        }
        let mut placed = self.placed();
        // The clock would make answers differ from run to run.
        let order =
            Order { id: placed.next, customer, status: "open", created: "2026-04-01T08:00:00Z".to_owned(), lines };
        placed.next += 1;
        if placed.orders.len() == PLACED {
            placed.orders.pop_front();
        }
        placed.orders.push_back(order.clone());
        Ok(order)
    }

    fn find_order(&self, id: &str) -> Option<Order> {
        let id: u64 = id.parse().ok()?;
        let seeded = self.orders.iter().find(|order| order.id == id).cloned();
        seeded.or_else(|| self.placed().orders.iter().find(|order| order.id == id).cloned())
    }

    /// Where this shop thinks that its orders are.
    fn orders_path(&self) -> String {
        match self.side {
            Side::Legacy => "/orders".to_owned(),
            Side::New => "/v2/orders".to_owned(),
        }
    }

    fn customer_headers(&self, answer: Answer) -> Answer {
        match self.side {
            Side::Legacy => answer::with(answer, CACHE_CONTROL, "private, max-age=60"),
            Side::New => answer,
        }
    }

    fn placed(&self) -> MutexGuard<'_, Placed> {
        // An order is pushed whole or not at all.
        self.placed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list, wrapped so that it can grow fields.
fn list(name: &'static str, entries: Vec<Value>) -> Answer {
    answer::json(StatusCode::OK, &json!({ "count": entries.len(), name: entries }))
}

/// One thing, or that it is not there.
fn found(what: &str, id: &str, view: Option<Value>) -> Answer {
    match view {
        Some(view) => answer::json(StatusCode::OK, &view),
        None => answer::problem(StatusCode::NOT_FOUND, &format!("there is no {what} {id}")),
    }
}

/// A query parameter, as sent.
fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}
