"""What a file is that is no TFLite model, by its first bytes: what people give by mistake, and what to do about it."""

CONVERT = "convert it first (`tf.lite.TFLiteConverter`)"
KINDS = (
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself with `git lfs pull`"),
    (b"<", "a web page or XML: download the file itself"),
    (b"\x89HDF", f"an HDF5 file, as Keras writes them: {CONVERT}"),
    (b"PK\x03\x04", "a zip archive (.keras, .task, .zip): unpack it, or convert the Keras model in it first"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"GGUF", "a GGUF model: TFLM reads .tflite only"),
)
ONNX = (b"pytorch", b"onnx", b"tf2onnx", b"skl2onnx")
HEAD = 64  # bytes


def describe(data: bytes) -> str | None:
    """What a file is, and what to do; None where its first bytes do not tell.

    Args:
        data: bytes of a file that does not begin as a TFLite flatbuffer does.
    """
    head = data[:HEAD].lstrip()
    for magic, words in KINDS:
        if head.startswith(magic):
            return words
    if head[:1] == b"\x08" and any(name in head for name in ONNX):
        return "an ONNX model: TFLM reads .tflite only"
    return f"a TensorFlow graph: {CONVERT}" if head[:1] == b"\x08" and b"\x12" in head[:4] else None
