//! Readers of the event log whose place is kept by the Star.

use star_api::v1;

use crate::client::Client;
use crate::error::ClientError;

impl Client {
    /// Registers a durable consumer, or finds the one of this name; gives the cursor after which it
    /// goes on. One that is new begins after `since`, or now.
    pub async fn register_consumer(&self, name: &str, since: Option<String>) -> Result<String, ClientError> {
        let request = v1::OpenRequest { name: name.to_owned(), since, ..Default::default() };
        let response: v1::OpenResponse = self.unary("Consumers/Open", &request).await?;
        Ok(response.cursor)
    }

    /// Notes, durably, that a consumer has dealt with everything up to a cursor.
    pub async fn advance_consumer(&self, name: &str, cursor: &str) -> Result<(), ClientError> {
        let request = v1::AdvanceRequest { name: name.to_owned(), cursor: cursor.to_owned(), ..Default::default() };
        let _: v1::AdvanceResponse = self.unary("Consumers/Advance", &request).await?;
        Ok(())
    }

    /// Forgets a consumer.
    pub async fn forget_consumer(&self, name: &str) -> Result<(), ClientError> {
        let request = v1::ForgetRequest { name: name.to_owned(), ..Default::default() };
        let _: v1::ForgetResponse = self.unary("Consumers/Forget", &request).await?;
        Ok(())
    }

    /// The consumers and the end of the log.
    pub async fn consumers(&self) -> Result<v1::ListConsumersResponse, ClientError> {
        self.unary("Consumers/List", &v1::ListConsumersRequest::default()).await
    }
}
