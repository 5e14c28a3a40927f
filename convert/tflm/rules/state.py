"""What a model keeps from one inference to the next, and what firmware must do for it."""

from convert.tflite.view import Operator
from convert.tflm.rules.registry import VALUE, Verdict, require, rule

RESET = "call MicroInterpreter::Reset before each input that does not go on from the last one"


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
