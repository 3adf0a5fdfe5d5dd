"""Checks of this machine: packages, configuration, key, data, run folder and store."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile

from mmlubench import models
from mmlubench.doctor.finding import Finding, Needs, Patient, failed, ok, skipped, warning
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import MmluBenchError, UserError
from mmlubench.models.names.keys import find_key, how_to_set
from mmlubench.run.run import Run

#: The packages that a run imports, and the extras that a provider needs.
_PACKAGES = ("pytest", "pytest-xdist", "pytest-asyncio", "aiohttp", "httptools", "orjson", "datasets")
_OF_CLIENT = {
    "openai": (("openai",), ""),
    "openrouter": (("openai",), ""),
    "anthropic": (("anthropic",), ""),
    "transformers": (("torch", "transformers", "peft"), "local"),
}
#: File systems on which SQLite's write-ahead log does not work, as /proc/mounts calls them.
_NETWORK = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "ceph", "fuse.sshfs", "9p", "beegfs", "glusterfs"]
)


def packages(patient: Patient) -> Finding:
    """Check that the packages are there that this model needs."""
    client = patient.name.partition("/")[0]
    wanted, extra = _OF_CLIENT.get(patient.spec.client if patient.spec else client, ((), ""))
    missing = [name for name in (*_PACKAGES, *wanted) if _version(name) is None]
    if missing:
        patient.lacks_packages = True
        target = f"'mmlubench[{extra}]'" if extra and set(missing) & set(wanted) else "mmlubench"
        return failed(f"missing: {', '.join(missing)}", f"run `pip install {target}`")
    shown = ", ".join(f"{name} {_version(name)}" for name in ("mmlubench", "pytest", *wanted))
    return ok(f"Python {sys.version.split()[0]}, {shown}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def entry(patient: Patient) -> Finding:
    """Check that the model is known, by an entry of models.yaml or by its own name."""
    settings = patient.settings
    try:
        spec = models.resolve(
            patient.name,
            models_file=settings.models_file,
            adapter=next(iter(settings.adapter), None),
            env=_AnyKey(patient.env),
        )
    except UserError as error:
        return failed(str(error))
    patient.spec = spec
    patient.run = Run(settings, specs={spec.label: spec})
    where = f" at {spec.base_url}" if spec.base_url else ""
    has_entry = models.has_entry(patient.name, settings.models_file)
    return ok(f"{spec.client}/{spec.asked_model}{where}, {'by its entry' if has_entry else 'by its name'}")


class _AnyKey(dict[str, str]):
    """An environment in which every key is set, so that a missing one is told by its own check."""

    def get(self, name: str, default: str | None = None) -> str:  # type: ignore[override]
        return super().get(name) or "set"


def key(patient: Patient) -> Finding:
    """Check that the API key is there; it is never shown."""
    spec = spec_of(patient)
    if spec.api_key_env is None:
        return skipped("no key is needed")
    try:
        patient.key = find_key(spec.api_key_env, patient.env)
    except UserError as error:
        return failed(str(error))
    if patient.key is None:
        return failed(f"{spec.api_key_env} is not set", how_to_set(spec.api_key_env))
    return ok(f"{spec.api_key_env} is set ({len(patient.key)} characters)")


def data(patient: Patient) -> Finding:
    """Check that the data of the benchmark is there, and whole, and that the recipe can render it."""
    spec_of(patient)
    assert patient.run is not None  # there is one with the spec
    patient.questions = patient.run.data.questions(patient.benchmark, None, None)
    if patient.run.data.empty_selection is not None:
        return failed(str(patient.run.data.empty_selection))
    return ok("; ".join(line.removeprefix("mmlubench: ") for line in patient.run.data.lines()))


def run_folder(patient: Patient) -> Finding:
    """Check that results can be written."""
    parent = Path(patient.settings.run_dir)
    existing = next(path for path in (parent, *parent.absolute().parents) if path.exists())
    try:
        if not existing.is_dir():
            raise NotADirectoryError(0, "Not a directory")
        with TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return failed(
            f"{existing} cannot be written ({error.strerror})", "give another folder with --run-dir DIR"
        )
    return ok(f"{parent} can be written")


def store(patient: Patient) -> Finding:
    """Check that replies can be stored, on a file system that SQLite works on."""
    settings = patient.settings
    if settings.no_store or (patient.spec is not None and patient.spec.is_mock):
        return skipped("no store is used")
    path = settings.store_path
    if (kind := _file_system(path.absolute().parent)) in _NETWORK:
        return warning(
            f"{path} is on {kind}, where SQLite may lose replies",
            "give a file on a local disk with --store PATH",
        )
    if not path.exists():
        return ok(f"{path} will be made")
    try:
        opened = Store.open(path)
        held = opened.stats()["rows"]
        opened.close()
    except MmluBenchError as error:
        return failed(str(error))
    return ok(f"{path} holds {held:,} replies")


def _file_system(folder: Path) -> str:
    """Return the file system of a folder, by the longest mount point above it; empty where that is not told."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return ""
    above = {str(path) for path in (folder, *folder.parents)}
    fitting = [(len(parts[1]), parts[2]) for parts in mounts if len(parts) > 2 and parts[1] in above]
    return max(fitting, default=(0, ""))[1]


def spec_of(patient: Patient) -> models.ModelSpec:
    """Return the spec of the model. Raises Needs if it is not known."""
    if patient.spec is None:
        raise Needs("the model is not known")
    return patient.spec
