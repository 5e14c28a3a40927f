"""CMSIS-NN's rules: each against what firmware answered (benchmarks/results/kernel_agreement.json), and by every
command alike.
"""

import hashlib
import json
from pathlib import Path

import pytest

from benchmarks.firmware.random_models import MAKERS
from benchmarks.firmware.random_others import OTHERS
from benchmarks.kernel_agreement import CORES, RESULT
from convert import arena, boards, check, optimize
from convert.passes.kernel_forms import FORMS, mend_model
from convert.tflm.builds import find_build
from convert.tflm.libraries import LIBRARIES
from convert.tflm.rules.registry import RULES
from convert.tflm.support import check_bytes
from tests.support.kernel_cases import PAIRS

MEASURED = json.loads(RESULT.read_text())
SPECIAL = {
    rule.name: rule for rule in RULES if rule.kernels not in LIBRARIES and (rule.differs or rule.kernels == "cmsis_nn")
}
ALIKE = ("equal", "equal to 1e-5")


def rules_of(model: bytes, kernels: str = "cmsis_nn", core: str | None = None) -> set[str]:
    report = check_bytes(model, "the model", kernels, core)
    return {entry["rule"] for entry in report["refusals"] + report["warnings"]}


def test_every_rule_has_a_breaking_and_a_keeping_model() -> None:
    assert set(PAIRS) == set(SPECIAL)


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_tells_its_pair_apart(name: str) -> None:
    breaking, keeping = (spec.build() for spec in PAIRS[name])
    rule = SPECIAL[name]
    assert name in rules_of(breaking) and name not in rules_of(keeping)
    assert (name in rules_of(breaking, "reference")) == (rule.kernels is None)
    assert (name in rules_of(breaking, core="cortex-m7")) == ("cortex-m7" in rule.cores or not rule.cores)
    report = check_bytes(breaking, "the model")
    assert report["supported"] == rule.warning and not report["same_answers"]
    assert check_bytes(breaking, "the model", "reference")["supported"]


def test_firmware_does_with_the_pairs_what_the_rules_say() -> None:
    models = {(name, kind): spec.build() for name in PAIRS for kind, spec in zip(("breaks", "keeps"), PAIRS[name])}
    entries = {(entry["rule"], entry["model"], entry["core"]): entry for entry in MEASURED["rules"]}
    for (name, kind), model in models.items():
        found = [entries[name, kind, core] for core in CORES if core in (SPECIAL[name].cores or CORES)]
        assert {entry["sha256"] for entry in found} <= {hashlib.sha256(model).hexdigest()}, (name, kind)
        outcomes = {entry["core"]: entry["outcome"] for entry in found}
        if kind == "keeps":
            assert set(outcomes.values()) <= set(ALIKE), (name, outcomes)
        else:
            assert not set(outcomes.values()) & set(ALIKE), (name, outcomes)
            differs = all(said.startswith("differs") for said in outcomes.values())
            assert differs == (SPECIAL[name].warning or SPECIAL[name].unchecked), (name, outcomes)


def test_no_random_model_that_passes_answers_otherwise() -> None:
    measured = {(entry["operator"], entry["core"]) for entry in MEASURED["measured"]}
    assert measured == {(operator, core) for operator in (*MAKERS, *OTHERS) for core in CORES}
    for entry in MEASURED["measured"]:
        assert entry["models"] >= 300 and not entry["exceptions"], (entry["operator"], entry["core"])


def test_firmware_answers_the_mended_models_as_the_reference_kernels_do() -> None:
    for entry in MEASURED["rules"]:
        if entry["model"] == "mended":
            data = mend_model(PAIRS[entry["rule"]][0].build(), find_build(entry["core"], "cmsis_nn")).data
            concerned = entry["core"] in (SPECIAL[entry["rule"]].cores or CORES)
            assert entry["sha256"] == hashlib.sha256(data).hexdigest(), entry
            assert entry["outcome"] in ALIKE or not concerned, entry
    measured = {(entry["rule"], entry["core"]) for entry in MEASURED["rules"] if entry["model"] == "mended"}
    assert measured == {(rule, core) for rule in FORMS if rule in SPECIAL for core in CORES}


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    """A model that CMSIS-NN refuses, and for which there is no form."""
    path = tmp_path / "refused.tflite"
    path.write_bytes(PAIRS["transpose_conv_scratch"][0].build())
    return path


@pytest.fixture
def warned(tmp_path: Path) -> Path:
    """A model that CMSIS-NN answers otherwise, and for which there is no form."""
    path = tmp_path / "warned.tflite"
    path.write_bytes(PAIRS["dense_int16_bias"][0].build())
    return path


def test_every_command_refuses_what_cmsis_nn_refuses(
    refused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([str(refused)]) == 1 and check.main([str(refused), "--kernels", "reference"]) == 0
    capsys.readouterr()
    for core in ([], ["--core", "cortex-m4"]):
        assert arena.main([str(refused), *core]) == 1
        assert "cmsis_nn" in capsys.readouterr().err
        assert arena.main([str(refused), *core, "--kernels", "reference"]) == 0
    assert boards.main([str(refused)]) != 0 and boards.main([str(refused), "--kernels", "reference"]) == 0
    out = tmp_path / "out.tflite"
    assert optimize.main([str(refused), "--out", str(out)]) == 1 and not out.exists()
    assert optimize.main([str(refused), "--out", str(out), "--kernels", "reference"]) == 0
    assert check.main([str(refused), "--core", "host64"]) == 0


def test_every_command_says_that_answers_differ(
    warned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([str(warned)]) == 0
    assert "does not answer as the reference kernels do" in capsys.readouterr().out
    assert check.main([str(warned), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same_answers"] is False
    for command, more in ((arena, []), (optimize, ["--out", str(tmp_path / "out.tflite")])):
        assert command.main([str(warned), *more]) == 0
        assert "is int32" in capsys.readouterr().err
    assert arena.main([str(warned), "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    for report in reports:
        named = "dense_int16_bias" in [warning["rule"] for warning in report["warnings"]]
        assert named == (report["kernels"] == "cmsis_nn")
    assert {report["kernels"] for report in reports} == {"cmsis_nn", "reference"}
    assert boards.main([str(warned), "--json"]) == 0
    assert all("is int32" in verdict["differs"][0] for verdict in json.loads(capsys.readouterr().out))
    assert boards.main([str(warned)]) == 0
    assert "is int32" in capsys.readouterr().err
