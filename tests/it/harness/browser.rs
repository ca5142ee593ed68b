//! A browser, as far as the console can tell.

use std::fs;
use std::net::Ipv4Addr;

use super::{Answer, Client, Site};

/// A browser: it keeps its cookie, and says where its requests come from.
pub struct Browser<'s> {
    site: &'s Site,
    pub cookie: Option<String>,
    /// Further lines of every request.
    pub lines: String,
}

impl<'s> Browser<'s> {
    /// One that is nobody yet.
    pub fn new(site: &'s Site) -> Browser<'s> {
        Browser { site, cookie: None, lines: "Sec-Fetch-Site: same-origin\r\n".to_owned() }
    }

    /// One that has logged in as the holder of this token.
    #[track_caller]
    pub fn of(site: &'s Site, token: &str) -> Browser<'s> {
        let mut browser = Browser::new(site);
        let answer = browser.post("/login", &[("token", token)]);
        assert_eq!((answer.status, answer.field("location")), (303, Some("/")), "{}", answer.text());
        browser
    }

    /// One that has logged in as the owner.
    #[track_caller]
    pub fn owner(site: &'s Site) -> Browser<'s> {
        Browser::of(site, &owner(site))
    }

    /// Asks for a page.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    /// Sends a form as it is.
    #[track_caller]
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form(fields);
        self.ask("POST", path, "Content-Type: application/x-www-form-urlencoded\r\n", &body)
    }

    /// Sends a form as a page does that was read before: with its token.
    #[track_caller]
    pub fn act(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf();
        self.post(path, &[&[("csrf", csrf.as_str())], fields].concat())
    }

    /// What the session's pages put into their forms.
    #[track_caller]
    pub fn csrf(&mut self) -> String {
        let page = self.get("/kill").text();
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest[..64].to_owned()
    }

    /// Sends this, and keeps the cookie that it is given.
    #[track_caller]
    pub fn ask(&mut self, method: &str, path: &str, lines: &str, body: &str) -> Answer {
        let mut client = Client::connect_from(Ipv4Addr::LOCALHOST, self.site.facade().admin);
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: x=1; {cookie}\r\n")).unwrap_or_default();
        let (own, length) = (&self.lines, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}{own}{lines}");
        client.try_send(format!("{head}Content-Length: {length}\r\n\r\n{body}"));
        let answer = client.answer();
        if let Some(set) = answer.field("set-cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        answer
    }
}

/// Fields as a form writes them.
pub fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// The token of the state directory.
pub fn owner(site: &Site) -> String {
    fs::read_to_string(site.facade().state_dir.join("admin.token")).unwrap().trim().to_owned()
}
