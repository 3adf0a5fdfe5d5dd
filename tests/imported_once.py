"""What runs of pytester import, imported once: it forgets what a run imports, and the next would import it again.

That takes time, and classes that are made anew are not those that other modules still hold.
"""

import importlib

for _name in (
    "mmlubench.datasets.from_yaml.description",
    "mmlubench.datasets.sets.mmlu",
    "mmlubench.datasets.sources.parquet",
    "mmlubench.datasets.sources.sample",
    "mmlubench.models.mock",
    "mmlubench.plugin.process",
    "mmlubench.plugin.recording",
    "mmlubench.plugin.listing",
    "mmlubench.plugin.fast_path",
    "mmlubench.plugin.session",
    "mmlubench.plugin.hooks",
    "mmlubench.plugin.current_case",
    "mmlubench.reports.page.report",
    "dotenv",
    "hypothesis.internal.detection",  # pytest itself asks for it when a run ends
    "jinja2",
    "pyarrow.parquet",
    "pydantic",
    "rich.table",
    "yaml",
):
    importlib.import_module(_name)
