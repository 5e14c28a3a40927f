"""A bundle as an Arduino sketch: `python -m convert.firmware BUNDLE --as arduino`, by a shorter name.

    python -m convert.arduino BUNDLE --out SKETCH [--core ID] [--tflm NAME [--kernels NAME] | --tflm-tree TREE]
                              [--force]

The sketch takes your own library of TensorFlow Lite Micro, which its .ino includes by name: TFLM's Arduino library of
2023, for which model and arena are made anew, or one of today (`--tflm main`). With --tflm-tree the sketch takes a
source tree of TFLM along instead, and needs no library. Exit status: 0, or 2 on bad input with nothing written.
"""

from convert.firmware import read_options, write_export
from tf_embbert.common.errors import run_command


@run_command
def main(arguments: list[str] | None = None) -> None:
    write_export(read_options(arguments, "python -m convert.arduino", "arduino"))


if __name__ == "__main__":
    raise SystemExit(main())
