"""An account on the emulator that is empty, and somebody who deploys to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rugbytx.local.embedded import EmbeddedAws
from rugbytx.system import chosen, past_proxies
from tests.deploy.template import REGION


@contextmanager
def empty_account() -> Iterator[dict[str, str]]:
    """Yield the variables that lead there, as docs/howto/deploy.md has them set; meanwhile this process's environment has them too."""
    with pytest.MonkeyPatch.context() as patched, EmbeddedAws() as aws:
        for name in chosen(os.environ):
            patched.delenv(name)
        account = {
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "deployer",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **past_proxies(os.environ),
        }
        for name, value in account.items():
            patched.setenv(name, value)
        # For the emulator and the tests' own clients, which are boto3's.
        patched.setenv("AWS_DEFAULT_REGION", REGION)
        yield account
