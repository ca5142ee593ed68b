//! Requests, row by row, and what must become of each.

use super::facing::{ALL, Ask, Facing, Protocol, Told};
use crate::harness::Received;

/// What must become of a request.
pub(super) enum Must {
    /// It is answered with one of these by the facade itself, or, over HTTP/2, its stream ends; no backend hears of it.
    BeRefused(&'static [u16]),
    /// It is answered 200, and this holds of what reached a backend.
    Pass(fn(&Received)),
    /// The same, and this side answers.
    BeServedBy(&'static str),
}

use Must::{BeRefused, BeServedBy, Pass};

/// A case by its number, and what to do with it.
pub(super) struct Row {
    number: u8,
    name: String,
    ask: Ask,
    must: Must,
    /// The protocol in front that can say it at all; `None` for both.
    only: Option<Protocol>,
}

pub(super) fn row(number: u8, name: impl Into<String>, ask: Ask, must: Must) -> Row {
    Row { number, name: name.into(), ask, must, only: None }
}

pub(super) fn http1(number: u8, name: impl Into<String>, ask: Ask, must: Must) -> Row {
    Row { only: Some(Protocol::Http1), ..row(number, name, ask, must) }
}

pub(super) fn http2(number: u8, name: impl Into<String>, ask: Ask, must: Must) -> Row {
    Row { only: Some(Protocol::Http2), ..row(number, name, ask, must) }
}

const RULES: &str = "\
subject: { tenant: [{ header: X-Tenant-Id, from: trusted }, { query: tenant }], user: [{ cookie: sid }], trusted_proxies: [10.0.0.0/8] }
force: { secret: \"0123456789abcdef0123456789abcdef\" }
routes:
- { name: tenants, match: { path: /tenants }, new: new, stage: canary, canary: { tenants: [acme] } }
- { name: users, match: { path: /users }, new: new, stage: canary, canary: { percent: 100, by: user } }
- { name: host, match: { host: new.example, path: /host }, new: new, stage: live }
- { name: lower, match: { path: /lower }, new: new, stage: live }
";

/// Puts every row to a facade between each pair of protocols.
#[track_caller]
pub(super) fn assert_rows(rows: impl Fn() -> Vec<Row>) {
    for pair in ALL {
        let facing = Facing::start(pair, RULES);
        let mut wrong = Vec::new();
        let mut expected = Vec::new();
        for Row { number, name, ask, must, .. } in
            rows().into_iter().filter(|row| row.only.is_none_or(|only| only == facing.front))
        {
            let before = [facing.pair.legacy.requests().len(), facing.pair.new.requests().len()];
            let told = facing.ask(&ask);
            let right = match must {
                BeRefused(statuses) => is_refused(&told, statuses, facing.front),
                Pass(_) => told.status == 200 && told.whole,
                BeServedBy(side) => told.status == 200 && told.served_by() == side,
            };
            let requests =
                [facing.pair.legacy.requests().split_off(before[0]), facing.pair.new.requests().split_off(before[1])]
                    .concat();
            let count = usize::from(!matches!(must, BeRefused(_)));
            if !right || requests.len() != count {
                wrong.push(format!(
                    "{pair:?} {number} {name}: {} by {}, reached: {requests:?}",
                    told.status,
                    told.served_by()
                ));
                continue;
            }
            for request in &requests {
                expected.push(request.line());
                request.assert_canonical(&format!("{pair:?} {number} {name}"));
                if let Pass(check) = must {
                    check(request);
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // Nothing of what was refused arrives late.
        let after = facing.ask(&Ask::get("/after"));
        assert_eq!(
            (after.status, facing.reached().len()),
            (200, expected.len() + 1),
            "{pair:?}: {:?}",
            facing.reached()
        );
    }
}

fn is_refused(told: &Told, statuses: &[u16], front: Protocol) -> bool {
    let said = statuses.contains(&told.status) && told.served_by() == "banyan";
    // A stream that is not well-formed is reset (RFC 9113 section 8.1.1), with or without a word.
    said || (front == Protocol::Http2 && told.status == 0) || (front == Protocol::Http2 && told.status == 400)
}
