"""The OfflineMemoryAllocation metadata of a .tflite model: offsets that TFLM takes instead of planning.

Sources: micro/docs/memory_management.md and GetOfflinePlannedOffsets in micro/micro_allocation_info.cc.
"""

import copy
from collections.abc import Mapping

import numpy as np

from convert.tflite import schema
from convert.tflite.model import text

OFFLINE_PLAN = "OfflineMemoryAllocation"
OFFLINE_HEADER = 3  # version, graph, number of tensors; then int32 offsets
VERSION, GRAPHS = 1, 1
ONLINE = -1  # offset of a buffer that the planner is free to place (kOnlinePlannedBuffer)


def write_plan(model: schema.ModelT, offsets: Mapping[int, int]) -> schema.ModelT:
    """A model of one graph with a plan.

    Args:
        model: the model, without a plan.
        offsets: where each tensor begins in the head, in bytes, by its index; the others are left to TFLM.
    """
    tensors = np.full(len(model.subgraphs[0].tensors), ONLINE, np.int32)
    for tensor, offset in offsets.items():
        tensors[tensor] = offset
    data = np.concatenate([[VERSION, GRAPHS, len(tensors)], tensors]).astype("<i4")
    planned = copy.copy(model)
    entry = schema.MetadataT()
    entry.name, entry.buffer = OFFLINE_PLAN.encode(), len(model.buffers)
    planned.metadata = [*(model.metadata or []), entry]
    planned.buffers = [*model.buffers, schema.BufferT(np.frombuffer(data.tobytes(), np.uint8))]
    return planned


def offline_offsets(model: schema.ModelT) -> list[int] | None:
    """Offsets of an offline plan, one per tensor of all graphs; None without a plan (GetOfflinePlannedOffsets)."""
    plans = [entry for entry in model.metadata or [] if text(entry.name) == OFFLINE_PLAN]
    if not plans:
        return None
    data = np.asarray(model.buffers[plans[-1].buffer].data, np.uint8).tobytes()
    return np.frombuffer(data, "<i4")[OFFLINE_HEADER:].tolist()
