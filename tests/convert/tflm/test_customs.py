"""The bytes of custom operators beside the signal library, against TFLM's interpreter."""

import pytest

from convert.tflm.arena import plan_arena
from convert.tflm.support import check_bytes
from tests.support.agreement_bases import BASES, i8
from tests.support.agreement_edits import CIRCULAR_BUFFER, DETECTS, detection
from tests.support.graphs import assert_equal_to_tflm


def test_their_arenas_are_those_of_the_interpreter() -> None:
    models = {
        f"{boxes} boxes, {classes} classes, {most} detections": detection(
            boxes, classes, **DETECTS | {"num_classes": classes, "max_detections": most}
        )
        for boxes, classes, most in ((4, 3, 2), (50, 2, 10), (7, 20, 3), (3, 3, 9))
    }
    models["all classes"] = detection(9, 4, **DETECTS | {"num_classes": 4, "use_regular_nms": True})
    models["a buffer"] = CIRCULAR_BUFFER
    models["a long one"] = CIRCULAR_BUFFER | {"inputs": [i8(1, 1, 1, 40)], "outputs": [i8(1, 25, 1, 40, variable=True)]}
    assert_equal_to_tflm({name: BASES["RELU"].edited(edits).build() for name, edits in models.items()})


@pytest.mark.parametrize("most", [2**30, float("inf"), float("nan"), -1, 1e30])
def test_options_that_no_scratch_has_room_for(most: float) -> None:
    model = BASES["RELU"].edited(detection(**DETECTS | {"max_detections": most})).build()
    assert [entry["rule"] for entry in check_bytes(model, "most")["refusals"]] == ["detection_options"]


def test_what_decode_keeps_is_not_known() -> None:
    assert plan_arena(BASES["RELU"].edited({"op": "CUSTOM:TFLM_DECODE"}).build())["at_least"]
