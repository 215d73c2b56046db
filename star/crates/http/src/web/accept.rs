//! Whether a visitor wants a page or JSON in place of it.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Whether JSON is named, and not less wanted than a page.
pub(crate) fn prefers_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut json, mut page) = (0.0_f32, 0.0_f32);
    for entry in values.flat_map(|line| line.split(',')) {
        let (kind, quality) = read(entry);
        let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
        if is_json {
            json = json.max(quality);
        } else if matches!(kind.as_str(), "text/html" | "application/xhtml+xml") {
            page = page.max(quality);
        }
    }
    json > page
}

fn read(entry: &str) -> (String, f32) {
    let mut parts = entry.split(';');
    let kind = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
    (kind, quality.filter(|quality| quality.is_finite()).unwrap_or(1.0).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_comes_only_to_those_who_ask_for_it() {
        for (accept, json) in [
            ("application/json", true),
            ("application/problem+json, */*;q=0.1", true),
            ("text/html;q=0.5, application/json", true),
            ("text/html, application/json;q=0.9", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("*/*", false),
            ("application/json;q=0", false),
            ("application/json;q=nan", true),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(prefers_json(&headers), json, "{accept}");
        }
        assert!(!prefers_json(&HeaderMap::new()));
    }
}
