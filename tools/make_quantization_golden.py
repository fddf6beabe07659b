#!/usr/bin/env python3
# Makes tests/golden/quantization.json: the loss of every token of tests/golden/hf/planted under every quantization preset, by PyTorch in float64 and the presets'
# definitions alone. Needs torch and safetensors.   tools/make_quantization_golden.py
import json, math, pathlib
import torch
from safetensors.torch import load_file

root = pathlib.Path(__file__).parent.parent / "tests/golden"
folder = root / "hf/planted"
config = json.loads((folder / "config.json").read_text())
W = {k: v.double() for k, v in load_file(folder / "model.safetensors").items()}
ids = load_file(folder / "expected.safetensors")["ids"].long()
D, L, H, KV, HD = (config[k] for k in ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"))
EPS, THETA = config["rms_norm_eps"], config["rope_parameters"]["rope_theta"]


def single(x):  # a scale is kept in float32
    return torch.as_tensor(x, dtype=torch.float64).float().double()


def symmetric(x, bits, dims):
    top = 2 ** (bits - 1) - 1
    scale = single(x.abs().amax(dims, keepdim=True) / top)
    return torch.where(scale > 0, torch.clamp(torch.round(x / scale), -top - 1, top) * scale, 0 * x)


def zero_point(x, bits, dims, plain=False, low=None, high=None):
    low = x.amin(dims, keepdim=True) if low is None else low
    high = x.amax(dims, keepdim=True) if high is None else high
    if not plain: low, high = torch.clamp(low, max=0), torch.clamp(high, min=0)
    scale = single((high - low) / (2 ** bits - 1))
    zero = torch.round(-low / scale)
    return (torch.clamp(torch.round(x / scale) + zero, 0, 2 ** bits - 1) - zero) * scale


def minimum(x, bits, dims):
    low, high = x.amin(dims, keepdim=True), x.amax(dims, keepdim=True)
    scale = single((high - low) / (2 ** bits - 1))
    return torch.where(scale > 0, torch.clamp(torch.round((x - low) / scale), 0, 2 ** bits - 1) * scale, 0 * x) + low


def groups(x, size, quantize):  # neighbours of the last dimension, the last group smaller where it must be
    return torch.cat([quantize(part) for part in x.split(size, -1)], -1)


def llm_int8(x):  # (B, T, C): columns with an |x| of 6 or more stay, in 16 bits
    kept = x.abs().amax(1, keepdim=True) >= 6
    return torch.where(kept, x.half().double(), symmetric(torch.where(kept, 0 * x, x), 8, -1))


rows = lambda w: symmetric(w, 8, -1)
rows4 = lambda w: symmetric(w, 4, -1)
heads4 = lambda x: zero_point(x.reshape(*x.shape[:2], -1, HD), 4, -1, plain=True).reshape(x.shape)
token4 = lambda x: zero_point(x, 4, -1)


def kivi_keys(x, first):  # 32 tokens at a time, counted from the start of the sequence, of which x lacks the first
    sizes = [32 - first] + [32] * (x.shape[1] // 32)
    return torch.cat([minimum(x[:, sum(sizes[:i]):sum(sizes[:i + 1])], 2, 1) for i in range(len(sizes)) if sum(sizes[:i]) < x.shape[1]], 1)


kivi_values = lambda x: groups(x, 32, lambda part: minimum(part, 2, -1))
same = lambda x: x

# name: weights, inputs of matrices (None: static ranges per tensor), keys, values
presets = {
    "none": (same, same, same, same),
    "w8a8-tensor-static": (lambda w: groups(w, 128, lambda part: symmetric(part, 8, -1)), None, same, same),
    "w8a8-token": (rows, lambda x: symmetric(x, 8, -1), same, same),
    "llm-int8": (rows, llm_int8, same, same),
    "w4": (rows4, same, same, same),
    "w4a4": (rows4, token4, same, same),
    "w4a4kv4": (rows4, token4, heads4, heads4),
    "kv4": (same, same, heads4, heads4),
    "kv2-kivi": (same, same, kivi_keys, kivi_values),
}


def norm(x, w): return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * w


def rotate(x):  # (B, T, heads, HD)
    angle = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * THETA ** (-torch.arange(0, HD, 2, dtype=torch.float64) / HD)
    cos, sin = angle.cos()[None, :, None, :], angle.sin()[None, :, None, :]
    a, b = x[..., : HD // 2], x[..., HD // 2:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Model:
    def __init__(self, preset, first=0, ranges=None):
        self.weights, self.inputs, self.keys, self.values = presets[preset]
        self.first, self.ranges, self.seen = first, ranges, []

    def keep_first(self, x, quantize):
        return torch.cat([x[:, :self.first], quantize(x[:, self.first:])], 1)

    def put_in(self, x):  # an input of matrices
        rest = x[:, self.first:]
        self.seen.append((rest.min(), rest.max()))
        if self.inputs: return self.keep_first(x, self.inputs)
        low, high = self.ranges[len(self.seen) - 1] if self.ranges else self.seen[-1]
        return self.keep_first(x, lambda y: zero_point(y, 8, None, low=low, high=high)) if self.ranges else x

    def losses(self):
        h = W["model.embed_tokens.weight"][ids]
        B, T = ids.shape
        mask = torch.full((T, T), -math.inf, dtype=torch.float64).triu(1)
        for i in range(L):
            w = lambda name: self.weights(W[f"model.layers.{i}.{name}.weight"])
            plain = lambda name: W[f"model.layers.{i}.{name}.weight"]
            x = self.put_in(norm(h, plain("input_layernorm")))
            q, k, v = (x @ w(f"self_attn.{n}_proj").T for n in "qkv")
            q = rotate(q.reshape(B, T, H, HD))
            k = self.keep_first(rotate(k.reshape(B, T, KV, HD)).reshape(B, T, -1), lambda x: self.keys(x, self.first) if self.keys is kivi_keys else self.keys(x)).reshape(B, T, KV, HD)
            v = self.keep_first(v, self.values).reshape(B, T, KV, HD)
            k, v = (t.repeat_interleave(H // KV, 2) for t in (k, v))
            p = torch.softmax(torch.einsum("bihd,bjhd->bhij", q, k) / HD ** 0.5 + mask, -1)
            y = self.put_in(torch.einsum("bhij,bjhd->bihd", p, v).reshape(B, T, -1))
            h = h + y @ w("self_attn.o_proj").T
            x = self.put_in(norm(h, plain("post_attention_layernorm")))
            gate = x @ w("mlp.gate_proj").T
            act = self.put_in(gate * torch.sigmoid(gate) * (x @ w("mlp.up_proj").T))
            h = h + act @ w("mlp.down_proj").T
        logits = norm(h, W["model.norm.weight"]) @ W["lm_head.weight"].T
        return torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), reduction="none")


result = {}
for preset in presets:
    for first in (0, 1):
        if preset in ("none", "w4") and first: continue
        ranges = None
        if presets[preset][1] is None:  # those of the model as it is
            intact = Model("none", first)
            intact.losses()
            ranges = intact.seen
        losses = Model(preset, first, ranges).losses()
        if preset == "none": plain = losses
        name = preset + (", except_tokens = 1" if first else "")
        result[name] = {"loss": losses.mean().item(), "moved": (losses - plain).abs().mean().item()}
        print(f"{name:40} loss {losses.mean():.6f}  a token's moves by {result[name]['moved']:.6f} on average")
(root / "quantization.json").write_text(json.dumps(result, indent=1) + "\n")
