"""What a model keeps from one inference to the next, and what firmware must do for it."""

from convert.tflite.offline_plan import ONLINE, offline_offsets
from convert.tflite.view import Operator
from convert.tflm.rules.registry import VALUE, Verdict, require, rule

# The tail of an arena keeps the state. A MicroAllocator that several models share lays their tails side by side; two
# MicroInterpreters that begin with the same bytes, in turns, lose it (micro_allocator.h, multi-tenancy).
SHARED = "models that take turns in one arena share one MicroAllocator, or they overwrite the state"
RESET = f"call MicroInterpreter::Reset before each input that does not go on from the last one; {SHARED}"
STATES = {"SVDF": (4,), "UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19)}  # inputs that are kept


@rule("SVDF", VALUE, RESET, kernel="micro_interpreter.cc", warning=True)
def svdf_state_kept(op: Operator) -> Verdict:
    """An SVDF begins where the inference before ended, until the interpreter is reset: the same input is answered
    otherwise the second time.
    """
    return require(False, op.inputs[4], f"keeps {op.inputs[4].nbytes:,} bytes")


@rule("UNIDIRECTIONAL_SEQUENCE_LSTM", VALUE, RESET, kernel="kernels/lstm_eval.cc", warning=True, kernels="reference")
def lstm_state_kept(op: Operator) -> Verdict:
    """An LSTM begins where the inference before ended, until the interpreter is reset: the same input is answered
    otherwise the second time.
    """
    return require(False, op.inputs[18], f"keeps {op.inputs[18].nbytes:,} bytes")


@rule(
    " ".join(STATES),
    VALUE,
    "give the tensor offset -1 in OfflineMemoryAllocation, or leave the plan out",
    kernel="micro_allocation_info.cc",
    warning=True,
)
def state_unplanned(op: Operator) -> Verdict:
    """State has no place in the file's own plan of memory: there it lies among the activations, and what is computed
    meanwhile, or another model in the arena, overwrites it.
    """
    offsets = offline_offsets(op.model) or []
    kept = [op.inputs[position] for position in STATES[op.name]]
    placed = [tensor for tensor in kept if tensor.index < len(offsets) and offsets[tensor.index] != ONLINE]
    where = offsets[placed[0].index] if placed else ONLINE
    return require(not placed, placed[0] if placed else None, f"is state, planned at byte {where}")
