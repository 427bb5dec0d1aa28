"""A database whose replicas do not answer, while a day is posted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from bot.store.connection import connect
from bot.store.store import Store
from tests.servers.fake_slack import FakeSlack
from tests.servers.replicated import run_replicated
from tests.waiting import wait_until
from tests.workers.run_deliver_job import put_judged_day, replies, run_deliver_job


def test_nothing_is_posted_until_a_replica_has_what_is_about_to_be(
    fake_slack: FakeSlack, tmp_path: Path, heard: Callable[[str], int]
) -> None:
    with run_replicated(tmp_path) as servers, connect(servers.url) as client:
        store, replica = Store(client), servers.ports[1]
        requests = put_judged_day(store, "C1")
        servers.kill(replica, signal.SIGSTOP)
        job = threading.Thread(
            target=run_deliver_job, args=(fake_slack, store, requests), daemon=True
        )
        job.start()
        wait_until(lambda: heard("delivery postponed"))
        assert not fake_slack.visible_messages("C1")
        servers.kill(replica, signal.SIGCONT)
        job.join()
        assert replies(fake_slack, "C1") == 6
        assert len(fake_slack.visible_messages("C1")) == 7
