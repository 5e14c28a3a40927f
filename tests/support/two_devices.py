"""A command on two logical CPUs, as on a machine with two GPUs: `python -m tests.support.two_devices MODULE ..`."""

import importlib
import sys

import tensorflow as tf

if __name__ == "__main__":
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    sys.exit(importlib.import_module(sys.argv[1]).main(sys.argv[2:]))
