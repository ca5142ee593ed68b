//! A short guided tour: requests that are really sent, who answered them and why, and what to try next.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use http::header::COOKIE;
use http::{HeaderName, Method};
use tokio::runtime::Builder;

use super::client::{Answer, Ask, Client};
use super::decision::{EXPLAIN, Served};
use super::shop::DIFFERENCES;
use super::visitors::TENANT;

/// Where everything is.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The facade.
    pub facade: SocketAddr,
    /// The legacy shop.
    pub legacy: SocketAddr,
    /// The new shop.
    pub new: SocketAddr,
    /// Where metrics are.
    pub admin: Option<SocketAddr>,
    /// The address of the console that logs in whoever opens it first.
    pub console: Option<&'a str>,
    /// The configuration that runs.
    pub config: &'a Path,
}

/// One stop of the tour.
struct Stop {
    says: &'static str,
    ask: Ask,
}

/// Sends the tour's requests and prints what came back. Blocks for a moment; it may be called from
/// an async context, since it waits on a thread of its own.
///
/// # Errors
/// When the writer fails, or no thread can be started. A facade that does not answer is part of the tour.
pub fn write(out: &mut impl Write, places: &Places<'_>) -> io::Result<()> {
    let stops = stops();
    let answers = send(places.facade, &stops)?;
    write_places(out, places)?;
    writeln!(out, "\nWho is answered by whom:\n")?;
    for (stop, answer) in stops.iter().zip(&answers) {
        write_stop(out, places.facade, stop, answer)?;
    }
    write_differences(out)
}

/// Prints what to try next.
///
/// # Errors
/// When the writer fails.
pub fn write_next(out: &mut impl Write, places: &Places<'_>) -> io::Result<()> {
    let config = places.config.display();
    if let Some(console) = places.console {
        writeln!(out, "\nAll of it in a browser, live: {console}")?;
    }
    writeln!(
        out,
        "
Now edit {config} while the traffic below runs. A saved change is live at once, without a lost request:

  canary.percent of the orders: 25 -> 60   more tenants move to new, and nobody moves back
  stage of customers: live -> legacy       the rollback: everybody is on legacy with the next request
  flags.new-invoices.override: on          every invoice comes from new
  stage of invoices: cannary               refused, with the line and a suggestion; what ran goes on
  cohorts.large: goliath -> mammoth        refused as well: a test in the file says that goliath stays with legacy
"
    )
}

fn stops() -> Vec<Stop> {
    let force = HeaderName::from_static("banyan-force");
    let order = || Ask::get("/orders/7");
    let stop = |says, ask: Ask| Stop { says, ask: ask.header(HeaderName::from_static(EXPLAIN), "1") };
    vec![
        stop("A tenant of the cohort beta is on the new system.", order().header(TENANT, "acme")),
        stop("So is a tenant within the percentage: t-7, always.", order().header(TENANT, "t-7")),
        stop("umbrella is outside of it, always.", order().header(TENANT, "umbrella")),
        stop("goliath is within it too, but excepted.", order().header(TENANT, "goliath")),
        stop("The tenant can also be in the host name.", order().host("initech.shop.example")),
        stop("Nobody in particular: legacy.", order()),
        stop(
            "Reads and writes are one group: who reads there writes there. See Location: the new shop said /v2/orders.",
            Ask::new(Method::POST, "/orders")
                .json(r#"{"customer_id":2,"items":[{"sku":"kettle","quantity":1}]}"#)
                .header(TENANT, "acme"),
        ),
        stop("Invoices go by user.", Ask::get("/invoices/22").header(COOKIE, "sid=u-0")),
        stop("Customers are live: everybody is on new.", Ask::get("/customers/2")),
        stop("No route: legacy, as before the migration.", Ask::get("/healthz")),
        stop("You may choose a side by hand.", order().header(force, "new")),
    ]
}

/// Asks one after the other, on a thread with a runtime of its own.
fn send(facade: SocketAddr, stops: &[Stop]) -> io::Result<Vec<io::Result<Answer>>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let ask_all = || {
        let client = Client::new(facade);
        runtime.block_on(async {
            let mut answers = Vec::with_capacity(stops.len());
            for stop in stops {
                answers.push(client.ask(stop.ask.clone()).await);
            }
            answers
        })
    };
    thread::scope(|scope| scope.spawn(ask_all).join().map_err(|_| io::Error::other("the tour's thread panicked")))
}

fn write_places(out: &mut impl Write, places: &Places<'_>) -> io::Result<()> {
    writeln!(out, "Banyan demo: two shops, and the facade that decides which of them answers.\n")?;
    if let Some(console) = places.console {
        writeln!(out, "  console        {console}")?;
        writeln!(out, "                 (open it in a browser: it logs you in, once, within a quarter of an hour)")?;
    }
    writeln!(out, "  facade         http://{}", places.facade)?;
    writeln!(out, "  legacy shop    http://{}", places.legacy)?;
    writeln!(out, "  new shop       http://{}", places.new)?;
    if let Some(admin) = places.admin {
        writeln!(out, "  metrics        http://{admin}/metrics")?;
    }
    writeln!(out, "  configuration  {}", places.config.display())
}

fn write_stop(out: &mut impl Write, facade: SocketAddr, stop: &Stop, answer: &io::Result<Answer>) -> io::Result<()> {
    writeln!(out, "  {}\n    {}", stop.says, curl(facade, &stop.ask))?;
    match answer {
        Ok(answer) => writeln!(out, "    -> {}\n", outcome(answer)),
        Err(error) => writeln!(out, "    -> no answer: {error}\n"),
    }
}

/// Who served it and why, in a line.
fn outcome(answer: &Answer) -> String {
    let served = Served::of(answer);
    let by = if served.by.is_empty() { "nobody who says so" } else { &served.by };
    let mut line = format!("{}, served by {by}", answer.status.as_u16());
    if let Some(reason) = served.reason {
        let _ = write!(line, ", because: {reason}");
    }
    if let Some(route) = served.route {
        let _ = write!(line, " (route {route})");
    }
    if let Some(location) = answer.header("location") {
        let _ = write!(line, ", Location: {location}");
    }
    line
}

/// The same request as a command for a shell. What the tour sends holds no single quote.
fn curl(facade: SocketAddr, ask: &Ask) -> String {
    let mut line = "curl -i".to_owned();
    if let Some(host) = &ask.host {
        let _ = write!(line, " -H 'Host: {host}'");
    }
    for (name, value) in &ask.headers {
        let _ = write!(line, " -H '{}: {value}'", title_case(name.as_str()));
    }
    if !ask.body.is_empty() {
        // curl makes it a POST by itself.
        let _ = write!(line, " -d '{}'", String::from_utf8_lossy(&ask.body));
    }
    let _ = write!(line, " http://{facade}{}", ask.target);
    line
}

/// `x-tenant-id` as people write it: `X-Tenant-Id`.
fn title_case(name: &str) -> String {
    let mut after_dash = true;
    let letters = name.chars().map(|letter| {
        let upper = std::mem::replace(&mut after_dash, letter == '-');
        if upper { letter.to_ascii_uppercase() } else { letter }
    });
    letters.collect()
}

fn write_differences(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "The shops differ in exactly these ways:\n")?;
    for difference in DIFFERENCES {
        let plain = |text: &str| text.replace('`', "");
        let (place, legacy, new) = (plain(difference.place), plain(difference.legacy), plain(difference.new));
        writeln!(out, "  {place}: legacy {legacy}; new {new}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::demo::shop::Shop;
    use crate::names::Side;

    #[test]
    fn tour_tells_what_really_came_back() {
        let anywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let shop = Shop::start(Side::Legacy, anywhere).expect("a free port");
        let address = shop.address();
        let config = Path::new("routes.yaml");
        let places = Places { facade: address, legacy: address, new: address, admin: None, console: None, config };
        let mut out = Vec::new();
        write(&mut out, &places).expect("a Vec takes all");
        let text = String::from_utf8(out).expect("text");
        let curl = format!("curl -i -H 'X-Tenant-Id: acme' -H 'Banyan-Explain: 1' http://{address}/orders/7\n");
        assert!(text.contains(&curl), "{text}");
        assert!(text.contains("-> 201, served by nobody who says so, Location: /orders/41\n"), "{text}");
        assert_eq!(shop.record().total(), stops().len() as u64);
    }

    #[test]
    fn outcome_names_side_reason_and_route() {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-served-by", http::HeaderValue::from_static("new"));
        let decision = "route=orders-read; side=new; reason=cohort:beta; bucket=8056; generation=1";
        headers.insert("banyan-decision", http::HeaderValue::from_static(decision));
        let answer = Answer { status: http::StatusCode::OK, headers, body: bytes::Bytes::new() };
        assert_eq!(outcome(&answer), "200, served by new, because: cohort:beta (route orders-read)");
    }
}
