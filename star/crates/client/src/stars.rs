//! The Star itself, and who the caller is to it.

use star_api::v1;

use crate::client::Client;
use crate::error::ClientError;

impl Client {
    /// How the Star is doing.
    pub async fn status(&self) -> Result<v1::StatusResponse, ClientError> {
        self.unary("Stars/Status", &v1::StatusRequest::default()).await
    }

    /// Who the caller is.
    pub async fn who_am_i(&self) -> Result<v1::WhoAmIResponse, ClientError> {
        self.unary("Stars/WhoAmI", &v1::WhoAmIRequest::default()).await
    }
}
