//! Who visits the demo and what they ask for: a script without a clock or an operating system's randomness.

use http::Method;
use http::header::{COOKIE, HeaderName};

use super::client::Ask;

/// Carries the tenant; `routes.yaml` reads it from trusted proxies only, and in the demo loopback is one.
pub const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");

/// Carries the client's address; believed from trusted proxies only.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Tenants that visit by name, over and over; the others are numbered.
const TENANTS: [&str; 5] = ["acme", "globex", "goliath", "initech", "umbrella"];

/// Numbered tenants beside those with a name: enough of them for a percentage to show.
const MORE_TENANTS: u64 = 60;

/// Users, each with a cookie.
const USERS: u64 = 300;

/// One visit: the request, and the route-ish path it is counted under.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Method and path template, such as `GET /orders/{id}`.
    pub label: &'static str,
    /// What is sent.
    pub ask: Ask,
}

/// An endless, repeatable stream of visits.
#[derive(Debug, Clone)]
pub struct Visitors {
    state: u64,
}

impl Default for Visitors {
    fn default() -> Visitors {
        // Any number but 0 will do; a fixed one makes two demos alike.
        Visitors { state: 0x05EE_D00F }
    }
}

impl Iterator for Visitors {
    type Item = Visit;

    fn next(&mut self) -> Option<Visit> {
        let (label, ask) = self.errand();
        Some(Visit { label, ask: self.introduce(ask) })
    }
}

impl Visitors {
    /// What the next visitor wants.
    fn errand(&mut self) -> (&'static str, Ask) {
        match self.below(100) {
            0..30 => ("GET /orders/{id}", Ask::get(format!("/orders/{}", 1 + self.below(40)))),
            30..45 => ("GET /orders", Ask::get("/orders?status=open")),
            45..55 => ("POST /orders", Ask::new(Method::POST, "/orders").json(self.order())),
            55..68 => ("GET /invoices/{id}", Ask::get(format!("/invoices/{}", 1 + self.below(40)))),
            68..78 => ("GET /customers/{id}", Ask::get(format!("/customers/{}", 1 + self.below(6)))),
            78..86 => ("GET /catalog", Ask::get("/catalog")),
            86..90 => ("HEAD /orders/{id}", Ask::new(Method::HEAD, format!("/orders/{}", 1 + self.below(40)))),
            90..93 => ("POST /login", Ask::new(Method::POST, "/login?user=ada")),
            93..96 => ("GET /reports/daily", self.office(Ask::get("/reports/daily"))),
            96..98 => ("GET /orders/{id} (not there)", Ask::get("/orders/999999")),
            _ => ("GET / (no route)", Ask::get("/")),
        }
    }

    /// Who the next visitor is: most have a tenant, most have a user, some have neither.
    fn introduce(&mut self, ask: Ask) -> Ask {
        let ask = match self.below(10) {
            0..4 => {
                let tenant = TENANTS[self.below(TENANTS.len() as u64) as usize];
                ask.header(TENANT, tenant)
            }
            4..7 => ask.header(TENANT, format!("t-{}", self.below(MORE_TENANTS))),
            7 => ask.host("initech.shop.example"),
            _ => ask,
        };
        match self.below(10) {
            0..8 => ask.header(COOKIE, format!("sid=u-{}", self.below(USERS))),
            _ => ask,
        }
    }

    /// The same request from one of the addresses in the office.
    fn office(&mut self, ask: Ask) -> Ask {
        ask.header(FORWARDED_FOR, format!("192.0.2.{}", 1 + self.below(250)))
    }

    fn order(&mut self) -> String {
        let (customer, quantity) = (1 + self.below(6), 1 + self.below(5));
        format!(r#"{{"customer_id":{customer},"items":[{{"sku":"kettle","quantity":{quantity}}}]}}"#)
    }

    /// A number below this one (xorshift64; the bias of the remainder does not matter here).
    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % end
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::HeaderValue;

    use super::*;

    #[test]
    fn same_visits_every_time() {
        let visits = |count| Visitors::default().take(count).map(|visit| visit.ask.target).collect::<Vec<_>>();
        assert_eq!(visits(50), visits(50));
    }

    #[test]
    fn every_errand_comes_up() {
        let labels: BTreeSet<&str> = Visitors::default().take(2000).map(|visit| visit.label).collect();
        assert_eq!(labels.len(), 11);
    }

    #[test]
    fn headers_can_be_sent() {
        for visit in Visitors::default().take(500) {
            assert!(visit.ask.headers.iter().all(|(_, value)| HeaderValue::from_str(value).is_ok()));
        }
    }
}
