"""The options that the commands about models share."""

import argparse

KERNELS = ("cmsis_nn", "reference", "fast")  # fast: those of tflm_app/kernels, and CMSIS-NN's for all else
LIBRARIES = ("main", "arduino", "pico", "esp")


def add_target_arguments(parser: argparse.ArgumentParser, core: str = "every Cortex-M") -> None:
    """Gives a parser --core and --kernels; `core` says what is taken when none is named."""
    parser.add_argument("--core", metavar="ID", help=f"cortex-m4 and the like, or host64 (default: {core})")
    parser.add_argument("--kernels", choices=KERNELS, help="default: cmsis_nn; on host64 reference")
    add_library_argument(parser)


def add_library_argument(parser: argparse.ArgumentParser) -> None:
    """Gives a parser --tflm; `LIBRARIES` are the names in convert/tflm/libraries.yaml."""
    parser.add_argument(
        "--tflm",
        choices=LIBRARIES,
        default=LIBRARIES[0],
        help="which TFLM the firmware has: tensorflow/tflite-micro, its Arduino library, pico-tflmicro or "
        "esp-tflite-micro (default: main)",
    )
