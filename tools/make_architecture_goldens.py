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
from transformers.integrations.mxfp4 import convert_moe_packed_tensors
from safetensors.torch import load_file, save_file

ROWS, TOKENS = 2, 13
SMALL = dict(vocab_size=41, hidden_size=24, intermediate_size=34, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1,
             max_position_embeddings=32, bos_token_id=1, eos_token_id=2, pad_token_id=0)
HEAD = dict(SMALL, head_dim=10)
GATED = dict(HEAD, num_attention_heads=4, num_key_value_heads=2, use_qk_norm=True, qkv_bias=False, elementwise_attn_output_gate=False,
             headwise_attn_output_gate=False)
OSS = dict(HEAD, num_local_experts=5, num_experts_per_tok=2, sliding_window=4, swiglu_limit=0.8, rope_parameters={
    "rope_type": "yarn", "factor": 4.0, "rope_theta": 500.0, "original_max_position_embeddings": 8, "truncate": False})
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
    "gpt_oss": ("GptOss", dict(OSS, hidden_size=24, intermediate_size=14), "post_attention_layernorm"),
    "gpt_oss_mxfp4": ("GptOss", dict(OSS, hidden_size=32, intermediate_size=64), "post_attention_layernorm"),
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
    "mixtral": ("Mixtral", dict(SMALL, intermediate_size=14, num_local_experts=5, num_experts_per_tok=2, sliding_window=6), "post_attention_layernorm"),
    "olmoe": ("Olmoe", dict(SMALL, intermediate_size=14, num_experts=6, num_experts_per_tok=3), "post_attention_layernorm"),
    "qwen2": ("Qwen2", SMALL, "post_attention_layernorm"),
    "qwen2_moe": ("Qwen2Moe", dict(SMALL, moe_intermediate_size=14, shared_expert_intermediate_size=18, num_experts=5, num_experts_per_tok=2,
                                   mlp_only_layers=[1]), "post_attention_layernorm"),
    "qwen3_moe": ("Qwen3Moe", dict(HEAD, moe_intermediate_size=14, num_experts=7, num_experts_per_tok=3, norm_topk_prob=True, decoder_sparse_step=2),
                  "post_attention_layernorm"),
    "qwen3_gate_channel": ("Qwen3", dict(GATED, elementwise_attn_output_gate=True), "post_attention_layernorm"),
    "qwen3_gate_head": ("Qwen3", dict(GATED, headwise_attn_output_gate=True), "post_attention_layernorm"),
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


def hashed_bytes(name, shape, low, high):
    """low to high, by the same numbers."""
    unit = hashed(name, shape, 0.5, 0.5).double()
    return (low + (unit * (high - low + 1)).floor()).clamp(low, high).to(torch.uint8)


def pack_experts(laws, tensors):
    """In place of the experts' matrices blocks and scales of MXFP4, as gpt-oss is published; `tensors` keeps what Transformers decodes from them."""
    for name in [name for name in laws if name.endswith("_proj") and ".experts." in name]:
        experts, inner, outer = laws.pop(name)[0]
        laws[name + "_blocks"] = [[experts, outer, inner // 32, 16], "u8", 0, 255]
        laws[name + "_scales"] = [[experts, outer, inner // 32], "u8", 122, 125]
        blocks, scales = (hashed_bytes(part, laws[part][0], *laws[part][2:]) for part in (name + "_blocks", name + "_scales"))
        tensors[name] = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
        assert tensors[name].shape == (experts, inner, outer)


def law_of(name, shape, plus_one):
    """Centre and spread of a tensor's numbers: states of size 1, and every bias and norm doing something."""
    if len(shape) > 1:
        table = any(word in name for word in ("emb", "wte", "wpe"))
        return 0.0, 1.7 if table else round(1.7 * shape[-1] ** -0.5, 4)
    if name.endswith("weight"):
        return (0.0 if plus_one and "norm" in name else 1.0), 0.5
    return 0.0, 0.35


def add_gates(model):
    """The remote code of the gated Qwen3: behind the queries of each group of heads q_proj has gates, one a head or one a channel."""
    config = model.config
    groups, heads = config.num_key_value_heads, config.num_attention_heads // config.num_key_value_heads
    queries = heads * config.head_dim
    gates = heads if config.headwise_attn_output_gate else queries

    def split(module, arguments, out):
        rows = out.unflatten(-1, (groups, queries + gates))
        module.opening = torch.sigmoid(rows[..., queries:].flatten(-2))
        return rows[..., :queries].flatten(-2)

    def gate(projection):
        def scaled(module, arguments):
            opening = projection.opening.unsqueeze(-1)
            return (arguments[0].unflatten(-1, (opening.shape[-2], -1)) * opening).flatten(-2)
        return scaled

    for layer in model.model.layers:
        attention = layer.self_attn
        attention.q_proj = torch.nn.Linear(config.hidden_size, groups * (queries + gates), bias=False)
        attention.q_proj.register_forward_hook(split)
        attention.o_proj.register_forward_pre_hook(gate(attention.q_proj))
    return model


def make(name, folder):
    """The model, from a file with the names that Transformers gives tensors in files, which are not always its own."""
    family, settings, _ = GOLDENS[name]
    suffix = "LMHeadModel" if family == "GPT2" else "ForCausalLM"
    config = getattr(transformers, family + ("TextConfig" if family == "Gemma3" else "Config"))(**settings)
    of_class = getattr(transformers, family + suffix)
    gated = getattr(config, "headwise_attn_output_gate", False) or getattr(config, "elementwise_attn_output_gate", False)
    new = add_gates(of_class._from_config(config, attn_implementation="eager")) if gated else of_class(config)
    new.float().save_pretrained(folder)
    laws, tensors = {}, {}
    for tensor_name, tensor in load_file(folder / "model.safetensors").items():
        shape = list(tensor.shape)
        laws[tensor_name] = [shape, *law_of(tensor_name, shape, family.startswith("Gemma"))]
        tensors[tensor_name] = hashed(tensor_name, *laws[tensor_name])
    if name.endswith("mxfp4"):
        pack_experts(laws, tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    if gated:
        new.load_state_dict(tensors)
        return new.eval(), laws
    of_experts = {"experts_implementation": "eager"} if hasattr(config, "num_experts_per_tok") else {}
    return of_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, **of_experts).eval(), laws


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
    if name.endswith("mxfp4"):
        model.config.quantization_config = {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]}
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
