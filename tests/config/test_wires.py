"""An installation has the wires that `config.wires` names, and can do without any of them."""

import importlib.util
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config import wires

FOLDER = Path(settings.BASE_DIR) / "spooling" / "wires"


@pytest.fixture
def without(monkeypatch, settings):
    """Call with the name of a wire: the installation goes on as if it had never been."""

    def call(name):
        left = tuple(mount for mount in wires.MOUNTS if mount.urls != f"spooling.wires.{name}.urls")
        assert len(left) == len(wires.MOUNTS) - 1
        monkeypatch.setattr(wires, "MOUNTS", left)
        spec = importlib.util.spec_from_file_location(
            "urls_without", settings.BASE_DIR / "config" / "urls.py"
        )
        urls = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "urls_without", urls)
        spec.loader.exec_module(urls)
        settings.ROOT_URLCONF = "urls_without"

    return call


def test_every_folder_of_a_wire_is_named_once():
    assert sorted(wires.NAMES) == sorted(each.parent.name for each in FOLDER.glob("*/urls.py"))
    config = FOLDER.parent.parent / "config"
    naming = [each.name for each in config.rglob("*.py") if "spooling.wires" in each.read_text()]
    assert naming == ["wires.py"]


@pytest.mark.parametrize("name", wires.NAMES)
def test_an_installation_does_without_a_wire(name, client, db, without):
    here = client.get(f"/{name}/nothing")
    assert here.status_code == 404 and not here.content.startswith(b'{"errors"')
    without(name)
    gone = client.get(f"/{name}/nothing")
    assert gone.status_code == 404 and gone.json()["errors"][0]["code"] == "not_found"
    index = client.get("/")
    assert index.status_code == 200 and index.json()["name"] == "Earwig"
    for other in wires.MOUNTS:
        assert client.get(f"/{other.urls.split('.')[2]}/nothing").content != gone.content


@pytest.mark.parametrize("path", ["relay", "relay/", "//relay//"])
def test_the_index_of_relay_stands_at_its_own_mount_too(path, client, db):
    answer = client.get(f"/{path}")
    assert answer.status_code == 200 and "_links" in answer.json() and "name" not in answer.json()
