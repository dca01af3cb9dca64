"""The machine, what other programs do on it, and programs run under watch."""
import json
import os
import pathlib
import platform
import subprocess
import tempfile
import time

# Instruction sets that decide the speed of products.
SETS = ["avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16",
        "amx_int8", "asimddp", "i8mm"]


def _read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def _field(text, *keys):
    lines = [line.partition(":") for line in text.splitlines()]
    return next((value.strip() for key, _, value in lines if key.strip() in keys), None)


def available_mib():
    """Memory that is free for programs, in MiB; 4096 where the system does not say."""
    size = _field(_read("/proc/meminfo"), "MemAvailable")
    return int(size.split()[0]) / 1024 if size else 4096.0


def describe():
    """Processor, instruction sets, cores, memory, compiler."""
    processor = _read("/proc/cpuinfo")
    flags = (_field(processor, "flags", "Features") or "").split()
    memory = _field(_read("/proc/meminfo"), "MemTotal")
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True)
    return {"processor": _field(processor, "model name") or platform.processor(), "cores": os.cpu_count(),
            "instruction_sets": [name for name in SETS if name in flags],
            "memory_gib": round(int(memory.split()[0]) / 2**20, 1) if memory else None,
            "system": f"{platform.system()} {platform.release()}", "rustc": rustc.stdout.strip()}


def _busy_seconds():
    """Processor seconds that all programs used since the start, and those that other machines took."""
    fields = _read("/proc/stat").split("\n", 1)[0].split()[1:]
    ticks = [int(field) for field in fields] + [0] * 10
    user, nice, system, _idle, _wait, irq, soft_irq, steal = ticks[:8]
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + soft_irq) / tick, steal / tick


def _resident_mib(process):
    size = _field(_read(f"/proc/{process}/status"), "VmRSS")
    return int(size.split()[0]) / 1024 if size else 0.0


def _watch(process, limit_s, memory_mib):
    """Waits for a program; why it had to be stopped, its exit status and its processor seconds."""
    start, stopped = time.monotonic(), None
    while True:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            process.returncode = os.waitstatus_to_exitcode(status)
            return stopped, process.returncode, usage.ru_utime + usage.ru_stime
        if not stopped and time.monotonic() - start > limit_s:
            stopped = f"stopped after {limit_s:.0f} s"
        if not stopped and _resident_mib(process.pid) > memory_mib:
            stopped = f"stopped beyond {memory_mib:.0f} MiB"
        if stopped:
            process.kill()
        time.sleep(0.05)


def run(command, limit_s=900.0, memory_mib=float("inf"), standard_input="", **environment):
    """Runs a program that prints JSON lines, on its own; its objects, or one that says why there is none.

    Each object gets `others_cores`, the cores that other programs used meanwhile, and `steal_cores`, those that
    other machines on the same host took: above a few hundredths a figure is doubtful.
    """
    command = [str(part) for part in command]
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as out, \
            tempfile.TemporaryFile("w+") as errors:
        given.write(standard_input)
        given.seek(0)
        start, (busy, steal) = time.monotonic(), _busy_seconds()
        process = subprocess.Popen(command, stdin=given, stdout=out, stderr=errors,
                                   env={**os.environ, **{key: str(value) for key, value in environment.items()}})
        stopped, status, own = _watch(process, limit_s, memory_mib)
        seconds, (busy_end, steal_end) = time.monotonic() - start, _busy_seconds()
        out.seek(0)
        errors.seek(0)
        objects = [json.loads(line) for line in out if line.startswith("{")]
        last = [line.strip() for line in errors if line.strip()][-1:]
    load = {"others_cores": round(max(0.0, busy_end - busy - own) / seconds, 3),
            "steal_cores": round((steal_end - steal) / seconds, 3), "wall_seconds": round(seconds, 1)}
    if objects and not status and not stopped:
        return [{**entry, **load} for entry in objects]
    return [{"failed": stopped or f"exit status {status}: {''.join(last)[:300]}", **load}]
