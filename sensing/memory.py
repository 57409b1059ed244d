"""What hot loops may tell the machine about memory; neither changes any result."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_TO_WRITE, _KEEP, _DATA = 1, 3, 1
"""Arguments of LLVM's prefetch: the line will be written, belongs into all caches, and is no code."""


def _intrinsic(builder_of: Callable[..., Any]) -> Any:
    """What kernels call is not what is defined here, so the type checker is told nothing of it."""
    return intrinsic(builder_of)


@_intrinsic
def borrowed(typing_context: Any, arrays: Any) -> Any:
    """The same arrays without their owners, so that kernels which hand them on count no references.

    For the arguments of a kernel only, which the caller keeps alive: what is borrowed must not outlive the call.
    """

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        out = given[0]
        for at, kind in enumerate(signature.args[0]):
            array = context.make_array(kind)(context, builder, value=builder.extract_value(out, at))
            array.meminfo = ir.Constant(array.meminfo.type, None)
            out = builder.insert_value(out, array._getvalue(), at)
        return out

    return arrays(arrays), build


@_intrinsic
def prefetch(typing_context: Any, array: Any, row: Any, byte: Any) -> Any:
    """Ask for the memory around a byte of ``array[row]`` (one axis), which is to be changed soon.

    It costs about a nanosecond and never faults, wherever it points.
    """

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, value=given[0])
        row, byte = (
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(given[1:], signature.args[1:], strict=True)
        )
        start = builder.bitcast(array.data, cgutils.voidptr_t)
        offset = builder.add(builder.mul(row, builder.extract_value(array.strides, 0)), byte)
        place = builder.gep(start, [offset])
        kind = ir.FunctionType(ir.VoidType(), [place.type, *[cgutils.int32_t] * 3])
        function = builder.module.declare_intrinsic("llvm.prefetch", (place.type,), kind)
        builder.call(function, [place, *(cgutils.int32_t(value) for value in (_TO_WRITE, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.void(array, row, byte), build
