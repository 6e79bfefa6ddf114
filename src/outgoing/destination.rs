//! Where a request may go: not to addresses within the house unless the operator says so, and never by accident to those
//! that hand out a machine's credentials.
//!
//! A name's addresses are checked when they are looked up, by the resolver whose answer is then connected to, so that no
//! name can change its meaning in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::net::Network;

/// The addresses that may be connected to.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Whether addresses within the house are allowed.
    pub allow_private: bool,
    /// Networks that are allowed whatever they are.
    pub allow: Vec<Network>,
}

/// An address that may not be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its address is {}, which is not allowed", .0.name())]
pub struct Refused(pub Kind);

/// What an address is, where it is not one of the Internet at large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`name` says it")]
pub enum Kind {
    Loopback,
    Private,
    SharedByCarrier,
    UniqueLocal,
    LinkLocal,
    Metadata,
    Unspecified,
    Multicast,
    Documentation,
    Tunnel,
    Reserved,
}

/// Addresses at which clouds hand out what a machine is called, and its credentials.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

impl Guard {
    /// Whether `address` may be connected to.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let reached = meant(address);
        let Some(kind) = kind(reached) else { return Ok(()) };
        let mut listed = self.allow.iter().filter(|network| network.contains(reached) || network.contains(address));
        let allowed = match kind {
            // A network around it is not meant for it.
            Kind::Metadata => listed.any(|network| network.0.prefix_len() == network.0.max_prefix_len()),
            kind => (kind.is_private() && self.allow_private) || listed.next().is_some(),
        };
        if allowed { Ok(()) } else { Err(Refused(kind)) }
    }

    /// The same for a name whose address is known without asking.
    pub fn check_name(&self, name: &str) -> Result<(), Refused> {
        let name = name.trim_end_matches('.');
        let local = name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
        let allowed = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|local| self.check(local));
        if local && allowed.iter().all(Result::is_err) { Err(Refused(Kind::Loopback)) } else { Ok(()) }
    }
}

impl Kind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loopback => "this machine's own",
            Self::Private => "a private one",
            Self::SharedByCarrier => "one that a carrier shares out",
            Self::UniqueLocal => "a private one (unique local)",
            Self::LinkLocal => "a link-local one",
            Self::Metadata => "that of a cloud's metadata service",
            Self::Unspecified => "no address at all",
            Self::Multicast => "a multicast one",
            Self::Documentation => "one for documentation only",
            Self::Tunnel => "that of a tunnel",
            Self::Reserved => "a reserved one",
        }
    }

    /// Whether `allow_private` allows it.
    pub fn is_private(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::SharedByCarrier | Self::UniqueLocal)
    }
}

/// The address that is reached in the end: IPv4 may come in the clothes of IPv6, or be behind a translator (NAT64).
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let last = |six: Ipv6Addr| {
        let [.., a, b, c, d] = six.octets();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match six.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => last(six),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => last(six),
        _ => address,
    }
}

fn kind(address: IpAddr) -> Option<Kind> {
    if METADATA.contains(&address) {
        return Some(Kind::Metadata);
    }
    match address {
        IpAddr::V4(four) => kind_of_four(four),
        IpAddr::V6(six) => kind_of_six(six),
    }
}

fn kind_of_four(address: Ipv4Addr) -> Option<Kind> {
    Some(match address.octets() {
        [0, ..] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [100, 64..=127, ..] => Kind::SharedByCarrier,
        [169, 254, ..] => Kind::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Documentation,
        [192, 88, 99, _] => Kind::Tunnel,
        [192, 0, 0, _] | [198, 18..=19, ..] | [240..=255, ..] => Kind::Reserved,
        [224..=239, ..] => Kind::Multicast,
        _ => return None,
    })
}

fn kind_of_six(address: Ipv6Addr) -> Option<Kind> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0xfc00..=0xfdff, ..] => Kind::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        // Site-local of old, and a translator's prefix for use within the house.
        [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Kind::Private,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Kind::Documentation,
        [0x2001, 0, ..] | [0x2002, ..] => Kind::Tunnel,
        // Only 2000::/3 is given out to the Internet at large.
        [first, ..] if first & 0xe000 != 0x2000 => Kind::Reserved,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    fn guard(allow_private: bool, allow: &[&str]) -> Guard {
        Guard { allow_private, allow: allow.iter().map(|text| text.parse().expect(text)).collect() }
    }

    /// An address, what it is, and whether `allow_private` allows it.
    const ADDRESSES: [(&str, Option<Kind>); 62] = [
        ("8.8.8.8", None),
        ("1.1.1.1", None),
        ("172.15.0.1", None),
        ("172.32.0.1", None),
        ("100.63.0.1", None),
        ("100.128.0.1", None),
        ("192.169.0.1", None),
        ("2001:4860:4860::8888", None),
        ("::ffff:8.8.8.8", None),
        ("64:ff9b::8.8.8.8", None),
        ("127.0.0.1", Some(Kind::Loopback)),
        ("127.255.255.254", Some(Kind::Loopback)),
        ("::1", Some(Kind::Loopback)),
        ("::ffff:127.0.0.1", Some(Kind::Loopback)),
        ("::127.0.0.1", Some(Kind::Loopback)),
        ("64:ff9b::127.0.0.1", Some(Kind::Loopback)),
        ("10.0.0.1", Some(Kind::Private)),
        ("10.255.255.255", Some(Kind::Private)),
        ("172.16.0.1", Some(Kind::Private)),
        ("172.31.255.255", Some(Kind::Private)),
        ("192.168.1.1", Some(Kind::Private)),
        ("::ffff:10.0.0.1", Some(Kind::Private)),
        ("64:ff9b::10.0.0.1", Some(Kind::Private)),
        ("64:ff9b:1::1", Some(Kind::Private)),
        ("fec0::1", Some(Kind::Private)),
        ("100.64.0.1", Some(Kind::SharedByCarrier)),
        ("100.127.255.255", Some(Kind::SharedByCarrier)),
        ("fc00::1", Some(Kind::UniqueLocal)),
        ("fdff::1", Some(Kind::UniqueLocal)),
        ("169.254.1.1", Some(Kind::LinkLocal)),
        ("fe80::1", Some(Kind::LinkLocal)),
        ("febf::1", Some(Kind::LinkLocal)),
        ("169.254.169.254", Some(Kind::Metadata)),
        ("::ffff:169.254.169.254", Some(Kind::Metadata)),
        ("64:ff9b::a9fe:a9fe", Some(Kind::Metadata)),
        ("169.254.170.2", Some(Kind::Metadata)),
        ("100.100.100.200", Some(Kind::Metadata)),
        ("168.63.129.16", Some(Kind::Metadata)),
        ("fd00:ec2::254", Some(Kind::Metadata)),
        ("fd20:ce::254", Some(Kind::Metadata)),
        ("0.0.0.0", Some(Kind::Unspecified)),
        ("0.1.2.3", Some(Kind::Unspecified)),
        ("::", Some(Kind::Unspecified)),
        ("::ffff:0.0.0.0", Some(Kind::Unspecified)),
        ("224.0.0.1", Some(Kind::Multicast)),
        ("239.255.255.255", Some(Kind::Multicast)),
        ("ff02::1", Some(Kind::Multicast)),
        ("192.0.2.1", Some(Kind::Documentation)),
        ("198.51.100.1", Some(Kind::Documentation)),
        ("203.0.113.1", Some(Kind::Documentation)),
        ("2001:db8::1", Some(Kind::Documentation)),
        ("3fff::1", Some(Kind::Documentation)),
        ("2002:7f00:1::", Some(Kind::Tunnel)),
        ("2001:0:7f00:1::", Some(Kind::Tunnel)),
        ("192.88.99.1", Some(Kind::Tunnel)),
        ("192.0.0.8", Some(Kind::Reserved)),
        ("198.18.0.1", Some(Kind::Reserved)),
        ("198.19.255.255", Some(Kind::Reserved)),
        ("240.0.0.1", Some(Kind::Reserved)),
        ("255.255.255.255", Some(Kind::Reserved)),
        ("100::1", Some(Kind::Reserved)),
        ("5f00::1", Some(Kind::Reserved)),
    ];

    #[test]
    fn each_kind_of_address_is_refused_unless_it_is_allowed() {
        for (text, expected) in ADDRESSES {
            let refused = |guard: &Guard| guard.check(ip(text)).err().map(|refused| refused.0);
            assert_eq!(refused(&guard(false, &[])), expected, "{text}");
            let still = expected.filter(|kind| !kind.is_private());
            assert_eq!(refused(&guard(true, &[])), still, "{text} with allow_private");
            assert_eq!(refused(&guard(false, &[text])), None, "{text} listed");
            let everything = expected.filter(|kind| *kind == Kind::Metadata);
            assert_eq!(refused(&guard(true, &["0.0.0.0/0", "::/0"])), everything, "{text} within everything");
        }
    }

    #[test]
    fn a_listed_network_allows_only_itself() {
        let guard = guard(false, &["10.1.0.0/16"]);
        assert_eq!(guard.check(ip("10.1.2.3")), Ok(()));
        assert_eq!(guard.check(ip("::ffff:10.1.2.3")), Ok(()));
        assert_eq!(guard.check(ip("10.2.2.3")), Err(Refused(Kind::Private)));
    }

    #[test]
    fn the_name_of_this_machine_is_known() {
        for name in ["localhost", "LOCALHOST.", "a.localhost"] {
            assert!(guard(false, &[]).check_name(name).is_err(), "{name}");
            assert!(guard(true, &[]).check_name(name).is_ok() && guard(false, &["::1"]).check_name(name).is_ok());
        }
        assert!(guard(false, &[]).check_name("localhost.example").is_ok());
    }
}
