//! Metrics in the text format that Prometheus scrapes.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use super::cells::{BOUNDS_MICROS, HistogramSum};
use super::meter::{BackendMeter, CLASSES, FacadeMeter, Measured, RouteMeter, TurnedAway};
use super::shadow::{Mirrored, ShadowMeter};
use crate::diff::Verdict;
use crate::errors::Failure;

/// The metric families of one scrape, as they are gathered.
#[derive(Default)]
pub struct Scrape {
    families: Vec<MetricFamily>,
}

impl Scrape {
    /// `banyan_requests_total`, `banyan_request_seconds` and `banyan_fallbacks_total` of these routes.
    pub fn routes<'a>(&mut self, meters: impl Iterator<Item = &'a RouteMeter>) {
        let mut totals = family("banyan_requests_total", "Answered requests.", MetricType::COUNTER);
        let mut fallbacks =
            family("banyan_fallbacks_total", "Requests legacy answered because new failed.", MetricType::COUNTER);
        let mut seconds =
            family("banyan_request_seconds", "Time to the last byte of the answer.", MetricType::HISTOGRAM);
        let mut left = family(
            "banyan_streams_left",
            "Streams and upgraded connections on a side that has lost their route.",
            MetricType::GAUGE,
        );
        for meter in meters {
            if meter.streams_left() > 0 {
                left.mut_metric().push(gauge(&[("route", &meter.name)], meter.streams_left()));
            }
            if meter.fallbacks() > 0 {
                fallbacks.mut_metric().push(counter(&[("route", &meter.name)], meter.fallbacks()));
            }
            for by in Measured::ALL {
                let Some(sum) = meter.sum(by) else { continue };
                let labels = [("route", &*meter.name), ("side", by.as_str())];
                for (class, count) in CLASSES.iter().zip(sum.classes).filter(|(_, count)| *count > 0) {
                    totals.mut_metric().push(counter(&[labels[0], labels[1], ("class", class)], count));
                }
                seconds.mut_metric().push(histogram(&labels, &sum.seconds));
            }
        }
        self.families.extend([totals, seconds, fallbacks, left]);
    }

    /// `banyan_upstream_seconds`, `banyan_upstream_errors_total` and `banyan_retries_total` of these backends.
    pub fn backends<'a>(&mut self, meters: impl Iterator<Item = &'a BackendMeter>) {
        let mut seconds =
            family("banyan_upstream_seconds", "Time from a request's head to its answer's.", MetricType::HISTOGRAM);
        let mut retries = family("banyan_retries_total", "Requests that were sent again.", MetricType::COUNTER);
        let mut errors = family("banyan_upstream_errors_total", "Requests a backend failed.", MetricType::COUNTER);
        for meter in meters {
            seconds.mut_metric().push(histogram(&[("backend", &meter.name)], &meter.seconds()));
            retries.mut_metric().push(counter(&[("backend", &meter.name)], meter.retries()));
            for (reason, count) in Failure::UPSTREAM.iter().zip(meter.errors()) {
                errors.mut_metric().push(counter(&[("backend", &meter.name), ("reason", reason)], count));
            }
        }
        self.families.extend([seconds, errors, retries]);
    }

    /// `banyan_endpoint_healthy`: backend, endpoint, and whether it gets requests.
    pub fn endpoints<'a>(&mut self, endpoints: impl Iterator<Item = (&'a str, &'a str, bool)>) {
        let help = "1 while the endpoint is healthy and not ejected.";
        let mut healthy = family("banyan_endpoint_healthy", help, MetricType::GAUGE);
        for (backend, endpoint, up) in endpoints {
            healthy.mut_metric().push(gauge(&[("backend", backend), ("endpoint", endpoint)], u64::from(up)));
        }
        self.families.push(healthy);
    }

    /// `banyan_shadow_total` and `banyan_comparisons_total` of these routes.
    pub fn shadows<'a>(&mut self, meters: impl Iterator<Item = &'a ShadowMeter>) {
        let mut copies = family("banyan_shadow_total", "What became of copies of requests.", MetricType::COUNTER);
        let mut compared = family("banyan_comparisons_total", "Compared answers.", MetricType::COUNTER);
        for meter in meters {
            let route = ("route", &*meter.name);
            for (outcome, count) in Mirrored::ALL.iter().zip(meter.outcomes()).filter(|(_, count)| *count > 0) {
                copies.mut_metric().push(counter(&[route, ("outcome", outcome.as_str())], count));
            }
            for (verdict, count) in Verdict::ALL.iter().zip(meter.verdicts()) {
                compared.mut_metric().push(counter(&[route, ("verdict", verdict.as_str())], count));
            }
        }
        self.families.extend([copies, compared]);
    }

    /// The counts of the facade as a whole.
    pub fn facade(&mut self, meter: &FacadeMeter) {
        use std::sync::atomic::Ordering::Relaxed;
        self.gauge("banyan_connections", "Open client connections.", meter.connections());
        self.counter("banyan_panics_total", "Requests that ended in a panic of the facade.", meter.panics());
        self.counter("banyan_accept_errors_total", "Connections that could not be accepted.", meter.accept_errors());
        let mut rejected = family(
            "banyan_rejected_total",
            "Requests and connections refused before any backend saw them.",
            MetricType::COUNTER,
        );
        for (reason, count) in Failure::REJECTIONS.iter().zip(meter.rejections()) {
            rejected.mut_metric().push(counter(&[("reason", reason)], count));
        }
        for why in TurnedAway::ALL {
            rejected.mut_metric().push(counter(&[("reason", why.as_str())], meter.all_turned_away(why)));
        }
        let mut reloads = family("banyan_reload_total", "Reloads of the configuration.", MetricType::COUNTER);
        for (result, count) in [("accepted", &meter.reloads_accepted), ("rejected", &meter.reloads_rejected)] {
            reloads.mut_metric().push(counter(&[("result", result)], count.load(Relaxed)));
        }
        self.families.extend([rejected, reloads]);
        let unwritable = u64::from(meter.state_unwritable.load(Relaxed));
        self.gauge("banyan_state_unwritable", "1 while the state directory cannot be written.", unwritable);
    }

    /// One gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) {
        let mut one = family(name, help, MetricType::GAUGE);
        let mut metric = Metric::default();
        let mut gauge = Gauge::default();
        gauge.set_value(value as f64);
        metric.set_gauge(gauge);
        one.mut_metric().push(metric);
        self.families.push(one);
    }

    /// A gauge for each value of one label.
    pub fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (impl AsRef<str>, u64)>,
    ) {
        let mut one = family(name, help, MetricType::GAUGE);
        for (text, value) in values {
            let mut metric = labelled(&[(label, text.as_ref())]);
            let mut gauge = Gauge::default();
            gauge.set_value(value as f64);
            metric.set_gauge(gauge);
            one.mut_metric().push(metric);
        }
        self.families.push(one);
    }

    /// A counter for each value of one label.
    pub fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (impl AsRef<str>, u64)>,
    ) {
        let mut one = family(name, help, MetricType::COUNTER);
        let metrics = values.into_iter().map(|(text, value)| counter(&[(label, text.as_ref())], value));
        one.set_metric(metrics.collect());
        self.families.push(one);
    }

    /// One counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        let mut one = family(name, help, MetricType::COUNTER);
        one.mut_metric().push(counter(&[], value));
        self.families.push(one);
    }

    /// The whole scrape as text, with the metrics of the process.
    ///
    /// # Errors
    /// A family that cannot be encoded.
    pub fn render(mut self) -> prometheus::Result<String> {
        self.families.extend(ProcessCollector::for_self().collect());
        self.families.retain(|family| !family.get_metric().is_empty());
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.families, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn family(name: &str, help: &str, kind: MetricType) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family
}

fn labelled(labels: &[(&str, &str)]) -> Metric {
    let mut metric = Metric::default();
    let pairs = labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    metric.set_label(pairs.collect());
    metric
}

fn counter(labels: &[(&str, &str)], value: u64) -> Metric {
    let mut metric = labelled(labels);
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    metric.set_counter(counter);
    metric
}

fn gauge(labels: &[(&str, &str)], value: u64) -> Metric {
    let mut metric = labelled(labels);
    let mut gauge = Gauge::default();
    gauge.set_value(value as f64);
    metric.set_gauge(gauge);
    metric
}

fn histogram(labels: &[(&str, &str)], sum: &HistogramSum) -> Metric {
    let mut metric = labelled(labels);
    let mut histogram = Histogram::default();
    let mut cumulative = 0;
    let bounds = BOUNDS_MICROS.iter().map(|&micros| micros as f64 / 1e6).chain([f64::INFINITY]);
    let buckets = bounds.zip(sum.buckets).map(|(bound, count)| {
        cumulative += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(cumulative);
        bucket
    });
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(sum.count());
    histogram.set_sample_sum(sum.sum_micros as f64 / 1e6);
    metric.set_histogram(histogram);
    metric
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::names::Side;
    use crate::telemetry::WorkerId;

    #[test]
    fn a_scrape_names_route_side_and_class() {
        let meter = RouteMeter::new("orders \"x\"\n".into(), 1);
        meter.count(WorkerId(0), Measured::Side(Side::New), StatusCode::OK, Duration::from_millis(3));
        let mut scrape = Scrape::default();
        scrape.routes([&meter].into_iter());
        let text = scrape.render().unwrap();
        let line = r#"banyan_requests_total{route="orders \"x\"\n",side="new",class="2xx"} 1"#;
        assert!(text.contains(line), "{text}");
        assert!(
            text.contains("banyan_request_seconds_bucket{route=\"orders \\\"x\\\"\\n\",side=\"new\",le=\"0.005\"} 1"),
            "{text}"
        );
        assert!(text.contains("process_"), "{text}");
    }
}
