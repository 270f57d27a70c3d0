"""Runs the examples in the docstrings of core, and keeps them on the functions that a script calls."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.house import module_name, modules

MODULES = tuple(module_name(path) for path in modules("core") if ">>> " in path.read_text(encoding="utf-8"))

CALLED_BY_SCRIPTS = {
    "core.attacks.config": ("AttackConfig", "format_epsilon", "parse_epsilon"),
    "core.checks": ("check_epsilon",),
    "core.datasets.import_stats": ("noise_ceiling",),
    "core.datasets.photos": ("list_images", "load_stimulus"),
    "core.datasets.subject": ("list_subjects", "load_responses", "load_subject"),
    "core.encoders.responses": ("estimate_noise_ceiling",),
    "core.encoders.ridge": ("solve_with",),
    "core.encoders.scores": ("correlate",),
    "core.engine": ("Engine.encoder_card", "Engine.iter_probe", "Engine.predict", "Engine.rescore"),
    "core.experiments.measured.bootstrap": ("sign_test",),
    "core.images.read": ("read_image",),
    "core.images.stimulus": ("from_uint8", "to_uint8"),
    "core.networks.catalog": ("find_network", "list_networks"),
    "core.probes.budget": ("read_budget",),
    "core.probes.files": ("save_probe",),
    "core.probes.probe": ("ProbeConfig",),
    "core.probes.target": ("target_contrast", "target_pattern", "target_roi", "target_voxel"),
    "core.reports.table": ("make_table",),
    "core.statistics": ("interval_of",),
    "core.stimuli.images": ("relative_luminance",),
    "core.stimuli.layout": ("Layout.describe_view",),
    "core.stimuli.names": ("safe_name",),
    "core.surfaces.colormap": ("find_colormap",),
    "core.surfaces.icosphere": ("nearest_on_fsaverage5",),
    "core.surfaces.store": ("load_surface",),
    "core.sweeps.attack_curve": ("measure_curvature",),
    "core.sweeps.choose": ("choose_encoders", "choose_images", "choose_targets"),
    "core.sweeps.fragility": ("area_under", "epsilon_at"),
    "core.sweeps.statistics": ("holm", "interval_of_mean"),
    "core.words": ("count", "format_duration", "protect_cell"),
}
"""What must have an example: public names of core by module."""


def find_examples(module: str) -> dict[str, doctest.DocTest]:
    """The tests of a module by the name inside it, those without an example left out."""
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module), module)
    return {test.name.removeprefix(f"{module}."): test for test in found if test.examples}


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_show(module: str) -> None:
    tests = find_examples(module)
    assert tests, f"{module} holds >>> outside a docstring"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    report: list[str] = []
    for test in tests.values():
        runner.run(test, out=report.append)
    assert not report, "".join(report)
    assert runner.summarize(verbose=False).attempted > 0


@pytest.mark.parametrize("module", CALLED_BY_SCRIPTS)
def test_what_a_script_calls_has_an_example(module: str) -> None:
    assert set(CALLED_BY_SCRIPTS[module]) - set(find_examples(module)) == set()
