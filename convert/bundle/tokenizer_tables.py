"""A tokenizer to the tables that the device's tokenizer reads (`tflm_app/embbert/tokenizer_tables.h`)."""

import json
from dataclasses import dataclass
from itertools import groupby

from convert.bundle.cpp import array, header, source
from convert.bundle.unicode_tables import ActionTable, pack_actions, probe_unicode
from tf_embbert.common.errors import UserError
from tf_embbert.tokenizer import SPECIAL_TOKENS, Tokenizer

MAX_IDS = 1 << 16  # the device holds ids and ranks of merges in 16 bits; the last rank is "no merge"


@dataclass(frozen=True)
class Merges:
    """BPE merges grouped by left id, and the ids they make.

    Attributes:
        groups: {left id: [(right id, rank)]}, ascending.
        first_id: what the merge of rank 0 makes; the next ones make the next ids,
        exceptions: but for these [(rank, id)], ascending.
    """

    groups: dict[int, list[tuple[int, int]]]
    first_id: int
    exceptions: list[tuple[int, int]]


def tokenizer_sources(tokenizer: Tokenizer) -> dict[str, bytes]:
    """tokenizer_data.{h,cc} of a tokenizer, by name; the same tokenizer gives the same bytes.

    Raises:
        UserError: the vocabulary is too large for the device, or its merges use a special token.
    """
    model = json.loads(tokenizer.to_json())["model"]
    if len(model["vocab"]) > MAX_IDS or len(model["merges"]) >= MAX_IDS:
        raise UserError(
            f"the tokenizer has {len(model['vocab'])} tokens and {len(model['merges'])} merges; the device "
            f"takes fewer than {MAX_IDS}"
        )
    unicode = probe_unicode()
    characters = {
        token: i for token, i in model["vocab"].items() if len(token) == 1 and ord(token) not in unicode.replacements
    }  # which are in no normalised text
    actions = pack_actions(unicode, set(characters))
    merges = _pack_merges(model["vocab"], [tuple(pair) for pair in model["merges"]])
    declaration = "extern const TokenizerTables kTokenizer;\n"
    definitions = _definitions(len(model["vocab"]), characters, actions, merges)
    return {
        "tokenizer_data.h": header("EMBBERT_BUNDLE_TOKENIZER_DATA_H_", ['"embbert/tokenizer_tables.h"'], declaration),
        "tokenizer_data.cc": source(['"tokenizer_data.h"'], definitions),
    }


def _pack_merges(vocab: dict[str, int], pairs: list[tuple[str, str]]) -> Merges:
    if any(piece in SPECIAL_TOKENS for pair in pairs for piece in (*pair, "".join(pair))):
        raise UserError("the tokenizer merges special tokens, which the device's does not")
    ranks = {(vocab[left], vocab[right]): rank for rank, (left, right) in enumerate(pairs)}
    groups = {
        left: [(right, rank) for (_, right), rank in group]
        for left, group in groupby(sorted(ranks.items()), lambda item: item[0][0])
    }
    first_id = vocab["".join(pairs[0])] if pairs else 0
    exceptions: list[tuple[int, int]] = []
    for rank, (left, right) in enumerate(pairs):
        if vocab[left + right] != first_id + rank - len(exceptions):
            exceptions.append((rank, vocab[left + right]))
    return Merges(groups, first_id, exceptions)


def _definitions(vocab_size: int, characters: dict[str, int], actions: ActionTable, merges: Merges) -> str:
    in_order = sorted(characters)
    entries = [entry for group in merges.groups.values() for entry in group]
    starts = [0]
    for group in merges.groups.values():
        starts.append(starts[-1] + len(group))
    kinds = [f"{{ActionKind::k{kind.name.title()}, {value}}}" for kind, value in actions.actions]
    sequences = ["{{" + ", ".join(str(ord(c)) for c in s) + "}}" for s in actions.sequences]
    exceptions = [f"{{{rank}, {i}}}" for rank, i in merges.exceptions]
    return "\n".join(
        [
            "namespace {\n",
            array("const uint32_t kActionStarts[]", actions.starts),
            array("const Action kActions[]", kinds),
            array("const Sequence kSequences[]", sequences),
            array("const uint32_t kCharacters[]", map(ord, in_order)),
            array("const uint16_t kCharacterIds[]", [characters[c] for c in in_order]),
            array("const uint16_t kMergeLefts[]", merges.groups),
            array("const uint16_t kMergeStarts[]", starts),
            array("const uint16_t kMergeRights[]", [right for right, _ in entries]),
            array("const uint16_t kMergeRanks[]", [rank for _, rank in entries]),
            array("const MergeException kMergeExceptions[]", exceptions or ["{0, 0}"]),
            "}  // namespace\n",
            "const TokenizerTables kTokenizer = {\n"
            f"    {vocab_size},\n"
            f"    {{kActionStarts, {len(actions.starts)}}},\n    {{kActions, {len(actions.actions)}}},\n"
            f"    {{kSequences, {len(sequences)}}},\n"
            f"    {{kCharacters, {len(in_order)}}},\n    kCharacterIds,\n"
            f"    {{kMergeLefts, {len(merges.groups)}}},\n    kMergeStarts,\n    kMergeRights,\n    kMergeRanks,\n"
            f"    {merges.first_id},\n    {{kMergeExceptions, {len(exceptions)}}},\n"
            "};\n",
        ]
    )
