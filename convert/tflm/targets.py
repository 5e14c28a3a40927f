"""What a conversion can be made for; a file of its own so that the commands' --help needs nothing else."""

from convert.tflm.structs import ARM32, ARM32_DSP, ARM32_MVE

CORES = {
    "cortex-m0plus": ARM32,
    "cortex-m3": ARM32,
    "cortex-m4": ARM32_DSP,
    "cortex-m7": ARM32_DSP,
    "cortex-m33": ARM32_DSP,
    "cortex-m55": ARM32_MVE,
    "cortex-m85": ARM32_MVE,
}
CORE = "cortex-m7"  # the same structs and scratch as a Cortex-M4 and M33
KERNELS = ("cmsis_nn", "fast")  # fast: those of tflm_app/kernels over CMSIS-NN's
# Plans in which each block is one operator of tflm_app/kernels, and the bits of its dense weights.
FUSED = {"fused": 8, "fused-int4": 4}
# Who plans the arena: the file, with activations that share memory; TFLM's planner; that, for fused blocks.
PLANS = ("offline", "stock", *FUSED)
