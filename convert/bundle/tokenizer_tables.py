"""A tokenizer to the tables that the device's tokenizer reads (`tflm_app/embbert/tokenizer_tables.h`)."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby

import numpy as np

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


@dataclass(frozen=True)
class Tables:
    """A tokenizer as the device reads it.

    Attributes:
        vocab_size: number of ids.
        characters: {character: id} of those that have one.
        actions: what becomes of each character of a text.
        merges: of BPE.
    """

    vocab_size: int
    characters: dict[str, int]
    actions: ActionTable
    merges: Merges

    @property
    def merge_starts(self) -> list[int]:
        """Where the entries of each left id begin, and where the last ones end."""
        return [0, *accumulate(map(len, self.merges.groups.values()))]

    @property
    def merge_entries(self) -> list[tuple[int, int]]:
        """(right id, rank) of all groups, one after another."""
        return [entry for group in self.merges.groups.values() for entry in group]


def tokenizer_sources(tokenizer: Tokenizer) -> dict[str, bytes]:
    """tokenizer_data.{h,cc} of a tokenizer, by name; the same tokenizer gives the same bytes.

    Raises:
        UserError: the vocabulary is too large for the device, or its merges use a special token.
    """
    declaration = "extern const TokenizerTables kTokenizer;\n"
    definitions = _definitions(_make_tables(tokenizer.to_json()))
    return {
        "tokenizer_data.h": header("EMBBERT_BUNDLE_TOKENIZER_DATA_H_", ['"embbert/tokenizer_tables.h"'], declaration),
        "tokenizer_data.cc": source(['"tokenizer_data.h"'], definitions),
    }


def tables_sha256(tokenizer: Tokenizer) -> str:
    """SHA-256 of the tables as they lie in the device's memory, one after another, as `TokenizerTables` has them."""
    tables = _make_tables(tokenizer.to_json())
    merges, characters = tables.merges, sorted(tables.characters)
    actions = [kind | (value & 0xFFFFFF) << 8 for kind, value in tables.actions.actions]
    sequences = [[ord(c) for c in text] + [0] * (3 - len(text)) for text in tables.actions.sequences]
    arrays = [
        ("<u4", [tables.vocab_size, *tables.actions.starts, *actions, *np.ravel(sequences), *map(ord, characters)]),
        ("<u2", [tables.characters[c] for c in characters]),
        ("<u2", [*merges.groups, *tables.merge_starts]),
        ("<u2", [right for right, _ in tables.merge_entries] + [rank for _, rank in tables.merge_entries]),
        ("<u2", [merges.first_id, *np.ravel(merges.exceptions)]),
    ]
    return hashlib.sha256(b"".join(np.array(values, kind).tobytes() for kind, values in arrays)).hexdigest()


@lru_cache(maxsize=1)
def _make_tables(tokenizer_json: str) -> Tables:
    model = json.loads(tokenizer_json)["model"]
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
    return Tables(len(model["vocab"]), characters, actions, merges)


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


def _definitions(tables: Tables) -> str:
    actions, merges = tables.actions, tables.merges
    in_order = sorted(tables.characters)
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
            array("const uint16_t kCharacterIds[]", [tables.characters[c] for c in in_order]),
            array("const uint16_t kMergeLefts[]", merges.groups),
            array("const uint16_t kMergeStarts[]", tables.merge_starts),
            array("const uint16_t kMergeRights[]", [right for right, _ in tables.merge_entries]),
            array("const uint16_t kMergeRanks[]", [rank for _, rank in tables.merge_entries]),
            array("const MergeException kMergeExceptions[]", exceptions or ["{0, 0}"]),
            "}  // namespace\n",
            "const TokenizerTables kTokenizer = {\n"
            f"    {tables.vocab_size},\n"
            f"    {{kActionStarts, {len(actions.starts)}}},\n    {{kActions, {len(actions.actions)}}},\n"
            f"    {{kSequences, {len(sequences)}}},\n"
            f"    {{kCharacters, {len(in_order)}}},\n    kCharacterIds,\n"
            f"    {{kMergeLefts, {len(merges.groups)}}},\n    kMergeStarts,\n    kMergeRights,\n    kMergeRanks,\n"
            f"    {merges.first_id},\n    {{kMergeExceptions, {len(exceptions)}}},\n"
            "};\n",
        ]
    )
