"""The project's commands by one name: `embbert finetune ..` is `python -m tf_embbert.finetune ..`."""

import importlib
import sys

from tf_embbert.common.errors import UserError, nearest, run_command

COMMANDS = {
    "finetune": ("tf_embbert.finetune", "trains and quantises a model on texts with labels; writes a run"),
    "evaluate": ("tf_embbert.evaluate", "what a run, or a bundle in TFLM, gets right"),
    "predict": ("convert.predict", "what a bundle answers to texts"),
    "pretrain": ("tf_embbert.pretrain", "trains an encoder on plain text, for finetune to start from"),
    "checkpoints": ("tf_embbert.checkpoints", "weights of the paper's PyTorch implementation, there and back"),
    "convert": ("convert.convert", "makes a run a bundle: model, tokenizer, sources, report"),
    "verify": ("convert.verify", "whether a bundle is what it says"),
    "arduino": ("convert.arduino", "a bundle as an Arduino sketch"),
    "firmware": ("convert.firmware", "a bundle as a project for Zephyr, PlatformIO, Arduino, a Pico or a Makefile"),
}


@run_command
def main(arguments: list[str] | None = None) -> int:
    """Runs the command that is named first; its own options follow."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        print("usage: embbert COMMAND ...\n\nCommands; each has --help:")
        print(*(f"  {command:{width}}  {says}" for command, (_, says) in COMMANDS.items()), sep="\n")
        return 0
    if name not in COMMANDS:
        raise UserError(f"unknown command {name!r}: {nearest(name, COMMANDS) or 'one of ' + ', '.join(COMMANDS)}")
    return importlib.import_module(COMMANDS[name][0]).main(rest) or 0


if __name__ == "__main__":
    sys.exit(main())
