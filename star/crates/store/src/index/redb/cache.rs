//! How much memory the pages of the file may take: more where there is more.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::limits::{INDEX_CACHE_LEAST_BYTES, INDEX_CACHE_MOST_BYTES, INDEX_CACHE_PART};

/// Where the groups of processes are, each with the memory that it may take.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes of pages that are kept.
pub(super) fn bytes() -> usize {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").ok().map_or_else(Vec::new, |text| groups(&text));
    let allowed = groups.iter().filter_map(|group| fs::read_to_string(group).ok()?.trim().parse().ok());
    part_of(machine.into_iter().chain(allowed).min())
}

/// The part of some memory; the least where it is not known how much there is.
fn part_of(memory_bytes: Option<u64>) -> usize {
    let part = memory_bytes.and_then(|bytes| usize::try_from(bytes / INDEX_CACHE_PART).ok());
    part.map_or(INDEX_CACHE_LEAST_BYTES, |part| part.clamp(INDEX_CACHE_LEAST_BYTES, INDEX_CACHE_MOST_BYTES))
}

/// The memory of the machine, as its kernel tells it.
fn total(meminfo: &str) -> Option<u64> {
    let kib: u64 =
        meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// The files with the limits of the group that this process is in, and of those around it. One that
/// has none says `max`, which is no number.
fn groups(cgroup: &str) -> Vec<PathBuf> {
    let Some(own) = cgroup.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    // A group outside of what this process may see begins with `..`.
    let is_inside = Path::new(own).components().all(|part| matches!(part, Component::Normal(_)));
    let own = Path::new(GROUPS).join(if is_inside { own } else { "" });
    own.ancestors().take_while(|group| group.starts_with(GROUPS)).map(|group| group.join("memory.max")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn the_cache_is_a_sixteenth_of_the_memory_and_never_tiny_or_huge() {
        for (memory_mib, cache_mib) in [(128, 64), (1_024, 64), (4_096, 256), (24_576, 512), (1_048_576, 512)] {
            assert_eq!(part_of(Some(memory_mib * MIB)) as u64, cache_mib * MIB, "{memory_mib} MiB");
        }
        assert_eq!(part_of(None) as u64, 64 * MIB);
    }

    #[test]
    fn the_memory_of_the_machine_is_read_from_what_its_kernel_tells() {
        assert_eq!(total("MemTotal:       24587652 kB\nMemFree: 1 kB\n"), Some(24_587_652 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(total("MemTotal: much\n"), None);
    }

    #[test]
    fn the_limits_of_a_group_and_of_those_around_it_count() {
        let files =
            |cgroup| -> Vec<String> { groups(cgroup).iter().map(|file| file.to_string_lossy().into_owned()).collect() };
        assert_eq!(
            files("1:cpu:/x\n0::/system.slice/star.service\n"),
            [
                "/sys/fs/cgroup/system.slice/star.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max"
            ]
        );
        assert_eq!(files("0::/\n"), ["/sys/fs/cgroup/memory.max"]);
        assert_eq!(files("0::/../other\n"), ["/sys/fs/cgroup/memory.max"]);
        assert!(files("4:memory:/x\n").is_empty());
    }
}
