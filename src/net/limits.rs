//! The limits of the operating system, and the number of connections they allow.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for files, listeners and the private REST socket.
const SPARE_DESCRIPTORS: u64 = 128;
/// Memory maps kept for everything that is not a connection thread.
const SPARE_MAPS: u64 = 1500;
/// Maps one thread takes: stack, guard, signal stack, guard.
const MAPS_PER_THREAD: u64 = 4;

/// How many connections the server can hold, and what limits their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Connections.
    pub connections: usize,
    /// What limits them, if it is not the configuration.
    pub bound_by: Option<&'static str>,
}

/// Raises the soft limit of open descriptors to the hard one.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        log::warn!("cannot raise the limit of open files: {error}");
    }
}

/// The connections that the server can hold, at most `configured` (0: no limit).
pub fn capacity(configured: usize) -> Capacity {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let maps = std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX);
    capacity_for(configured, descriptors, maps)
}

fn capacity_for(configured: usize, descriptors: u64, maps: u64) -> Capacity {
    let configured = match configured {
        0 => u64::MAX,
        n => n as u64,
    };
    let by_descriptors = descriptors.saturating_sub(SPARE_DESCRIPTORS);
    let by_maps = maps.saturating_sub(SPARE_MAPS) / MAPS_PER_THREAD;
    let least = configured.min(by_descriptors).min(by_maps).max(1);
    let bound_by = if least == configured {
        None
    } else if least == by_maps {
        Some("vm.max_map_count")
    } else {
        Some("the limit of open files (ulimit -n)")
    };
    Capacity {
        connections: usize::try_from(least).unwrap_or(usize::MAX),
        bound_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_counts_and_is_named() {
        assert_eq!(capacity_for(100, 1_000, 65_530).bound_by, None);
        assert_eq!(capacity_for(20_000, 1_024, 65_530).connections, 896);
        assert_eq!(
            capacity_for(20_000, 1 << 20, 65_530),
            Capacity {
                connections: 16_007,
                bound_by: Some("vm.max_map_count")
            }
        );
        assert_eq!(capacity_for(0, 1 << 20, 65_530).connections, 16_007);
    }
}
