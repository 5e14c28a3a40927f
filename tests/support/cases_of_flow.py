"""Models that break the rules of recurrent layers, control flow and variables."""

from tests.support.agreement_bases import bias, boolean, branch_variables, f32, i8, variables
from tests.support.agreement_edits import FAR, LSTM, Cases, always_true, never_computed, twice

OF_FLOW: Cases = {
    # recurrent, control flow, variables
    "lstm_inputs": [(LSTM, {"i9": i8(3, data=0)}), (LSTM, {"i1": None})],
    "lstm_types": [(LSTM, {"i1": {"type": "int16"}}), (LSTM, {"i19": {"type": "int8"}})],
    "lstm_types_assumed": [
        (
            LSTM,
            {
                "i0": {"type": "float32", "shape": (1, 1, 50_000)},
                "i18": {"type": "float32", "shape": (1, 1)},
                "i19": {"type": "float32", "shape": (1, 1)},
                "o0": {"type": "float32", "shape": (1, 1, 1)},
                **{f"i{i}": {"shape": (1, 50_000 if i < 5 else 1)} for i in range(1, 9)},
                **{f"i{i}": {"type": "float32", "shape": (1,)} for i in range(12, 16)},
            },
        )
    ],
    "lstm_scales": [
        (LSTM, {"i1": {"scale": -0.5}}),
        (LSTM, {"i0": {"scale": -0.5}}),
        (LSTM, {"i6": {"scale": [0.5] * 2}}),
    ],
    "scratch_in_a_run": [(op, {"change": twice}) for op in ("SVDF", "MEAN", "TRANSPOSE_CONV")],
    "variable_bytes": [("READ_VARIABLE", {"change": variables(read_shape=(0,)).change})],
    "state_variable": [(LSTM, {"i18": {"variable": False}}), ("SVDF", {"i4": {"variable": False}})],
    "lstm_shapes": [(LSTM, {"i5": {"shape": (3, 4)}}), (LSTM, {"o0": {"shape": (1, 2, 4)}})],
    "svdf_types": [("SVDF", {"i1": {"type": "int16"}}), ("SVDF", {"i3": {"type": "int16"}})],
    "svdf_state_type": [
        (
            "SVDF",
            {
                "i0": {"shape": (1, 1)},
                "i1": {"shape": (1, 1)},
                "fields": {"rank": 1},
                "i2": {"shape": (1, 9 * FAR // 2), "type": "int16"},
                "i3": bias(1),
                "i4": {"shape": (1, 9 * FAR // 2), "type": "int8"},
                "o0": {"shape": (1, 1)},
            },
        )
    ],
    "svdf_shapes": [
        ("SVDF", {"fields": {"rank": 3}}),
        ("SVDF", {"i4": {"shape": (1, 19)}}),
        ("SVDF", {"o0": {"shape": (1, 3)}}),
    ],
    "svdf_bias_scale": [("SVDF", {"i3": {"scale": 0.5}})],
    "quantize_types": [
        ("QUANTIZE", {"o0": {"type": "int32", "quantized": True}}),
        ("QUANTIZE", {"i0": {"type": "int64"}}),
        ("QUANTIZE", {"i0": {"type": "uint8"}, "o0": {"type": "uint8"}}),
    ],
    "quantize_one_scale": [("QUANTIZE", {"o0": {"quantized": False}}), ("QUANTIZE", {"o0": {"scale": [0.5, 0.5]}})],
    "if_condition": [("IF", {"i0": {"shape": (2,)}})],
    "called_counts": [("IF", {"inputs": [boolean(1), f32(2), f32(2)]}), ("WHILE", {"inputs": [f32(2), f32(2)]})],
    "loop_ends": [("WHILE", {"change": always_true}), ("WHILE", {"change": never_computed})],
    "called_sizes": [("IF", {"i1": {"shape": (3,)}}), ("WHILE", {"o0": {"shape": (3,)}})],
    "variable_handle": [
        ("READ_VARIABLE", {"change": lambda model: (variables().change(model), model.subgraphs[0].operators.pop(0))})
    ],
    "variable_assigned": [("READ_VARIABLE", {"change": branch_variables(assigned=False).change})],
    "variable_named": [("READ_VARIABLE", {"change": variables(named=False, handles=2).change})],
}
