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
# Who plans the arena: the file, with activations that share memory; TFLM's planner; that, where each block is one
# operator, of tflm_app/kernels.
PLANS = ("offline", "stock", "fused")
