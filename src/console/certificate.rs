//! How long a certificate is valid.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

/// Until when a certificate is valid, in milliseconds since 1970; `None` of one that cannot be read.
#[must_use]
pub(super) fn valid_until_ms(certificate: &CertificateDer<'_>) -> Option<u64> {
    let parsed = EndEntityCert::try_from(certificate).ok()?;
    // Without authorities nothing is ever verified, but the dates are looked at first; at the end of time all have expired.
    let end = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX));
    match parsed.verify_for_usage(&[], &[], &[], end, KeyUsage::server_auth(), None, None) {
        Err(Error::CertExpired { not_after, .. }) => Some(not_after.as_secs().saturating_mul(1000)),
        _ => None,
    }
}

/// The names that a certificate is for, the first few of them.
#[must_use]
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    const SHOWN: usize = 4;
    let parsed = EndEntityCert::try_from(certificate).ok();
    parsed.iter().flat_map(|parsed| parsed.valid_dns_names()).take(SHOWN).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_known_and_what_is_none_has_none() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut wanted = rcgen::CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        wanted.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let made = wanted.self_signed(&key).unwrap();
        assert_eq!(valid_until_ms(made.der()), Some(1_927_843_200_000));
        assert_eq!(names(made.der()), ["shop.example"]);
        assert_eq!(valid_until_ms(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
