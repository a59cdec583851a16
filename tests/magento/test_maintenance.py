"""The flag that closes a store: made and removed durably, the allowed addresses left alone."""

from __future__ import annotations

import os

import pytest

from core import durable
from core.errors import StorageError, StoreUnreadable
from core.magento.maintenance import close_store, maintenance_state, open_store


def test_a_store_is_closed_and_opened(store):
    flag = f"{store.var}/.maintenance.flag"
    assert not maintenance_state(store).on
    assert close_store(store) is False
    assert maintenance_state(store).on
    assert os.path.getsize(flag) == 0
    assert close_store(store) is True
    open_store(store)
    open_store(store)
    assert not os.path.lexists(flag)


def test_the_allowed_addresses_stay(store):
    assert maintenance_state(store).addresses is None
    with open(f"{store.var}/.maintenance.ip", "w") as file:
        file.write("10.0.0.1,::1\n")
    close_store(store)
    assert maintenance_state(store).addresses == "10.0.0.1,::1"
    open_store(store)
    assert maintenance_state(store).addresses == "10.0.0.1,::1"


def test_a_link_in_place_of_the_flag_is_never_followed(store, tmp_path):
    target = tmp_path / "victim"
    os.symlink(target, f"{store.var}/.maintenance.flag")
    assert close_store(store) is False
    assert not target.exists()
    assert maintenance_state(store).on
    assert not os.path.islink(f"{store.var}/.maintenance.flag")


def test_a_missing_var_is_made_to_close_a_store(store):
    os.rmdir(store.backups)
    os.rmdir(store.var)
    open_store(store)
    assert close_store(store) is False
    assert maintenance_state(store).on


def test_the_flag_is_on_disk_before_the_store_counts_as_closed(store, monkeypatch):
    flushed = []
    true_fsync = durable.fsync

    def watched(fd):
        flushed.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))
        true_fsync(fd)

    monkeypatch.setattr("core.magento.maintenance.fsync", watched)
    close_store(store)
    assert flushed == [".maintenance.flag", "var"]
    open_store(store)
    assert flushed[2:] == ["var"]


def test_a_disk_that_fails_is_one_line(store, monkeypatch):
    def fails(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("core.magento.maintenance.fsync", fails)
    with pytest.raises(StorageError, match=r"^Failed while turning maintenance mode on: .*error$"):
        close_store(store)


def test_a_var_that_is_a_file(store):
    os.rmdir(store.backups)
    os.rmdir(store.var)
    with open(store.var, "w"):
        pass
    with pytest.raises(StoreUnreadable, match="Cannot open"):
        close_store(store)
