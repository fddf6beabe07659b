#!/usr/bin/env python3
"""Times PyTorch on the rows of `ablate bench --suite h200` and prints them as JSON:

    tools/bench_peers.py > peers.json
    ablate bench --suite h200 --peers peers.json

Needs PyTorch with CUDA. A row that fails carries its error instead of a figure, and one that the time does not suffice for says so; the others go on.
`--tiny` runs every row in a size for any machine, to see that they run.
"""
import argparse
import contextlib
import json
import math
import os
import signal
import statistics
import sys
import time

import torch
import torch.nn.functional as F

WARM_UP, MEASURING = 0.3, 0.4  # seconds for each figure
TRAINING = 1.5  # seconds for each training


class OutOfTime(BaseException):  # so that no library takes it for an error of its own
    pass


# --- timing ---


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds_of(device, run):
    """The median time of one run on the device."""
    run()
    synchronize(device)
    start = time.perf_counter()
    while time.perf_counter() - start < WARM_UP:
        run()
        synchronize(device)
    times = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < MEASURING:
        times.append(time_once(device, run))
    return statistics.median(times)


def time_once(device, run):
    if device.type != "cuda":
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    first.record()
    run()
    last.record()
    last.synchronize()
    return first.elapsed_time(last) * 1e-3


def tf32(allowed):
    torch.set_float32_matmul_precision("high" if allowed else "highest")


# --- single operations ---


def matmul(device, size, dtype, allow_tf32=False):
    """TFLOP/s of a square product."""
    tf32(allow_tf32)
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / seconds_of(device, lambda: a @ b) * 1e-12


def pointwise(device, function, rows, columns, inputs, moved, compiled=False):
    """TB/s of a function of `inputs` f32 matrices, which moves `moved` of them."""
    tensors = [torch.randn(rows, columns, device=device) for _ in range(inputs)]
    run = torch.compile(function) if compiled else function
    with torch.no_grad():
        return 4 * rows * columns * moved / seconds_of(device, lambda: run(*tensors)) * 1e-12


def rmsnorm(x):
    if hasattr(F, "rms_norm"):
        return F.rms_norm(x, (x.shape[-1],), eps=1e-5)
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def swiglu(gate, up):
    return F.silu(gate) * up


def top3(x):
    return torch.topk(x.abs(), 3, dim=-1)


def flash(device):
    if device.type != "cuda":
        return contextlib.nullcontext()
    try:
        from torch.nn.attention import SDPBackend, sdpa_kernel

        return sdpa_kernel(SDPBackend.FLASH_ATTENTION)
    except ImportError:
        return torch.backends.cuda.sdp_kernel(enable_flash=True, enable_math=False, enable_mem_efficient=False)


def attention(device, batch, heads, tokens, head_dim, dtype, backward=False):
    """TFLOP/s of causal attention, counting pairs that a query sees."""
    shape = (batch, heads, tokens, head_dim)
    q, k, v, dy = (torch.randn(shape, device=device).to(dtype) for _ in range(4))
    flop = 4 * batch * heads * head_dim * tokens * (tokens + 1) / 2
    with flash(device):
        if not backward:
            with torch.no_grad():
                return flop / seconds_of(device, lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)) * 1e-12
        for x in (q, k, v):
            x.requires_grad_()
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return 2.5 * flop / seconds_of(device, lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)) * 1e-12


# --- training ---


class Norm(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        if hasattr(F, "rms_norm"):
            return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), 1e-5)
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.weight


def rotate(x, cosines, sines):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cosines - b * sines, b * cosines + a * sines), dim=-1)


class Block(torch.nn.Module):
    def __init__(self, width, heads, ffn):
        super().__init__()
        linear = lambda n, m: torch.nn.Linear(n, m, bias=False)
        self.heads = heads
        self.norm1, self.norm2 = Norm(width), Norm(width)
        self.qkv, self.out = linear(width, 3 * width), linear(width, width)
        self.gate_up, self.down = linear(width, 2 * ffn), linear(ffn, width)

    def forward(self, x, cosines, sines):
        b, t, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cosines, sines).to(v.dtype), rotate(k, cosines, sines).to(v.dtype)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, width))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Llama(torch.nn.Module):
    def __init__(self, vocabulary, width, layers, heads, ffn, tokens):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, width)
        self.blocks = torch.nn.ModuleList(Block(width, heads, ffn) for _ in range(layers))
        self.norm, self.head = Norm(width), torch.nn.Linear(width, vocabulary, bias=False)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                torch.nn.init.normal_(p, std=1.0 if "embedding" in name else 0.02)
        half = width // heads // 2
        angles = torch.arange(tokens)[:, None] * 10000.0 ** (-torch.arange(half) / half)
        self.register_buffer("cosines", angles.cos())
        self.register_buffer("sines", angles.sin())

    def forward(self, ids, targets):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cosines, self.sines)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


def training(device, shape, batch, precision, compiled=False):
    """Tokens per second of whole steps: forward, backward, clipping, AdamW. bf16 is autocast over f32 parameters."""
    tf32(precision == "tf32")
    vocabulary, tokens = shape["vocabulary"], shape["tokens"]
    torch.manual_seed(0)
    model = Llama(**shape).to(device)
    loss_of = torch.compile(model) if compiled else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, **({"fused": True} if device.type == "cuda" else {}))
    batches = [torch.randint(vocabulary, (batch, tokens + 1), device=device) for _ in range(8)]

    def step(i):
        ids = batches[i % len(batches)]
        with torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext():
            loss = loss_of(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def steps_for(seconds, least):
        synchronize(device)
        start, done = time.perf_counter(), 0
        while done < least or time.perf_counter() - start < seconds:
            for _ in range(least):
                step(done)
                done += 1
            synchronize(device)
        return (time.perf_counter() - start) / done

    steps_for(TRAINING / 4, 3)
    return batch * tokens / steps_for(TRAINING, 5)


# --- the rows ---


def rows(device, tiny):
    """(row, peer, measurement), what matters most first: compiling takes time."""
    f16, bf16, f32 = torch.float16, torch.bfloat16, torch.float32
    if tiny:
        product, norm, ffn, heads = 64, (16, 64), (16, 96), (1, 2, 32, 16)
        small = medium = dict(vocabulary=61, width=32, layers=1, heads=2, ffn=48, tokens=16)
        batches = (2, 2)
        f16 = bf16
    else:
        product, norm, ffn, heads = 8192, (16384, 4096), (16384, 11008), (4, 32, 4096, 128)
        small = dict(vocabulary=4097, width=256, layers=6, heads=4, ffn=688, tokens=256)
        medium = dict(vocabulary=32000, width=512, layers=8, heads=8, ffn=1408, tokens=1024)
        batches = (128, 16)
    yield "matmul-f32", "cuBLAS", lambda: matmul(device, product, f32)
    yield "matmul-f16", "cuBLAS", lambda: matmul(device, product, f16)
    yield "matmul-f16", "cuBLAS bf16", lambda: matmul(device, product, bf16)
    yield "matmul-f32", "cuBLAS tf32", lambda: matmul(device, product, f32, True)
    yield "rmsnorm", "PyTorch", lambda: pointwise(device, rmsnorm, *norm, 1, 2)
    yield "swiglu", "PyTorch", lambda: pointwise(device, swiglu, *ffn, 2, 3)
    yield "top3", "PyTorch", lambda: pointwise(device, top3, *norm, 1, 1)
    yield "attention-f16", "PyTorch flash", lambda: attention(device, *heads, f16)
    yield "attention-bf16", "PyTorch flash", lambda: attention(device, *heads, bf16)
    yield "attention-backward-bf16", "PyTorch flash", lambda: attention(device, *heads, bf16, True)
    for name, shape, batch in (("7m", small, batches[0]), ("60m", medium, batches[1])):
        for precision in ("bf16", "f32", "tf32"):
            row = f"train-{name}-{'mixed' if precision == 'bf16' else 'f32'}"
            yield row, f"PyTorch {precision}", lambda shape=shape, batch=batch, p=precision: training(device, shape, batch, p)
    yield "rmsnorm", "compiled", lambda: pointwise(device, rmsnorm, *norm, 1, 2, True)
    yield "swiglu", "compiled", lambda: pointwise(device, swiglu, *ffn, 2, 3, True)
    yield "train-60m-mixed", "compiled bf16", lambda: training(device, medium, batches[1], "bf16", True)
    yield "train-7m-mixed", "compiled bf16", lambda: training(device, small, batches[0], "bf16", True)


def out_of_time(*_):
    raise OutOfTime


def measure(run, seconds_left):
    """A figure, or why there is none."""
    if seconds_left < 1:
        return "not started: out of time"
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, out_of_time)
        signal.setitimer(signal.ITIMER_REAL, seconds_left, 5)
    try:
        figure = run()
        return figure if math.isfinite(figure) else "not finite"
    except OutOfTime:
        return "stopped: out of time"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]
    finally:
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=88, help="stop after this time (default 88)")
    parser.add_argument("--tiny", action="store_true", help="every row in a size for any machine")
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.tiny:
        sys.exit("bench_peers.py: PyTorch sees no CUDA device")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "a CPU"
    end = time.monotonic() + options.seconds
    result = {"device": f"{name}, PyTorch {torch.__version__}", "rows": {}}
    for row, peer, run in rows(device, options.tiny):
        figure = measure(run, end - time.monotonic())
        print(f"{row} {peer}: {figure if isinstance(figure, str) else format(figure, '.4g')}", file=sys.stderr, flush=True)
        result["rows"].setdefault(row, {})[peer] = figure
        if device.type == "cuda":
            torch.cuda.empty_cache()
    print(json.dumps(result, indent=1), flush=True)
    os._exit(0)  # the compiler's idle workers would hold the process up


if __name__ == "__main__":
    main()
