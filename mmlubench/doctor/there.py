"""Checks of the server, without a question: reachable, ready, the key, the model and the adapter."""

from __future__ import annotations

from dataclasses import replace

from mmlubench.doctor.finding import Finding, Needs, Patient, failed, ok, skipped, warning
from mmlubench.doctor.here import spec_of
from mmlubench.models import open_model
from mmlubench.models.serving.adapter_probe import check_adapter
from mmlubench.models.serving.fault import doubt, fault
from mmlubench.models.serving.look import has_look, look
from mmlubench.models.serving.server import Server
from mmlubench.models.spec import ModelSpec

_OK = 200


async def reachable(patient: Patient) -> Finding:
    """Check that the server answers, over TLS where it has it."""
    spec = spec_of(patient)
    if patient.lacks_packages:
        raise Needs("packages are missing")
    if spec.is_mock or spec.client == "transformers":
        patient.model = open_model(spec, pool=4, env=patient.env)
        return skipped("no server is needed")
    if has_look(spec):
        patient.server = await look(spec, patient.key)
        if patient.server.failure is not None:
            return failed(str(patient.server.failure))
        if patient.run is not None:  # its defaults and features are those of the server
            patient.run.roster.saw({spec.label: patient.server})
            spec = patient.spec = patient.run.roster.specs[spec.label]
    if patient.key is None and spec.api_key_env is not None:
        raise Needs("the key is missing")
    patient.model = open_model(spec, pool=8, env=patient.env, timeout_s=patient.settings.request_timeout)
    if patient.server is None:
        return skipped(f"{spec.client} has no list of models: the trial request will tell")
    kind = f"{patient.server.kind} {patient.server.version}".strip() if spec.self_hosted else spec.client
    trust = ", TLS not verified" if spec.is_unverified else ""
    return ok(f"{spec.base_url} answers ({kind}{trust})")


async def ready(patient: Patient) -> Finding:
    """Check that the server has loaded its model."""
    server = server_of(patient)
    if server.is_healthy is None:
        return skipped("it has no /health")
    return ok("its /health says so") if server.is_healthy else failed(fault(spec_of(patient), server))


async def let_in(patient: Patient) -> Finding:
    """Check that the server takes the key."""
    server = server_of(patient)
    if server.refuses_key:
        return failed(fault(spec_of(patient), replace(server, is_healthy=None)))
    if server.status is not None and server.status != _OK:
        return skipped(f"its list of models answers HTTP {server.status}: the trial request will tell")
    if server.models is None and spec_of(patient).self_hosted:
        return skipped("it shows no list of models: the trial request will tell")
    return ok("the list of models is shown")


async def model_listed(patient: Patient) -> Finding:
    """Check that the server has the model."""
    spec, server = spec_of(patient), server_of(patient)
    if server.refuses_key:
        raise Needs("the key was refused")
    if server.models is None:
        if server.status == 404:
            return warning(
                f"there is no list of models at {spec.base_url}/models",
                f"check that base_url ends as the server's routes do{_mostly(spec)}",
            )
        return skipped("the server lists no models")
    problem = fault(replace(spec, adapter=None), replace(server, is_healthy=None))
    if problem:
        return failed(problem)
    if unsure := doubt(spec, server):
        return skipped(unsure)
    return ok(f"it lists {spec.model_id}")


def _mostly(spec: ModelSpec) -> str:
    return "" if (spec.base_url or "").endswith("/v1") else ", mostly in /v1"


async def adapter_listed(patient: Patient) -> Finding:
    """Check that the server has the adapter, for this model, and that it changes the model's replies."""
    spec, server = spec_of(patient), server_of(patient)
    if spec.adapter is None:
        return skipped("no adapter is asked")
    if problem := fault(spec, replace(server, is_healthy=None)):
        return failed(problem)
    if unproven := await check_adapter(spec, server, patient.key):
        return warning(unproven, "compare its score with that of its base: --with-base")
    found = server.listed(spec.adapter)
    return ok(
        f"it has {spec.adapter}, of {found.parent}, from {found.root}"
        if found
        else f"it may have {spec.adapter}"
    )


def server_of(patient: Patient) -> Server:
    """Return the server as it was seen. Raises Needs if it was not reached, or is none of OpenAI's protocol."""
    if patient.server is None:
        raise Needs("there is no server to look at")
    if patient.server.failure is not None:
        raise Needs("the server was not reached")
    return patient.server
