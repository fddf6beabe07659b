#!/usr/bin/env python3
"""Writes tests/golden/architectures/NAME: a tiny random checkpoint of each class of Hugging Face Transformers, and what Transformers computes from it.

Needs torch, transformers and safetensors. Everything is f32 and eager. Usage: make_architecture_goldens.py FOLDER [NAME ...]

The weights are numbers of a hash (see hashed), which the tests compute too: weights.json has each tensor's shape, centre and spread.

expected.safetensors: ids (N, T); of sequence 0 logits (1, T, V) and every residual state (S, 1, T, D), the embedding first; sink_mass (L, N, H), the
weight on key 0, averaged over queries; mean_nll (1), the mean loss of all predicted tokens, in nats.
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

ROWS, TOKENS = 2, 13
SMALL = dict(vocab_size=41, hidden_size=24, intermediate_size=34, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1,
             max_position_embeddings=32, bos_token_id=1, eos_token_id=2, pad_token_id=0)
HEAD = dict(SMALL, head_dim=10)
MHA = {key: value for key, value in SMALL.items() if key != "num_key_value_heads"}


def types(text):
    return [{"s": "sliding_attention", "f": "full_attention"}[letter] for letter in text]


def longrope(tokens):
    return {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.1, 1.3], "long_factor": [1.5, 2.5, 4.0],
            "original_max_position_embeddings": tokens, "partial_rotary_factor": 0.75}


# Name: class, settings of its configuration, the module of a layer whose input is the state between its blocks ("": there is none).
GOLDENS = {
    "gpt2": ("GPT2", dict(vocab_size=41, n_embd=24, n_inner=34, n_layer=3, n_head=3, n_positions=32, bos_token_id=1, eos_token_id=2), "ln_2"),
    "opt": ("OPT", dict(MHA, ffn_dim=34, word_embed_proj_dim=24), "final_layer_norm"),
    "opt_post_norm": ("OPT", dict(MHA, ffn_dim=34, word_embed_proj_dim=14, do_layer_norm_before=False), "fc1"),
    "gpt_neox": ("GPTNeoX", dict(MHA, rotary_pct=0.5, rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}), ""),
    "gpt_neox_sequential": ("GPTNeoX", dict(MHA, use_parallel_residual=False), "post_attention_layernorm"),
    "gemma": ("Gemma", HEAD, "post_attention_layernorm"),
    "gemma2": ("Gemma2", dict(HEAD, query_pre_attn_scalar=7, sliding_window=5, attn_logit_softcapping=1.5, final_logit_softcapping=2.0),
               "pre_feedforward_layernorm"),
    "gemma3": ("Gemma3", dict(HEAD, query_pre_attn_scalar=7, sliding_window=5, layer_types=types("sfs"), rope_parameters={
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000.0}}), "pre_feedforward_layernorm"),
    "olmo2": ("Olmo2", SMALL, "mlp"),
    "olmo3": ("Olmo3", dict(SMALL, sliding_window=5, layer_types=types("sfs"), rope_parameters={
        "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
        "full_attention": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 500.0, "original_max_position_embeddings": 8}}), "mlp"),
    "phi3": ("Phi3", dict(SMALL, original_max_position_embeddings=16, rope_parameters=longrope(16), sliding_window=6), "post_attention_layernorm"),
    "phi3_long": ("Phi3", dict(SMALL, original_max_position_embeddings=8, rope_parameters=longrope(8)), "post_attention_layernorm"),
    "smollm3": ("SmolLM3", dict(SMALL, no_rope_layers=[1, 0, 1]), "post_attention_layernorm"),
    "qwen3_windows": ("Qwen3", dict(HEAD, use_sliding_window=True, sliding_window=5, max_window_layers=1), "post_attention_layernorm"),
}


def hashed(name, shape, centre, spread):
    """centre + spread * u, u uniform in [-1, 1): the upper 24 bits of splitmix64 of (FNV-1a of the name) + index."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.arange(int(np.prod(shape)), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    unit = (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return torch.from_numpy((centre + spread * unit).astype(np.float32)).reshape(shape)


def law_of(name, shape, plus_one):
    """Centre and spread of a tensor's numbers: states of size 1, and every bias and norm doing something."""
    if len(shape) > 1:
        table = any(word in name for word in ("emb", "wte", "wpe"))
        return 0.0, 1.7 if table else round(1.7 * shape[-1] ** -0.5, 4)
    if name.endswith("weight"):
        return (0.0 if plus_one and "norm" in name else 1.0), 0.5
    return 0.0, 0.35


def make(name, folder):
    """The model, from a file with the names that Transformers gives tensors in files, which are not always its own."""
    family, settings, _ = GOLDENS[name]
    suffix = "LMHeadModel" if family == "GPT2" else "ForCausalLM"
    config = getattr(transformers, family + ("TextConfig" if family == "Gemma3" else "Config"))(**settings)
    of_class = getattr(transformers, family + suffix)
    of_class(config).float().save_pretrained(folder)
    laws, tensors = {}, {}
    for tensor_name, tensor in load_file(folder / "model.safetensors").items():
        shape = list(tensor.shape)
        laws[tensor_name] = [shape, *law_of(tensor_name, shape, family.startswith("Gemma"))]
        tensors[tensor_name] = hashed(tensor_name, *laws[tensor_name])
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return of_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval(), laws


def layers_of(model):
    return next(module for name, module in model.named_modules() if isinstance(module, torch.nn.ModuleList) and name.split(".")[-1] in ("h", "layers"))


def states_of(model, ids, middle):
    seen, handles = [], []

    def first_argument(module, arguments, keywords):
        seen.append((arguments[0] if arguments else keywords["hidden_states"]).detach().clone())

    layers = layers_of(model)
    handles.append(layers[0].register_forward_pre_hook(first_argument, with_kwargs=True))
    for layer in layers:
        if middle:
            handles.append(layer.get_submodule(middle).register_forward_pre_hook(first_argument, with_kwargs=True))
        handles.append(layer.register_forward_hook(lambda module, arguments, out: seen.append((out[0] if isinstance(out, tuple) else out).detach().clone())))
    with torch.no_grad():
        out = model(ids, output_attentions=True, use_cache=False)
    for handle in handles:
        handle.remove()
    return torch.stack([state.reshape(ids.shape[0], ids.shape[1], -1) for state in seen]), out


def write(folder, name):
    with tempfile.TemporaryDirectory() as temporary:
        model, laws = make(name, pathlib.Path(temporary))
    torch.manual_seed(7)
    ids = torch.randint(3, 41, (ROWS, TOKENS))
    states, out = states_of(model, ids, GOLDENS[name][2])
    logits = out.logits.float()
    nll = torch.nn.functional.cross_entropy(logits[:, :-1].double().flatten(0, 1), ids[:, 1:].flatten())
    (folder / name).mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder / name)
    (folder / name / "weights.json").write_text(json.dumps(laws, separators=(",", ":")))
    save_file({"ids": ids.int(), "logits": logits[:1].contiguous(), "states": states[:, :1].float().contiguous(),
               "sink_mass": torch.stack([weights[..., 0].mean(-1) for weights in out.attentions]).float().contiguous(),
               "mean_nll": nll.float().reshape(1)}, folder / name / "expected.safetensors")
    print(name, float(nll), tuple(states.shape), "largest state", float(states.abs().max()))


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    for one in sys.argv[2:] or GOLDENS:
        write(target, one)
