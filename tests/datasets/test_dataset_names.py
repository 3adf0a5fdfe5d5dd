from __future__ import annotations

import subprocess
import sys

import pytest

from mmlubench.datasets import NAMES, Spec, find, load
from mmlubench.errors import UserError


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_table_leads_to_a_spec_of_that_name(name: str) -> None:
    spec = find(name)
    assert isinstance(spec, Spec)
    assert spec.name == name
    # A commit in full: a branch may move under a pinned score. Where none is known, the file says so.
    assert len(spec.revision) == 40 or "revision" in spec.about.unverified
    assert spec.about.licence
    assert spec.about.citation


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(
        UserError, match=r"^There is no data set 'mmlus'; known: .*mmlu, .* Did you mean 'mmlu'\?$"
    ):
        load("mmlus", "sample")


def test_importing_the_package_loads_nothing_heavy() -> None:
    # Every pytest run that has the plugin pays for this import.
    code = (
        "import sys, mmlubench.datasets, mmlubench.datasets.select, mmlubench.datasets.sources.snapshot;"
        "mmlubench.datasets.load('mmlu', 'sample');"
        "print({'datasets', 'pandas', 'pyarrow', 'numpy', 'huggingface_hub'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
