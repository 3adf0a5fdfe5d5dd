"""The curves of a training: both lines, their figures, and nothing that is no number."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from mmlubench.lab.finetune.curves import curves
from mmlubench.lab.finetune.stages import Point
from tests.made_plan import made_plan, made_training

SVG = "{http://www.w3.org/2000/svg}"


def test_both_curves_are_drawn_with_references(tmp_path: Path) -> None:
    history = made_training(made_plan(tmp_path)).history
    root = ElementTree.fromstring(curves(history, references={"accuracy_before": 0.2833}))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "Loss (nats a token of the answer)" in texts
    assert "Validation accuracy (n = 4, 95 % interval)" in texts
    assert "accuracy before 0.283" in texts
    loss, accuracy = (path.attrib["d"] for path in root.iter(f"{SVG}path"))
    assert loss.count("L") == accuracy.count("L") == 2
    ends = [float(point.split(",")[1]) for point in loss.replace("M", "").replace("L", "").split()]
    assert ends == sorted(ends)  # the loss fell: each point stands below the one before
    assert len([line for line in root.iter(f"{SVG}line") if line.attrib.get("stroke") == "#8250df"]) == 3


def test_a_training_that_was_not_watched_has_one_curve() -> None:
    root = ElementTree.fromstring(curves([Point(1, 0.5, 1.0, loss=1.0), Point(2, 1.0, 2.0, loss=0.5)]))
    assert root.attrib["width"] == "420"
    assert len(list(root.iter(f"{SVG}path"))) == 1


def test_a_broken_loss_leaves_a_gap_and_no_wrong_svg() -> None:
    text = curves([Point(1, 0.5, 1.0, loss=1.0), Point(2, 1.0, 2.0, loss=float("nan"))])
    ElementTree.fromstring(text)
    assert "nan" not in text
    assert "inf" not in curves([Point(1, 0.5, 1.0, loss=float("inf"))])
    ElementTree.fromstring(curves([]))
