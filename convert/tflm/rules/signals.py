"""Rules of the operators of TFLM's signal library, custom operators that compute features of sound.

What their Prepare checks and what it takes for granted was read in signal/micro/kernels; the types are in the table of
`operators.py`.
"""

from collections.abc import Callable

from convert.tflite.view import Operator, Tensor
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import COUNT, FORM, TYPE, VALUE, Verdict, first_broken, require, rule

# The options that the kernels read, by their place in a map of FlexBuffers, whose names are sorted.
OPTIONS = {
    "CUSTOM:SignalDelay": "delay_length",
    "CUSTOM:SignalEnergy": "end_index start_index",
    "CUSTOM:SignalFilterBank": "num_channels",
    "CUSTOM:SignalFilterBankLog": "input_correction_bits output_scale",
    "CUSTOM:SignalFilterBankSpectralSubtraction": "alternate_one_minus_smoothing alternate_smoothing clamping "
    "min_signal_remaining num_channels one_minus_smoothing smoothing smoothing_bits spectral_subtraction_bits",
    "CUSTOM:SignalFramer": "frame_size frame_step prefill",
    "CUSTOM:SignalIrfft": "T fft_length",
    "CUSTOM:SignalOverlapAdd": "T frame_step",
    "CUSTOM:SignalPCAN": "snr_shift",
    "CUSTOM:SignalRfft": "T fft_length",
    "CUSTOM:SignalStacker": "num_channels stacker_left_context stacker_right_context stacker_step",
    "CUSTOM:SignalWindow": "shift",
}
# Dimensions of inputs > of outputs, where Prepare counts them.
RANKS = {
    "CUSTOM:SignalEnergy": "1 > 1",
    "CUSTOM:SignalFftAutoScale": "1 > 1 0",
    "CUSTOM:SignalFilterBank": "1 1 1 1 1 1 > 1",
    "CUSTOM:SignalFilterBankLog": "1 > 1",
    "CUSTOM:SignalFilterBankSpectralSubtraction": "1 > 1 1",
    "CUSTOM:SignalFilterBankSquareRoot": "1 0 > 1",
    "CUSTOM:SignalPCAN": "1 1 1 > 1",
    "CUSTOM:SignalStacker": "1 > 1 0",
}
TRANSFORMS = "CUSTOM:SignalIrfft CUSTOM:SignalOverlapAdd CUSTOM:SignalRfft"
TYPE_NUMBERS = {"FLOAT32": 0, "INT32": 2, "INT16": 7}  # of the schema, in the option T
GAIN_TABLE = 125  # signal/src/pcan_argc_fixed.cc, WideDynamicFunction: three entries an interval of a doubling
INT32 = range(-(2**31), 2**31)
REMEDY = "make the operator with TFLM's own functions (python/tflite_micro/signal)"


@rule(" ".join(OPTIONS), COUNT, REMEDY, unchecked=True)
def signal_options(op: Operator) -> Verdict:
    """Signal operators have the integers that their kernels read as options, and no other: the place counts."""
    wanted, given = OPTIONS[op.name].split(), op.custom_options
    if sorted(given) != wanted:
        return require(False, None, f"its options are {', '.join(sorted(given)) or 'missing'}, not {', '.join(wanted)}")
    return first_broken(
        [require(type(n) in (int, bool) and n in INT32, None, f"its {name} is {n!r:.40}") for name, n in given.items()]
    )


@rule(TRANSFORMS, TYPE, REMEDY, unchecked=True)
def signal_type_option(op: Operator) -> Verdict:
    """The option T is the number of the tensors' type in the schema."""
    wanted = TYPE_NUMBERS.get(op.input.type)
    return require(op.custom_options["T"] == wanted, op.input, f"is {op.input.type.lower()}, T is not {wanted}")


@rule(" ".join(RANKS), FORM, f"{REMEDY}, one frame at a time")
def signal_ranks(op: Operator) -> Verdict:
    """Tensors of a frame are vectors; scales of bits and marks of validity are scalars."""
    inputs, outputs = (side.split() for side in RANKS[op.name].split(" > "))
    pairs = [*zip(op.inputs, inputs), *zip(op.outputs, outputs)]
    return first_broken([_ranks(tensor, int(rank)) for tensor, rank in pairs])


@rule(f"{TRANSFORMS} CUSTOM:SignalFramer CUSTOM:SignalWindow", FORM, REMEDY)
def signal_frames_ranks(op: Operator) -> Verdict:
    """Framing adds a dimension, overlapping takes one away, window and transform keep them."""
    more = {"CUSTOM:SignalFramer": 1, "CUSTOM:SignalOverlapAdd": -1}.get(op.name, 0)
    verdicts = [_ranks(op.output, op.input.rank + more)]
    if op.name == "CUSTOM:SignalFramer":
        verdicts.append(_ranks(op.outputs[1], 0))
    if op.name == "CUSTOM:SignalWindow":
        verdicts.append(_ranks(op.inputs[1], 1))
    return first_broken(verdicts)


@rule("CUSTOM:SignalFramer", VALUE, "give as many samples as frame_step, or a multiple of it")
def signal_frame_step(op: Operator) -> Verdict:
    """The samples are a multiple of frame_step."""
    step, samples = op.custom_options["frame_step"], op.input.shape[-1] if op.input.rank else 0
    return require(step <= 0 or samples % step == 0, op.input, f"has {samples} samples, frame_step is {step}")


def _ranks(tensor: Tensor, rank: int) -> Verdict:
    return require(tensor.rank == rank, tensor, f"has {tensor.rank} dimensions, not {rank}")


def _least(tensor: Tensor, count: int) -> Verdict:
    return require(tensor.elements >= count, tensor, f"is {shape_text(tensor)}, for {count:,} numbers")


def _most(tensor: Tensor, count: int) -> Verdict:
    return require(tensor.elements <= count, tensor, f"is {shape_text(tensor)}, for {count:,} numbers")


def _option(name: str, value: int, least: int, most: int = INT32[-1]) -> Verdict:
    return require(least <= value <= most, None, f"its {name} is {value}, not {least} to {most:,}")


def _delay(op: Operator, delay_length: int) -> list[Verdict]:
    return [_option("delay_length", delay_length, 0), _least(op.output, op.input.elements)]


def _energy(op: Operator, start_index: int, end_index: int) -> list[Verdict]:
    return [_option("start_index", start_index, 0), _least(op.input, 2 * end_index), _least(op.output, end_index)]


def _fft_auto_scale(op: Operator) -> list[Verdict]:
    return [_least(op.input, op.output.elements)]


def _filter_bank(op: Operator, num_channels: int) -> list[Verdict]:
    spectrum, weights, unweights, *places = op.inputs
    verdicts = [_option("num_channels", num_channels, 0), _most(op.output, num_channels)]
    verdicts += [_least(tensor, num_channels + 1) for tensor in places]
    values = [tensor.values for tensor in places]
    if None in values or not all(ok for ok, _ in verdicts):
        return verdicts
    for first, first_weight, width in list(zip(*values))[: num_channels + 1]:
        verdicts += [_option("bands", min(first, first_weight), 0), _least(spectrum, first + width)]
        verdicts += [_least(tensor, first_weight + width) for tensor in (weights, unweights)]
    return verdicts


def _each_channel(op: Operator, **_: int) -> list[Verdict]:
    return [_least(op.output, op.input.elements)]


def _spectral_subtraction(op: Operator, num_channels: int, **_: int) -> list[Verdict]:
    read = [_least(tensor, num_channels) for tensor in (op.input, op.output)]
    return [_option("num_channels", num_channels, 0), *read, _most(op.outputs[1], num_channels)]


def _framer(op: Operator, frame_size: int, frame_step: int, prefill: bool) -> list[Verdict]:
    step = _option("frame_step", frame_step, 1, frame_size)
    return [step, _least(op.output, op.input.elements // frame_step * frame_size)] if step[0] else [step]


def _transform(op: Operator, T: int, fft_length: int) -> list[Verdict]:
    """Real numbers and complex ones, of which there is half the length and one more; row by row."""
    forwards = op.name == "CUSTOM:SignalRfft"
    real, packed = (op.input, op.output) if forwards else (op.output, op.input)
    length = real.shape[-1] <= fft_length if forwards else real.shape[-1] >= fft_length
    rows = [tensor.elements // tensor.shape[-1] if tensor.shape[-1] else 0 for tensor in (op.input, op.output)]
    return [
        _option("fft_length", fft_length, 2),
        require(fft_length % 2 == 0, None, f"its fft_length is {fft_length}, an odd number"),
        require(length, real, f"is {shape_text(real)}, fft_length is {fft_length}"),
        require(packed.shape[-1] >= fft_length + 2, packed, f"is {shape_text(packed)}, fft_length is {fft_length}"),
        require(0 < rows[0] <= rows[1], op.output, f"has {rows[1]} rows, the input {rows[0]}"),
    ]


def _overlap_add(op: Operator, T: int, frame_step: int) -> list[Verdict]:
    if op.input.rank < 2 or not op.input.elements:
        return [require(False, op.input, f"is {shape_text(op.input)}")]
    frame_size = op.input.shape[-1]
    step = _option("frame_step", frame_step, 1, frame_size)
    return [step, _least(op.output, op.input.elements // frame_size * frame_step)]


def _pcan(op: Operator, snr_shift: int) -> list[Verdict]:
    count = op.input.elements
    noise = [_least(op.inputs[1], count), _least(op.inputs[2], GAIN_TABLE)]
    return [_option("snr_shift", snr_shift, 0, 63), *noise, _least(op.output, count), _most(op.output, count)]


def _stacker(op: Operator, num_channels: int, stacker_step: int, **context: int) -> list[Verdict]:
    frames = 1 + sum(context.values())
    options = [_option(name, value, 0) for name, value in context.items()]
    options += [_option("num_channels", num_channels, 1), _option("stacker_step", stacker_step, 1, frames)]
    return [*options, _least(op.input, num_channels), _least(op.output, num_channels * frames)]


def _window(op: Operator, shift: int) -> list[Verdict]:
    samples, weights = op.input, op.inputs[1]
    whole = bool(weights.elements) and samples.elements % weights.elements == 0
    return [
        _option("shift", shift, 0, 31),
        require(whole, weights, f"is {shape_text(weights)}, the input {shape_text(samples)}"),
        _least(op.output, samples.elements),
    ]


SIZES: dict[str, Callable[..., list[Verdict]]] = {
    "CUSTOM:SignalDelay": _delay,
    "CUSTOM:SignalEnergy": _energy,
    "CUSTOM:SignalFftAutoScale": _fft_auto_scale,
    "CUSTOM:SignalFilterBank": _filter_bank,
    "CUSTOM:SignalFilterBankLog": _each_channel,
    "CUSTOM:SignalFilterBankSpectralSubtraction": _spectral_subtraction,
    "CUSTOM:SignalFilterBankSquareRoot": _each_channel,
    "CUSTOM:SignalFramer": _framer,
    "CUSTOM:SignalIrfft": _transform,
    "CUSTOM:SignalOverlapAdd": _overlap_add,
    "CUSTOM:SignalPCAN": _pcan,
    "CUSTOM:SignalRfft": _transform,
    "CUSTOM:SignalStacker": _stacker,
    "CUSTOM:SignalWindow": _window,
}


@rule(" ".join(SIZES), VALUE, REMEDY, unchecked=True)
def signal_sizes(op: Operator) -> Verdict:
    """Tensors have as many numbers as the options of a signal operator say: kernels read and write so many."""
    scalars = [tensor for tensor in (op.input, op.output) if tensor.rank == 0]
    if scalars:
        return require(False, scalars[0], "is a scalar")
    return first_broken(SIZES[op.name](op, **op.custom_options))
