import gzip
import json
import os
import re
import stat
import subprocess
import tarfile

import pytest
from conftest import WEFT, clean_environment


# -- changes -------------------------------------------------------------------------------------------------------------

def test_reload_applied(weft, agent):
    agent.post("reload", 200, {"kind": "ReloadResult", "revision": 13, "findings": []})
    result = weft("reload")
    assert result.code == 0 and result.out == "revision 13 is applied\n"


def test_reload_refused_is_65_and_says_what(weft, agent):
    finding = {"severity": "error", "code": "WEFT1103", "object": "Service shop/x", "field": "spec.ports", "reason": "is missing", "origin": "a.yaml:3"}
    agent.post("reload", 422, {"kind": "Error", "code": 65, "message": "1 object was refused", "findings": [finding]})
    result = weft("reload")
    assert result.code == 65 and "1 object was refused" in result.err
    assert result.out == "error WEFT1103 Service shop/x spec.ports: is missing (a.yaml:3)\n"
    result = weft("reload", "-o", "json")
    assert result.code == 65 and result.json["findings"] == [finding]


def test_reload_by_somebody_else_is_77(weft, agent):
    agent.post("reload", 403, {"kind": "Error", "code": 77, "message": "not permitted"})
    assert weft("reload").code == 77


def fake_weftd(directory, body):
    """A weftd beside a link to weft, as an installation has them."""
    place = os.path.join(directory, "bin")
    os.makedirs(place)
    os.link(WEFT, os.path.join(place, "weft")) if os.stat(WEFT).st_dev == os.stat(place).st_dev else subprocess.run(["cp", WEFT, place], check=True)
    path = os.path.join(place, "weftd")
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + body)
    os.chmod(path, 0o755)
    return os.path.join(place, "weft")


def test_check_pre_asks_weftd_of_the_same_directory(weft, directory):
    program = fake_weftd(directory, 'echo "$@" >&2; echo \'{"kind":"CheckList","items":[{"code":"WEFT3001","title":"Kernel","state":"error","fix":"Newer."}]}\'\n')
    result = weft("check", "--pre", "--config", "/a.yaml", program=program)
    assert result.code == 2 and "WEFT3001 Kernel: Newer." in result.out
    assert result.err.splitlines()[0] == "--probe --config /a.yaml"


def test_check_pre_with_a_weftd_that_fails(weft, directory):
    program = fake_weftd(directory, "echo no >&2; exit 77\n")
    assert weft("check", "--pre", program=program).code == 77


def test_check_pre_with_a_weftd_that_hangs(weft, directory):
    program = fake_weftd(directory, "exec sleep 30\n")
    assert weft("check", "--pre", "--timeout", "300ms", program=program).code == 124


CLEANED = '{"kind":"CleanupResult","items":[{"kind":"map","path":"/sys/fs/bpf/weft/maps/x","state":"%s","reason":""}]}'


def test_cleanup_needs_yes_where_it_cannot_ask(weft, directory):
    program = fake_weftd(directory, "touch ran\n")
    result = weft("cleanup", program=program)
    assert result.code == 64 and "--yes" in result.err
    assert not os.path.exists(os.path.join(directory, "ran"))


def test_cleanup_passes_its_options_on(weft, directory):
    program = fake_weftd(directory, 'echo "$@" > arguments; echo \'%s\'\n' % (CLEANED % "would-remove"))
    result = weft("cleanup", "--dry-run", "--config", "/a.yaml", "--config", "/b.yaml", program=program)
    assert result.code == 0 and "would-remove" in result.out
    with open(os.path.join(directory, "arguments")) as file:
        assert file.read() == "--cleanup --dry-run --config /a.yaml --config /b.yaml\n"
    program_result = weft("cleanup", "--yes", "-o", "json", program=program)
    assert program_result.json["items"][0]["state"] == "would-remove"


def test_cleanup_without_permission_is_77(weft, directory):
    assert weft("cleanup", "--yes", program=fake_weftd(directory, "exit 77\n")).code == 77


def test_cleanup_that_leaves_something_behind_fails(weft, directory):
    result = weft("cleanup", "--yes", program=fake_weftd(directory, "echo '%s'; exit 1\n" % (CLEANED % "left")))
    assert result.code == 1 and "left" in result.out and "not everything" in result.err


# -- configuration -------------------------------------------------------------------------------------------------------

def test_config_show_asks_the_agent(weft, shop):
    result = weft("config", "show", "--origin")
    assert re.search(r"^log.level +debug +/etc/weft/weft.yaml:4$", result.out, re.M)


def test_config_show_of_a_file(weft, shop, directory):
    path = os.path.join(directory, "a.yaml")
    with open(path, "w") as file:
        file.write("log:\n  level: error\n")
    result = weft("config", "show", "--config", path, "--origin", env={"WEFT_METRICS__LISTEN": "off"})
    assert re.search(rf"^log.level +error +{path}:2$", result.out, re.M)
    assert re.search(r"^metrics.listen +off +env WEFT_METRICS__LISTEN$", result.out, re.M)
    document = weft("config", "show", "--config", path, "--set", "log.format=json", "-o", "json").json
    assert document["values"]["log"] == {"format": "json", "level": "error"}
    assert document["origins"]["/log/format"] == "flag --set log.format"


def test_config_show_of_a_wrong_file_is_65_with_all_errors(weft, directory):
    path = os.path.join(directory, "a.yaml")
    with open(path, "w") as file:
        file.write("log: {level: loud}\nmetrics: {listn: off}\n")
    result = weft("config", "show", "--config", path)
    assert result.code == 65 and result.out == ""
    assert f"{path}:1:7: error WEFT2005: log.level:" in result.err
    assert f"{path}:2:11: error WEFT2003: metrics.listn:" in result.err and "did you mean 'listen'?" in result.err


def test_config_schema_accepts_the_example_and_refuses_slips(weft):
    jsonschema = pytest.importorskip("jsonschema")
    schema = weft("config", "schema").json
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"apiVersion": "weft/v1", "node": {"name": "node-a"}, "metrics": {"listen": "127.0.0.1:9690"}, "discovery": None})
    for bad in ({"node": {"nam": "a"}}, {"metrics": {"maxSeries": "1"}}, {"log": {"level": "loud"}}, {"datapath": {"failsafe": {"inbound": ["22"]}}}):
        assert not check.is_valid(bad), bad


def test_config_path_lists_what_is_read(weft, directory):
    path = os.path.join(directory, "a.yaml")
    open(path, "w").close()
    assert weft("config", "path", "--config", path).out == path + "\n"
    assert weft("config", "path", "--config", "/nonexistent.yaml").code == 65


# -- analyze, doc, completion, man ----------------------------------------------------------------------------------------

def test_analyze_finds_places(weft, directory):
    good = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"clusterIP": "10.96.0.1", "selector": {"app": "web"}, "ports": [{"port": 80}]}}
    os.makedirs(os.path.join(directory, "m/deep"))
    with open(os.path.join(directory, "m/deep/a.json"), "w") as file:
        json.dump(good, file)
    with open(os.path.join(directory, "m/.hidden.yaml"), "w") as file:
        file.write("nonsense")
    result = weft("analyze", "m")
    assert result.code == 0, result.out  # nobody serves it: a warning
    assert "m/deep/a.json:1: warning WEFT" in result.out and "1 objects in 1 files: 0 errors" in result.err
    assert weft("analyze", "--strict", "m").code == 2
    with open(os.path.join(directory, "m/b.yaml"), "w") as file:
        file.write("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: shop}\nspec: {ports: [{port: 65616}]}\n")
    result = weft("analyze", "m", "-o", "json")
    assert result.code == 2
    errors = [item for item in result.json["items"] if item["severity"] == "error"]
    assert errors and errors[0]["origin"].startswith("m/b.yaml:4") and "port" in errors[0]["field"]
    assert set(errors[0]) == {"severity", "code", "object", "field", "reason", "origin"}


def test_analyze_of_what_is_not_there_is_65(weft):
    assert weft("analyze", "nothing.yaml").code == 65
    assert weft("analyze").code == 64


def test_analyze_survives_links_in_circles(weft, directory):
    os.makedirs(os.path.join(directory, "m/x"))
    os.symlink("..", os.path.join(directory, "m/x/up"))
    assert weft("analyze", "m").code == 0


def test_doc(weft):
    assert "Cause" in weft("doc", "WEFT2003").out
    assert weft("doc", "weft2003", "-o", "json").json["code"] == "WEFT2003"
    codes = weft("doc", "-o", "name").lines
    assert codes == sorted(codes) and "WEFT1001" in codes and "WEFT2001" in codes
    result = weft("doc", "WEFT9999")
    assert result.code == 65 and "weft doc" in result.err


def test_completion_asks_the_agent_for_names(weft, shop):
    assert weft("__complete", "--", "get", "services", "shop/").lines == ["shop/web", "shop/db"] or \
        sorted(weft("__complete", "--", "get", "services", "shop/").lines) == ["shop/db", "shop/web"]
    assert weft("__complete", "--", "get", "endpoints", "prod").lines == ["prod/payments"]
    assert "prod" in weft("__complete", "--", "get", "services", "-n", "").lines


def test_completion_without_an_agent_is_quiet(weft):
    result = weft("__complete", "--", "get", "services", "")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_bash_completes(shop):
    script = f"""source <({WEFT} completion bash)
    COMP_WORDS=({WEFT} --socket {shop.socket} get services shop/w); COMP_CWORD=5; _weft; echo "${{COMPREPLY[*]}}"
    COMP_WORDS=({WEFT} obs); COMP_CWORD=1; _weft; echo "${{COMPREPLY[*]}}" """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert done.stdout.splitlines() == ["shop/web", "observe"], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_both_programs(weft, shell):
    result = weft("completion", shell)
    assert result.code == 0 and "kubectl-weft" in result.out


def test_man_pages_are_clean(weft, directory):
    assert weft("man", "pages").code == 0
    pages = sorted(os.listdir(os.path.join(directory, "pages")))
    assert {"weft.1", "weft-get.1", "weft.yaml.5", "weftd.8"} <= set(pages)
    for page in pages:
        path = os.path.join(directory, "pages", page)
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 0 and done.stderr == b"", (page, done.stderr)


def test_kubectl_plugin_speaks_of_itself(weft, directory):
    alias = os.path.join(directory, "kubectl-weft")
    os.symlink(WEFT, alias)
    assert weft("--help", program=alias).out.startswith("Usage: kubectl weft COMMAND")
    assert weft("nonsense", program=alias).err.startswith("kubectl weft: there is no command")


# -- bug reports ---------------------------------------------------------------------------------------------------------

def test_a_bug_report_answers_like_the_agent(weft, shop, directory):
    result = weft("bugreport", "report.tar.gz")
    assert result.code == 0 and result.out == "report.tar.gz\n", result.err
    path = os.path.join(directory, "report.tar.gz")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with tarfile.open(path) as archive:
        names = archive.getnames()
    for name in ("bundle.json", "api/status.json", "api/services.json", "api/flows.jsonl", "metrics.txt", "system/kernel", "config-of-files.json"):
        assert "weft-bugreport/" + name in names
    live = {tuple(words): weft(*words) for words in (["status"], ["get", "services", "-o", "wide"], ["get", "services", "shop/web-1"],
                                                    ["get", "connections"], ["top", "--once"], ["check"], ["observe"], ["config", "show", "--origin"])}
    shop.close()
    os.unlink(shop.socket)
    for words, was in live.items():
        now = weft("--from", path, *words)
        assert (now.code, now.out) == (was.code, was.out), words
    assert weft("--from", path, "get", "services", "-n", "other", "-o", "name").lines == ["other/web"]
    assert len(weft("--from", path, "observe", "kind=deny").lines) == 1
    assert weft("--from", path, "observe", "kind=(").code == 64
    assert weft("--from", path, "observe", "-f").code == 64
    assert weft("--from", path, "reload").code == 64


def test_a_bug_report_without_an_agent_says_what_is_missing(weft, directory):
    result = weft("bugreport")
    assert result.code == 0 and "the agent did not answer" in result.err
    path = os.path.join(directory, result.out.strip())
    assert os.path.basename(path).startswith("weft-bugreport-")
    with tarfile.open(path) as archive:
        head = json.load(archive.extractfile("weft-bugreport/bundle.json"))
    assert "there is no socket" in head["missing"]["api"]
    missing = weft("--from", path, "status")
    assert missing.code == 65 and "without a running agent" in missing.err


def test_a_bug_report_never_overwrites_or_follows_links(weft, directory):
    victim = os.path.join(directory, "victim")
    open(victim, "w").close()
    os.symlink(victim, os.path.join(directory, "link"))
    for name in ("victim", "link"):
        assert weft("bugreport", name).code == 1
    assert os.path.getsize(victim) == 0


def test_secrets_are_masked(weft, shop, directory):
    shop.get("config", {"kind": "Config", "values": {"api": {"token": "hunter2"}, "url": "https://me:hunter2@host/"}})
    weft("bugreport", "r.tar.gz")
    with gzip.open(os.path.join(directory, "r.tar.gz")) as file:
        content = file.read()
    assert b"hunter2" not in content and b"(masked)" in content


def test_files_that_are_no_bug_reports_are_65(weft, directory):
    for content in (b"", b"text", gzip.compress(b"x" * 2000), os.urandom(3000)):
        path = os.path.join(directory, "bad.tar.gz")
        with open(path, "wb") as file:
            file.write(content)
        assert weft("--from", path, "status").code == 65


# -- terminals -----------------------------------------------------------------------------------------------------------

def test_colour_and_unicode_on_a_terminal_only(weft, weft_on_terminal, shop):
    assert "\x1b[31m" in weft_on_terminal("get", "services").out
    assert "→" in weft_on_terminal("observe", columns=200).out
    for env, words in (({"NO_COLOR": "1"}, []), ({}, ["--no-color"]), ({"TERM": "dumb"}, [])):
        assert "\x1b" not in weft_on_terminal(*words, "get", "services", env=env).out
    assert "\x1b" not in weft("get", "services").out
    assert "→" not in weft("observe").out


def test_narrow_terminals_cut_columns_not_lines(weft_on_terminal, shop):
    out = weft_on_terminal("get", "services", "--no-color", columns=50).out
    assert "…" in out and all(len(line) <= 50 for line in out.splitlines())
    out = weft_on_terminal("observe", "--no-color", columns=60).out
    assert all(len(line) <= 60 for line in out.splitlines())


def test_cleanup_asks_on_a_terminal(weft_on_terminal, shop):
    result = weft_on_terminal("cleanup", keys="n\n")
    assert result.code == 1 and "[y/N]" in result.out and "nothing was removed" in result.out
