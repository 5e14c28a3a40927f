"""Public reports of models that are right in Python and wrong on a board: each with its right verdict."""

from pathlib import Path

import pytest

from convert.tflm.support import check_model

REPORTS = Path(__file__).parents[4] / "shared/cases/reports"
# file: (TFLM runs it with CMSIS-NN, and answers as the reference kernels do)
VERDICTS = {
    "01-cmsis-transpose-rank5/k_qkv5": (True, False),
    "01-cmsis-transpose-rank5/tr5_int16": (True, True),
    "01-cmsis-transpose-rank5/tr4": (True, True),
    "02-cmsis-pad-rank5/pad5_int8": (True, False),
    "03-cmsis-maximum-minimum/max_bcast": (True, False),
    "03b-cmsis-maximum-rank5/max5_same": (False, False),
    "04-cmsis-transpose-conv/k_decoder_k4s2": (True, False),
    "04-cmsis-transpose-conv/tconv_4_4_8_4_4_4_2_2": (True, False),
    "04-cmsis-transpose-conv/tc_INT16_4_4_8_4_3_3_2_2_SAME_False": (False, False),
    "04-cmsis-transpose-conv/tconv_4_4_8_4_3_3_2_2": (True, True),
    "05-cmsis-grouped-conv/gconv_i8_nobias_g2": (True, False),
    "05-cmsis-grouped-conv/gconv_i8_bias_g2": (True, True),
    "05-cmsis-grouped-conv/gconv_i16_g1": (True, True),
    "06-lstm-state/lstm8": (True, False),
    "06-lstm-state/bilstm_int8": (True, False),
    "07-cmsis-softmax16/soft16_3x1": (True, False),
    "07-cmsis-softmax16/soft16_3x2": (True, True),
    "08-cmsis-svdf-int8-state/f2_cortex-m7_svdf_10": (True, False),
    "09-cmsis-dense-weight-zero-point/f2_cortex-m7_fc_23": (True, False),
    "09-cmsis-dense-weight-zero-point/f2_cortex-m7_fc_6": (True, False),
    "16-cmsis-refuses/rnn_unroll_int16": (False, False),
    "16-cmsis-refuses/tc_INT16_4_4_8_4_3_3_2_2_SAME_False": (False, False),
}
# Variables that a branch or a loop uses, and in one graph: with the number of variables to create.
VARIABLES = {
    "10-resource-in-branch/r_acc_if": 1,
    "10-resource-in-branch/r_if_read": 1,
    "10-resource-in-branch/r_if_reset": 1,
    "10-resource-in-branch/r_plain": 1,
    "21-resource-variables/r_plain": 1,
    "21-resource-variables/r_stream_int8": 1,
}

pytestmark = pytest.mark.skipif(not REPORTS.is_dir(), reason="the reports are not here")


@pytest.mark.parametrize("name", VERDICTS)
def test_a_report_is_answered_as_its_case_says(name: str) -> None:
    report = check_model(REPORTS / f"{name}.tflite")
    assert (report["supported"], report["same_answers"]) == VERDICTS[name]
    reference = check_model(REPORTS / f"{name}.tflite", "reference")
    assert reference["supported"] and reference["same_answers"]


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_are_counted(name: str) -> None:
    report = check_model(REPORTS / f"{name}.tflite")
    (warning,) = [entry for entry in report["warnings"] if entry["rule"] == "variables_brought"]
    assert report["supported"] and f"the model has {VARIABLES[name]} variable" in warning["reason"]
    assert "MicroResourceVariables::Create" in warning["remedy"]
