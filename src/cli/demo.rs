//! `demo`: two sample systems, the facade before them, steady traffic, and a guided tour.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::time::interval;

use super::serve::{cannot_start, workers};
use super::{Exit, complain, messages};
use crate::app::Facade;
use crate::clock::now_ms;
use crate::config::{self, Disk, Options};
use crate::control::StartOptions;
use crate::demo::{self, Places, RATE, Traffic, shipped};

/// Where the configuration is put if there is none of the demo's at hand.
const OWN_FOLDER: &str = "banyan-demo";
/// How often the traffic is summed up.
const SUMMARY: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// The configuration; unsaid: ./routes.yaml if it is the demo's, else a fresh copy in ./banyan-demo
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Requests per second
    #[arg(long, value_name = "N", default_value_t = RATE)]
    rate: f64,
}

/// Runs the demonstration until Ctrl-C.
pub(super) fn demo(args: DemoArgs) -> io::Result<Exit> {
    // The tour is what is to be read; of the facade's own messages only reloads and trouble are.
    messages::start("banyan=info,warn");
    if !(args.rate > 0.0 && args.rate <= 1000.0) {
        complain("banyan demo: --rate must be above 0 and at most 1000");
        return Ok(Exit::No);
    }
    let config = match args.config {
        Some(path) => path,
        None => shipped_config()?,
    };
    let shops = demo::shops(shipped::LEGACY, shipped::NEW)?;
    let options = StartOptions { config: config.clone(), state_dir: None, strict: false, workers: workers(None) };
    let facade = match Facade::start(options) {
        Ok(facade) => facade,
        Err(error) => return Ok(cannot_start(&error)),
    };
    let Some(&address) = facade.addresses.first() else {
        complain("banyan demo: the configuration has no listener");
        return Ok(Exit::No);
    };
    let console = facade.console_link()?;
    let places = Places {
        facade: address,
        legacy: shops.legacy.address(),
        new: shops.new.address(),
        admin: Some(facade.admin),
        console: Some(&console),
        config: &config,
    };
    let began_ms = now_ms();
    show(&facade, &places)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(sum_up(facade, args.rate, address, began_ms))
}

/// The tour, what the facade finds out by itself, and what to try.
fn show(facade: &Facade, places: &Places<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    demo::tour::write(&mut out, places)?;
    let generation = facade.live.current();
    if generation.snapshot.shadows.iter().any(Option::is_some) {
        writeln!(out, "\nThe facade now compares the answers of both for a few seconds …\n")?;
        out.flush()?;
        match demo::findings::gather(places.facade, &facade.state_dir, || facade.store.lost().1) {
            Ok(found) => found.write(places.config, &mut out)?,
            // The rest of the demo does not depend on it.
            Err(error) => complain(&format!("banyan demo: what differs cannot be told: {error}")),
        }
    }
    demo::tour::write_next(&mut out, places)?;
    out.flush()
}

/// Asks steadily and sums up, until somebody says stop.
async fn sum_up(facade: Facade, rate: f64, address: std::net::SocketAddr, began_ms: u64) -> io::Result<Exit> {
    let traffic = Traffic::start(address, rate)?;
    let state_dir = facade.state_dir.clone();
    let mut summaries = interval(SUMMARY);
    summaries.tick().await;
    let until_told = super::serve::until_told(facade);
    tokio::pin!(until_told);
    loop {
        tokio::select! {
            exit = &mut until_told => return exit,
            _ = summaries.tick() => {
                let mut out = io::stdout().lock();
                traffic.summary().write(&mut out)?;
                if let Some(line) = demo::findings::line(&state_dir, began_ms) {
                    writeln!(out, "{line}")?;
                }
                out.flush()?;
            }
        }
    }
}

/// `./routes.yaml` if its backends are the sample systems; else a fresh copy of the shipped one, in a folder of its own so
/// that nobody's file is touched.
fn shipped_config() -> io::Result<PathBuf> {
    let here = PathBuf::from("routes.yaml");
    if is_for_shops(&here) {
        return Ok(here);
    }
    let folder = Path::new(OWN_FOLDER);
    std::fs::create_dir_all(folder)?;
    let own = folder.join("routes.yaml");
    if !own.exists() {
        std::fs::write(&own, demo::CONFIG)?;
    }
    Ok(own)
}

fn is_for_shops(path: &Path) -> bool {
    if !path.exists() {
        return false;
    }
    let loaded = config::load(&Disk, path, &Options::default());
    match loaded.snapshot {
        Some(snapshot) => {
            let mut endpoints = snapshot.backends.iter().flat_map(|backend| &backend.endpoints);
            endpoints.any(|endpoint| *endpoint.authority == *shipped::NEW.to_string())
        }
        // A demo's file that was broken by hand is still the demo's: the kept configuration is then served, and said so.
        None => std::fs::read_to_string(path).is_ok_and(|text| text.contains(&shipped::NEW.to_string())),
    }
}
