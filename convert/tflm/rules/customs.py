"""Rules of custom operators, of which TFLM brings a few."""

from convert.tflite.view import Operator
from convert.tflm.rules.elementwise import shape_text
from convert.tflm.rules.registry import COUNT, FORM, TYPE, VALUE, Verdict, first_broken, require, rule

DETECTION = "CUSTOM:TFLite_Detection_PostProcess"
RANKS = (3, 3, 2)  # boxes, scores, anchors
DETECTION_KERNEL = "kernels/detection_postprocess.cc"
END_ON_DEVICE = "end the model before it, and choose the boxes in the application"
MOST_SCRATCH = 2**29  # numbers of 4 bytes: the kernel counts the bytes of its scratch in an int
BY_NAME = "CUSTOM:CIRCULAR_BUFFER CUSTOM:TFLM_DECODE"


@rule(
    BY_NAME, VALUE, "try it: `python -m convert.check MODEL --run`", kernel="micro_mutable_op_resolver.h", warning=True
)
def known_by_name(op: Operator) -> Verdict:
    """Whether TFLM takes the options and tensors of such a custom operator, only its interpreter tells."""
    return require(False, None, "it is known by name only")


@rule(DETECTION, COUNT, "convert the model again with an unmodified converter", kernel=DETECTION_KERNEL)
def detection_tensors(op: Operator) -> Verdict:
    """Detection takes boxes, scores and anchors, and gives boxes, classes, scores and their number."""
    given = len(op.inputs) == 3 and len(op.outputs) == 4 and None not in (*op.inputs, *op.outputs)
    return require(given, None, f"it has {len(op.inputs)} inputs and {len(op.outputs)} outputs")


@rule(DETECTION, TYPE, f"dequantise boxes and scores before it, or {END_ON_DEVICE}", kernel=DETECTION_KERNEL)
def detection_types(op: Operator) -> Verdict:
    """Boxes and scores are float32."""
    return first_broken(
        [require(tensor.type == "FLOAT32", tensor, f"is {tensor.type.lower()}") for tensor in op.inputs[:2]]
    )


@rule(DETECTION, FORM, "convert the model again with an unmodified converter", kernel=DETECTION_KERNEL)
def detection_shapes(op: Operator) -> Verdict:
    """Boxes are 1 x boxes x 4 or more, scores 1 x boxes x classes, anchors boxes x 4."""
    boxes, scores, anchors = op.inputs
    for tensor, rank in zip(op.inputs, RANKS):
        if tensor.rank != rank:
            return require(False, tensor, f"has {tensor.rank} dimensions, not {rank}")
    count = boxes.shape[1]
    return first_broken(
        [
            require(boxes.shape[0] == 1 and boxes.shape[2] >= 4, boxes, f"is {shape_text(boxes)}"),
            require(scores.shape[:2] == (1, count), scores, f"is {shape_text(scores)} for {count} boxes"),
            require(anchors.elements >= 4 * count, anchors, f"is {shape_text(anchors)} for {count} boxes"),
        ]
    )


@rule(
    DETECTION,
    VALUE,
    f"export the model with its options (num_classes, max_detections ..), or {END_ON_DEVICE}",
    kernel=DETECTION_KERNEL,
)
def detection_options(op: Operator) -> Verdict:
    """The options give num_classes (the scores' classes, or one less for the background), max_detections,
    max_classes_per_detection above 0, and an nms_iou_threshold above 0 and at most 1.
    """
    options, classes = op.custom_options, op.inputs[1].shape[2]
    number = {name: value for name, value in options.items() if isinstance(value, (int, float))}.get
    taken = number("detections_per_class", 100) if number("use_regular_nms") else number("max_classes_per_detection", 0)
    fits = (
        number("num_classes", 0) in (classes, classes - 1)
        and number("num_classes", 0) > 0
        and 0 <= number("max_detections", 0) * op.inputs[0].shape[1] < MOST_SCRATCH
        and 0 < number("nms_iou_threshold", 0) <= 1
        and taken > 0
        and all(number(f"{axis}_scale", 0) for axis in "xyhw")
    )
    return require(fits, None, f"its options are {options or 'missing'}, the scores have {classes} classes")
