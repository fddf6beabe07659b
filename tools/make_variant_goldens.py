#!/usr/bin/env python3
"""Goldens of training variants that the literature proposes against outliers and sinks, in PyTorch float64: tests/golden/train/proposed.json and NAME.{weights,expected}.safetensors,
in the layout that tests/golden/README.md describes. Needs torch and safetensors."""
import json, math, pathlib
import torch
from safetensors.torch import save_file

root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/train"
STEPS, BATCH, T = 10, 2, 7
BASE = dict(vocab_size=8, d_model=8, n_layers=1, n_heads=2, n_kv_heads=1, head_dim=4, d_ffn=12, max_seq_len=8, norm="rmsnorm", embedding_dim=0, value_gate="none",
            attention="softmax", attention_gamma=0.0, attention_zeta=1.0)
SETTINGS = dict(lr=1e-2, betas=[0.9, 0.95], eps=1e-8, weight_decay=0.1, clip=1.0)
VARIANTS = {
    "norm_scalar": dict(norm="rmsnorm_scalar"),
    "embedding_projection": dict(embedding_dim=8),
    "value_gate_channel": dict(value_gate="channel"),
    "value_gate_head": dict(value_gate="head"),
    "muon": {},
    "clipped_softmax": dict(attention="clipped_softmax", attention_gamma=-0.125, attention_zeta=1.03125),
}
MUON = dict(momentum=0.95, steps=5)


def shapes(c):
    D, V, H, K, hd, F = (c[k] for k in ("d_model", "vocab_size", "n_heads", "n_kv_heads", "head_dim", "d_ffn"))
    norm = (1,) if c["norm"] == "rmsnorm_scalar" else (D,)
    s = {"model.embed_tokens.weight": (V, c["embedding_dim"] or D)}
    if c["embedding_dim"]: s["model.project_in.weight"] = (D, c["embedding_dim"])
    for i in range(c["n_layers"]):
        p = f"model.layers.{i}."
        s[p + "input_layernorm.weight"] = norm
        for n, width in (("q", H * hd), ("k", K * hd), ("v", K * hd)): s[p + f"self_attn.{n}_proj.weight"] = (width, D)
        s[p + "self_attn.o_proj.weight"] = (D, H * hd)
        width = {"channel": K * hd, "head": K}.get(c["value_gate"])
        if width: s[p + "self_attn.value_gate_proj.weight"] = (width, D)
        s[p + "post_attention_layernorm.weight"] = norm
        s[p + "mlp.gate_proj.weight"] = s[p + "mlp.up_proj.weight"] = (F, D)
        s[p + "mlp.down_proj.weight"] = (D, F)
    s["model.norm.weight"] = norm
    if c["embedding_dim"]: s["model.project_out.weight"] = (c["embedding_dim"], D)
    s["lm_head.weight"] = (V, c["embedding_dim"] or D)
    return s


def rms(x, w): return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * w


def rotate(x):  # (B, heads, T, hd)
    hd = x.shape[-1]
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * 10000.0 ** (-torch.arange(0, hd, 2, dtype=x.dtype) / hd)
    a, b = x.chunk(2, -1)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


def forward(c, w, ids, trace=None):
    (B, n), H, K, hd = ids.shape, c["n_heads"], c["n_kv_heads"], c["head_dim"]
    h = w["model.embed_tokens.weight"][ids]
    if c["embedding_dim"]: h = h @ w["model.project_in.weight"].T
    states, maps = [h], []
    for i in range(c["n_layers"]):
        p = f"model.layers.{i}."
        x = rms(h, w[p + "input_layernorm.weight"])
        q, k, v = (x @ w[p + f"self_attn.{name}_proj.weight"].T for name in "qkv")
        if c["value_gate"] != "none":
            gate = torch.sigmoid(x @ w[p + "self_attn.value_gate_proj.weight"].T)
            v = v * (gate.repeat_interleave(hd, -1) if c["value_gate"] == "head" else gate)
        q, k, v = (t.reshape(B, n, -1, hd).transpose(1, 2) for t in (q, k, v))
        q, k = rotate(q), rotate(k)
        k, v = (t.repeat_interleave(H // K, 1) for t in (k, v))
        s = (q @ k.transpose(-1, -2) / math.sqrt(hd)).masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
        A = torch.softmax(s, -1)
        if c["attention"] == "clipped_softmax": A = ((c["attention_zeta"] - c["attention_gamma"]) * A + c["attention_gamma"]).clamp(0, 1)
        maps.append(A)
        h = h + (A @ v).transpose(1, 2).reshape(B, n, -1) @ w[p + "self_attn.o_proj.weight"].T
        states.append(h)
        x = rms(h, w[p + "post_attention_layernorm.weight"])
        act = torch.nn.functional.silu(x @ w[p + "mlp.gate_proj.weight"].T) * (x @ w[p + "mlp.up_proj.weight"].T)
        h = h + act @ w[p + "mlp.down_proj.weight"].T
        states.append(h)
    h = rms(h, w["model.norm.weight"])
    if c["embedding_dim"]: h = h @ w["model.project_out.weight"].T
    if trace is not None: trace.update(states=states, attention=maps)
    return h @ w["lm_head.weight"].T


def newton_schulz(u):
    x = u.T if u.shape[0] > u.shape[1] else u
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(MUON["steps"]):
        y = x @ x.T
        x = 3.4445 * x + (-4.7750 * y + 2.0315 * y @ y) @ x
    return x.T if u.shape[0] > u.shape[1] else x


class Muon:  # torch.optim.Muon, which rounds to bf16 on the way, with adjust_lr_fn = "match_rms_adamw", in the tensors' own type
    def __init__(self, params): self.params, self.m = params, [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step(self):
        for p, m in zip(self.params, self.m):
            m.lerp_(p.grad, 1 - MUON["momentum"])
            p.mul_(1 - SETTINGS["lr"] * SETTINGS["weight_decay"])
            p.add_(newton_schulz(p.grad.lerp(m, MUON["momentum"])), alpha=-SETTINGS["lr"] * 0.2 * max(p.shape) ** 0.5)


def main():
    index = {}
    for number, (name, changes) in enumerate(VARIANTS.items()):
        c = {**BASE, **changes}
        g = torch.Generator().manual_seed(number)
        draw = lambda shape, scale: (scale * torch.randn(shape, generator=g, dtype=torch.float64)).float().double()
        w = {n: (1 + draw(s, 0.1)).float().double() if n.endswith("norm.weight") else draw(s, 0.3) for n, s in shapes(c).items()}
        batches = torch.randint(c["vocab_size"], (STEPS, BATCH, T + 1), generator=g)
        start = {n: t.float().clone() for n, t in w.items()}
        ps = {n: t.clone().requires_grad_() for n, t in w.items()}
        matrices = [t for n, t in ps.items() if name == "muon" and "_proj" in n]
        decayed = [t for t in ps.values() if t.dim() >= 2 and not any(t is m for m in matrices)]
        muon = Muon(matrices)
        opt = torch.optim.AdamW([dict(params=decayed, weight_decay=SETTINGS["weight_decay"]),
                                 dict(params=[t for t in ps.values() if t.dim() < 2], weight_decay=0.0)],
                                lr=SETTINGS["lr"], betas=SETTINGS["betas"], eps=SETTINGS["eps"])
        losses, norms, expected = [], [], {"ids": batches.int()}
        for step in range(STEPS):
            trace = {}
            logits = forward(c, ps, batches[step, :, :-1], trace)
            loss = torch.nn.functional.cross_entropy(logits.reshape(-1, c["vocab_size"]), batches[step, :, 1:].reshape(-1))
            for t in ps.values(): t.grad = None
            loss.backward()
            if step == 0:
                expected.update({"grad." + n: t.grad.float().clone() for n, t in ps.items()})
                expected["logits"] = logits[:1].detach().float().clone()
                expected["states"] = torch.stack(trace["states"])[:, :1].detach().float().contiguous()
                expected["attention"] = torch.stack(trace["attention"])[:, :1].detach().float().contiguous()
            norms.append(float(torch.nn.utils.clip_grad_norm_(list(ps.values()), SETTINGS["clip"])))
            opt.step(); muon.step(); losses.append(loss.item())
        save_file(start, root / f"{name}.weights.safetensors")
        save_file(expected, root / f"{name}.expected.safetensors")
        index[name] = {"config": c, "losses": losses, "grad_norms": norms, "optimizer": "muon" if matrices else "adamw", **SETTINGS}
        for file in ("weights", "expected"): (root / f"{name}.{file}.safetensors").chmod(0o644)
    (root / "proposed.json").write_text(json.dumps(index) + "\n")


main()
