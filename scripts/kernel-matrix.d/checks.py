"""What must hold in every guest: each check takes the sections of one boot and says what is wrong, or nothing."""

import re

ENDPOINTS_TCP = {"s1", "s2"}
ENDPOINTS_UDP = {"u1", "u2"}


def require(sections, name, code=0):
    section = sections.get(name)
    if section is None:
        raise ValueError(f"the guest did not get as far as '{name}'")
    if code is not None and section.code != code:
        raise ValueError(f"'{name}' ended with {section.code}: {(section.errors or section.text)[-400:]}")
    return section


def describe(report):
    return {key: report[key] for key in ("ok", "failed", "servers", "peers")} if report else "no report"


def check_calls(sections, name, service, endpoints, replies_from=None):
    """All calls answered, by both endpoints, and the program saw the service's address as its peer."""
    report = require(sections, name, None).json()
    if not report or report["ok"] != 40 or report["failed"]:
        raise ValueError(f"{name}: {describe(report)}")
    if set(report["servers"]) != endpoints:
        raise ValueError(f"{name}: answered by {report['servers']}, not by {sorted(endpoints)}")
    seen = report["reply_sources"] if replies_from else report["peers"]
    if seen != [service]:
        raise ValueError(f"{name}: peer {seen}, not {service}")


def check_loaded(sections):
    checks = require(sections, "probe", None).json()
    if not checks or not checks.get("items"):
        raise ValueError(f"weftd --probe: {sections['probe'].text[-200:]} {sections['probe'].errors[-200:]}")
    errors = [f"{item['subject']}: {item['detail']}" for item in checks["items"] if item["state"] == "error"]
    if errors:
        raise ValueError(f"weftd --probe: {errors}")


def check_attached(sections):
    status = require(sections, "ready").json()
    states = {item["hook"]: item["state"] for item in status["attachments"]}
    if not states or set(states.values()) != {"attached"}:
        raise ValueError(f"attachments: {states}")


def check_policy(sections):
    """One pod calls another, on a port that policy allows and on one that it does not, also without an agent."""
    states = {item["hook"]: item["state"] for item in require(sections, "guarded").json()["attachments"]}
    for hook in ("pod_egress", "pod_ingress"):
        if states.get(hook) != "attached":
            raise ValueError(f"{hook}: {states.get(hook)}")
    for agent in ("", "-orphaned"):
        allowed, denied = (require(sections, what + agent, None).json() for what in ("allowed", "denied"))
        if not allowed or allowed["ok"] != 40:
            raise ValueError(f"allowed{agent}: {describe(allowed)}")
        if not denied or denied["failed"] != {"ECONNREFUSED": 40}:
            raise ValueError(f"denied{agent}: {describe(denied)}")


def check_refused(sections):
    report = require(sections, "refused", None).json()
    if not report or report["failed"] != {"ECONNREFUSED": 1} or report["slowest_failure_us"] > 1_000_000:
        raise ValueError(f"a service without endpoints: {describe(report)}")


def check_closes(sections):
    """Three rounds of 40 TCP connections came before."""
    count = require(sections, "closes").text
    if count != "120":
        raise ValueError(f"{count} records of 120 closed connections")


def check_survives(sections):
    check_calls(sections, "orphaned", "10.96.0.10:80", ENDPOINTS_TCP)
    require(sections, "restarted")
    check_calls(sections, "again", "10.96.0.10:80", ENDPOINTS_TCP)
    if require(sections, "stopped").text != "0":
        raise ValueError(f"weftd ends with {sections['stopped'].text} after SIGTERM")


def check_cleanup(sections):
    result = require(sections, "cleanup").json()
    if not result or not [item for item in result["items"] if item["state"] == "removed"]:
        raise ValueError(f"weft cleanup removed nothing: {sections['cleanup'].text[-200:]}")
    left = [line for line in require(sections, "left").text.split("\n") if line and line not in ("/sys/fs/bpf:", "progs.debug", "maps.debug")]
    if left:
        raise ValueError(f"left after cleanup: {left}")
    unguarded = require(sections, "unguarded", None).json()
    if not unguarded or unguarded["ok"] != 40:
        raise ValueError(f"policy after cleanup: {describe(unguarded)}")
    report = require(sections, "after", None).json()
    if not report or report["ok"] != 0:
        raise ValueError(f"the service still answers after cleanup: {describe(report)}")


CHECKS = {
    "load": check_loaded,
    "attach": check_attached,
    "policy": check_policy,
    "tcp4": lambda s: check_calls(s, "tcp4", "10.96.0.10:80", ENDPOINTS_TCP),
    "tcp6": lambda s: check_calls(s, "tcp6", "[fd00:96::10]:80", ENDPOINTS_TCP),
    "mapped": lambda s: check_calls(s, "mapped", "[::ffff:10.96.0.10]:80", ENDPOINTS_TCP),
    "udp4": lambda s: check_calls(s, "udp4", "10.96.0.10:53", ENDPOINTS_UDP, replies_from=True),
    "udp6": lambda s: check_calls(s, "udp6", "[fd00:96::10]:53", ENDPOINTS_UDP, replies_from=True),
    "udp con": lambda s: check_calls(s, "udp-connected", "10.96.0.10:53", ENDPOINTS_UDP),
    "no endp": check_refused,
    "closes": check_closes,
    "kill -9": check_survives,
    "cleanup": check_cleanup,
}


def run_checks(sections):
    """Check → what is wrong, "" when it holds."""
    results = {}
    for name, check in CHECKS.items():
        try:
            check(sections)
            results[name] = ""
        except (ValueError, KeyError, TypeError) as error:
            results[name] = f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)
    return results


def find_features(sections):
    """Optional features that this kernel lacks, from the status page."""
    status = sections["ready"].json() if "ready" in sections else None
    features = (status or {}).get("features", [])
    return [f["name"] for f in features if f["available"]], [f["name"] for f in features if not f["available"]]


def find_instruction_counts(sections):
    """Program → instructions that the verifier walked, from `weftd --probe`."""
    probe = sections["probe"].json() if "probe" in sections else None
    counts = {}
    for item in (probe or {}).get("items", []):
        match = re.search(r"(\d+) verified", item["detail"])
        if match:
            counts[item["subject"]] = int(match.group(1))
    return counts
