"""Models that break the rules of operators that compute: element by element, activations, dense and convolutions."""

from tests.support.agreement_bases import bias, f32
from tests.support.agreement_edits import FAR, RELU6, Cases, int16

OF_NUMBERS: Cases = {
    # element by element
    "broadcast_to_output": [
        ("ADD", {"o0": {"shape": (2, 4)}}),
        ("MUL", {"o0": {"shape": (2, 4)}}),
        ("SUB", {"o0": {"shape": (2, 4)}}),
        ("ADD", {"i0": {"shape": (FAR,)}, "i1": {"shape": (2,), "data": 0}, "o0": {"shape": (FAR,)}}),
    ],
    "elements_kept": [
        ("RELU", {"i0": {"shape": (FAR * 4,)}}),
        ("LOGISTIC", {"i0": {"shape": (FAR * 4,)}}),
        ("TANH", {"i0": {"shape": (FAR * 4,)}}),
        ("NEG", {"i0": {"shape": (FAR,)}}),
    ],
    "shape_kept": [(op, {"o0": {"shape": (3, 2)}}) for op in ("CEIL", "EXP", "ROUND", "CUMSUM", "LOG_SOFTMAX")],
    "add_n_shapes": [("ADD_N", {"i1": {"shape": (3, 2)}})],
    # Smaller ones run, and read beyond the inputs: the wheel sees nothing of it.
    "add_n_output": [("ADD_N", {"o0": {"shape": (60_000, 3)}})],
    "add_n_grids": [("ADD_N", {"i1": {"scale": 0.25}}), ("ADD_N", {"i1": {"zero": 3}})],
    "add_output_quantized": [("ADD", {"o0": {"quantized": False}})],
    "int32_unquantized": [
        (op, {"i0": {"type": "int32", "quantized": True}, "i1": {"type": "int32"} | more, "o0": {"type": "int32"}})
        for op, more in (("ADD", {}), ("SUB", {}), ("DIV", {"data": 1}))
    ]
    + [("SUB", {"i0": {"type": "int32"}, "i1": {"type": "int32"}, "o0": {"type": "int32", "quantized": True}})],
    "sum_scales": [
        ("ADD", {"o0": {"scale": 1e-7}}),
        ("ADD", {"i0": {"quantized": False}}),
        ("SUB", {"o0": {"scale": 1e-7}}),
        ("SUB", {"i1": {"scale": 0.0}}),
        ("ADD", int16("i0", "i1", "o0", o0={"scale": 1e-5})),
    ],
    "running_sum_scales": [
        ("ADD_N", {"o0": {"scale": 1e-7}}),
        ("CUMSUM", {"o0": {"scale": 1e-7}}),
        ("CUMSUM", {"i0": {"scale": 0.0}}),
    ],
    "comparison_scales": [
        ("LESS", {"i0": {"type": "int8", "scale": 2.0}, "i1": {"type": "int8"}}),
        ("EQUAL", {"i0": {"type": "int8"}, "i1": {"type": "int8", "quantized": False}}),
    ],
    "difference_scales": [("SQUARED_DIFFERENCE", {"i0": {"scale": 0.0}})],
    "difference_zero_points": [
        ("SQUARED_DIFFERENCE", {"i0": {"zero": 200}}),
        ("SQUARED_DIFFERENCE", int16("i0", "i1", "o0", o0={"zero": 1})),
    ],
    "product_zero_points": [
        ("MUL", int16("i0", "i1", "o0", i1={"zero": 1})),
        ("BATCH_MATMUL", int16("i0", "i1", "o0", o0={"zero": 1})),
    ],
    "activation_zero_points": [
        ("RELU", int16("i0", "o0", i0={"zero": 1})),
        ("TANH", int16("i0", "o0", i0={"zero": 1}, o0={"scale": 1 / 32768})),
        ("LOGISTIC", int16("i0", "o0", i0={"zero": 1}, o0={"scale": 1 / 32768, "zero": 0})),
    ],
    "root_quantized": [
        ("ABS", {"i0": {"type": "int8", "quantized": False}, "o0": {"type": "int8"}}),
        ("RSQRT", {"i0": {"type": "int8"}, "o0": {"type": "int8", "quantized": False}}),
        ("ABS", int16("i0", "o0", o0={"quantized": False})),
    ],
    "root_zero_point": [("RSQRT", {"i0": {"type": "int8", "zero": 200}, "o0": {"type": "int8"}})],
    "abs_zero_points": [("ABS", int16("i0", "o0", o0={"zero": 1}))],
    "divisor_not_zero": [
        ("FLOOR_DIV", {"i1": {"data": 0}}),
        ("DIV", {"i0": {"type": "int32"}, "i1": {"type": "int32", "data": 0}, "o0": {"type": "int32"}}),
    ],
    # activations
    "fused_activation_fits": [
        (
            "ADD",
            {
                "fields": {"fusedActivationFunction": RELU6},
                "i0": {"scale": 1e-10},
                "i1": {"scale": 1e-10},
                "o0": {"scale": 1e-10},
            },
        ),
        ("FULLY_CONNECTED", {"fields": {"fusedActivationFunction": RELU6}, "i2": None, "o0": {"scale": 1e-10}}),
    ],
    "no_fused_activation": [
        ("CONCATENATION", {"fields": {"fusedActivationFunction": RELU6}}),
        ("L2_NORMALIZATION", {"fields": {"fusedActivationFunction": RELU6}}),
    ],
    "l2_normalization_rank": [
        ("L2_NORMALIZATION", {"i0": {"shape": (1, 1, 1, 2, 3)}, "o0": {"shape": (1, 1, 1, 2, 3)}})
    ],
    "logistic_int8_grid": [("LOGISTIC", {"o0": {"zero": 0}})],
    "sigmoid_int16_grid": [("LOGISTIC", int16("i0", "o0", o0={"zero": 0})), ("TANH", int16("i0", "o0"))],
    "softmax_types": [("SOFTMAX", {"o0": {"type": "float32", "quantized": False}})],
    "softmax_rank": [("SOFTMAX", {"i0": {"shape": ()}, "o0": {"shape": ()}})],
    "softmax_grid": [
        ("SOFTMAX", {"o0": {"zero": 0}}),
        ("SOFTMAX", {"o0": {"scale": 1 / 128}}),
        ("SOFTMAX", {"o0": {"type": "int16"}}),
        ("SOFTMAX", int16("i0", "o0", o0={"zero": 0})),
    ],
    "softmax_int16_input": [("SOFTMAX", int16("i0", "o0", i0={"zero": 1}, o0={"zero": 0, "scale": 1 / 32768}))],
    "softmax_input_scale": [
        ("SOFTMAX", {"i0": {"scale": 1e-9}}),
        ("LOG_SOFTMAX", {"i0": {"scale": 1e-9}}),
        ("SOFTMAX", {"fields": {"beta": 0.0}}),
    ],
    "log_softmax_grid": [("LOG_SOFTMAX", {"o0": {"scale": 0.5}}), ("LOG_SOFTMAX", {"o0": {"zero": 0}})],
    "hard_swish_scales": [("HARD_SWISH", {"i0": {"scale": 128.0}})],
    "prelu_alpha_type": [("PRELU", int16("i0", "i1", "o0"))],
    "prelu_alpha_assumed": [
        (
            "PRELU",
            {
                "i0": {"type": "float32", "shape": (), "data": -1},
                "o0": {"type": "float32", "shape": (50_000,)},
                "i1": {"shape": (50_000,)},
            },
        )
    ],
    "prelu_rank": [
        (
            "PRELU",
            {
                "i0": {"type": "float32", "shape": (1, 1, 1, 2, 3)},
                "i1": {"type": "float32"},
                "o0": {"type": "float32", "shape": (1, 1, 1, 2, 3)},
            },
        )
    ],
    # dense and convolutions
    "weights_type": [
        ("FULLY_CONNECTED", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i2": None}),
        ("CONV_2D", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i2": f32(3, data=0)}),
        ("DEPTHWISE_CONV_2D", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i2": f32(2, data=0)}),
        ("TRANSPOSE_CONV", {"i2": {"type": "float32"}, "o0": {"type": "float32"}, "i3": f32(3, data=0)}),
        ("FULLY_CONNECTED", {"i1": {"type": "float32"}}),
    ],
    "dense_bias_scale": [
        ("FULLY_CONNECTED", {"i2": {"scale": 1.0}}),
        ("FULLY_CONNECTED", {"i2": {"quantized": False}}),
    ],
    "dense_int4_per_tensor": [("FULLY_CONNECTED", {"i1": {"type": "int4", "scale": [0.5] * 4}})],
    "dense_weights_format": [("FULLY_CONNECTED", {"fields": {"weightsFormat": 2}})],
    "dense_scale_count": [
        ("FULLY_CONNECTED", {"i1": {"scale": [0.5] * 3}}),
        ("FULLY_CONNECTED", {"i1": {"scale": [0.5] * 4, "axis": 1}}),
    ],
    "dense_shapes": [
        (
            "FULLY_CONNECTED",
            {
                "i0": {"shape": (1, 3), "data": 0},
                "i1": {"shape": (1, 30_000), "data": None},
                "i2": None,
                "o0": {"shape": (50, 1)},
            },
        )
    ],
    "dense_bias_length": [
        (
            "FULLY_CONNECTED",
            {
                "i0": {"shape": (1, 1)},
                "i1": {"shape": (100_000, 1), "data": None},
                "i2": bias(2),
                "o0": {"shape": (1, 100_000)},
            },
        )
    ],
    "convolution_rank": [("CONV_2D", {"o0": {"shape": (FAR,)}}), ("DEPTHWISE_CONV_2D", {"o0": {"shape": (FAR,)}})],
    "convolution_quantized": [
        ("CONV_2D", {"i1": {"quantized": False}}),
        ("CONV_2D", {"i0": {"quantized": False}}),
        ("DEPTHWISE_CONV_2D", {"i1": {"quantized": False}}),
        ("TRANSPOSE_CONV", {"i1": {"quantized": False}}),
    ],
    "convolution_scale_count": [
        ("CONV_2D", {"i1": {"scale": [0.5] * 2}}),
        ("DEPTHWISE_CONV_2D", {"i1": {"scale": [0.5] * 3, "axis": 3}}),
        ("TRANSPOSE_CONV", {"i1": {"scale": [0.5] * 2}}),
    ],
    "convolution_channels": [
        ("CONV_2D", {"i1": {"shape": (3, 2, 2, 4)}}),
        (
            "CONV_2D",
            {
                "i0": {"shape": (1, 4, 4, 4)},
                "i1": {"shape": (1, 2, 2, 1)},
                "i2": bias(1),
                "o0": {"shape": (1, 3, 3, 1)},
            },
        ),
    ],
    "depthwise_channels": [("DEPTHWISE_CONV_2D", {"i0": {"shape": (1, 1, 1, 200_000)}})],
    "transposed_bias": [
        ("TRANSPOSE_CONV", {"i1": {"shape": (50_000, 2, 2, 2)}, "i3": bias(1), "o0": {"shape": (1, 1, 1, 50_000)}})
    ],
    "matmul_rank": [
        ("BATCH_MATMUL", {"i0": {"shape": (4,)}}),
        ("BATCH_MATMUL", {"i0": {"shape": (1, 1, 1, 2, 3, 4)}, "o0": {"shape": (1, 1, 1, 2, 3, 5)}}),
    ],
    "matmul_shapes": [
        ("BATCH_MATMUL", {"i1": {"shape": (2, 5, 5)}}),
        ("BATCH_MATMUL", {"i1": {"shape": (3, 4, 5)}}),
        ("BATCH_MATMUL", {"o0": {"shape": (2, 3, 4)}}),
    ],
    "product_scale": [
        ("BATCH_MATMUL", {"i0": {"scale": -0.5}}),
        ("FULLY_CONNECTED", {"i0": {"scale": -0.5}, "i2": None}),
    ],
}
