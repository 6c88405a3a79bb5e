"""Fixtures of the tests of what ends. A file has an installation `own`, and settles a tenant there."""
import uuid

import pytest

from .installation import DEMO_SKILLS


def settle(own, name, skills=DEMO_SKILLS, tidy=lambda own: None):
    """own.tenant: one that has a webhook, to an address where nobody listens, so that its events are written. `tidy` follows each
    test that has a `client` of it."""
    own.tenant, own.tidy = own.create_tenant(name, skills), tidy
    own.psql(f"INSERT INTO finq.webhook (client_id, url, secret_id, salt) VALUES ('{own.tenant.client_id}', 'https://192.31.196.1/', 1, 'salt')")
    return own


@pytest.fixture
def client(own):
    connected = own.client(own.tenant)
    yield connected
    connected.close()
    own.tidy(own)


@pytest.fixture
def person():
    return f"person {uuid.uuid4()}"
