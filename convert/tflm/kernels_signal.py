"""What TFLM's signal library takes from the arena: states of filters and transforms, kept from one frame to the next.

Sources are relative to signal/micro/kernels; the states are those of signal/src/circular_buffer.cc and of kissfft. The
options of these operators are custom ones, which `rules/signals.py` holds to be there.
"""

from convert.tflm.kernels_reference import Kernel
from convert.tflm.prepare import Node

TENSOR_TYPES = {0: "float", 2: "int", 7: "short"}  # TFLite's numbers of the types that transforms have, and C's names


def _option(node: Node, name: str) -> int:
    return int(node.op.custom_options[name])


def _element(node: Node) -> str:
    """The C type that a transform's option T stands for."""
    return TENSOR_TYPES[_option(node, "T")]


def _circular_buffer(node: Node, capacity: int) -> int:
    """CircularBufferGetNeededMemory: each sample is kept twice."""
    return node.build.size("CircularBuffer") + 2 * 2 * capacity


def _rows(node: Node) -> int:
    """The product of all dimensions but the last."""
    return node.elements("i0") // node.dims("i0")[-1]


def _transform_state(node: Node, before: int = 0) -> None:
    """kiss_fftr_alloc: a complex transform of half the length, its buffer and half as many twiddles again; bytes before
    it.
    """
    half, complex_number = _option(node, "fft_length") // 2, 2 * node.build.size(_element(node))
    inner = node.build.size("kiss_fft_state") + complex_number * half
    node.persistent(before + node.build.size("kiss_fftr_state") + inner + complex_number * (half * 3 // 2))


def _delay(node: Node) -> None:
    node.temporaries("i0 o0")
    _circular_buffers(node, node.dims("i0")[-1] + _option(node, "delay_length"))


def _circular_buffers(node: Node, capacity: int) -> None:
    """Two tables of pointers, and a circular buffer for each row."""
    for _ in ("states", "buffers"):
        node.persistent(node.build.pointer * _rows(node))
    node.persistent_each(_rows(node), _circular_buffer(node, capacity))


def _filter_bank(node: Node) -> None:
    node.persistent_struct("SignalFilterBankParams")
    node.persistent(8 * (_option(node, "num_channels") + 1))


def _framer(node: Node) -> None:
    node.temporaries("i0 o0 o1")
    step = _option(node, "frame_step")
    _circular_buffers(node, -(-_option(node, "frame_size") // step) * step)


def _irfft(node: Node) -> None:
    node.persistent_struct("SignalIrfftParams")
    _transform_state(node, node.build.size("IrfftFloatState") if _element(node) == "float" else 0)


def _overlap_add(node: Node) -> None:
    node.temporaries("i0 o0")
    frames, frame_size = node.dims("i0")[-2:]
    rows = node.elements("i0") // (frames * frame_size)
    node.persistent(node.build.pointer * rows)
    node.persistent_each(rows, node.build.size(_element(node)) * frame_size)


def _rfft(node: Node) -> None:
    node.persistent_struct("SignalRfftParams")
    _transform_state(node)


def _rfft_prepare(node: Node) -> None:
    node.temporaries("i0 o0")
    node.scratch(node.build.size(_element(node)) * _option(node, "fft_length"))


def _spectral_subtraction(node: Node) -> None:
    node.persistent_struct("SignalSpectralSubtractionParams")
    node.persistent(4 * _option(node, "num_channels"))


def _stacker(node: Node) -> None:
    node.persistent_struct("SignalStackerParams")
    frames = _option(node, "stacker_left_context") + _option(node, "stacker_right_context") + 1
    node.persistent(_circular_buffer(node, _option(node, "num_channels") * frames))


SIGNAL_KERNELS = {
    "CUSTOM:SignalDelay": Kernel("delay.cc", None, "SignalDelayParams", _delay),
    "CUSTOM:SignalEnergy": Kernel("energy.cc", None, "SignalEnergyParams", "i0 o0"),
    "CUSTOM:SignalFftAutoScale": Kernel("fft_auto_scale_common.cc", None, None, "i0 o0 o1"),
    "CUSTOM:SignalFilterBank": Kernel("filter_bank.cc", None, _filter_bank, "i0 i1 i2 i3 i4 i5 o0"),
    "CUSTOM:SignalFilterBankLog": Kernel("filter_bank_log.cc", None, "SignalLogParams", "i0 o0"),
    "CUSTOM:SignalFilterBankSpectralSubtraction": Kernel(
        "filter_bank_spectral_subtraction.cc", None, _spectral_subtraction, "i0 o0 o1"
    ),
    "CUSTOM:SignalFilterBankSquareRoot": Kernel("filter_bank_square_root_common.cc", None, None, "i0 i1 o0"),
    "CUSTOM:SignalFramer": Kernel("framer.cc", None, "SignalFramerParams", _framer),
    "CUSTOM:SignalIrfft": Kernel("irfft.cc", None, _irfft, "i0 o0"),
    "CUSTOM:SignalOverlapAdd": Kernel("overlap_add.cc", None, "SignalOverlapAddParams", _overlap_add),
    "CUSTOM:SignalPCAN": Kernel("pcan.cc", None, "SignalPcanParams", "i0 i1 i2 o0"),
    "CUSTOM:SignalRfft": Kernel("rfft.cc", None, _rfft, _rfft_prepare),
    "CUSTOM:SignalStacker": Kernel("stacker.cc", None, _stacker, "i0 o0 o1"),
    "CUSTOM:SignalWindow": Kernel("window.cc", None, "SignalWindowParams", "i0 i1 o0"),
}
