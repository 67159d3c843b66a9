// Findings about the node, the kernel and the running agent: WEFT3xxx. See findings.hpp.
#pragma once

// X(number, name, title, cause, fix, text)
#define WEFT_NODE_FINDINGS(X)                                                                                          \
  X(3001, kNodeCapabilities, "A capability is missing",                                                                \
    "weftd needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON in its effective set, and one of them is not there.",          \
    "Start weftd by its systemd unit, which grants exactly these, or as root.",                                        \
    "weftd never needs CAP_SYS_ADMIN. `systemctl show weftd -p AmbientCapabilities` tells what the unit grants.")      \
  X(3002, kNodeBtf, "The kernel has no BTF",                                                                           \
    "/sys/kernel/btf/vmlinux cannot be read, so that programs cannot be fitted to this kernel.",                       \
    "Boot a kernel built with CONFIG_DEBUG_INFO_BTF=y; Debian's kernels from 6.1 on are.",                             \
    "BTF tells the loader where fields of kernel structures lie (CO-RE).")                                             \
  X(3003, kNodeCgroup, "datapath.cgroup is not a cgroup v2 directory",                                                 \
    "The directory does not exist, or the machine mounts cgroup v1 there; hybrid machines have v2 elsewhere.",         \
    "Leave datapath.cgroup out, or set it to a directory of the cgroup v2 mount that the message names.",              \
    "Processes below this directory are served; all others are left alone.")                                           \
  X(3004, kNodeBpffs, "The pin directory cannot be used",                                                              \
    "datapath.bpffs does not lie on a bpf file system, belongs to another user, lets others in, or is a link.",        \
    "Mount one with `mount -t bpf bpf /sys/fs/bpf`, and remove a directory that weft did not make.",                   \
    "Links and maps are pinned there, so that connections live on while the agent is away. Whoever can write there "   \
    "can take weft's place, hence 0700 and the agent's own user.")                                                     \
  X(3005, kNodeLocked, "Another agent runs on the same pin directory", "A weftd holds the lock of datapath.bpffs.",    \
    "Stop the other agent, or give this one its own datapath.bpffs, datapath.cgroup, state.dir and api.socket.",       \
    "Two agents on one directory would overwrite each other's tables. The message names the process.")                 \
  X(3006, kNodeProgram, "A program does not load on this kernel",                                                      \
    "The kernel lacks a hook or helper, or its verifier refuses the program; the message has its last word.",          \
    "Use Linux 6.1 or newer; report the message together with `weft bugreport` when the kernel is newer.",             \
    "A feature whose program does not load is off as a whole and is listed in `weft status`. Without balancing weftd " \
    "does not start.")                                                                                                 \
  X(3007, kNodeMissingAttachment, "A program of weft is not attached", "Somebody detached it or removed its pin.",     \
    "weftd re-attaches it within five seconds; find out who removed it.",                                              \
    "While it is missing, new connections of that hook are not balanced or not counted. The repair is counted in "     \
    "weft_drift_repaired_total.")                                                                                      \
  X(3008, kNodeForeignProgram, "Another program is on one of weft's hooks",                                            \
    "Something else attached a program of the same type to the served cgroup or above it.",                            \
    "Nothing, when it is yours: both run. Find it with `bpftool cgroup tree`.",                                        \
    "Programs of one hook run one after another; another balancer may rewrite the address before or after weft.")      \
  X(3009, kNodeMapPressure, "A kernel map is more than four fifths full",                                              \
    "The mesh has grown towards the size that the map got when the agent started.",                                    \
    "Raise the size named in the message below datapath.maps and restart weftd; no connection is cut.",                \
    "When a map is full, new entries are refused and the object says so; what is programmed stays as it is.")          \
  X(3010, kNodeSourceUnsynced, "A source has not been read yet",                                                       \
    "A configured path is missing or unreadable, so weft does not know whether it has seen everything.",               \
    "Create the path or correct discovery.files.paths.",                                                               \
    "Until every source is synced, weft adds and changes but deletes nothing.")                                        \
  X(3011, kNodeObjectsInvalid, "Objects were refused", "Manifests are wrong; their last good version stays in force.", \
    "`weft status` and `weft analyze PATH` name each file, line and field.",                                           \
    "An object that never had a good version is absent.")                                                              \
  X(3012, kNodeEventsLost, "Flow records were lost", "Connections came faster than the agent read the ring.",          \
    "Raise datapath.maps.events and restart weftd.",                                                                   \
    "Counters and metrics are exact all the same; only `weft observe` misses the records. weft_events_lost_total "     \
    "counts them.")                                                                                                    \
  X(3013, kNodeNotApplied, "The kernel does not hold the newest state", "A write into a kernel map failed.",           \
    "The message names the table; when it is full, raise its size below datapath.maps.",                               \
    "weftd tries again by itself, after 100 ms at first and at most every 30 s.")                                      \
  X(3014, kNodePinsGone, "The pin directory is gone",                                                                  \
    "The bpf file system was unmounted, or the directory was removed while weftd ran.",                                \
    "Mount it again and restart weftd.", "Programs stay attached as long as weftd runs, and vanish with it.")          \
  X(3015, kNodeHelperErrors, "A helper failed in the datapath",                                                        \
    "The kernel refused an operation of a program, most often for want of memory or because a map is full.",           \
    "See weft_helper_errors_total for which helper and which error.",                                                  \
    "Balancing leaves a connection alone when it cannot decide; accounting misses what it could not write.")           \
  X(3016, kNodePinnedMap, "A pinned map is not weft's",                                                                \
    "A map below datapath.bpffs has the name of one of weft's, but another type, other sizes or other flags.",         \
    "Remove it with `weft cleanup`, then start weftd again; find out who made it.",                                    \
    "weftd does not start on it and leaves what is attached as it is. A changed size in datapath.maps is none of "     \
    "this: entries are then copied into a map of the new size.")                                                       \
  X(3021, kNodeUnenforced, "The packets of a pod are not judged, or may pass unjudged",                                \
    "No interface leads to the pod, a program is missing or comes too late, or the kernel answers otherwise than the " \
    "policies say; the message says which.",                                                                           \
    "weftd repairs what it can within ten seconds. What stays: see the message, `weft status` and weftd's log.",       \
    "Every ten seconds the links, the rows and the answers of the kernel are looked at for each pod of this node. "    \
    "weft_enforcement_proofs_total counts the outcomes, weft_unenforced_workloads how many are left.")                 \
  X(3030, kNodeUplinks, "The deny list does not act on every uplink",                                                  \
    "datapath.uplinks is empty or matches no interface, or the kernel refuses the program on one that it matches.",    \
    "Name the interfaces towards the network in datapath.uplinks, such as eth0 or bond*, and restart weftd.",          \
    "Where another XDP program is, weft leaves it alone and uses tcx (Linux 6.6). Interfaces that are no Ethernet "    \
    "cannot be guarded. `weft deny list` shows the interfaces and how each is guarded.")
