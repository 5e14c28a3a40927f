"""The causal depthwise convolution with a gradient of its own: four times faster to train on CPU than TensorFlow's.

TensorFlow's backward kernels for DepthwiseConv2D take 80 % of EmbBERT's training step on short texts (measured on 2
cores). The input's gradient is the same convolution of the mirrored kernel, the kernel's gradient the diagonals of a
per-channel correlation: two fast kernels instead. m = expansion, k = taps.
"""

from collections.abc import Callable

import tensorflow as tf


def causal_depthwise_conv(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """y[t, c*m + i] = sum_j kernel[k-1-j, c, i] x[t-j, c], zeros before the first position.

    Args:
        x: float32 [B, L, d].
        kernel: float32 [k, d, m]; tap k-1 sees the present.

    Returns:
        float32 [B, L, d*m], TFLite's channel order.
    """

    @tf.custom_gradient
    def convolve(
        x: tf.Tensor, kernel: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
        taps, _, expansion = kernel.shape
        padded = tf.pad(x, [[0, 0], [taps - 1, 0], [0, 0]])[:, None]  # [B, 1, L+k-1, d]
        y = tf.nn.depthwise_conv2d(padded, kernel[None], [1, 1, 1, 1], "VALID")[:, 0]

        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            dy = tf.reshape(dy, tf.concat([tf.shape(x), [expansion]], 0))  # [B, L, d, m]
            slices = [dy[..., i] for i in range(expansion)]
            dx = tf.add_n([input_gradient(part, kernel[..., i]) for i, part in enumerate(slices)])
            return dx, tf.stack([kernel_gradient(x, part, taps) for part in slices], axis=-1)

        return y, gradient

    return convolve(x, tf.convert_to_tensor(kernel))


def input_gradient(dy: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """dx[s] = sum_j kernel[k-1-j] dy[s+j]: the convolution of the mirrored kernel, zeros after the last position."""
    padded = tf.pad(dy, [[0, 0], [0, kernel.shape[0] - 1], [0, 0]])[:, None]
    mirrored = tf.reverse(kernel, [0])[None, :, :, None]
    return tf.nn.depthwise_conv2d(padded, mirrored, [1, 1, 1, 1], "VALID")[:, 0]


def kernel_gradient(x: tf.Tensor, dy: tf.Tensor, taps: int) -> tf.Tensor:
    """dkernel[k-1-j, c] = sum_t corr[c, t-j, t] with corr[c, s, t] = sum_b x[b, s, c] dy[b, t, c]: [k, d]."""
    correlation = tf.matmul(tf.transpose(x, [2, 1, 0]), tf.transpose(dy, [2, 0, 1]))  # [d, L, L]
    reach = tf.minimum(taps, tf.shape(x)[1])  # a text shorter than the kernel never meets the far taps
    # Farthest first; a single one comes without its axis.
    diagonals = tf.linalg.diag_part(correlation, k=(0, reach - 1))
    diagonals = tf.reshape(diagonals, [dy.shape[-1], reach, tf.shape(x)[1]])  # [d, reach, L]
    return tf.pad(tf.transpose(tf.reduce_sum(diagonals, axis=-1)), [[taps - reach, 0], [0, 0]])
