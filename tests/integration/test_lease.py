"""Leases (sql/functions/lease.sql): one leader at a time over all servers, by the database's clock. Time is moved by its row.

Seen red: see each test.
"""
import uuid

import pytest

from finqenv.locks import Blocker


def quoted(text):
    return f"'{text}'"


@pytest.fixture
def lease(server):
    """A lease of the test's own."""
    name = f"test {uuid.uuid4()}"
    server.psql(f"INSERT INTO finq.lease (name) VALUES ('{name}')")
    yield Lease(server, name)
    server.psql(f"DELETE FROM finq.lease WHERE name = '{name}'")


class Lease:
    def __init__(self, server, name):
        self.server, self.name = server, name

    def sql(self, call, *arguments):
        return f"SELECT finq.lease_{call}('{self.name}'" + "".join(f", {one}" for one in arguments) + ")"

    def take(self, every=0):
        return self.server.psql(self.sql("take", quoted("me"), 60, every))

    def keep(self, epoch):
        return self.server.psql(self.sql("keep", epoch, 60)) == "t"

    def give(self, epoch):
        return self.server.psql(self.sql("give", epoch)) == "t"

    def move(self, by, column="until"):
        self.server.psql(f"UPDATE finq.lease SET {column} = {column} - interval '{by}' WHERE name = '{self.name}'")


def test_one_has_it(lease):
    """Red without `f.until <= clock_timestamp()` in finq.lease_take."""
    assert lease.take() == "1" and lease.take() == "" and lease.keep(1) and not lease.keep(2)


def test_it_ends_by_itself(lease):
    """Whoever had it keeps nothing, whether or not another has taken it. Red without `l.until > clock_timestamp()` in
    finq.lease_keep, and without l.epoch there."""
    assert lease.take() == "1"
    lease.move("61 seconds")
    assert not lease.keep(1) and not lease.give(1)
    assert lease.take() == "2" and not lease.keep(1) and not lease.give(1) and lease.keep(2)


def test_it_is_given_back(lease):
    """Red where finq.lease_give leaves `until`."""
    assert lease.take() == "1" and lease.give(1) and not lease.keep(1) and lease.take() == "2"


def test_not_too_often(lease):
    """Red without f.taken_at in finq.lease_take."""
    assert lease.take() == "1" and lease.give(1) and lease.take(every=60) == ""
    lease.move("61 seconds", "taken_at")
    assert lease.take(every=60) == "2"


def test_nobody_takes_it_in_the_midst_of_a_transaction(lease):
    """And nobody waits for that: the lease's time is over by the clock, but its holder is in a transaction that kept it. Red
    without SKIP LOCKED."""
    lease.take()
    lease.move("61 seconds")
    take = f"SET lock_timeout = '200ms'; {lease.sql('take', quoted('other'), 60, 0)}"
    with Blocker(lease.server, f"SELECT 1 FROM finq.lease WHERE name = '{lease.name}' FOR NO KEY UPDATE"):
        assert lease.server.psql(take) == ""
    assert lease.server.psql(take) == "2"
