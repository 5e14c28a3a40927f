"""For every operator of TFLM's signal library a tiny model that it runs, and edits that break its rules."""

from typing import Any

import numpy as np
from flatbuffers import flexbuffers

from convert.tflite.model import schema
from tests.support.agreement_models import Spec, Tensor

INT16, FLOAT32 = 7, 0


def sound(*shape: int, **more: Any) -> Tensor:
    return Tensor("int16", shape, quantized=False, **more)


def energy(*shape: int) -> Tensor:
    return Tensor("uint32", shape)


def signal(name: str, inputs: list[Tensor], outputs: list[Tensor], **options: Any) -> Spec:
    """A model of one operator with options; without any it has none."""

    def change(model: schema.ModelT) -> None:
        model.subgraphs[0].operators[0].customOptions = np.frombuffer(flexbuffers.Dumps(options), np.uint8)

    return Spec(f"CUSTOM:Signal{name}", inputs, outputs, change=change if options else None)


SUBTRACTION = {
    "alternate_one_minus_smoothing": 15401,
    "alternate_smoothing": 983,
    "clamping": False,
    "min_signal_remaining": 819,
    "num_channels": 4,
    "one_minus_smoothing": 15975,
    "smoothing": 409,
    "smoothing_bits": 10,
    "spectral_subtraction_bits": 14,
}
STACK = {"num_channels": 3, "stacker_left_context": 2, "stacker_right_context": 1, "stacker_step": 2}
BANDS = [sound(3, data=[0, 1, 3]), sound(3, data=[0, 2, 4]), sound(3, data=[2, 2, 2])]


def filter_bank(channels: int = 2, bands: list[Tensor] = BANDS) -> Spec:
    return signal(
        "FilterBank",
        [energy(5), sound(6, data=3), sound(6, data=5), *bands],
        [Tensor("uint64", (2,))],
        num_channels=channels,
    )


def rfft(type: str = "int16", T: int = INT16, length: int = 16, samples: int = 12) -> Spec:
    make = [Tensor(type, (2, samples), quantized=False)], [Tensor(type, (2, length + 2), quantized=False)]
    return signal("Rfft", *make, T=T, fft_length=length)


def irfft(type: str = "int16", T: int = INT16, length: int = 16) -> Spec:
    make = [Tensor(type, (2, length + 2), quantized=False)], [Tensor(type, (2, length), quantized=False)]
    return signal("Irfft", *make, T=T, fft_length=length)


def framer(size: int = 6, step: int = 4, prefill: bool = True) -> Spec:
    outputs = [sound(2, 2, 6), Tensor("bool", ())]
    return signal("Framer", [sound(2, 8)], outputs, frame_size=size, frame_step=step, prefill=prefill)


def overlap_add(type: str = "int16", T: int = INT16, step: int = 4) -> Spec:
    make = [Tensor(type, (3, 2, 6), quantized=False)], [Tensor(type, (3, 8), quantized=False)]
    return signal("OverlapAdd", *make, T=T, frame_step=step)


def pcan(shift: int = 6) -> Spec:
    return signal("PCAN", [energy(4), energy(4), sound(125, data=9)], [energy(4)], snr_shift=shift)


SIGNAL_BASES = {
    spec.op: spec
    for spec in (
        signal("Delay", [sound(2, 5)], [sound(2, 5)], delay_length=3),
        signal("Energy", [sound(10)], [energy(5)], start_index=1, end_index=4),
        signal("FftAutoScale", [sound(8)], [sound(8), Tensor("int32", ())]),
        filter_bank(),
        signal("FilterBankLog", [energy(4)], [sound(4)], input_correction_bits=3, output_scale=64),
        signal("FilterBankSpectralSubtraction", [energy(4)], [energy(4), energy(4)], **SUBTRACTION),
        signal("FilterBankSquareRoot", [Tensor("uint64", (4,)), Tensor("int32", ())], [energy(4)]),
        framer(),
        irfft(),
        overlap_add(),
        pcan(),
        rfft(),
        signal("Stacker", [sound(3)], [sound(12), Tensor("bool", ())], **STACK),
        signal("Window", [sound(2, 6), sound(6, data=7)], [sound(2, 6)], shift=12),
    )
}
# More models that run, some for the sizes of their states.
SIGNAL_KEPT = {
    "float transform": rfft("float32", FLOAT32, 32),
    "int32 transform": rfft("int32", 2, 18),
    "transform of 512": rfft(length=512, samples=480),
    "float inverse": irfft("float32", FLOAT32, 6),
    "int32 inverse": irfft("int32", 2, 64),
    "float overlap": overlap_add("float32", FLOAT32),
    "no prefill": framer(prefill=False),
    "many rows": signal("Delay", [sound(40, 3)], [sound(40, 3)], delay_length=0),
}


def edited(name: str, **edits: Any) -> Spec:
    return SIGNAL_BASES[f"CUSTOM:Signal{name}"].edited(edits)


FAR = 400_000  # numbers; the arena has 256 KiB
# Models that break a rule; where TFLM does not check it, by reading or writing beyond a tensor.
SIGNAL_BROKEN = {
    "signal_options": [
        edited("Window", change=None),
        signal("Energy", [sound(10)], [energy(5)], start_index=1),
        signal("Energy", [sound(10)], [energy(5)], start_index=1, end_index="4"),
    ],
    "signal_type_option": [rfft(T=FLOAT32), overlap_add(T=9), irfft(T=1)],
    "signal_ranks": [edited("Energy", i0=sound(1, 10)), edited("FftAutoScale", o1=Tensor("int32", (1,)))],
    "signal_frames_ranks": [edited("Framer", o0=sound(4, 6)), edited("Window", i1=sound(1, 6, data=7))],
    "signal_frame_step": [framer(step=3), framer(step=5)],
    "signal_sizes": [
        signal("Energy", [sound(10)], [energy(5)], start_index=0, end_index=FAR),
        signal("Window", [sound(FAR), sound(6, data=7)], [sound(2)], shift=12),
        rfft(length=16, samples=FAR),
        pcan().edited({"i2": sound(3, data=9)}),
        edited("Delay", i0=sound(1, FAR), o0=sound(2, 5)),
        filter_bank(channels=-4),
        filter_bank(bands=[sound(3, data=30_000)] * 3),
        framer(size=3),
        overlap_add(step=7),
        signal("Stacker", [sound(3)], [sound(12), Tensor("bool", ())], **STACK | {"num_channels": FAR}),
    ],
}
