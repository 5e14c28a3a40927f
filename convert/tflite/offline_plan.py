"""The OfflineMemoryAllocation metadata of a .tflite model: offsets that TFLM takes instead of planning.

Sources: micro/docs/memory_management.md and GetOfflinePlannedOffsets in micro/micro_allocation_info.cc.
"""

from collections.abc import Mapping

from convert.tflite.flatbuffer import number_bytes
from convert.tflite.view import Model, read_numbers

OFFLINE_PLAN = "OfflineMemoryAllocation"
OFFLINE_HEADER = 3  # version, graph, number of tensors; then int32 offsets
VERSION, GRAPHS = 1, 1
ONLINE = -1  # offset of a buffer that the planner is free to place (kOnlinePlannedBuffer)


def write_plan(model: Model, offsets: Mapping[int, int]) -> Model:
    """A model of one graph with a plan.

    Args:
        model: the model, without a plan.
        offsets: where each tensor begins in the head, in bytes, by its index; the others are left to TFLM.
    """
    count = len(model.graphs[0].tensors)
    plan = [VERSION, GRAPHS, count, *(offsets.get(tensor, ONLINE) for tensor in range(count))]
    planned = model.copy()
    planned.metadata[OFFLINE_PLAN] = memoryview(number_bytes("i", plan))
    return planned


def offline_offsets(model: Model) -> list[int] | None:
    """Offsets of an offline plan, one per tensor of all graphs; None without a plan (GetOfflinePlannedOffsets)."""
    if OFFLINE_PLAN not in model.metadata:
        return None
    data = model.metadata[OFFLINE_PLAN]
    return [] if data is None else read_numbers(data, "i")[OFFLINE_HEADER:]
