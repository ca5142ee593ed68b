//! A facade between two recording backends.

use super::recorder::Recorder;
use super::site::Site;

/// A facade between two recording backends, `legacy` (the default of all routes) and `new`.
#[derive(Debug)]
pub struct Pair {
    // Dropped first, so that it goes down while its backends still answer.
    pub site: Site,
    pub legacy: Recorder,
    pub new: Recorder,
}

impl Pair {
    /// Starts them with the rest of the file; it may have its own `defaults:`.
    #[track_caller]
    pub fn start(rest: &str) -> Pair {
        let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
        let site = Site::start(&Pair::yaml(&legacy, &new, rest));
        Pair { site, legacy, new }
    }

    /// The same twice: backends that are spoken to over HTTP/1.1, and over HTTP/2.
    #[track_caller]
    pub fn by_protocol(rest: &str) -> [Pair; 2] {
        let backends = "legacy: { endpoints: [LEGACY], protocol: http2 }, new: { endpoints: [NEW], protocol: http2 }";
        [Pair::start(rest), Pair::start(&format!("backends: {{ {backends} }}\n{rest}"))]
    }

    /// The same with settings of the listener.
    #[track_caller]
    pub fn listening(settings: &str, rest: &str) -> Pair {
        Pair::start(&format!("listen: [{{ address: 127.0.0.1:0, {settings} }}]\n{rest}"))
    }

    /// The file between these backends, as [`Site::start`] takes it.
    pub fn yaml(legacy: &Recorder, new: &Recorder, rest: &str) -> String {
        let says = |key: &str| rest.lines().any(|line| line.starts_with(key));
        let defaults = if says("defaults:") { "" } else { "defaults: { legacy: legacy }\n" };
        let (legacy, new) = (legacy.address, new.address);
        let backends = if says("backends:") {
            String::new()
        } else {
            format!(
                "backends: {{ legacy: {{ endpoints: [http://{legacy}] }}, new: {{ endpoints: [http://{new}] }} }}\n"
            )
        };
        let rest = rest.replace("LEGACY", &format!("http://{legacy}")).replace("NEW", &format!("http://{new}"));
        format!("{defaults}{backends}{rest}")
    }

    /// Saves the file with another rest.
    pub fn save(&self, rest: &str) {
        self.site.save(&Pair::yaml(&self.legacy, &self.new, rest));
    }

    /// Saves the file with another rest, and waits until it is live.
    #[track_caller]
    pub fn rewrite(&self, rest: &str) {
        let next = self.site.generation() + 1;
        self.save(rest);
        self.site.await_generation(next);
    }

    /// Stops the facade and starts it again.
    #[track_caller]
    pub fn restart(self) -> Pair {
        self.restart_after(|_| ())
    }

    /// Starts the facade from what is on the disk at this moment, as if the process had been killed.
    #[track_caller]
    pub fn crash(self) -> Pair {
        let Pair { site, legacy, new } = self;
        let folder = tempfile::tempdir().unwrap();
        for directory in ["etc", "state"] {
            std::fs::create_dir(folder.path().join(directory)).unwrap();
            for entry in std::fs::read_dir(site.folder.path().join(directory)).unwrap() {
                let path = entry.unwrap().path();
                // A file may be gone by now, as the writer's temporary ones are.
                let _ = std::fs::copy(&path, folder.path().join(directory).join(path.file_name().unwrap()));
            }
        }
        site.stop();
        Pair { site: Site::start_in(folder), legacy, new }
    }

    /// Stops the facade, does something to its state directory, and starts it again.
    #[track_caller]
    pub fn restart_after(self, between: impl FnOnce(&std::path::Path)) -> Pair {
        let Pair { site, legacy, new } = self;
        let (_, folder) = site.stop();
        between(&folder.path().join("state"));
        Pair { site: Site::start_in(folder), legacy, new }
    }

    /// Holds that no backend was sent, nor will be sent, anything but what is named.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert_eq!((self.legacy.bytes(), self.new.bytes()), (0, 0), "{:?}", self.legacy.requests());
        // A request that is relayed shows that whatever was on its way before it has been dealt with.
        self.site.get("/sentinel");
        assert_eq!(self.legacy.lines(), ["GET /sentinel"]);
        assert_eq!(self.new.lines(), Vec::<String>::new());
    }
}
