//! How long a load takes: `cargo bench --bench load`.

use std::io;
use std::path::{Path, PathBuf};

use banyan::config::{Options, Source, load};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const HEAD: &str = "\
version: 1
listen: [{ address: 127.0.0.1:8080 }]
defaults: { legacy: old }
backends: { old: { endpoints: [http://10.0.0.1:80] }, new: { endpoints: [http://10.0.0.2:80] } }
include: [routes.d/*.yaml]
";

/// A main file and as many included ones as it takes, in memory.
struct Generated {
    parts: Vec<String>,
}

impl Generated {
    fn new(routes: usize) -> Generated {
        let route = |i: usize| {
            format!(
                "- {{ name: route-{i}, group: group-{}, match: {{ methods: [GET, HEAD], path: \"/svc/{i}/{{id}}\" }}, \
                 new: new, stage: canary, canary: {{ percent: 12.5, by: client }} }}\n",
                i / 4
            )
        };
        let part = |start: usize| (start..routes.min(start + 25_000)).map(route).collect::<String>();
        Generated { parts: (0..routes).step_by(25_000).map(|start| format!("routes:\n{}", part(start))).collect() }
    }
}

impl Source for Generated {
    fn read(&self, path: &Path, _most: u64) -> io::Result<Vec<u8>> {
        let part = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<usize>().ok());
        Ok(part.and_then(|part| self.parts.get(part)).map_or(HEAD, String::as_str).as_bytes().to_vec())
    }

    fn glob(&self, _pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Ok((0..self.parts.len()).map(|part| PathBuf::from(format!("routes.d/{part}.yaml"))).collect())
    }

    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        Path::new("/").join(path)
    }
}

fn loads(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    for routes in [100, 10_000, 100_000] {
        let source = Generated::new(routes);
        group.bench_function(format!("{routes} routes"), |bencher| {
            let run = || {
                let loaded = load(&source, Path::new("routes.yaml"), &Options::default());
                assert!(loaded.is_clean(), "the generated file is valid");
                loaded
            };
            bencher.iter_batched(|| (), |()| run(), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, loads);
criterion_main!(benches);
