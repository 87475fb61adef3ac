//! One client: limits of time, redirects, headers, and reading the answer.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::planted;
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{Awaited, Cause, Clock, HttpBody, HttpClient, HttpError, HttpRequest, HttpStream};
use headcount_reader::{HeaderValues, HttpClientSettings};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, USER_AGENT};
use http::{HeaderMap, StatusCode};
use hyper::Response;
use hyper::body::Body;

use crate::Platform;
use crate::authentication::{Authentication, authorize_from_url};
use crate::body::{self, Pieces};
use crate::limits::Running;
use crate::pool::Idle;
use crate::redirect::{self, MAX_REQUESTS};
use crate::request::{BadHeader, Outgoing, header};
use crate::secrets;
use crate::transport::{PooledBody, Transport};

/// A redirect's own body is read up to here, so that its connection can be used again.
const REDIRECT_BODY: u64 = 16 * 1024;

/// A client with one set of settings.
pub(crate) struct Client {
    platform: Platform,
    transport: Transport,
    authentication: Authentication,
    headers: Vec<(String, HeaderValues)>,
    follow_redirects: bool,
}

impl Client {
    pub(crate) fn new(platform: &Platform, idle: &Arc<Idle>, settings: &HttpClientSettings) -> Result<Self, HttpError> {
        for (name, values) in &settings.headers {
            let secrets = values.secrets.iter().map(|secret| secret.reveal());
            for value in values.values.iter().map(String::as_str).chain(secrets) {
                header(name, value).map_err(bad_header)?;
            }
            header(name, "").map_err(bad_header)?;
        }
        let transport = Transport::new(platform, idle, &settings.tls, &settings.proxy, settings.enable_http2)?;
        Ok(Self {
            platform: platform.clone(),
            transport,
            authentication: Authentication::new(platform, settings)?,
            headers: settings.headers.clone(),
            follow_redirects: settings.follow_redirects,
        })
    }

    /// Sends a request, and follows where it is redirected. The request that was answered, and its answer.
    async fn exchange(&self, request: Outgoing) -> Result<(Outgoing, Response<PooledBody>), HttpError> {
        let first = request.url.clone();
        let mut request = request;
        // Once the way has left the first host, its secrets stay out even if it comes back.
        let mut left_host = false;
        for _ in 0..planted!(MAX_REQUESTS, OneRequestMore, MAX_REQUESTS.saturating_add(1)) {
            let answer = self.attempt(&request, left_host).await?;
            let next = match self.follow_redirects {
                true => redirect::next_request(&request, answer.status(), answer.headers())?,
                false => None,
            };
            let Some(next) = next else {
                return Ok((request, answer));
            };
            finish(answer, &request.host()).await;
            left_host |= planted!(
                !redirect::same_host(&first, &next.url),
                RedirectTakesSecretsAlong,
                false,
                WayBackHasSecretsAgain,
                {
                    left_host = false;
                    !redirect::same_host(&first, &next.url)
                }
            );
            request = next;
        }
        Err(HttpError::TooManyRedirects {
            host: request.host(),
            count: MAX_REQUESTS,
        })
    }

    /// Sends one request; a second time with a new token, if the token was refused.
    async fn attempt(&self, request: &Outgoing, left_host: bool) -> Result<Response<PooledBody>, HttpError> {
        let complete = self.complete(request, left_host).await?;
        let answer = self.transport.send(&complete).await?;
        if answer.status() == StatusCode::UNAUTHORIZED
            && planted!(
                self.authentication.forget_refused(&complete.headers),
                RefusedTokenIsKept,
                false
            )
        {
            finish(answer, &request.host()).await;
            return self.transport.send(&self.complete(request, left_host).await?).await;
        }
        Ok(answer)
    }

    /// The request with all headers that the settings add.
    async fn complete(&self, request: &Outgoing, left_host: bool) -> Result<Outgoing, HttpError> {
        let mut request = request.clone();
        let headers = &mut request.headers;
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, default_user_agent());
        }
        if !headers.contains_key(ACCEPT_ENCODING) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, values) in &self.headers {
            for value in &values.values {
                add(headers, name, value, false)?;
            }
            for secret in &values.secrets {
                add(headers, name, secret.reveal(), true)?;
            }
            // Not to be read for a host that is not to have it.
            for path in values.files.iter().filter(|_| !left_host) {
                let value = secrets::file(&*self.platform.files, path, &format!("http_headers {name}")).await?;
                add(headers, name, &value, true)?;
            }
        }
        if left_host {
            redirect::strip_sensitive(headers);
        }
        authorize_from_url(&request.url, headers)?;
        if !left_host {
            self.authentication.authorize(headers).await?;
        }
        Ok(request)
    }
}

impl HttpClient for Client {
    fn open(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpStream, HttpError>> {
        Box::pin(async move {
            let clock = &self.platform.clock;
            let request = Outgoing::new(request)?;
            let (host, limits) = (request.host(), request.limits);
            let mut total = Running::start(&**clock, Awaited::End, limits.total);
            let (request, answer) = self.exchange(request).or(total.passed(&host)).await?;
            let host = request.host();
            let (parts, body) = answer.into_parts();
            // What the head has left of it.
            let rest = planted!(total, TotalIsForTheHead, Running::start(&**clock, Awaited::End, None));
            let body = LimitedBody {
                pieces: Pieces::new(body, &parts.headers, limits.body, &host),
                clock: clock.clone(),
                host,
                total: rest,
                idle_limit: limits.idle,
                idle: None,
            };
            Ok(HttpStream::new(parts.status.as_u16(), shown(&parts.headers), body))
        })
    }
}

/// A body whose pieces have to come in time.
struct LimitedBody {
    pieces: Pieces<PooledBody>,
    clock: Arc<dyn Clock>,
    host: String,
    total: Running,
    idle_limit: Option<Duration>,
    /// Runs from when a piece was asked for until it is there, however often asking is given up.
    idle: Option<Running>,
}

impl HttpBody for LimitedBody {
    fn next_piece(&mut self) -> BoxFuture<'_, Result<Option<&[u8]>, HttpError>> {
        Box::pin(async move {
            let Self {
                pieces, host, total, ..
            } = self;
            let running = || Running::start(&*self.clock, Awaited::Piece, self.idle_limit);
            let idle = planted!(
                self.idle.get_or_insert_with(running),
                PieceLimitBeginsAnew,
                self.idle.insert(running())
            );
            // Lent again below: what races must not hold on to it.
            let next = async { Ok(pieces.next().await?.is_some()) };
            match next.or(total.passed(host)).or(idle.passed(host)).await {
                Ok(is_piece) => {
                    self.idle = None;
                    Ok(is_piece.then(|| pieces.piece()))
                }
                Err(error) => {
                    pieces.body_mut().give_up();
                    Err(error)
                }
            }
        })
    }
}

/// What we call ourselves unless the caller says otherwise.
pub(crate) fn default_user_agent() -> HeaderValue {
    HeaderValue::from_static(concat!("headcount/", env!("CARGO_PKG_VERSION")))
}

fn add(headers: &mut HeaderMap, name: &str, value: &str, secret: bool) -> Result<(), HttpError> {
    let (name, mut value) = header(name, value).map_err(bad_header)?;
    value.set_sensitive(secret);
    headers.append(name, value);
    Ok(())
}

fn bad_header(error: BadHeader) -> HttpError {
    HttpError::Settings {
        setting: "http_headers".to_owned(),
        cause: Cause::new(error),
    }
}

/// The headers that describe a body as it is given.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    // The body is no longer what these describe.
    let hidden = if body::is_gzip(headers) {
        &[CONTENT_ENCODING, CONTENT_LENGTH][..]
    } else {
        &[]
    };
    let shown = headers.iter().filter(|(name, _)| !hidden.contains(name));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    shown
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

/// Reads an answer that nobody wants to its end, if that is near, so that its connection can be
/// used again.
async fn finish(answer: Response<PooledBody>, host: &str) {
    let (parts, body) = answer.into_parts();
    if body.size_hint().exact().is_some_and(|length| length <= REDIRECT_BODY) {
        body::read(body, &parts.headers, REDIRECT_BODY, host).await.ok();
    }
}
