"""All passes in their order: what export, optimize and hints draw from, and what `--print-passes` shows.

A pass takes a graph of `lowering/`, or a file's model, and gives another one that answers the same bytes. A few would
change the answers: they are never applied, `convert.arena` only says what they would save.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from convert.lowering.graph import Graph
from convert.passes import rewrites
from convert.passes.attention_rows import rows_at_once
from convert.passes.gather_rows import gather_rows, remake_values
from convert.passes.kernel_forms import mend_operators
from convert.passes.measure import Measure
from convert.passes.rewrites import Rule
from convert.passes.row_tiles import tile_rows
from convert.passes.schedule import order_operators
from convert.passes.scratch import fit_scratch
from convert.passes.strip import strip_model
from convert.passes.tensor_order import permute_tensors
from convert.passes.tiling import Tiling, group_values, tile_convolution, tile_queries
from convert.passes.verifier import verify_graph, verify_model, verify_plan
from convert.tflite.view import Graph as FileGraph
from convert.tflite.view import Model
from convert.tflite.writer import pack_model
from convert.tflm.builds import Target
from convert.tflm.support import check_bytes

VERIFY_EACH = False  # whether what a pass made is held to `verifier.py`; set in the tests
LARGE = 1000  # a graph of more operators is not rewritten: that would take long


@dataclass(frozen=True)
class Settings:
    """What passes over a graph are told: how the blocks are cut, and for which build and how much arena."""

    tiling: Tiling | None = None
    target: Target | None = None
    arena: int | None = None

    @property
    def cut(self) -> Tiling:
        """The tiling, for a pass that is only run where there is one."""
        assert self.tiling is not None
        return self.tiling

    @property
    def build(self) -> Target:
        """The target, for a pass that asks what TFLM takes."""
        assert self.target is not None
        return self.target


@dataclass(frozen=True)
class Pass:
    """A step of the way to a smaller arena.

    Attributes:
        name: what stages, hints and `--print-passes` call it.
        doc: what it does, in one line.
        exact: whether it keeps every byte of the answers.
        works_on: "graph", that of `lowering/`, or "model", that of a file.
    """

    name: str
    doc: str
    works_on: ClassVar[str] = ""
    exact: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class GraphPass(Pass):
    """A pass over a lowered graph."""

    apply: Callable[[Graph, Settings], Graph]
    works_on: ClassVar[str] = "graph"


@dataclass(frozen=True)
class ModelPass(Pass):
    """A pass over a file's model, which is given with what it needs."""

    apply: Callable[[Measure], Model]
    works_on: ClassVar[str] = "model"


@dataclass(frozen=True)
class Rewrite(Pass):
    """A change to single operators of a file's model, made wherever it can be."""

    rule: Rule
    works_on: ClassVar[str] = "model"

    def apply(self, measure: Measure) -> Model:
        """The model with the change; the very one where there is nothing to change, or too much to look at."""
        if not measure.is_plain or len(measure.model.operators) > LARGE:
            return measure.model
        changed = measure.model.copy()
        return changed if self.change(changed.graphs[0]) else measure.model

    def change(self, graph: FileGraph) -> list[int]:
        """Changes a graph; the numbers that the changed operators had."""
        return [number for number, op in enumerate(list(graph.operators)) if self.rule(graph, op)]


def _rewrite(name: str, rule: Rule, exact: bool = True) -> Rewrite:
    """The rule's docstring is the pass's: what an operator does now, and what to do instead."""
    return Rewrite(name, " ".join((rule.__doc__ or "").split()), rule, exact=exact)


PASSES: list[GraphPass | ModelPass | Rewrite] = [
    GraphPass(
        "tiles of queries",
        "attention in tiles of queries, so that the scores [L, L] never exist whole",
        lambda graph, settings: tile_queries(graph, settings.cut.queries),
    ),
    GraphPass(
        "tiles of the convolution",
        "convolution, activation and dense in tiles of rows, each between two tiles of queries",
        lambda graph, settings: tile_convolution(graph, settings.cut.convolution),
    ),
    GraphPass(
        "groups of values",
        "the transposed values in groups of channels, made again for each tile of queries",
        lambda graph, settings: group_values(graph, settings.cut.values),
    ),
    GraphPass(
        "tiles of rows",
        "blocks of other encoders in tiles of rows: only keys and values are there for all rows",
        lambda graph, settings: tile_rows(graph, settings.cut.queries),
    ),
    GraphPass(
        "rows gathered",
        "each reader of rows gathers its own, where no plan lets it share them",
        lambda graph, settings: gather_rows(graph),
    ),
    GraphPass(
        "values made anew",
        "no group of values is kept from one tile of queries to the next",
        lambda graph, settings: remake_values(graph),
    ),
    GraphPass(
        "scratch where it fits",
        "kernels that are faster with scratch get it where the arena does not grow",
        lambda graph, settings: fit_scratch(graph, settings.build, settings.arena),
    ),
    ModelPass(
        "kernel forms",
        "operators that the kernels named refuse or answer otherwise, in a form that they answer as the reference "
        "kernels do",
        lambda measure: mend_operators(measure.model, measure.target)[0],
    ),
    _rewrite("scales per channel", rewrites.scales_per_channel, exact=False),
    _rewrite("float ends", rewrites.float_end, exact=False),
    ModelPass(
        "float tensors",
        "tensors are float32: quantise to int8",
        lambda measure: rewrites.float_as_int8(measure.model),
        exact=False,
    ),
    _rewrite("transposed operands", rewrites.transposed_copy),
    _rewrite("flattening", rewrites.copy_to_flatten),
    _rewrite("attention rows", rows_at_once),
    ModelPass(
        "strip",
        "names, twins of constants and what no operator reads are left out",
        lambda measure: strip_model(measure.model),
    ),
    ModelPass(
        "operator order",
        "operators in the order, of those tried, that has the fewest bytes alive at once",
        lambda measure: order_operators(measure.model),
    ),
    ModelPass("tensor order", "tensors in an order that breaks the ties of TFLM's planner well", permute_tensors),
    ModelPass(
        "offline plan",
        "the file places its activations itself (OfflineMemoryAllocation); outputs may lie on inputs",
        Measure.with_plan,
    ),
]


def select(*names: str) -> list:
    """Passes by name, in the order of the list; KeyError for a name that is not in it."""
    unknown = set(names) - {one.name for one in PASSES}
    if unknown:
        raise KeyError(f"no pass is called {', '.join(sorted(unknown))}")
    return [one for one in PASSES if one.name in names]


TILING: list[GraphPass] = select("tiles of queries", "tiles of the convolution", "groups of values")
SHARING_NOTHING: list[GraphPass] = select("rows gathered", "values made anew")  # for TFLM's own planner
(ROWS,) = select("tiles of rows")  # of what is not an EmbBERT
(SCRATCH,) = select("scratch where it fits")
REWRITES: list[Rewrite] = [one for one in PASSES if isinstance(one, Rewrite) and one.exact]
FINISH: list[ModelPass] = select("strip", "operator order", "tensor order", "offline plan")
OPTIMIZE: list[ModelPass | Rewrite] = [*REWRITES, *FINISH]
NO_PLAN = [one for one in OPTIMIZE if one.name != "offline plan"]  # planning is left to TFLM


def run_graph_pass(one: GraphPass, graph: Graph, settings: Settings) -> Graph:
    """A graph after a pass."""
    graph = one.apply(graph, settings)
    if VERIFY_EACH:
        verify_graph(graph)
    return graph


def run_model_pass(one: ModelPass | Rewrite, before: Measure) -> tuple[bytes, Measure] | None:
    """The file of a model after a pass, and what that needs; None where the pass has nothing to do, or where TFLM would
    refuse what a rewrite makes.
    """
    changed = one.apply(before)
    if changed is before.model:
        return None
    data = pack_model(changed)
    if isinstance(one, Rewrite) and check_bytes(data, one.name)["refusals"]:
        return None
    after = Measure.of_file(data, before.target)
    if VERIFY_EACH and before.is_plain:
        verify_model(after.model)
        verify_plan(after)
    return data, after


def run_graph_passes(passes: Iterable[GraphPass], graph: Graph, settings: Settings) -> Graph:
    """A graph after some passes."""
    for one in passes:
        graph = run_graph_pass(one, graph, settings)
    return graph


def tile_graph(graph: Graph, tiling: Tiling | None) -> Graph:
    """A plain graph, cut; as it is without a tiling."""
    return run_graph_passes(TILING if tiling else [], graph, Settings(tiling))
