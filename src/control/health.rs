//! Endpoints are asked how they are, over and over, off the data path: a task for each endpoint whose backend says `health`.

use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::event::{Event, Events};
use crate::clock::{exact_moment, now_ms};
use crate::directives::{Author, Source};
use crate::errors::Failure;
use crate::snapshot::{HealthSettings, HostRule, Protocol};
use crate::state::Live;
use crate::upstream::{Backend, Endpoint, Tls};

/// How often the live generation is looked at for endpoints that came or went, and for ejections to tell of.
const LOOK: Duration = Duration::from_secs(1);

/// Who asks, in words that a backend's log can be searched for.
const AGENT: &str = concat!("banyan/", env!("CARGO_PKG_VERSION"), " (health check)");

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Ends with whoever holds it.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Checks the endpoints of the live generation, whichever that is, for as long as it is polled; and tells of ejections.
pub(super) async fn keep_checking(live: Arc<Live>, events: Events) {
    let mut tasks: HashMap<u64, Task> = HashMap::new();
    let mut ejections: HashMap<u64, (u64, bool)> = HashMap::new();
    loop {
        let backends = Arc::clone(&live.current().backends);
        let all =
            || backends.iter().flat_map(|backend| backend.endpoints.iter().map(move |endpoint| (backend, endpoint)));
        let checked = || all().filter(|(backend, _)| backend.settings.health.is_some());
        tasks.retain(|id, _| checked().any(|(_, endpoint)| endpoint.id == *id));
        for (backend, endpoint) in checked() {
            tasks.entry(endpoint.id).or_insert_with(|| {
                let teller = Teller { live: Arc::clone(&live), events: events.clone(), backend: Arc::clone(backend) };
                Task(tokio::spawn(check(teller, Arc::clone(endpoint))))
            });
        }
        ejections.retain(|id, _| all().any(|(_, endpoint)| endpoint.id == *id));
        for (backend, endpoint) in all().filter(|(backend, _)| backend.settings.outlier.is_some()) {
            let now = (endpoint.ejections(), endpoint.is_ejected());
            // One that a reload brought along has been told of.
            let before = ejections.insert(endpoint.id, now).unwrap_or(now);
            let teller = Teller { live: Arc::clone(&live), events: events.clone(), backend: Arc::clone(backend) };
            if now.0 > before.0 {
                teller.tell("ejected", endpoint, "gets no requests: it failed too many in a row");
            }
            if before.1 && !now.1 {
                teller.tell("readmitted", endpoint, "gets requests again");
            }
        }
        sleep(LOOK).await;
    }
}

/// Tells what happens to the endpoints of a backend.
struct Teller {
    live: Arc<Live>,
    events: Events,
    backend: Arc<Backend>,
}

impl Teller {
    fn tell(&self, what: &str, endpoint: &Endpoint, text: &str) {
        let (backend, endpoint) = (&self.backend.settings.name, &endpoint.address.authority);
        if matches!(what, "unhealthy" | "ejected") {
            tracing::warn!(%backend, %endpoint, "{what}: {text}");
        } else {
            tracing::info!(%backend, %endpoint, "{what}: {text}");
        }
        self.events.tell(Event {
            id: 0,
            at: exact_moment(now_ms()),
            what: what.to_owned(),
            on: format!("{backend} {endpoint}"),
            by: Author::nameless(Source::Health).to_string(),
            text: text.to_owned(),
            generation: self.live.current().number,
        });
    }
}

/// Asks one endpoint until it is told to end. It begins as it is: healthy, unless it was found otherwise before a reload.
async fn check(teller: Teller, endpoint: Arc<Endpoint>) {
    let Some(settings) = &teller.backend.settings.health else { return };
    let tls = Tls::new(&teller.backend.settings, &endpoint);
    // Many endpoints, and many facades, must not ask in step.
    sleep(settings.every.min(Duration::from_secs(1)).mul_f64(fastrand::f64())).await;
    let mut in_a_row = (true, 0);
    loop {
        // In a box: it takes much memory, and most of the time nothing is asked.
        let asked = Box::pin(ask(&teller.backend, &endpoint, tls.as_ref(), settings));
        let found = match timeout(settings.timeout, asked).await {
            Ok(found) => found,
            Err(_) => Err("it did not answer in time".into()),
        };
        let good = found.is_ok();
        in_a_row = if in_a_row.0 == good { (good, in_a_row.1 + 1) } else { (good, 1) };
        let enough = if good { settings.healthy_after } else { settings.unhealthy_after };
        if in_a_row.1 >= enough && endpoint.set_healthy(good) {
            match found {
                Ok(_) => teller.tell("healthy", &endpoint, "its checks are good again"),
                Err(error) => teller.tell("unhealthy", &endpoint, &error.to_string()),
            }
        }
        sleep(settings.every.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
    }
}

/// Asks once, over a connection of its own. 2xx and 3xx are good.
async fn ask(
    backend: &Backend,
    endpoint: &Endpoint,
    tls: Option<&Tls>,
    settings: &HealthSettings,
) -> Result<StatusCode, Error> {
    let addresses = endpoint.addresses();
    if addresses.is_empty() {
        return Err("its name has no address".into());
    }
    let stream = TcpStream::connect(&addresses[..]).await?;
    let status = match tls {
        Some(tls) => {
            let (stream, http2) = tls.connect(stream, false).await.map_err(Failure::detail)?;
            exchange(stream, http2, request(backend, endpoint, settings, http2)?).await?
        }
        None if endpoint.address.tls => return Err(Failure::Tls.detail().into()),
        None => {
            let http2 = backend.settings.protocol == Protocol::Http2;
            exchange(stream, http2, request(backend, endpoint, settings, http2)?).await?
        }
    };
    if status.is_success() || status.is_redirection() {
        Ok(status)
    } else {
        Err(format!("it answered {status}").into())
    }
}

fn request(
    backend: &Backend,
    endpoint: &Endpoint,
    settings: &HealthSettings,
    http2: bool,
) -> Result<Request<Empty<Bytes>>, Error> {
    let host: &HeaderValue = match &backend.settings.host {
        HostRule::Literal(host) => host,
        HostRule::Preserve | HostRule::Endpoint => &endpoint.host,
    };
    let request = Request::builder().method(Method::GET).header(header::USER_AGENT, AGENT);
    let request = if http2 {
        let scheme = if endpoint.address.tls { "https" } else { "http" };
        request.uri(format!("{scheme}://{}{}", host.to_str()?, settings.path))
    } else {
        request.uri(&*settings.path).header(header::HOST, host).header(header::CONNECTION, "close")
    };
    Ok(request.body(Empty::new())?)
}

/// Sends a request and waits for the head of its answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
    request: Request<Empty<Bytes>>,
) -> Result<StatusCode, Error> {
    let stream = TokioIo::new(stream);
    if http2 {
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await?;
        return both(sender.send_request(request), connection).await;
    }
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    both(sender.send_request(request), connection).await
}

/// Waits for an answer while its connection is driven; dropped then, the connection closes.
async fn both<B>(
    answer: impl Future<Output = hyper::Result<http::Response<B>>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> Result<StatusCode, Error> {
    let (mut answer, connection) = (pin!(answer), pin!(connection));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = connection => match ended {
            // It may have ended with the answer.
            Ok(()) => answer.await,
            Err(error) => Err(error),
        },
    };
    answer.map(|answer| answer.status()).map_err(|error| io::Error::other(error).into())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Response;
    use hyper::body::Incoming;
    use hyper::server::conn::{http1, http2};
    use hyper::service::service_fn;

    use super::*;
    use crate::snapshot::{BackendSettings, EndpointAddress};
    use crate::telemetry::BackendMeter;

    fn backend(host: HostRule) -> Backend {
        let name: Arc<str> = "127.0.0.1".into();
        let address = EndpointAddress { host: Arc::clone(&name), port: 80, tls: false, authority: name };
        let settings = BackendSettings { host, ..BackendSettings::new("b".into(), vec![address]) };
        Backend::new(settings, Arc::new(BackendMeter::new("b".into(), 1)))
    }

    /// What an endpoint that finds only `/up` at this host answers.
    async fn answer(backend: &Backend, host: &'static str, path: &str, http2: bool) -> StatusCode {
        let (near, far) = tokio::io::duplex(4096);
        let service = service_fn(move |request: Request<Incoming>| async move {
            let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
            let named = named.or(request.uri().host()).map(str::to_owned);
            let found = request.uri().path() == "/up" && named.as_deref() == Some(host);
            let status = if found { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND };
            Ok::<_, Infallible>(Response::builder().status(status).body(Empty::<Bytes>::new()).unwrap())
        });
        let far = TokioIo::new(far);
        let serving = tokio::spawn(async move {
            if http2 {
                http2::Builder::new(TokioExecutor::new()).serve_connection(far, service).await
            } else {
                http1::Builder::new().serve_connection(far, service).await
            }
        });
        let second = Duration::from_secs(1);
        let (unhealthy_after, healthy_after) = (1, 1);
        let settings =
            HealthSettings { path: path.into(), every: second, timeout: second, unhealthy_after, healthy_after };
        let request = request(backend, &backend.endpoints[0], &settings, http2).unwrap();
        let status = exchange(near, http2, request).await.unwrap();
        serving.abort();
        status
    }

    #[tokio::test]
    async fn each_version_of_http_is_asked_for_the_host_that_requests_have() {
        let own = backend(HostRule::Preserve);
        let literal = backend(HostRule::Literal(HeaderValue::from_static("shop.internal")));
        for http2 in [false, true] {
            assert_eq!(answer(&own, "127.0.0.1", "/up", http2).await, 204, "{http2}");
            assert_eq!(answer(&own, "127.0.0.1", "/down", http2).await, 404, "{http2}");
            assert_eq!(answer(&literal, "shop.internal", "/up", http2).await, 204, "{http2}");
        }
    }
}
