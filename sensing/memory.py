"""Memory prefetch for hot loops. It changes no result."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sensing.jit import COMPILED

_TO_WRITE, _KEEP, _DATA = 1, 3, 1
"""Arguments of LLVM's prefetch: for writing, into all cache levels, data."""


def _prefetch(typing_context: Any, array: Any, row: Any, byte: Any) -> Any:
    """Prefetch the cache line of a byte of ``array[row]`` (one axis) that will be written soon.

    It costs about a nanosecond and never faults, even for an invalid address.
    """

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, value=given[0])
        row, byte = (
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(given[1:], signature.args[1:], strict=True)
        )
        start = builder.bitcast(array.data, cgutils.voidptr_t)
        offset = builder.add(builder.mul(row, builder.extract_value(array.strides, 0)), byte)
        pointer = builder.gep(start, [offset])
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, *[cgutils.int32_t] * 3])
        function = builder.module.declare_intrinsic("llvm.prefetch", (pointer.type,), kind)
        builder.call(function, [pointer, *(cgutils.int32_t(value) for value in (_TO_WRITE, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.void(array, row, byte), build


# Kernels call the intrinsic with other arguments than those of the definition, hence Any.
prefetch: Any = intrinsic(_prefetch) if COMPILED else lambda _array, _row, _byte: None
