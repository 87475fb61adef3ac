//! HTTP: what is asked, what is answered, and why there was no answer.

mod error;
mod request;
mod response;

use std::sync::Arc;

use headcount_reader::HttpClientSettings;

use crate::BoxFuture;

pub use error::{Awaited, HttpError};
pub use request::{HttpLimits, HttpRequest};
pub use response::{HttpBody, HttpResponse, HttpStream};

/// Makes HTTP clients.
pub trait Http: Send + Sync {
    /// A client with these settings. Equal settings may get one and the same client, which shares its connections and
    /// its tokens among all who use it. Files that the settings name (`password_file`, `ca_file`, …) are read by the
    /// client when it sends, so that a changed file is seen.
    ///
    /// # Errors
    /// [`HttpError::Settings`] when the settings can never work.
    fn client(&self, settings: &HttpClientSettings) -> Result<Arc<dyn HttpClient>, HttpError>;
}

/// Sends requests. Connections are kept and shared between requests.
pub trait HttpClient: Send + Sync {
    /// Sends one request, and gives the answer once its head is there.
    ///
    /// # Errors
    /// There was no answer. One that says that the request failed is an answer.
    fn open(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpStream, HttpError>>;

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// There was no whole answer.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move { self.open(request).await?.whole().await })
    }
}
