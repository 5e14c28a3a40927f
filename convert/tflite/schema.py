"""The TFLite schema's objects, by the one door through which they come in: the classes of the tflite-micro package.

Everything else in `convert/` takes them from here, so that another library's can take their place.
"""

from tflite_micro.tensorflow.lite.micro.python.schema_py_generated import *  # noqa: F403
