//! Ports on loopback, for servers that must keep theirs while they are down.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below those that systems give to outgoing connections: one of these could take the port of a server that is about
/// to start again, and one that is made to the port itself could even reach itself.
const QUIET: Range<u64> = 20_000..32_000;

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Ports that are free now. Somebody else may be faster: whoever cannot listen there asks for others.
pub(crate) fn free<const COUNT: usize>() -> [u16; COUNT] {
    let mut found = [0; COUNT];
    for next in 0..COUNT {
        found[next] = loop {
            // Each state hashes otherwise, which is all the chance that is needed.
            let drawn = QUIET.start + RandomState::new().hash_one(next) % (QUIET.end - QUIET.start);
            match u16::try_from(drawn) {
                Ok(port) if !found.contains(&port) && is_free(port) => break port,
                Ok(_) | Err(_) => {}
            }
        };
    }
    found
}
