"""Clients at work in threads, and what a process holds of memory."""
import contextlib
import pathlib
import re
import threading
import time

from .client import Client


def memory(pid):
    """Bytes of private memory of a process."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) * 1024


def timed(call, *arguments, **options):
    """(what a call returned, how many seconds it took)"""
    start = time.monotonic()
    answer = call(*arguments, **options)
    return answer, time.monotonic() - start


def at_once(calls):
    """Runs calls in threads at once; their results in order. An exception is raised here."""
    results = [None] * len(calls)

    def work(place):
        try:
            results[place] = calls[place]()
        except BaseException as failure:
            results[place] = failure
    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Client.renew()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@contextlib.contextmanager
def under_load(work, threads=4):
    """Calls work(number of the thread) again and again until the block ends. Yields a list to which each result is
    added as (when, result); an exception ends the test."""
    results, failures, end = [], [], threading.Event()

    def loop(number):
        try:
            while not end.is_set():
                results.append((time.monotonic(), work(number)))
        except BaseException as failure:
            failures.append(failure)
    workers = [threading.Thread(target=loop, args=(number,), daemon=True) for number in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield results
    finally:
        end.set()
        for worker in workers:
            worker.join(60)
        Client.renew()
    if failures:
        raise failures[0]
    assert not any(worker.is_alive() for worker in workers), "work that does not end"
