//! Where a Star is, and the key that opens it.

use std::fmt;
use std::path::Path;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::error::ClientError;

/// Where a Star is, and the key that opens it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// URL of the API, such as `http://127.0.0.1:4343`. A path in it is kept as a prefix, for
    /// Stars behind a proxy.
    pub url: String,
    /// The key; without one the caller is anonymous.
    pub token: Option<Token>,
}

/// An API key. Never printed, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A key from its text; blanks and line ends around it do not count.
    pub fn new(text: &str) -> Token {
        Token(text.trim().to_owned())
    }

    /// Reads a key from a file, such as the `admin.token` that a Star writes at its first start.
    pub fn read_file(path: &Path) -> Result<Token, ClientError> {
        std::fs::read_to_string(path).map(|text| Token::new(&text)).map_err(ClientError::io(path))
    }

    /// The key itself, for the file that keeps it.
    pub fn secret(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> Result<HeaderValue, ClientError> {
        let unusable = || ClientError::Endpoint("the key is empty or holds characters that no key has".into());
        if self.0.is_empty() || !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable());
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).map_err(|_| unusable())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The base of all URLs of a Star, checked, without a slash at its end.
pub(crate) fn base(text: &str) -> Result<Url, ClientError> {
    let refuse = |reason: &str| ClientError::Endpoint(format!("`{text}` is not the URL of a Star: {reason}"));
    let mut url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it begins with neither http:// nor https://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has a query or a fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("a key does not belong into the URL"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_in_the_url_is_kept() {
        assert_eq!(base("https://example.com/star/").unwrap().path(), "/star");
        assert_eq!(base("http://127.0.0.1:4343").unwrap().as_str(), "http://127.0.0.1:4343/");
    }

    #[test]
    fn what_is_no_url_of_a_star_is_refused() {
        for text in ["", "localhost:4343", "ftp://a", "http://a?b", "http://a#b", "http://u:p@a", "4343"] {
            assert!(matches!(base(text), Err(ClientError::Endpoint(_))), "{text}");
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let endpoint = Endpoint { url: "http://a".into(), token: Some(Token::new(" secret\n")) };
        assert!(!format!("{endpoint:?}").contains("secret"));
        assert_eq!(endpoint.token.unwrap().secret(), "secret");
    }

    #[test]
    fn a_key_that_cannot_travel_is_refused() {
        for text in ["", "a b", "a\u{7f}", "schlüssel"] {
            assert!(Token::new(text).header().is_err(), "{text}");
        }
        assert_eq!(Token::new("abc").header().unwrap(), "Bearer abc");
    }
}
