"""Rules of UNIDIRECTIONAL_SEQUENCE_LSTM, SVDF and QUANTIZE."""

from convert.tflite.view import Operator
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import COUNT, FINE, FORM, TYPE, VALUE, Verdict, first_broken, require, rule

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
WEIGHTS, BIASES, ABSENT = range(1, 9), range(12, 16), (9, 10, 11, 16, 17, 20, 21, 22, 23)
HIDDEN, CELL = 18, 19
# Types of an LSTM by its input's: weights, biases, cell state.
LSTM_TYPES = {
    "FLOAT32": ("FLOAT32", "FLOAT32", "FLOAT32"),
    "INT8": ("INT8", "INT32", "INT16"),
    "INT16": ("INT8", "INT64", "INT16"),
}
LSTM_INTEGERS = "quantise the model in full: int8 or int16 activations, int8 weights, int16 cell state"
KERAS_LSTM = "use a plain Keras LSTM (no peepholes, projection or layer normalisation), or unroll=True"
# Types of QUANTIZE: outputs by input.
REQUANTIZED = {
    "FLOAT32": ("INT8", "INT16"),
    "INT32": ("INT8", "INT16"),
    "INT16": ("INT8", "INT16", "INT32"),
    "INT8": ("INT8", "UINT8", "INT16", "INT32"),
    "UINT8": ("INT8",),
}


@rule(LSTM, COUNT, KERAS_LSTM)
def lstm_inputs(op: Operator) -> Verdict:
    """Input, 8 weights, 4 biases and 2 states are given; peepholes, projection and layer normalisation are not."""
    given = [i for i, tensor in enumerate(op.inputs[:24]) if tensor is not None]
    wanted = [i for i in range(24) if i not in ABSENT]
    return require(given == wanted, None, f"it has inputs {given}")


@rule(LSTM, TYPE, LSTM_INTEGERS)
def lstm_types(op: Operator) -> Verdict:
    """Weights have one type, int8 for integer inputs; biases have one; the cell state is float32 or int16."""
    weights = "INT8" if op.input.type != "FLOAT32" else op.inputs[1].type
    kinds = [(weights, i) for i in WEIGHTS] + [(op.inputs[12].type, i) for i in BIASES]
    return first_broken(
        [
            *(require(op.inputs[i].type == kind, op.inputs[i], f"is {op.inputs[i].type.lower()}") for kind, i in kinds),
            require(
                op.inputs[CELL].type in ("FLOAT32", "INT16"), op.inputs[CELL], f"is {op.inputs[CELL].type.lower()}"
            ),
        ]
    )


@rule(LSTM, TYPE, LSTM_INTEGERS, unchecked=True)
def lstm_types_assumed(op: Operator) -> Verdict:
    """Weights, biases and cell state are float32; for int8 inputs int8, int32, int16; for int16 int8, int64, int16."""
    kinds = LSTM_TYPES.get(op.input.type, ("", "", ""))
    groups = zip(kinds, (WEIGHTS, BIASES, (CELL,)))
    return first_broken(
        [
            require(op.inputs[i].type == kind, op.inputs[i], f"is {op.inputs[i].type.lower()}")
            for kind, indices in groups
            for i in indices
        ]
    )


@rule(LSTM, VALUE, "quantise weights with one positive scale, as TFLite's converter does")
def lstm_scales(op: Operator) -> Verdict:
    """In integers, scales of input, hidden state and weights are not negative, and several are one for each unit."""
    if op.input.type == "FLOAT32" or op.inputs[CELL].type == "FLOAT32":
        return FINE
    verdicts = []
    for i in WEIGHTS:
        weights, other = op.inputs[i], op.inputs[0 if i < 5 else HIDDEN]
        counted = 0 <= weights.axis < weights.rank and len(weights.scales) == weights.shape[weights.axis]
        fits = counted if len(weights.scales) > 1 else weights.scale * other.scale >= 0
        verdicts.append(
            require(fits, weights, f"has scales {weights.scales[:3]}, what it is multiplied with {other.scale:g}")
        )
    return first_broken(verdicts)


@rule(f"{LSTM} SVDF", FORM, "convert the layer with its state as a variable tensor, as TFLite's converter does")
def state_variable(op: Operator) -> Verdict:
    """The states are variable tensors."""
    states = (HIDDEN, CELL) if op.name == LSTM else (4,)
    return first_broken([require(op.inputs[i].variable, op.inputs[i], "is no variable tensor") for i in states])


@rule(LSTM, FORM, "convert the layer with TFLite's converter")
def lstm_shapes(op: Operator) -> Verdict:
    """Input (at least) and output have 3 dimensions; weights, biases and states fit them."""
    data, output = op.input, op.output
    if data.rank < 3 or op.inputs[HIDDEN].rank < 2:
        return require(False, data, f"is {shape_text(data)}")
    units, depth = op.inputs[HIDDEN].shape[1], data.shape[2]
    batch = data.shape[1] if op.option("timeMajor") else data.shape[0]
    wanted = {i: (units, depth if i < 5 else units) for i in WEIGHTS} | dict.fromkeys(BIASES, (units,))
    return first_broken(
        [
            *(
                require(op.inputs[i].shape == shape, op.inputs[i], f"is {shape_text(op.inputs[i])}")
                for i, shape in wanted.items()
            ),
            *(
                require(op.inputs[i].elements == batch * units, op.inputs[i], f"is {shape_text(op.inputs[i])}")
                for i in (HIDDEN, CELL)
            ),
            require(output.shape == (*data.shape[:2], units), output, f"is {shape_text(output)}"),
        ]
    )


@rule("SVDF", TYPE, "quantise the model in full: int8, with time weights and state in int8 or int16")
def svdf_types(op: Operator) -> Verdict:
    """In float32 all tensors are; in int8 the feature weights are, time weights and state int8 or int16, bias int32."""
    if op.input.type == "FLOAT32":
        kinds: list[tuple[str, ...]] = [("FLOAT32",)] * 5
    else:
        kinds = [("INT8",), ("INT8",), ("INT16", "INT8"), ("INT32",), ("INT16", "INT8")]
    return first_broken(
        [
            require(tensor is None or tensor.type in kind, tensor, f"is {tensor and tensor.type.lower()}")
            for tensor, kind in zip(op.inputs, kinds)
        ]
    )


@rule("SVDF", TYPE, "give time weights and state one type", unchecked=True)
def svdf_state_type(op: Operator) -> Verdict:
    """Time weights and state have one type."""
    return require(op.inputs[2].type == op.inputs[4].type, op.inputs[4], f"is {op.inputs[4].type.lower()}")


@rule("SVDF", FORM, "convert the layer with TFLite's converter")
def svdf_shapes(op: Operator) -> Verdict:
    """Weights are filters x inputs and filters x memory; filters are units x rank; state and output fit."""
    data, feature, time, bias, state = op.inputs
    rank = op.option("rank")
    if any(tensor.rank != 2 for tensor in (data, feature, time, state, op.output)) or rank <= 0:
        return require(False, data, f"is {shape_text(data)}, the rank {rank}")
    (batch, depth), (filters, columns), (rows, memory) = data.shape, feature.shape, time.shape
    fits = columns == depth and rows == filters and filters % rank == 0 and state.shape == (batch, memory * filters)
    units = filters // rank
    return first_broken(
        [
            require(
                fits,
                feature,
                f"is {shape_text(feature)}, time weights {shape_text(time)}, state "
                f"{shape_text(state)}, input {shape_text(data)}",
            ),
            require(op.output.shape == (batch, units), op.output, f"is {shape_text(op.output)}"),
            require(bias is None or bias.shape[:1] == (units,), bias, f"is {bias and shape_text(bias)}"),
        ]
    )


@rule("SVDF", VALUE, "quantise the bias with scale state x time weights, as the converter does")
def svdf_bias_scale(op: Operator) -> Verdict:
    """In int8 there is a bias, whose scale is that of the state x that of the time weights (to 1e-5)."""
    bias, product = op.inputs[3], op.inputs[4].scale * op.inputs[2].scale
    fits = bias is not None and abs(bias.scale - product) < 1e-5
    return require(
        op.input.type != "INT8" or fits,
        bias,
        f"has scale {bias.scale:g} instead of {product:g}" if bias else "is left out",
    )


@rule("QUANTIZE", TYPE, "quantise float32 to int8 or int16; requantise between int8, int16 and int32")
def quantize_types(op: Operator) -> Verdict:
    """float32 and int32 become int8 or int16; int16 those or int32; int8 those or uint8; uint8 becomes int8."""
    return require(
        op.output.type in REQUANTIZED.get(op.input.type, ()),
        op.output,
        f"is {op.output.type.lower()}, the input {op.input.type.lower()}",
    )


@rule("QUANTIZE", FORM, "quantise the output with one scale")
def quantize_one_scale(op: Operator) -> Verdict:
    """The output has one scale and a zero point."""
    return require(len(op.output.scales) == 1, op.output, f"has {len(op.output.scales)} scales")
