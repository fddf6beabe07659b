#!/usr/bin/env python3
"""What the anatomy statistics should say of a checkpoint: PyTorch in float64, from the definitions, sharing no code with the engine.

usage: tools/anatomy_reference.py FOLDER... > expected.json      (needs torch)
       tools/anatomy_reference.py tests/golden/hf/{planted,llama3,qwen3} > tests/golden/anatomy.json

Each FOLDER is a checkpoint with sequences in expected.safetensors: int32 `ids` of (N, T). Prints an object: the folder's name -> its metrics, named as in
results.json.
"""
import json, math, struct, sys
from pathlib import Path

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
NUMPY = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I32": "<i4", "I64": "<i8", "BF16": "<u2"}


def read(path):
    data = Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__": continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        array = np.frombuffer(data[begin:end], NUMPY[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16": array = (array.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = torch.tensor(array.astype(np.int64 if entry["dtype"][0] == "I" else np.float64))
    return tensors


class Model:
    """Llama, Qwen2 and Qwen3 as Transformers computes them; keeps what passes by."""

    def __init__(self, folder):
        self.c = c = json.loads((Path(folder) / "config.json").read_text())
        self.w = {}
        for file in sorted(Path(folder).glob("model*.safetensors")): self.w.update(read(file))
        self.layers, self.heads, self.kv = c["num_hidden_layers"], c["num_attention_heads"], c["num_key_value_heads"]
        self.head_dim = c.get("head_dim") or c["hidden_size"] // self.heads

    def norm(self, x, name):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.c["rms_norm_eps"]) * self.w[name + ".weight"]

    def linear(self, x, name):
        y = x @ self.w[name + ".weight"].T
        return y + self.w[name + ".bias"] if name + ".bias" in self.w else y

    def frequencies(self):
        rope = self.c.get("rope_parameters") or self.c.get("rope_scaling") or {}
        theta = rope.get("rope_theta", self.c.get("rope_theta", 10000.0))
        f = theta ** (-torch.arange(0, self.head_dim, 2) / self.head_dim)
        if rope.get("rope_type") != "llama3": return f
        low, high, length = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
        turns = length * f / (2 * math.pi)
        blend = ((turns - low) / (high - low)).clamp(0, 1)
        return f / rope["factor"] * (1 - blend) + f * blend

    def rotate(self, x):  # (B, H, T, hd)
        angle = torch.outer(torch.arange(x.shape[2]).double(), self.frequencies())
        cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    def attention(self, x, i):
        p, (b, t, _) = f"model.layers.{i}.self_attn.", x.shape
        q, k, v = (self.linear(x, p + n + "_proj").view(b, t, -1, self.head_dim) for n in "qkv")
        if p + "q_norm.weight" in self.w: q, k = self.norm(q, p + "q_norm"), self.norm(k, p + "k_norm")
        q, k, v = self.rotate(q.transpose(1, 2)), self.rotate(k.transpose(1, 2)), v.transpose(1, 2)
        group = self.heads // self.kv
        scores = q @ k.repeat_interleave(group, 1).transpose(2, 3) / math.sqrt(self.head_dim)
        probs = scores.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf).softmax(-1)
        self.q.append(q), self.k.append(k), self.v.append(v), self.probs.append(probs)
        return self.linear((probs @ v.repeat_interleave(group, 1)).transpose(1, 2).reshape(b, t, -1), p + "o_proj")

    def feed_forward(self, x, i):
        p = f"model.layers.{i}.mlp."
        z = self.linear(x, p + "gate_proj")
        self.gate.append(z)
        return self.linear(torch.nn.functional.silu(z) * self.linear(x, p + "up_proj"), p + "down_proj")

    def run(self, ids):
        self.q, self.k, self.v, self.probs, self.gate = [], [], [], [], []
        h = self.w["model.embed_tokens.weight"][ids]
        self.states, self.blocks = [h], []
        for i in range(self.layers):
            for part, name in ((self.attention, "input_layernorm"), (self.feed_forward, "post_attention_layernorm")):
                out = part(self.norm(h, f"model.layers.{i}.{name}"), i)
                h = h + out
                self.blocks.append(out), self.states.append(h)
        head = "model.embed_tokens.weight" if self.c.get("tie_word_embeddings") else "lm_head.weight"
        self.logits = self.norm(h, "model.norm") @ self.w[head].T


def mean(values): return float(values.mean()) if values.numel() else math.nan
def cosine(a, b): return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))


def spikes(m, out):
    size = [s.abs() for s in m.states]
    out["spike_per_state"] = [float(s.max()) for s in size]
    out["spike"] = spike = max(out["spike_per_state"])
    out["spike_state"] = state = out["spike_per_state"].index(spike)
    where = int(size[state].argmax())
    d, t = size[0].shape[2], size[0].shape[1]
    out["spike_sequence"], out["spike_token"] = where // (t * d), where // d % t
    top = lambda x: x.flatten(1).topk(3).values.mean(0).tolist()
    out["top_per_state"], out["top_per_block"] = [top(s) for s in size], [top(b.abs()) for b in m.blocks]
    out["step_up_blocks"], out["step_down_blocks"], strongest = [], [], (0, 1)
    for b, block in enumerate(m.blocks):
        ways = set()
        for row in range(block.shape[0]):
            at = int(block[row].abs().argmax())
            value, before, after = (float(x[row].flatten()[at].abs()) for x in (block, m.states[b], m.states[b + 1]))
            if after > before and value > strongest[0]: strongest = value, b + 1
            if value >= 0.5 * spike: ways.add("step_up_blocks" if after > before else "step_down_blocks")
        for way in ways: out[way].append(b + 1)
    m.largest = torch.stack([s.abs().amax(-1) for s in m.states]).amax(0)  # (B, T)
    m.is_spike = m.largest >= 0.5 * spike
    m.step_up = out["step_up_blocks"][0] if out["step_up_blocks"] else strongest[1]


def massive(m, ids, out):
    medians = torch.stack([s.abs().flatten(1).median(dim=1).values for s in m.states])  # (states, B)
    found = torch.stack([(s.abs() > 100) & (s.abs() >= 1000 * medians[i][:, None, None]) for i, s in enumerate(m.states)])
    out["median_per_state"] = medians.mean(1).tolist()
    out["massive_per_state"] = counts = found.sum((1, 2, 3)).tolist()
    out["massive_activations"] = max(counts)
    out["massive_sequences"] = 100 * mean(found.any(0).any(1).any(1).double())
    out["massive_channels"] = sorted(set(found.nonzero()[:, 3].tolist()))
    out["massive_tokens"] = sorted(set(found.nonzero()[:, 2].tolist()))
    out["massive_token_ids"] = sorted({int(ids[b, t]) for _, b, t, _ in found.nonzero().tolist()})
    if max(counts): out["massive_first_block"], out["massive_last_block"] = (int(found.nonzero()[i, 0]) for i in (0, -1))


def silu_regime(m, out):
    z = torch.stack(m.gate)
    s = torch.nn.functional.silu(z)
    measures = {"cosine": cosine(z, s), "ratio": s.norm(dim=-1) / z.norm(dim=-1)}
    for name, value in measures.items():
        out[f"silu_{name}_spike"] = [mean(v[m.is_spike]) for v in value]
        out[f"silu_{name}_rest"] = [mean(v[~m.is_spike]) for v in value]
    out["silu_spike_tokens"] = int(m.is_spike.sum())


def forms(m, i):
    """U_k of every channel, (d, d, d)."""
    p = f"model.layers.{i}."
    weight = m.w[p + "post_attention_layernorm.weight"]
    gate, up, down = m.w[p + "mlp.gate_proj.weight"] * weight, m.w[p + "mlp.up_proj.weight"] * weight, m.w[p + "mlp.down_proj.weight"]
    return torch.einsum("kj,ja,jb->kab", down, gate, up)


def quadratic_forms(m, channels, out):
    layer = max(0, m.step_up // 2 - 1)
    out["form_norms"] = [forms(m, i).flatten(1).norm(dim=1).tolist() for i in range(m.layers)]
    u = forms(m, layer)[channels]
    values, vectors = torch.linalg.eigh((u + u.transpose(1, 2)) / 2)
    order = values.abs().argsort(dim=1, descending=True)
    values = values.gather(1, order)
    leading = torch.stack([v[:, o[0]] for v, o in zip(vectors, order)])
    out["form_layer"], out["form_channels"] = layer, channels
    out["form_eigenvalues"] = values[:, :16].tolist()
    out["form_leading_share"] = (values[:, 0] ** 2 / (values ** 2).sum(1)).tolist()
    out["form_alignment"] = (leading @ leading.T).abs().tolist()


def geometry(m, out):
    normed = [s / s.pow(2).mean(-1, keepdim=True).sqrt() for s in m.states]
    share = [n.pow(2).topk(3, -1).values.sum(-1) / n.pow(2).sum(-1) for n in normed]
    widest = [n.abs().amax(-1) for n in normed]
    for name, value in (("share", share), ("range", widest)):
        out[f"geometry_{name}_spike"] = [mean(v[m.is_spike]) for v in value]
        out[f"geometry_{name}_rest"] = [mean(v[~m.is_spike]) for v in value]
    out["geometry_step_up"] = m.step_up
    for name, state in (("before", m.step_up - 1), ("after", m.step_up)):
        x = m.states[state][m.is_spike][:64]
        unit = x / x.norm(dim=-1, keepdim=True)
        pairs = torch.tril_indices(len(x), len(x), -1)
        out["geometry_cosine_" + name] = mean((unit @ unit.T)[pairs[0], pairs[1]])
    score = torch.stack([p[..., 0].mean((0, 2)) for p in m.probs])
    layer, head = divmod(int(score.argmax()), m.heads)
    keys = m.k[layer][:, head // (m.heads // m.kv)][m.is_spike][:512]
    values = torch.linalg.svdvals(keys)
    out["geometry_sink_head"] = [layer, head]
    out["geometry_key_singular_values"] = (values / values[0]).tolist()
    out["geometry_key_rank"] = int((values > 0.01 * values[0]).sum())


def sinks(m, out):
    out["sink_score"] = score = torch.stack([p[..., 0].mean((0, 2)) for p in m.probs]).tolist()
    cut = min(64, m.probs[0].shape[2])
    early = [torch.stack([p[:, :, k:cut, k].mean(2) for k in range(cut)]) for p in m.probs]  # per layer (keys, B, H)
    out["sink_ratio"] = 100 * mean(torch.stack([e[0] > 0.3 for e in early]).double())
    out["sink_ratio_early"] = 100 * mean(torch.stack([(e[:max(1, cut // 2)] > 0.3).any(0) for e in early]).double())
    flat = [(value, l, h) for l, row in enumerate(score) for h, value in enumerate(row)]
    size = lambda one: round(one[0], 6)  # of heads that differ by rounding only, the first
    for name, (value, l, h) in (("sink_head", max(flat, key=size)), ("other_head", min(flat, key=size))):
        norms = m.v[l][:, h // (m.heads // m.kv)].norm(dim=-1)
        out[name] = [l, h, value]
        out[name + "_values"] = [mean(norms[:, 0]), mean(norms[:, 1:])]
    norms = [v.transpose(1, 2).flatten(2).norm(dim=-1) for v in m.v]
    out["value_norm_first"], out["value_norm_rest"] = [mean(n[:, 0]) for n in norms], [mean(n[:, 1:]) for n in norms]


def vocabulary(m, position, ids, out):
    """One sequence per row of ids, the token of interest last."""
    m.run(ids)
    spikes(m, {})
    medians = torch.stack([s.abs().flatten(1).median(dim=1).values for s in m.states])
    last = torch.stack([s[:, -1].abs() for s in m.states])
    found = (last > 100) & (last >= 1000 * medians[..., None])
    out["vocabulary_share"] = 100 * mean(m.is_spike[:, -1].double())
    out["vocabulary_massive"] = 100 * mean(found.any(0).any(-1).double())


def measure(folder, ids):
    m, out = Model(folder), {}
    m.run(ids)
    logp = m.logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])
    out["loss"] = -mean(logp)
    spikes(m, out), massive(m, ids, out), silu_regime(m, out), geometry(m, out), sinks(m, out)
    quadratic_forms(m, [7, 33, 0, 20], out)
    vocabulary(m, 0, torch.arange(m.c["vocab_size"])[:, None], out)
    return out


def rounded(x):
    if isinstance(x, list): return [rounded(y) for y in x]
    return float(f"{x:.9g}") if isinstance(x, float) and math.isfinite(x) else None if isinstance(x, float) else x


def main():
    folders = [Path(folder) for folder in sys.argv[1:]]
    found = {f.name: measure(f, read(f / "expected.safetensors")["ids"]) for f in folders}
    lines = [f'"{name}": {{\n' + ",\n".join(f'"{key}": {json.dumps(rounded(value))}' for key, value in m.items()) + "}" for name, m in found.items()]
    print("{" + ",\n".join(lines) + "}")


if __name__ == "__main__": main()
