use steadfast_actors::outcome::ErrorKind;

use crate::outcome::Classify;
use crate::retry::kind_of_status;

/// By the status that `error_for_status` found, else by where the exchange broke.
impl Classify for ::reqwest::Error {
    fn kind(&self) -> ErrorKind {
        if let Some(status) = self.status() {
            return kind_of_status(status.as_u16());
        }
        if self.is_timeout() {
            ErrorKind::Timeout
        } else if self.is_builder() {
            // The request itself cannot be made: no attempt will change that.
            ErrorKind::ValidationError
        } else if self.is_connect() || self.is_request() || self.is_body() {
            ErrorKind::ConnectionError
        } else {
            ErrorKind::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clients_error_is_what_its_exchange_came_to() {
        let client = ::reqwest::Client::new();
        assert_eq!(client.get("no address").send().await.unwrap_err().kind(), ErrorKind::ValidationError);
        // Port 1 is nobody's.
        let refused = client.get("http://127.0.0.1:1/").send().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionError);
    }
}
