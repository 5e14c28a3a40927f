"""One training on several GPUs or machines, with TensorFlow's strategies: the steps are those of one device.

Every step takes the same batch whatever the number of replicas: each computes the gradients of its rows, weighed so
that their sum is that of the whole batch. The functions here go by the strategy of the scope that they are called in;
outside of one there is a single replica.
"""

import contextlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import Array
from tf_embbert.model.layers import RandomLayer
from tf_embbert.training.cluster import WorkerLost, read_cluster

# What the collective operations of a worker raise when another one is gone.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


def open_strategy(distribute: bool) -> tf.distribute.Strategy:
    """The strategy to train with; to be called before anything else is asked of TensorFlow.

    Args:
        distribute: False gives the one device that TensorFlow takes by itself.

    Returns:
        MultiWorkerMirroredStrategy for the workers of TF_CONFIG, when they are all there; MirroredStrategy for this
        machine's GPUs where it is not set, or for its logical CPUs where it has no GPU.

    Raises:
        UserError: TF_CONFIG is none.
    """
    if not distribute:
        return tf.distribute.get_strategy()
    if read_cluster().workers > 1:
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except LOST as error:
            raise UserError(f"the workers of TF_CONFIG did not find each other ({first_line(error)})") from None
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


@contextlib.contextmanager
def in_step(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """The strategy's scope; a lost worker becomes one line that says how to go on."""
    try:
        with strategy.scope():
            yield
    except LOST as error:
        if workers_of(strategy) == 1:
            raise
        raise WorkerLost(
            f"another worker is gone: start all of them again with --resume ({first_line(error)})"
        ) from None


def mirrored(strategy: tf.distribute.Strategy, model: keras.Model) -> keras.Model:
    """The model in variables that the strategy keeps equal, with the values that it has: of one device, with any."""
    if strategy is tf.distribute.get_strategy():
        return model
    with in_step(strategy):
        copy = copy_of(model)
        agree_on(copy)
    return copy


def agree_on(model: keras.Model) -> None:
    """Gives a model the chief's values: another machine may have rounded otherwise in making its own."""
    if workers_of(tf.distribute.get_strategy()) > 1:
        model.set_weights(of_the_chief(model.get_weights()))


def agreed(value: float) -> float:
    """The chief's value of a figure, that all workers choose alike."""
    if workers_of(tf.distribute.get_strategy()) == 1:
        return value
    return float(of_the_chief([np.array(value, np.float64)])[0])


def of_the_chief(values: list[Array]) -> list[Array]:
    """The chief's values, on every worker."""
    strategy = tf.distribute.get_strategy()

    def first(values: list[tf.Tensor]) -> list[tf.Tensor]:
        chief = tf.equal(tf.distribute.get_replica_context().replica_id_in_sync_group, 0)
        return [tf.where(chief, value, tf.zeros_like(value)) for value in values]

    @tf.function(autograph=False)
    def share(values: list[tf.Tensor]) -> list[tf.Tensor]:
        return [strategy.reduce("sum", value, axis=None) for value in strategy.run(first, (values,))]

    return [value.numpy() for value in share([tf.constant(value) for value in values])]


def copy_of(model: keras.Model) -> keras.Model:
    """A model of the same layers, values and random numbers to come, in variables of the present scope."""
    copy = keras.Model.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    for layer, given in zip(random_layers(copy), random_layers(model)):
        layer.generator.reset(given.generator.state)
    return copy


def random_layers(model: keras.Model) -> list[RandomLayer]:
    """The layers that draw numbers, those within blocks too."""
    return [module for module in model.submodules if isinstance(module, RandomLayer)]


def first_line(error: Exception) -> str:
    """The first line of a message, as far as it fits in one."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def workers_of(strategy: tf.distribute.Strategy) -> int:
    """Number of the processes that train along."""
    resolver = strategy.cluster_resolver
    return len(resolver.cluster_spec().as_dict().get("worker", [0])) if resolver else 1


def is_chief(strategy: tf.distribute.Strategy | None = None) -> bool:
    """Whether this process writes what is trained with a strategy, by itself that of the present scope."""
    resolver = (strategy or tf.distribute.get_strategy()).cluster_resolver
    return not resolver or not resolver.task_id


def replicas() -> tuple[range, int]:
    """The numbers of this process's replicas, and how many there are in all."""
    strategy = tf.distribute.get_strategy()
    total = strategy.num_replicas_in_sync
    local = total // workers_of(strategy)
    first = strategy.cluster_resolver.task_id * local if workers_of(strategy) > 1 else 0
    return range(first, first + local), total


def barrier(strategy: tf.distribute.Strategy) -> None:
    """Returns when all of a strategy's workers have called it."""
    if workers_of(strategy) == 1:
        return

    @tf.function(autograph=False)
    def meet() -> tf.Tensor:
        return strategy.reduce("sum", strategy.run(tf.ones, ([],)), axis=None)

    with in_step(strategy):
        meet().numpy()


@contextlib.contextmanager
def chief_first(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """The other workers do what is inside after the chief has done it, and read what it has written."""
    if not is_chief(strategy):
        barrier(strategy)
    yield
    if is_chief(strategy):
        barrier(strategy)
