//! A snapshot becomes a generation: what lived before and has not changed lives on.

use std::collections::HashMap;
use std::sync::Arc;

use crate::directives::Standing;
use crate::snapshot::{MAX_SHADOW_THREADS, Snapshot};
use crate::state::Generation;
use crate::telemetry::{BackendMeter, GuardMeter, RouteMeter, ShadowMeter};
use crate::upstream::Backend;

/// Makes the generation with this number after `before`. Backends whose settings are equal are kept with their connections and
/// counts; routes and backends of the same name go on counting where they were.
pub(super) fn generation(
    number: u64,
    snapshot: Arc<Snapshot>,
    standing: Arc<Standing>,
    before: Option<&Generation>,
    workers: usize,
) -> Generation {
    let living: HashMap<&str, &Arc<Backend>> = before
        .into_iter()
        .flat_map(|before| before.backends.iter())
        .map(|backend| (&*backend.settings.name, backend))
        .collect();
    let backends = snapshot.backends.iter().map(|settings| match living.get(&*settings.name) {
        Some(backend) if backend.settings == *settings => Arc::clone(backend),
        Some(backend) => Arc::new(backend.changed(settings.clone())),
        None => {
            let meter = Arc::new(BackendMeter::new(settings.name.clone(), workers));
            Arc::new(Backend::new(settings.clone(), meter))
        }
    });
    let backends = backends.collect();
    let counting: HashMap<&str, &Arc<RouteMeter>> =
        before.into_iter().flat_map(|before| before.meters.iter()).map(|meter| (&*meter.name, meter)).collect();
    let meters = snapshot.rules.routes.iter().map(|route| {
        counting
            .get(&*route.name)
            .map_or_else(|| Arc::new(RouteMeter::new(route.name.clone(), workers)), |meter| Arc::clone(meter))
    });
    let meters = meters.collect();
    let mirroring: HashMap<&str, &Arc<ShadowMeter>> = before
        .into_iter()
        .flat_map(|before| before.shadow_meters.iter().flatten())
        .map(|meter| (&*meter.name, meter))
        .collect();
    let shadow_meters = snapshot.rules.routes.iter().zip(&snapshot.shadows).map(|(route, plan)| {
        plan.as_ref()?;
        // Shadow threads count behind the data workers.
        let new = || Arc::new(ShadowMeter::new(route.name.clone(), workers + MAX_SHADOW_THREADS));
        Some(mirroring.get(&*route.name).map_or_else(new, |meter| Arc::clone(meter)))
    });
    let shadow_meters = shadow_meters.collect();
    let guarding: HashMap<&str, &Arc<GuardMeter>> = before
        .into_iter()
        .flat_map(|before| before.guard_meters.iter().flatten())
        .map(|meter| (&*meter.name, meter))
        .collect();
    let guard_meters = snapshot.rules.routes.iter().zip(&snapshot.guards).map(|(route, guard)| {
        guard.as_ref()?;
        let new = || Arc::new(GuardMeter::new(route.name.clone(), workers));
        Some(guarding.get(&*route.name).map_or_else(new, |meter| Arc::clone(meter)))
    });
    let guard_meters = guard_meters.collect();
    let unrouted =
        before.map_or_else(|| Arc::new(RouteMeter::new("".into(), workers)), |before| Arc::clone(&before.unrouted));
    let overrides = standing.overrides(&snapshot.rules);
    Generation { number, snapshot, overrides, standing, backends, meters, shadow_meters, guard_meters, unrouted }
}

/// The generation with this number after `before`, where only directives have changed.
pub(super) fn directed(number: u64, standing: Arc<Standing>, before: &Generation) -> Generation {
    let overrides = standing.overrides(&before.snapshot.rules);
    Generation { number, overrides, standing, ..before.clone() }
}
