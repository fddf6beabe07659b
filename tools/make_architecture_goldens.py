#!/usr/bin/env python3
"""Writes tests/golden/architectures/NAME: a tiny random checkpoint of each class of Hugging Face Transformers, and what Transformers computes from it.

Needs torch, transformers and safetensors. Everything is f32 and eager. Usage: make_architecture_goldens.py FOLDER [NAME ...]

The weights are numbers of a hash (see hashed), which the tests compute too: weights.json has each tensor's shape, centre and spread.

expected.safetensors: ids (N, T); of sequence 0 logits (1, T, V) and every residual state (S, 1, T, D), the embedding first; sink_mass (L, N, H), the
weight on key 0, averaged over queries, of the layers that attend; mean_nll (1), the mean loss of all predicted tokens, in nats.
"""
import json
import pathlib
import random
import sys
import tempfile

import numpy as np
import torch
import transformers
from transformers.integrations.mxfp4 import convert_moe_packed_tensors
from safetensors.torch import load_file, save_file

class Sizes:
    """What a checkpoint's configuration is made of: the goldens' own, or odd ones of a seed (tools/check_architectures.py)."""

    def __init__(self, seed=None):
        draw = random.Random(seed).randint
        self.salt = "" if seed is None else f"{seed}:"
        self.rows, self.tokens = (2, 13) if seed is None else (draw(1, 3), draw(9, 23))
        self.vocab, self.ffn, self.layers = (41, 34, 3) if seed is None else (draw(30, 97), draw(17, 45), draw(2, 5))
        self.groups, self.shared = (1, 3) if seed is None else (draw(1, 3), draw(1, 3))  # key heads, and how many query heads have each
        self.heads = self.groups * self.shared
        self.head_dim = 10 if seed is None else 2 * draw(3, 7)
        self.width = 24 if seed is None else self.heads * 2 * draw(2, 5) if self.heads > 1 else 2 * draw(5, 14)
        self.expert_ffn, self.experts, self.chosen = (14, 5, 2) if seed is None else (draw(7, 15), draw(4, 9), draw(1, 3))
        self.window = 5 if seed is None else draw(3, 7)

    @property
    def small(self):
        return dict(vocab_size=self.vocab, hidden_size=self.width, intermediate_size=self.ffn, num_hidden_layers=self.layers,
                    num_attention_heads=self.heads, num_key_value_heads=self.groups, max_position_embeddings=32, bos_token_id=1, eos_token_id=2,
                    pad_token_id=0)

    @property
    def head(self):
        return dict(self.small, head_dim=self.head_dim)

    @property
    def mha(self):
        return {key: value for key, value in self.small.items() if key != "num_key_value_heads"}

    @property
    def gated(self):
        return dict(self.head, num_attention_heads=4, num_key_value_heads=2, use_qk_norm=True, qkv_bias=False, elementwise_attn_output_gate=False,
                    headwise_attn_output_gate=False)

    @property
    def oss(self):
        return dict(self.head, num_local_experts=self.experts, num_experts_per_tok=self.chosen, sliding_window=4, swiglu_limit=0.8, rope_parameters={
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 500.0, "original_max_position_embeddings": 8, "truncate": False})

    @property
    def deltanet(self):
        kinds = {"l": "linear_attention", "f": "full_attention"}
        return dict(self.head, layer_types=[kinds["lfl"[i % 3]] for i in range(self.layers)], linear_num_key_heads=2, linear_num_value_heads=4,
                    linear_key_head_dim=6, linear_value_head_dim=5, linear_conv_kernel_dim=3, rope_parameters={
                        "rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 4 / self.head_dim, "mrope_section": [1, 1, 0],
                        "mrope_interleaved": True})

    def types(self, text):
        return [{"s": "sliding_attention", "f": "full_attention"}[text[i % len(text)]] for i in range(self.layers)]

    def longrope(self, tokens):
        head = self.width // self.heads
        pairs = max(1, int(head * 0.75) // 2)
        return {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0 + 0.1 * i * i for i in range(pairs)] if self.salt else [1.0, 1.1, 1.3],
                "long_factor": [1.5 + i for i in range(pairs)] if self.salt else [1.5, 2.5, 4.0], "original_max_position_embeddings": tokens,
                "partial_rotary_factor": 2 * pairs / head}

    def rope(self, kind, **more):
        return {"rope_type": kind, "rope_theta": 500.0, **more}

    def gemma3(self):
        return dict(self.head, query_pre_attn_scalar=7, sliding_window=self.window, layer_types=self.types("sfs"), rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000.0}})


SIGLIP = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=4, patch_size=2)
QWEN_VISION = dict(depth=1, hidden_size=8, intermediate_size=8, num_heads=2, patch_size=2, out_hidden_size=24, num_position_embeddings=16)

# Name: class, settings of its configuration, the module of a layer whose input is the state between its blocks ("": there is none).
GOLDENS = {
    "gpt2": lambda s: ("GPT2", dict(vocab_size=s.vocab, n_embd=s.width, n_inner=s.ffn, n_layer=s.layers, n_head=s.heads, n_positions=32, bos_token_id=1,
                                    eos_token_id=2), "ln_2"),
    "opt": lambda s: ("OPT", dict(s.mha, ffn_dim=s.ffn, word_embed_proj_dim=s.width), "final_layer_norm"),
    "opt_post_norm": lambda s: ("OPT", dict(s.mha, ffn_dim=s.ffn, word_embed_proj_dim=14, do_layer_norm_before=False), "fc1"),
    "gpt_oss": lambda s: ("GptOss", dict(s.oss, intermediate_size=s.expert_ffn), "post_attention_layernorm"),
    "gpt_oss_mxfp4": lambda s: ("GptOss", dict(s.oss, hidden_size=32, intermediate_size=64), "post_attention_layernorm"),
    "gpt_neox": lambda s: ("GPTNeoX", dict(s.mha, rotary_pct=0.5, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 4 / (s.width // s.heads)}), ""),
    "gpt_neox_sequential": lambda s: ("GPTNeoX", dict(s.mha, use_parallel_residual=False, **({} if not s.salt else {"rotary_pct": 1.0})), "post_attention_layernorm"),
    "gemma": lambda s: ("Gemma", s.head, "post_attention_layernorm"),
    "gemma2": lambda s: ("Gemma2", dict(s.head, query_pre_attn_scalar=7, sliding_window=s.window, attn_logit_softcapping=1.5,
                                        final_logit_softcapping=2.0), "pre_feedforward_layernorm"),
    "gemma3": lambda s: ("Gemma3", s.gemma3(), "pre_feedforward_layernorm"),
    "gemma3_multimodal": lambda s: ("Gemma3+", dict(text_config=s.gemma3(), vision_config=SIGLIP, mm_tokens_per_image=4), "pre_feedforward_layernorm"),
    "olmo2": lambda s: ("Olmo2", s.small, "mlp"),
    "olmo3": lambda s: ("Olmo3", dict(s.small, sliding_window=s.window, layer_types=s.types("sfs"), rope_parameters={
        "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
        "full_attention": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 500.0, "original_max_position_embeddings": 8}}), "mlp"),
    "phi3": lambda s: ("Phi3", dict(s.small, original_max_position_embeddings=16 if not s.salt else 24, rope_parameters=s.longrope(16 if not s.salt else 24),
                                    sliding_window=6), "post_attention_layernorm"),
    "phi3_long": lambda s: ("Phi3", dict(s.small, original_max_position_embeddings=8, rope_parameters=s.longrope(8)), "post_attention_layernorm"),
    "smollm3": lambda s: ("SmolLM3", dict(s.small, no_rope_layers=[(i + 1) % 2 for i in range(s.layers)]), "post_attention_layernorm"),
    "mixtral": lambda s: ("Mixtral", dict(s.small, intermediate_size=s.expert_ffn, num_local_experts=s.experts, num_experts_per_tok=s.chosen, sliding_window=6),
                          "post_attention_layernorm"),
    "olmoe": lambda s: ("Olmoe", dict(s.small, intermediate_size=s.expert_ffn, num_experts=s.experts + 1, num_experts_per_tok=s.chosen + 1),
                        "post_attention_layernorm"),
    "llama_dynamic": lambda s: ("Llama", dict(s.small, max_position_embeddings=7, rope_parameters=s.rope("dynamic", factor=3.0)), "post_attention_layernorm"),
    "llama_yarn": lambda s: ("Llama", dict(s.small, rope_parameters=s.rope(
        "yarn", factor=6.0, original_max_position_embeddings=8, mscale=0.7, mscale_all_dim=0.3, truncate=False, beta_fast=2.5, beta_slow=0.5)),
        "post_attention_layernorm"),
    "mistral3": lambda s: ("Mistral3+", dict(text_config=dict(s.head, model_type="mistral", sliding_window=None), vision_config=dict(
        model_type="pixtral", hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=4, patch_size=2, head_dim=4)),
        "post_attention_layernorm"),
    "llava": lambda s: ("Llava+", dict(text_config=dict(s.small, model_type="qwen2"), vision_config=dict(
        SIGLIP, model_type="clip_vision_model", projection_dim=8)), "post_attention_layernorm"),
    "qwen2": lambda s: ("Qwen2", s.small, "post_attention_layernorm"),
    "qwen2_moe": lambda s: ("Qwen2Moe", dict(s.small, moe_intermediate_size=s.expert_ffn, shared_expert_intermediate_size=18, num_experts=s.experts,
                                             num_experts_per_tok=s.chosen, mlp_only_layers=[1]), "post_attention_layernorm"),
    "qwen3_5": lambda s: ("Qwen3_5", s.deltanet, "post_attention_layernorm"),
    "qwen3_5_multimodal": lambda s: ("Qwen3_5+", dict(text_config=dict(s.deltanet, tie_word_embeddings=True), vision_config=dict(
        QWEN_VISION, out_hidden_size=s.width), tie_word_embeddings=True), "post_attention_layernorm"),
    "qwen3_next": lambda s: ("Qwen3Next", dict(s.deltanet, moe_intermediate_size=s.expert_ffn, shared_expert_intermediate_size=9, num_experts=s.experts,
                                               num_experts_per_tok=s.chosen, mlp_only_layers=[1]), "post_attention_layernorm"),
    "qwen3_moe": lambda s: ("Qwen3Moe", dict(s.head, moe_intermediate_size=s.expert_ffn, num_experts=s.experts + 2, num_experts_per_tok=s.chosen + 1,
                                             norm_topk_prob=True, decoder_sparse_step=2), "post_attention_layernorm"),
    "qwen3_gate_channel": lambda s: ("Qwen3", dict(s.gated, elementwise_attn_output_gate=True), "post_attention_layernorm"),
    "qwen3_gate_head": lambda s: ("Qwen3", dict(s.gated, headwise_attn_output_gate=True), "post_attention_layernorm"),
    "qwen3_windows": lambda s: ("Qwen3", dict(s.head, use_sliding_window=True, sliding_window=s.window, max_window_layers=1), "post_attention_layernorm"),
}
PLUS_ONE = ("Gemma", "Qwen3_5", "Qwen3Next")  # whose norms have weights 1 + w


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


def pack_experts(laws, tensors, salt):
    """In place of the experts' matrices blocks and scales of MXFP4, as gpt-oss is published; `tensors` keeps what Transformers decodes from them."""
    for name in [name for name in laws if name.endswith("_proj") and ".experts." in name]:
        experts, inner, outer = laws.pop(name)[0]
        laws[name + "_blocks"] = [[experts, outer, inner // 32, 16], "u8", 0, 255]
        laws[name + "_scales"] = [[experts, outer, inner // 32], "u8", 122, 125]
        blocks, scales = (hashed_bytes(salt + part, laws[part][0], *laws[part][2:]) for part in (name + "_blocks", name + "_scales"))
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


def class_of(family):
    """The classes of a model and its configuration; a plus: with pictures."""
    if family.endswith("+"):
        return getattr(transformers, family[:-1] + "ForConditionalGeneration"), getattr(transformers, family[:-1] + "Config")
    model = getattr(transformers, family + ("LMHeadModel" if family == "GPT2" else "ForCausalLM"))
    return model, getattr(transformers, family + ("TextConfig" if family in ("Gemma3", "Qwen3_5") else "Config"))


def make(name, folder, sizes):
    """The model, from a file with the names that Transformers gives tensors in files, which are not always its own."""
    family, settings, _ = GOLDENS[name](sizes)
    of_class, of_config = class_of(family)
    config = of_config(**settings)
    gated = getattr(config, "headwise_attn_output_gate", False) or getattr(config, "elementwise_attn_output_gate", False)
    new = add_gates(of_class._from_config(config, attn_implementation="eager")) if gated else of_class(config)
    new.float().save_pretrained(folder)
    laws, tensors = {}, {}
    for tensor_name, tensor in load_file(folder / "model.safetensors").items():
        shape = list(tensor.shape)
        laws[tensor_name] = [shape, *law_of(tensor_name, shape, family.startswith(PLUS_ONE))]
        tensors[tensor_name] = hashed(sizes.salt + tensor_name, *laws[tensor_name])
    if name.endswith("mxfp4"):
        pack_experts(laws, tensors, sizes.salt)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    if gated:
        new.load_state_dict(tensors)
        return new.eval(), laws
    of_experts = {"experts_implementation": "eager"} if hasattr(config, "num_experts_per_tok") else {}
    return of_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, **of_experts).eval(), laws


def layers_of(model):
    model = getattr(model.model, "language_model", model) if hasattr(model, "model") else model
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


def run(name, sizes, folder):
    """Makes a checkpoint in the folder and runs it: the model, the laws of its numbers, the golden values."""
    model, laws = make(name, folder, sizes)
    torch.manual_seed(7 if not sizes.salt else int(sizes.salt[:-1]))
    ids = torch.randint(3, sizes.vocab, (sizes.rows, sizes.tokens))
    states, out = states_of(model, ids, GOLDENS[name](sizes)[2])
    logits = out.logits.float()
    nll = torch.nn.functional.cross_entropy(logits[:, :-1].double().flatten(0, 1), ids[:, 1:].flatten())
    if name.endswith("mxfp4"):
        model.config.quantization_config = {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]}
    values = {"ids": ids.int(), "logits": logits[:1].contiguous(), "states": states[:, :1].float().contiguous(), "mean_nll": nll.float().reshape(1)}
    maps = [weights for weights in out.attentions or () if weights is not None]
    if maps:
        values["sink_mass"] = torch.stack([weights[..., 0].mean(-1) for weights in maps]).float().contiguous()
    return model, laws, values


def write(folder, name):
    with tempfile.TemporaryDirectory() as temporary:
        model, laws, values = run(name, Sizes(), pathlib.Path(temporary))
    (folder / name).mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder / name)
    (folder / name / "weights.json").write_text(json.dumps(laws, separators=(",", ":")))
    save_file(values, folder / name / "expected.safetensors")
    print(name, float(values["mean_nll"]), tuple(values["states"].shape), "largest state", float(values["states"].abs().max()))


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    for one in sys.argv[2:] or GOLDENS:
        write(target, one)
