"""The limit of open files: raised where it may be, and else fewer requests are sent at once, which is said."""

import resource

import pytest

from mmlubench.run import descriptors

FOREVER = resource.RLIM_INFINITY


@pytest.fixture
def limits(monkeypatch):
    """Pretend limits (soft, hard) with 10 files open; they may be raised up to what `most` allows."""

    def pretend(soft, hard, most=FOREVER):
        now = [soft, hard]

        def raise_to(_, wanted):
            if most != FOREVER and wanted[0] > most:
                raise ValueError("current limit exceeds maximum limit")
            now[:] = wanted

        monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(now))
        monkeypatch.setattr(resource, "setrlimit", raise_to)
        monkeypatch.setattr(descriptors, "_open_now", lambda: 10)
        return now

    return pretend


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "allowed", "then"),
    [
        (1024, 4096, 64, 64, 1024),  # the usual case: nothing is touched
        (256, 4096, 1000, 1000, 1058),  # no further than needed
        (256, FOREVER, 1000, 1000, 1058),
        (256, 256, 1000, 198, 256),
        (256, 512, 1000, 454, 512),
        (20, 20, 1000, 1, 20),
        (FOREVER, FOREVER, 1000, 1000, FOREVER),
    ],
)
def test_the_limit_is_raised_as_far_as_needed_and_allowed(soft, hard, wanted, allowed, then, limits):
    now = limits(soft, hard)
    assert descriptors.room(wanted) == allowed
    assert tuple(now) == (then, hard)


def test_a_system_that_allows_less_than_it_says_is_believed(limits):
    limits(256, FOREVER, most=300)
    assert descriptors.room(1000) == 198


def test_the_open_files_are_counted(tmp_path):
    before = descriptors._open_now()
    with (tmp_path / "one").open("w"), (tmp_path / "two").open("w"):
        assert descriptors._open_now() == before + 2
