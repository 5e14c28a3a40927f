"""Weights of the paper's reference implementation (PyTorch) to a run, and a run's back to it.

    python -m tf_embbert.checkpoints model.safetensors --tokenizer tokenizer.json --out runs/theirs
    python -m tf_embbert.checkpoints runs/sst2 --export sst2.safetensors

Sizes follow from the tensors' shapes; a tensor that does not fit is named. No code of a checkpoint runs: a .pth file is
read by PyTorch (`pip install 'tf-embbert[torch]'`) with `weights_only`.
"""

import sys
from collections.abc import Sequence

from tf_embbert.common.arguments import CommandParser
from tf_embbert.common.errors import UserError, run_command
from tf_embbert.reference.conversion import export_checkpoint, import_checkpoint


def parser() -> CommandParser:
    """The command line."""
    parse = CommandParser(prog="python -m tf_embbert.checkpoints", description=(__doc__ or "").split("\n")[0])
    parse.add_argument("source", help="a .safetensors or .pth file, or a Hugging Face folder; with --export, a run")
    way = parse.add_mutually_exclusive_group(required=True)
    way.add_argument("--out", metavar="RUN", help="make a run of the checkpoint")
    way.add_argument("--export", metavar="FILE", help="write the run's float weights, by the reference's names")
    parse.add_argument("--tokenizer", metavar="FILE", help="of the checkpoint (default: tokenizer.json beside it)")
    parse.add_argument("--force", action="store_true", help="replace what is there")
    return parse


@run_command
def main(arguments: Sequence[str] | None = None) -> None:
    """Converts, and says what to do next."""
    options = parser().parse_args(arguments)
    if options.export:
        if options.tokenizer:
            raise UserError("--tokenizer goes with --out: a run has its own")
        count = export_checkpoint(options.source, options.export, force=options.force)
        print(f"{count} tensors written to {options.export}; the tokenizer is {options.source}/tokenizer.json")
        return
    import_checkpoint(options.source, options.out, tokenizer=options.tokenizer, force=options.force)
    print(f"run written to {options.out}; next: python -m tf_embbert.finetune --init {options.out} --task ...")


if __name__ == "__main__":
    sys.exit(main())
