"""PyTorch's matrix products in f32, bf16 and int8 at given sizes; prints one JSON line each.

Reads JSON lines {"phase", "rows", "inner", "columns"} from standard input. The layouts are those of training: forward
reads weights [columns][inner], the error product weights [inner][columns], the update errors [inner][rows].
"""
import argparse
import json
import statistics
import sys
import time

import torch

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--threads", type=int, default=2)
options.add_argument("--seconds", type=float, default=0.3)
options = options.parse_args()
torch.set_num_threads(options.threads)


def operand(rows, columns, dtype, transposed):
    shape = (columns, rows) if transposed else (rows, columns)
    value = torch.randint(-127, 127, shape).to(dtype)
    return value.t() if transposed else value


def median_seconds(call):
    begin = time.perf_counter()
    calls = 0
    while calls < 2 or time.perf_counter() - begin < 0.1 * options.seconds:
        call()
        calls += 1
    repeats = max(1, int(2e-3 * calls / (time.perf_counter() - begin)))
    begin, times = time.perf_counter(), []
    while len(times) < 3 or time.perf_counter() - begin < options.seconds:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        times.append((time.perf_counter() - start) / repeats)
    return statistics.median(times)


for line in sys.stdin:
    shape = json.loads(line)
    rows, inner, columns = shape["rows"], shape["inner"], shape["columns"]
    for name, dtype in [("f32", torch.float32), ("bf16", torch.bfloat16), ("int8", torch.int8)]:
        left = operand(rows, inner, dtype, shape["phase"] == "update")
        right = operand(inner, columns, dtype, shape["phase"] == "forward")
        result = {**shape, "implementation": f"pytorch {name}", "threads": options.threads}
        multiply = torch._int_mm if name == "int8" else torch.matmul
        out = torch.empty(rows, columns, dtype=torch.int32 if name == "int8" else dtype)
        try:
            seconds = median_seconds(lambda: multiply(left, right, out=out))
            result.update(seconds=seconds, gops=round(2e-9 * rows * inner * columns / seconds, 3))
        except RuntimeError as error:
            result["failed"] = str(error).splitlines()[0]
        print(json.dumps(result), flush=True)
