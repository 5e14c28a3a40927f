"""What custom operators take from the arena: TFLM's signal library, two others that are known, and our own.

Sources are relative to tensorflow/lite/micro/kernels, ours to tflm_app/kernels. DECODE is not here: what it takes
depends on tables in constants.
"""

from convert.tflite.block_options import BLOCK, are_packed, read_options, scratch_bytes
from convert.tflm.kernels_reference import Kernel
from convert.tflm.kernels_signal import SIGNAL_KERNELS
from convert.tflm.prepare import Node

FLOAT = INT = 4  # bytes
COORDINATES = 4  # of a box


def _detection(node: Node) -> None:
    """Eleven scratch buffers: boxes and scores in float, and lists of the chosen ones."""
    node.temporaries("i0 i1 i2")
    boxes, classes, options = node.dims("i0")[1], node.dims("i1")[2], node.op.custom_options
    most = int(options["max_detections"])
    node.scratch(boxes)
    node.scratch(boxes * COORDINATES * FLOAT)
    node.scratch(node.dims("i1")[1] * classes * FLOAT)
    for each in (1, 1, most, most, 1, most, max(int(options["num_classes"]), most), min(boxes, most)):
        node.scratch(each * boxes * INT)


def _block(node: Node) -> None:
    """EMBBERT_BLOCK: whatever else is linked, it has no kernel but ours."""
    node.persistent_struct("FastBlockData")
    tile_rows, width = read_options(bytes(node.op.packed.customOptions)).tile_rows, node.dims("i0")[-1]
    packed = are_packed(node.elements("i2"), width)
    node.scratch(scratch_bytes(tile_rows, node.elements("i1"), width, packed, node.build.simd))


CUSTOM_KERNELS = SIGNAL_KERNELS | {
    BLOCK: Kernel("embbert_block.cc", None, None, _block),
    "CUSTOM:CIRCULAR_BUFFER": Kernel("circular_buffer_common.cc", None, "OpDataCircularBuffer", "i0 o0"),
    "CUSTOM:TFLite_Detection_PostProcess": Kernel("detection_postprocess.cc", None, "OpDataDetection", _detection),
}
