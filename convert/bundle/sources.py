"""The C++ sources of a bundle: all that a firmware compiles of it. The same bundle gives the same bytes."""

from collections.abc import Sequence

import numpy as np

from convert.bundle.bundle import labels_text
from convert.bundle.confidence import exponentials, thousandths
from convert.bundle.cpp import array, header, source, string
from convert.bundle.manifest import sha256
from convert.bundle.tokenizer_tables import tables_sha256, tokenizer_sources
from convert.tflite.lengths import list_all_ops, split_lengths
from convert.tflite.model import input_length, output_quantization, read_model, takes_pairs
from convert.tflite.view import view_model
from convert.tflm.resolver import resolver_call, resolver_method
from tf_embbert.tokenizer import Tokenizer

ALIGNMENT = 16  # of a model in memory (MicroInterpreter reads it in place)

# Those that tflm_app/kernels/kernels.h has a registration for.
WITH_KERNELS = (
    "ADD",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "HARD_SWISH",
    "L2_NORMALIZATION",
    "LOGISTIC",
    "MUL",
    "SOFTMAX",
    "SUB",
    "TANH",
)


def firmware_sources(
    name: str,
    model: bytes,
    offsets: dict[int, int],
    tokenizer: Tokenizer,
    labels: list[str] | None,
    golden: list[dict],
    arena: dict[str, dict[str, dict]],
    reject: float | None = None,
    own_kernels: bool = True,
    windows: int = 1,
) -> dict[str, bytes]:
    """The generated sources of a bundle.

    Args:
        name: of the bundle.
        model: the bytes of model.tflite.
        offsets: byte at which the model of each length begins.
        tokenizer: its tokenizer.
        labels: of the classes; None for regression.
        golden: rows of golden.json.
        arena: figures by core and kernels, as in the manifest; of each the `total` in bytes.
        reject: the confidence below which an answer is rejected; None rejects none.
        own_kernels: whether the resolver takes those of tflm_app/kernels.
        windows: of the longest length, in which a text is read at most.

    Returns:
        Contents by file name: model_data, tokenizer_data and golden_data as .h and .cc, op_resolver.h, bundle.h.

    Raises:
        UserError: the tokenizer is not one for the device.
    """
    golden_sources = _golden_sources(golden, _hashes(tokenizer, labels, golden))
    sources = {**_model_sources(model), **tokenizer_sources(tokenizer), **golden_sources}
    facts = _facts(name, model, offsets, labels, arena, reject, windows)
    return {
        **sources,
        "op_resolver.h": _op_resolver(split_lengths(model, offsets), own_kernels),
        "bundle.h": header(
            "EMBBERT_BUNDLE_BUNDLE_H_", ["<cstddef>", "<cstdint>", "", '"embbert/bundle_types.h"'], facts
        ),
    }


def _model_sources(model: bytes) -> dict[str, bytes]:
    table = exponentials(output_quantization(read_model(model))[0])
    declaration = (
        f"constexpr size_t kModelSize = {len(model)};\n"
        f"alignas({ALIGNMENT}) extern const unsigned char kModel[kModelSize];\n\n"
        "// exp(-scale * i) in 1/32768, of a logit i below the largest one; from the end on 0.\n"
        f"constexpr size_t kExponentialCount = {len(table)};\n"
        "extern const uint16_t kExponentials[kExponentialCount];\n"
    )
    data = array(f"alignas({ALIGNMENT}) const unsigned char kModel[kModelSize]", model)
    data += "\n" + array("const uint16_t kExponentials[kExponentialCount]", table)
    return {
        "model_data.h": header("EMBBERT_BUNDLE_MODEL_DATA_H_", ["<cstddef>", "<cstdint>"], declaration),
        "model_data.cc": source(['"model_data.h"'], data),
    }


def _golden_sources(golden: list[dict], hashes: dict[str, str]) -> dict[str, bytes]:
    """golden_data.{h,cc}: what the app holds itself to; `hashes` by what they are of."""
    notes = "".join(f"extern const char k{part}Sha256[{len(text) + 1}];\n" for part, text in hashes.items())
    declaration = (
        f"extern const Span<GoldenRow> kGolden;\n\n// Of tokenizer.json, labels.txt, kTokenizer and kGolden.\n{notes}"
    )
    arrays, rows = [], []
    for i, row in enumerate(golden):
        arrays += [array(f"const int32_t kIds{i}[]", row["tokens"]), array(f"const int8_t kLogits{i}[]", row["logits"])]
        texts = ", ".join(_text(text) for text in (row["text"], row["pair"]))
        rows.append(f"    {{{texts}, {{kIds{i}, {len(row['tokens'])}}}, kLogits{i}}},\n")
    table = f"const GoldenRow kRows[] = {{\n{''.join(rows)}}};\n"
    body = "\n".join(
        [
            "namespace {\n",
            *arrays,
            table,
            "}  // namespace\n",
            f"const Span<GoldenRow> kGolden = {{kRows, {len(golden)}}};\n",
            *(f"const char k{part}Sha256[] = {string(text)};" for part, text in hashes.items()),
            "",
        ]
    )
    return {
        "golden_data.h": header("EMBBERT_BUNDLE_GOLDEN_DATA_H_", ['"embbert/bundle_types.h"'], declaration),
        "golden_data.cc": source(['"golden_data.h"'], body),
    }


def _text(text: str | None) -> str:
    return "nullptr, 0" if text is None else f"{string(text)}, {len(text.encode())}"


def _op_resolver(models: dict[int, bytes], own_kernels: bool) -> bytes:
    ours = WITH_KERNELS if own_kernels else ()
    names = sorted({op["name"] for op in list_all_ops(models.values())})
    calls = "".join(f"  TF_LITE_ENSURE_STATUS(resolver->{_registration(name, ours)});\n" for name in names)
    body = (
        f"using OpResolver = tflite::MicroMutableOpResolver<{len(names)}>;\n\n"
        f"// Registers the operators that the model uses.\n"
        f"inline TfLiteStatus AddOps(OpResolver* resolver) {{\n{calls}  return kTfLiteOk;\n}}\n"
    )
    includes = ['"kernels/kernels.h"'] * own_kernels + ['"tensorflow/lite/micro/micro_mutable_op_resolver.h"']
    return header("EMBBERT_BUNDLE_OP_RESOLVER_H_", includes, body)


def _registration(name: str, ours: Sequence[str]) -> str:
    """The call of the resolver's method, with a kernel of ours where there is one."""
    method = resolver_method(name)
    return f"{method}({method.replace('Add', 'kernels::', 1)}())" if name in ours else resolver_call(name)


def _facts(
    name: str,
    model: bytes,
    offsets: dict[int, int],
    labels: list[str] | None,
    arena: dict,
    reject: float | None,
    windows: int,
) -> str:
    scale, zero_point = output_quantization(read_model(model))
    figures = [
        f'{{"{core}", "{kernels}", {figure["total"]}}}'
        for core, builds in arena.items()
        for kernels, figure in builds.items()
    ]
    return "\n".join(
        [
            f"constexpr char kName[] = {string(name)};",
            f"constexpr char kModelSha256[] = {string(sha256(model))};  // of model.tflite, which is kModel",
            f"constexpr size_t kSequenceLength = {input_length(model)};",
            f"constexpr size_t kWindows = {windows};  // of so many ids, in which a longer text is read, at most",
            f"constexpr size_t kTokenRows = {_token_rows(model)};  // of the token table: ids must be below",
            f"constexpr bool kTakesPairs = {str(takes_pairs(model)).lower()};",
            f"constexpr bool kIsRegression = {str(labels is None).lower()};",
            f"constexpr size_t kClasses = {len(labels or [None])};  // logits",
            f"constexpr float kOutputScale = {scale!r}f;  // real value = scale * (logit - zero point)",
            f"constexpr int kOutputZeroPoint = {zero_point};",
            f"constexpr uint32_t kReject = {thousandths(reject)};  // confidence below which an answer is rejected\n",
            array("inline constexpr const char* kLabels[kClasses]", map(string, labels) if labels else ["nullptr"]),
            array("inline constexpr ArenaFigure kArenas[]", figures),
            "// The shortest first; a text goes to the first that holds it.",
            array("inline constexpr ModelLength kLengths[]", (f"{{{n}, {at}}}" for n, at in sorted(offsets.items()))),
        ]
    )


def _hashes(tokenizer: Tokenizer, labels: list[str] | None, golden: list[dict]) -> dict[str, str]:
    """SHA-256 of what the app hashes in flash beside the model (tflm_app/app/parts.cc), and of the tokenizer's file."""
    return {
        "Tokenizer": sha256(tokenizer.to_json().encode()),
        "Labels": sha256(labels_text(labels)),
        "Tables": tables_sha256(tokenizer),
        "Golden": sha256(_golden_bytes(golden)),
    }


def _golden_bytes(golden: list[dict]) -> bytes:
    """Of each row its texts, ids and logits as they lie in memory, sizes before the texts."""
    parts = []
    for row in golden:
        texts = [(text or "").encode() for text in (row["text"], row["pair"])]
        ids, logits = np.array(row["tokens"], "<i4").tobytes(), np.array(row["logits"], np.int8).tobytes()
        for data in texts:
            parts += [len(data).to_bytes(4, "little"), data]
        parts += [ids, logits]
    return b"".join(parts)


def _token_rows(model: bytes) -> int:
    """Rows of the table in which the first input's ids are looked up; of a loop over the tokens, in its body."""
    for graph in view_model(model).graphs:
        ids = {graph.inputs[0]}
        for op in graph.operators:
            if op.name == "GATHER" and op.inputs[1].index in ids:
                return op.input.shape[0]
            if op.name in ("SLICE", "RESHAPE") and op.input.index in ids:
                ids.add(op.outputs[0].index)
    raise ValueError("no table of tokens in the model")
