"""The OfflineMemoryAllocation metadata of a .tflite model: offsets that TFLM takes instead of planning.

Sources: micro/docs/memory_management.md and GetOfflinePlannedOffsets in micro/micro_allocation_info.cc.
"""

import copy

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from convert.arena_lifetimes import OFFLINE_PLAN
from convert.arena_planner import ONLINE, Buffer

VERSION, GRAPHS = 1, 1


def write_plan(model: schema.ModelT, buffers: list[Buffer], offsets: list[int]) -> schema.ModelT:
    """A model of one graph with a plan.

    Args:
        model: the model, without a plan.
        buffers: buffers of its head.
        offsets: where each goes; those of kernels' scratch are left to TFLM.
    """
    tensors = np.full(len(model.subgraphs[0].tensors), ONLINE, np.int32)
    for buffer, offset in zip(buffers, offsets):
        if buffer.owner:
            tensors[buffer.owner[1]] = offset
    data = np.concatenate([[VERSION, GRAPHS, len(tensors)], tensors]).astype("<i4")
    planned = copy.copy(model)
    entry = schema.MetadataT()
    entry.name, entry.buffer = OFFLINE_PLAN, len(model.buffers)
    planned.metadata = [*(model.metadata or []), entry]
    planned.buffers = [*model.buffers, schema.BufferT(np.frombuffer(data.tobytes(), np.uint8))]
    return planned
