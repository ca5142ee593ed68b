//! `explain`: how a request would be decided, step by step.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use clap::{Args, ValueEnum};

use super::call::Where;
use super::{Exit, complain};
use crate::config::{self, Disk, Format, Options};
use crate::report::explain::{Explanation, Question, explain as explained};
use crate::report::printable;
use crate::routing::Overrides;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The method
    method: String,
    /// The path, with a query if you like, or a whole URL
    url: String,
    #[command(flatten)]
    at: Where,
    /// Ask the running facade, with its pins, kill switch and ramps, instead of the file
    #[arg(long)]
    live: bool,
    /// A header of the request
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The tenant, instead of looking for it in the request
    #[arg(long)]
    tenant: Option<String>,
    /// The user, instead of looking for it in the request
    #[arg(long)]
    user: Option<String>,
    /// The client's address
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    client: IpAddr,
    /// The request comes through a trusted proxy, so headers marked `from: trusted` count
    #[arg(long)]
    trusted: bool,
    /// How it is printed
    #[arg(long, short, value_enum, default_value = "text")]
    output: Form,
}

/// How a decision is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Prints each step and the decision.
pub(super) fn explain(args: &ExplainArgs, out: &mut impl Write) -> io::Result<Exit> {
    let found = if args.live { by_facade(args) } else { by_file(args, out)? };
    let explanation = match found {
        Ok(explanation) => explanation,
        Err(exit) => return Ok(exit),
    };
    for note in &explanation.notes {
        complain(&format!("note: {}; --trusted asks as one", printable(note)));
    }
    if let Some(generation) = explanation.generation {
        complain(&format!("generation {generation} decides"));
    }
    match args.output {
        Form::Text => explanation.write(out)?,
        Form::Json => {
            serde_json::to_writer_pretty(&mut *out, &explanation)?;
            writeln!(out)?;
        }
    }
    Ok(Exit::Ok)
}

fn by_file(args: &ExplainArgs, out: &mut impl Write) -> io::Result<Result<Explanation, Exit>> {
    let loaded = config::load(&Disk, args.at.config(), &Options { without_tls: true, ..Options::default() });
    let Some(snapshot) = loaded.snapshot else {
        out.write_all(config::render(&loaded.diagnostics, Format::Text).as_bytes())?;
        complain("the configuration is invalid; nothing can be explained");
        return Ok(Err(Exit::No));
    };
    let question = Question::new(&args.method, &args.url, &args.header, args.client).map(|mut question| {
        (question.tenant, question.user) = (args.tenant.clone(), args.user.clone());
        question.trusted = args.trusted;
        question
    });
    let explanation = question.and_then(|question| explained(&snapshot, &Overrides::default(), &question));
    Ok(explanation.map_err(|why| {
        complain(&format!("banyan explain: {}", printable(&why)));
        Exit::No
    }))
}

fn by_facade(args: &ExplainArgs) -> Result<Explanation, Exit> {
    let client = args.client.to_string();
    let mut pairs = vec![("method", &*args.method), ("url", &*args.url), ("client", &*client)];
    pairs.extend(args.tenant.iter().map(|tenant| ("tenant", &**tenant)));
    pairs.extend(args.user.iter().map(|user| ("user", &**user)));
    pairs.extend(args.header.iter().map(|header| ("header", &**header)));
    if args.trusted {
        pairs.push(("trusted", "true"));
    }
    args.at.remote()?.read("/api/v1/explain", &pairs)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        explain: ExplainArgs,
    }

    fn explained(arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("routes.yaml");
        let text = "version: 1\nlisten: [{ address: 127.0.0.1:8080 }]\ndefaults: { legacy: old }\n\
            backends: { old: { endpoints: [http://10.0.0.1:80] }, new: { endpoints: [http://10.0.0.2:80] } }\n\
            comparisons: { orders: {} }\nroutes:\n\
            - { name: a, match: { path: /a }, new: new, stage: shadow, shadow: { sample: 12.5%, compare: orders } }\n\
            - { name: b, match: { path: /b }, new: new, stage: live }\n";
        std::fs::write(&file, text).unwrap();
        let config = file.to_str().unwrap();
        let line = ["explain", "--config", config].into_iter().chain(arguments.iter().copied());
        let mut out = Vec::new();
        explain(&Line::parse_from(line).explain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_copy_is_explained_and_so_is_its_absence() {
        let last = |arguments: &[&str]| explained(arguments).lines().last().unwrap().trim().to_owned();
        assert_eq!(last(&["GET", "/a"]), "shadow: 12.5% are copied to new, compared by `orders`");
        assert_eq!(last(&["POST", "/a"]), "shadow: no copy (dropped_method)");
        assert_eq!(last(&["GET", "/a", "-H", "X-HTTP-Method-Override: PUT"]), "shadow: no copy (dropped_override)");
        assert!(last(&["GET", "/b"]).starts_with("=> side=new"));
    }
}
