//! Chooses the form of an answer that a client prefers (RFC 9110, section 12.5.1).

/// The one of `offers` (types such as `text/plain`) that the client prefers; the first of equal
/// ones. `None` if it accepts none of them.
pub(super) fn best(accept: Option<&str>, offers: &[&'static str]) -> Option<&'static str> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return offers.first().copied();
    };
    let mut best = None;
    for offer in offers.iter().copied() {
        let quality = quality(accept, offer);
        if quality > best.map_or(0, |(quality, _)| quality) {
            best = Some((quality, offer));
        }
    }
    best.map(|(_, offer)| offer)
}

/// How much a client likes a type, in thousandths, by the range that matches it most exactly.
fn quality(accept: &str, offer: &str) -> u32 {
    let (offered_type, _) = offer.split_once('/').unwrap_or((offer, ""));
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let exactness = match name.split_once('/') {
            _ if name.eq_ignore_ascii_case(offer) => 3,
            Some((kind, "*")) if kind.eq_ignore_ascii_case(offered_type) => 2,
            Some(("*", "*")) => 1,
            _ => continue,
        };
        let thousandths = parts.find_map(weight).unwrap_or(1000);
        // If a range appears several times, the highest weight counts.
        if exactness > best.0 || (exactness == best.0 && thousandths > best.1) {
            best = (exactness, thousandths);
        }
    }
    best.1
}

/// The weight in a parameter, if it is one; anything but a number counts as 0.
fn weight(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let weight: f64 = value.trim().parse().unwrap_or(0.0);
    Some((weight.clamp(0.0, 1.0) * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFERS: &[&str] = &["application/openmetrics-text", "text/plain"];

    #[test]
    fn the_form_liked_best_is_chosen() {
        let (open, text) = (Some(OFFERS[0]), Some(OFFERS[1]));
        for (accept, chosen) in [
            ("", open),
            ("*/*", open),
            ("text/plain", text),
            ("Text/Plain; version=0.0.4", text),
            ("text/*", text),
            ("application/*", open),
            ("application/openmetrics-text", open),
            (
                "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.75",
                open,
            ),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.3", text),
            ("text/plain;q=1.0, */*;q=0.1", text),
            ("text/plain;q=0, */*", open),
            ("*/*;q=0.1, application/openmetrics-text;q=0", text),
            (
                "application/vnd.google.protobuf;proto=x, text/plain;version=0.0.4;q=0.3",
                text,
            ),
            ("text/html, */*;q=0.8", open),
            ("text/html", None),
            ("text/plain;q=0", None),
            ("text/plain;q=NaN, text", None),
        ] {
            assert_eq!(best(Some(accept), OFFERS), chosen, "{accept}");
        }
        assert_eq!(best(None, OFFERS), open);
    }

    proptest! {
        #[test]
        fn any_header_is_survived(accept in "[a-z*/;,=q.0-9 ]{0,60}") {
            let _ = best(Some(&accept), OFFERS);
        }
    }
}
