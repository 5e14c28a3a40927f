"""The units of work of our own kernels (tflm_app/kernels), by which `instructions` prices them."""

import math
from collections.abc import Callable

from convert.tflite.block_options import BLOCK, UNPACKED_COLUMNS, are_packed, read_options
from convert.tflite.view import Operator
from convert.tflm.kernels_fast import TAKES
from convert.tflm.prepare import ArenaEnds, Node, Preparation
from convert.tflm.structs import Build

LANES, VECTOR = 4, 16  # of a vector core; without vectors, rows and columns go by fours as well
TABLE_ELEMENTS, SOFTMAX_TABLE = 1024, 256  # elementwise.cc, kWorthTables; softmax.cc, kValues
CHUNK, CHUNK_COLUMNS = {"dsp": 256, "scalar": 128}, 16  # dense.cc, kChunk, kColumns
LINE_TAPS, LINE_STRIDE, LINE_LENGTH = 8, 4, 512  # depthwise_line.cc
Units = dict[str, float]


def fast_units(op: Operator, build: Build) -> Units | None:
    """What a kernel of ours does for an operator on a build; None where TFLM's kernel runs."""
    node = Node(Preparation(ArenaEnds(build)), op)
    if op.name != BLOCK and (op.name not in TAKES or not TAKES[op.name](node)):
        return None
    return {"calls": 1} | UNITS[op.name](node)


def _elements(node: Node) -> Units:
    return {"elements": node.elements("o0")}


def _rows(node: Node) -> Units:
    depth = node.dims("i0")[-1]
    return {"rows": node.elements("i0") // depth, "elements": node.elements("i0")}


def _softmax(node: Node) -> Units:
    """Of 256 values or more, all exponentials at once; of fewer, one each."""
    elements = node.elements("i0")
    return _rows(node) | ({"tables": 1} if elements >= SOFTMAX_TABLE else {"exponentials": elements})


def _add(node: Node) -> Units:
    elements, vectors = node.elements("o0"), node.build.simd == "mve"
    return {"elements" if vectors or elements >= TABLE_ELEMENTS else "small elements": elements}


def _by_fours(rows: int) -> tuple[int, int]:
    """Groups of four rows, the last perhaps of three, and rows that are left one by one (dense.cc)."""
    return rows // LANES + (rows % LANES == 3), rows % LANES if rows % LANES < 3 else 0


def _dense(node: Node) -> Units:
    """Without vectors: groups of four rows, of three that are left as well; one or two that are left one by one."""
    depth, columns = node.dims("i1")[-1], node.dims("o0")[-1]
    rows, scales = node.elements("o0") // columns, node.scales("i1") > 1
    if node.build.simd == "mve":
        quads, vectors = math.ceil(columns / LANES), math.ceil(depth / VECTOR)
        return {"quads": quads * rows, "vectors": quads * rows * vectors, "sums": quads * vectors}
    groups, single = _by_fours(rows)
    return _grouped(node, groups, depth, columns, scales) | {
        "stored": rows * columns,
        "single outputs": single * columns,
        "scaled single outputs": single * columns * scales,
        "single macs": single * columns * depth,
    }


def _grouped(node: Node, groups: int, depth: int, columns: int, scales: bool) -> Units:
    left = node.build.simd == "dsp" and depth % LANES > 0
    return {
        "groups": groups * columns,
        "group macs": groups * columns * depth,
        "widened": groups * depth,
        "scaled groups": groups * columns * scales,
        "left": groups * math.ceil(columns / CHUNK_COLUMNS) * left,
    }


def _convolution(node: Node) -> Units:
    """Of one tap a dense operator; else the patches go by fours, and each is copied first, part by part."""
    columns, rows, taps, channels = node.dims("i1")
    if rows * taps * node.option("strideH") * node.option("strideW") == 1:
        return _dense(node)
    depth, patches = rows * taps * channels, node.elements("o0") // columns
    groups, parts = math.ceil(patches / LANES), rows * (1 if node.option("dilationWFactor") == 1 else taps)
    again = 1 if depth <= CHUNK[node.build.simd] else math.ceil(columns / CHUNK_COLUMNS)
    return _grouped(node, groups, depth, columns, True) | {
        "stored": patches * columns,
        "copied": LANES * groups * depth * again,
        "copied parts": LANES * groups * parts * again,
    }


def _depthwise(node: Node) -> Units:
    """Along one line a channel at a time, else four channels at a time."""
    batches, height, width, channels = node.dims("o0")
    _, rows, taps, _ = node.dims("i1")
    outputs = batches * height * width * channels
    length = (width - 1) * node.option("strideW") + taps
    line = rows == node.option("dilationWFactor") == 1 and taps >= LINE_TAPS and node.option("strideW") <= LINE_STRIDE
    if line and length <= LINE_LENGTH and node.build.simd != "scalar" and node.dims("i0")[1] == height:
        return {
            "lines": channels,
            "line inputs": batches * height * length * channels,
            "line outputs": outputs,
            "line steps": outputs * _line_steps(node, taps),
        }
    quads = batches * height * width * (math.ceil(channels / LANES) if node.build.simd == "mve" else channels // LANES)
    left = 0 if node.build.simd == "mve" else batches * height * width * (channels % LANES)
    return {
        "quads": quads,
        "quad rows": quads * rows,
        "quad taps": quads * rows * taps,
        "left taps": left * rows * taps,
    }


def _line_steps(node: Node, taps: int) -> int:
    """Multiplications of a line's taps for one output."""
    return math.ceil(taps / {"mve": VECTOR, "dsp": 2, "scalar": 1}[node.build.simd])


def _block(node: Node) -> Units:
    """By rows and by tiles: for each tile all rows of n are widened again, for its convolution those before it. What is
    looked up for a tile of many values is computed for each of few, as in SOFTMAX and ADD alone.
    """
    options = read_options(bytes(node.op.packed.customOptions))
    width, taps = node.dims("i0")[-1], node.dims("i6")[-2]
    rows = node.elements("i1")
    of_tiles = [min(options.tile_rows, rows - start) for start in range(0, rows, options.tile_rows)]
    tiles, vectors = len(of_tiles), node.build.simd == "mve"
    few = [tile for tile in of_tiles if tile * rows < SOFTMAX_TABLE]
    small = [] if vectors else [tile for tile in of_tiles if tile * width < TABLE_ELEMENTS]
    groups, single = map(sum, zip(*((tile, 0) if vectors else _by_fours(tile) for tile in of_tiles)))
    dense = width * (3 * width + rows)  # products of a row with weights and with keys
    units: Units = {
        "group macs": groups * dense,
        "single macs": single * dense,
        "mixed macs": rows * rows * width,
        "exponentials": sum(few) * rows,
        "tables": tiles - len(few),
        "small elements": sum(small) * width,
        "sums by tables": tiles - len(small),
        "scores": rows * rows,
        "values": rows * width,
        "tiles": tiles,
        "mixed values": tiles * rows * width,
    }
    if are_packed(node.elements("i2"), width):  # a few columns at a time, for each of which rows are widened again
        again = math.ceil(width / UNPACKED_COLUMNS) - 1
        units |= {"unpacked": 3 * tiles * width * width, "widened again": 3 * again * rows * width}
    inputs = tiles * width * (options.tile_rows + taps - 1)
    steps = rows * width * _line_steps(node, taps)
    return units | {"line steps": steps, "line inputs": inputs, "lines": tiles * width}


UNITS: dict[str, Callable[[Node], Units]] = {
    "ADD": _add,
    BLOCK: _block,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "HARD_SWISH": _elements,
    "L2_NORMALIZATION": _rows,
    "LOGISTIC": _elements,
    "MUL": _elements,
    "SOFTMAX": _softmax,
    "TANH": _elements,
}
