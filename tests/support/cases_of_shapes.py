"""Models that break the rules of operators that move values, reduce, gather and look at images."""

from tests.support.agreement_bases import f32, i8, i32, scalar
from tests.support.agreement_edits import FAR, Cases, int16, on_graph
from tests.support.agreement_models import Tensor

OF_SHAPES: Cases = {
    # shapes
    "reshape_elements": [("RESHAPE", {"o0": {"shape": (3, 3)}})],
    "expand_dims_shape": [("EXPAND_DIMS", {"o0": {"shape": (1, 2, 3)}}), ("EXPAND_DIMS", {"i1": i32(9)})],
    "squeeze_shape": [("SQUEEZE", {"fields": {"squeezeDims": [0]}}), ("SQUEEZE", {"fields": {"squeezeDims": [7]}})],
    "squeeze_bytes": [("SQUEEZE", {"o0": {"type": "int8"}}), ("SQUEEZE", {"o0": {"shape": (2, 4)}})],
    "transpose_rank": [
        (
            "TRANSPOSE",
            {"i0": {"shape": (1, 1, 1, 1, 2, 3)}, "i1": i32(0, 1, 2, 3, 5, 4), "o0": {"shape": (1, 1, 1, 1, 3, 2)}},
        )
    ],
    "transpose_permutation": [
        ("TRANSPOSE", {"i1": i32(1, 2)}),
        ("TRANSPOSE", {"i1": i32(0, 1, 2)}),
        ("TRANSPOSE", {"i1": Tensor("int32", (1, 2), data=[[1, 0]])}),
    ],
    "transpose_shape": [("TRANSPOSE", {"o0": {"shape": (FAR * 3, 1)}, "i0": {"data": 0}})],
    "pad_rank": [
        (
            "PAD",
            {
                "i0": {"shape": (1, 1, 1, 1, 2, 3)},
                "i1": Tensor("int32", (6, 2), data=0),
                "o0": {"shape": (1, 1, 1, 1, 2, 3)},
            },
        )
    ],
    "pad_output_rank": [("PAD", {"i0": {"shape": ()}})],
    "pad_shape": [("PAD", {"o0": {"shape": (4, 6)}}), ("PAD", {"i1": Tensor("int32", (3, 2), data=1)})],
    "pad_value": [
        ("PADV2", {"i2": {"scale": 0.25}}),
        ("PADV2", {"i2": {"zero": 1}}),
        ("PADV2", {"i2": f32(1, data=0)}),
        ("PADV2", {"i2": i8(2, data=0)}),
    ],
    "pad_zero_point": [("PAD", {"o0": {"zero": 200}})],
    "mirror_pad_paddings": [
        ("MIRROR_PAD", {"i1": i32(1, 1, 1, 1)}),
        ("MIRROR_PAD", {"i1": Tensor("int32", (3, 2), data=1)}),
    ],
    "mirror_pad_shape": [("MIRROR_PAD", {"i1": {"data": [[FAR, -FAR + 2], [1, 1]]}})],
    "concatenation_count": [("CONCATENATION", {"inputs": [i8(2, 1) for _ in range(11)], "o0": {"shape": (2, 11)}})],
    "concatenation_rank": [
        (
            "CONCATENATION",
            {
                "i0": {"shape": (1,) * 5 + (2, 3)},
                "i1": {"shape": (1,) * 5 + (2, 1)},
                "o0": {"shape": (1,) * 5 + (2, 4)},
                "fields": {"axis": 6},
            },
        )
    ],
    "concatenation_grids": [
        ("CONCATENATION", {"i1": {"scale": 0.25}}),
        ("CONCATENATION", {"i0": {"zero": 1}}),
        ("CONCATENATION", int16("i0", "i1", "o0", o0={"zero": 1})),
    ],
    "concatenation_shapes": [("CONCATENATION", {"i0": {"shape": (2, FAR * 2)}})],
    "split_axis": [("SPLIT", {"i0": {"data": 5}}), ("SPLIT_V", {"i2": {"data": -5}})],
    "split_shapes": [("SPLIT", {"i1": {"data": 0}, "o0": {"shape": (2, 20_000)}, "o1": {"shape": (2, 1)}})],
    "pack_shapes": [
        ("PACK", {"i0": {"shape": (1,), "data": 0}, "i1": {"shape": (1,), "data": 0}, "o0": {"shape": (2, 2, FAR)}})
    ],
    "unpack_shapes": [("UNPACK", {"i0": {"shape": (2, 2, FAR)}, "o0": {"shape": (1,)}, "o1": {"shape": (1,)}})],
    "slice_rank": [
        ("SLICE", {"i0": {"shape": (1,) * 40}, "i1": i32(*[0] * 40), "i2": i32(*[1] * 40), "o0": {"shape": (1,)}})
    ],
    "slice_within": [("SLICE", {"i1": i32(0, 0), "i2": i32(FAR, FAR)})],
    "strided_slice_rank": [
        (
            "STRIDED_SLICE",
            {
                "i0": {"shape": (1, 1, 1, 4, 6)},
                "i1": i32(0, 0, 0, 1, 0),
                "i2": i32(1, 1, 1, 3, 6),
                "i3": i32(1, 1, 1, 1, 2),
                "o0": {"shape": (1, 1, 1, 2, 3)},
            },
        )
    ],
    "strided_slice_numbers": [("STRIDED_SLICE", {"i2": i32(3)})],
    "strided_slice_shape": [("STRIDED_SLICE", {"o0": {"shape": (2, 4)}}), ("STRIDED_SLICE", {"i3": i32(1, 0)})],
    "broadcast_to_shape": [
        ("BROADCAST_TO", {"o0": {"shape": (2, 4)}}),
        ("BROADCAST_TO", {"i0": {"shape": (2, 2)}}),
        ("BROADCAST_TO", {"i1": i32(1, 1, 1, 1, 2, 3), "o0": {"shape": (1, 1, 1, 1, 2, 3)}}),
    ],
    "fill_shape": [("FILL", {"o0": {"shape": (2, 4)}}), ("FILL", {"i1": f32(1, data=1)})],
    "select_shapes": [
        ("SELECT_V2", {"i0": {"shape": (2, 2)}}),
        ("SELECT_V2", {"i0": {"shape": (2, 1)}, "o0": {"shape": (2, 1)}}),
    ],
    "select_elements": [("SELECT_V2", {f"i{i}": {"shape": (FAR,), "data": 0} for i in range(3)})],
    # reductions and indices
    "reduction_axes": [
        ("REDUCE_MAX", {"i1": i32(5)}),
        ("MEAN", {"i0": {"type": "float32"}, "o0": {"type": "float32"}, "i1": i32(-4)}),
        ("REDUCE_ALL", {"i1": i32(3)}),
    ],
    "reduction_elements": [
        ("MEAN", {"i0": {"shape": (2, 3, FAR), "data": 0}}),
        ("REDUCE_MAX", {"i0": {"shape": (1, 3, FAR), "data": 0}}),
    ],
    "extreme_grid": [("REDUCE_MAX", {"o0": {"scale": 0.25}}), ("REDUCE_MIN", {"o0": {"zero": 1}})],
    "arg_shape": [("ARG_MAX", {"i0": {"shape": (FAR * 2, 1), "data": 0}})],
    "cumsum_axis": [("CUMSUM", {"i1": scalar(5)}), ("CUMSUM", {"i1": i32(0, 1)})],
    "reverse_axes": [
        ("REVERSE_V2", {"i1": i32(5)}),
        ("REVERSE_V2", {"i0": {"shape": (2, 2, 2)}, "o0": {"shape": (2, 2, 2)}, "i1": i32(0, 2)}),
        ("REVERSE_V2", {"i1": scalar(1)}),
    ],
    "reverse_elements": [("REVERSE_V2", {"i0": {"shape": (1, FAR), "data": 0}, "o0": {"shape": (1,)}})],
    "gather_axis": [("GATHER", {"fields": {"axis": 2}}), ("GATHER", {"fields": {"batchDims": 1}})],
    "gather_shape": [("GATHER", {"i0": {"shape": (1, FAR * 5)}, "i1": {"shape": (FAR // 300,)}})],
    "gather_positions": [("GATHER", {"i1": i32(1, 7)}), ("GATHER", {"i1": i32(-1, 0)})],
    "row_indices": [
        ("GATHER_ND", {"i1": Tensor("int32", (2, 1), data=[[0], [5]])}),
        ("EMBEDDING_LOOKUP", {"i0": i32(0, 5)}),
        ("EMBEDDING_LOOKUP", {"i0": i32(-1, 0)}),
    ],
    "gather_nd_indices": [("GATHER_ND", {"i1": {"shape": (2, 3)}}), ("GATHER_ND", {"i1": {"shape": ()}})],
    "gather_nd_shape": [("GATHER_ND", {"i0": {"shape": (1, FAR // 2)}, "i1": {"shape": (1000, 1)}})],
    "lookup_shapes": [
        ("EMBEDDING_LOOKUP", {"i0": {"shape": (1, 2)}}),
        ("EMBEDDING_LOOKUP", {"i1": i8(5, data=0)}),
        ("EMBEDDING_LOOKUP", {"o0": {"shape": (1, 3)}}),
    ],
    "lookup_types": [
        ("EMBEDDING_LOOKUP", {"o0": {"type": "int32"}}),
        ("EMBEDDING_LOOKUP", {"o0": {"type": "float32"}, "i1": {"zero": 1}}),
    ],
    "update_shapes": [("DYNAMIC_UPDATE_SLICE", {"i1": {"shape": (4, 4)}}), ("DYNAMIC_UPDATE_SLICE", {"i2": i32(1)})],
    "update_elements": [
        ("DYNAMIC_UPDATE_SLICE", {"i0": {"shape": (1, FAR), "data": 0}, "i1": {"shape": (1, 1)}, "o0": {"shape": (1,)}})
    ],
    "shape_length": [("SHAPE", {"i0": {"shape": (1,) * FAR}})],
    "broadcast_args_computed": [
        ("BROADCAST_ARGS", {"i0": {"data": None}} | on_graph(lambda graph: setattr(graph, "inputs", [])))
    ],
    "broadcast_args_rank": [("BROADCAST_ARGS", {"i0": Tensor("int32", (1, 2), data=1)})],
    "broadcast_args_fit": [("BROADCAST_ARGS", {"i0": i32(2, 4)})],
    "option_types": [
        ("SHAPE", {"fields": {"outType": -1}}),
        *((op, {"fields": {"quantizedBiasType": 127}}) for op in ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")),
    ],
    # images
    "l2_pool_windows": [("L2_POOL_2D", {"fields": {"filterHeight": 9}}), ("L2_POOL_2D", {"fields": {"strideW": 0}})],
    "l2_pool_elements": [("L2_POOL_2D", {"i0": {"shape": (1, 300, 300, 2), "data": 0}})],
    "pool_grid": [("MAX_POOL_2D", {"o0": {"scale": 0.25}}), ("AVERAGE_POOL_2D", {"o0": {"zero": 1}})],
    "pool_shape": [("MAX_POOL_2D", {"o0": {"shape": (1, FAR)}})],
    "l2_pool_rank": [("L2_POOL_2D", {"i0": {"shape": (4, 4, 2)}})],
    "image_rank": [("DEPTH_TO_SPACE", {"i0": {"shape": (1, 1, 4)}}), ("RESIZE_BILINEAR", {"i0": {"shape": (2, 2, 1)}})],
    "resize_vector": [
        ("RESIZE_BILINEAR", {"i1": Tensor("int32", (1, 2), data=4)}),
        ("RESIZE_NEAREST_NEIGHBOR", {"i1": i32(4)}),
    ],
    "resize_shape": [
        ("RESIZE_NEAREST_NEIGHBOR", {"i1": i32(1, 500_000)}),
        ("RESIZE_BILINEAR", {"i1": i32(1, 500_000)}),
    ],
    "resize_centers": [("RESIZE_BILINEAR", {"fields": {"halfPixelCenters": True, "alignCorners": True}})],
    "block_divides": [
        ("DEPTH_TO_SPACE", {"fields": {"blockSize": 3}}),
        ("SPACE_TO_DEPTH", {"fields": {"blockSize": 3}}),
        ("DEPTH_TO_SPACE", {"fields": {"blockSize": 0}}),
        ("SPACE_TO_DEPTH", {"fields": {"blockSize": 0}}),
    ],
    "block_elements": [("DEPTH_TO_SPACE", {"i0": {"shape": (1, 1, FAR, 4)}})],
    "batch_space_rank": [
        ("BATCH_TO_SPACE_ND", {"i0": {"shape": (4, 2)}}),
        ("SPACE_TO_BATCH_ND", {"o0": {"shape": (4, 2)}}),
    ],
    "batch_space_shape": [
        (
            "SPACE_TO_BATCH_ND",
            {"o0": {"shape": (4, 1200, 1200, 2)}, "i0": {"data": 0}, "i2": Tensor("int32", (2, 2), data=-(10**7))},
        )
    ],
}
