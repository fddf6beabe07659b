#!/usr/bin/env python3
"""What Hugging Face Transformers computes from the file of tools/get_smollm2, in float64 on the weights that its Q4_1 blocks decode to.

usage: tools/smollm2_reference.py MODEL.gguf TEXT ORACLE_FOLDER [DUMP]      (needs torch, transformers, accelerate, gguf and safetensors)

The ids are the first 4 windows of 512 tokens of TEXT, the first token of each replaced by the beginning-of-sequence token. Writes ORACLE_FOLDER/oracle.safetensors:
ids (4, 512); of sequence 0 at `positions` states (61, P, C) at `channels` and logits (P, V) at `tokens`; size (61), the largest |h| of each state over all
sequences; sink_mass (30, 9), the weight on key 0 averaged over queries and sequences; mean_nll (1). And ORACLE_FOLDER/tokens.json: pieces of text, and of 2,000 strings
made of them (tests/probe/smollm2_test.cpp makes them too), eight at a time, 16 bits of a hash of their ids. With DUMP, a probes.safetensors with `logits`, `residual.*` and `attn.probs` of the same sequences, says how far each is.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from tokenizers import pre_tokenizers
from safetensors import safe_open
from safetensors.torch import save_file

SEQUENCES, TOKENS, BOS = 4, 512, 1
PIECES = [" ", "  ", "\t", "\n", "\r\n", "   \n", "a", "the", " the", "The", " token", "ization", "don't", " we'll", "I'M", "x=1", "0", "7", "42", "3.14159", "1e-5", " 2,000",
          "def f(x):\n    return x", "{", "}", "();", "//", "/* c */", "!=", "->", "<br/>", "#include", "\\n", "\"", "'", "`", "_", "__", "-", "--", ".", "...", ",", "!", "?", "é", "e\u0301",
          "ñ", "n\u0303", "\u0301", "\u0308\u0301", "ß", "Ωmega", "привет", " мир", "שלום", " עולם", "مرحبا", "\u200f", "\u202e", "नमस्ते", "日本語", "你好", "한국어", "ไทย", "😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽",
          "🇩🇪", "\u00a0", "\u3000", "\u2003", "\u200b", "\ufeff", "\x00", "\x7f", "<|endoftext|>", "<|im_start|>", "<|im_end|>", " <|im_end|> ", "<|im_", "<repo_name>", "<file_sep>",
          "<jupyter_code>", "<empty_output>", "ﬁ", "①", "½", "٣", "𝒳", "\U0001f9ff", "ǅ"]


class Numbers:
    """The same in tests/probe/smollm2_test.cpp: a linear congruential generator (Knuth's MMIX), its upper 32 bits."""

    def __init__(self, state):
        self.state = state

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 32) % bound


def strings():
    numbers = Numbers(2025)
    return ["".join(PIECES[numbers.below(len(PIECES))] for _ in range(1 + numbers.below(12))) for _ in range(2000)]


def tokenizer_of(gguf):
    """Transformers 5.24 takes the words of GPT-2 for every GGUF file: tokenizer.ggml.pre = "smollm" has digits apart, as the model's tokenizer.json does."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                                         pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer


def hash_of(ids):
    value = 0xCBF29CE484222325
    for one in ids:
        value = (value ^ one) * 0x100000001B3 % 2**64
    return value >> 48


def states_of(model, ids):
    """The states of one sequence, (61, T, C), the logits, (T, V), and the weights on key 0, (30, 9, T)."""
    seen, handles = [], []
    keep = lambda module, arguments, keywords: seen.append((arguments[0] if arguments else keywords["hidden_states"])[0].clone())
    for layer in model.model.layers:
        handles += [module.register_forward_pre_hook(keep, with_kwargs=True) for module in (layer, layer.post_attention_layernorm)]
    handles.append(model.model.norm.register_forward_pre_hook(keep, with_kwargs=True))
    with torch.no_grad():
        out = model(ids[None], output_attentions=True, use_cache=False)
    for handle in handles:
        handle.remove()
    return torch.stack(seen), out.logits[0], torch.stack([weights[0, :, :, 0] for weights in out.attentions])


def compare(dump, row, states, logits, key0):
    """The largest differences of a dump's sequence: entries over the size of what is there, a token's largest, at least 1; weights as they are."""
    with safe_open(dump, "np") as file:
        def far(found, wanted):
            size = wanted.abs().amax(-1, keepdim=True).clamp(min=1)
            return float(((torch.from_numpy(found.astype(np.float64)) - wanted).abs() / size).max())
        worst = max(far(file.get_slice(f"residual.{i}")[row], state) for i, state in enumerate(states))
        weights = max(float(np.abs(file.get_slice(f"layer.{i}.attn.probs")[row][..., 0] - wanted.numpy()).max()) for i, wanted in enumerate(key0))
        print(f"sequence {row}: states {worst:.2e}, logits {far(file.get_slice('logits')[row], logits):.2e}, weights on key 0 {weights:.2e}", flush=True)


def main():
    gguf, text, folder = map(pathlib.Path, sys.argv[1:4])
    tokenizer = tokenizer_of(gguf)
    model = transformers.AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32, attn_implementation="eager").double().eval()
    ids = torch.tensor(tokenizer(text.read_text(), add_special_tokens=False)["input_ids"][:SEQUENCES * TOKENS]).reshape(SEQUENCES, TOKENS)
    ids[:, 0] = BOS
    positions, channels = torch.tensor([0, 1, 2, 17, 200, 511]), torch.arange(5, 576, 126)
    tokens = torch.arange(11, 49152, 3072)
    size, mass, nll = torch.zeros(61, dtype=torch.float64), [], []
    for row in range(SEQUENCES):
        states, logits, key0 = states_of(model, ids[row])
        nll.append(torch.nn.functional.cross_entropy(logits[:-1], ids[row, 1:]))
        size = torch.maximum(size, states.abs().amax((1, 2)))
        mass.append(key0.mean(-1))
        if len(sys.argv) > 4:
            compare(sys.argv[4], row, states, logits, key0)
        if row == 0:
            sample = {"states": states[:, positions][:, :, channels], "logits": logits[positions][:, tokens]}
    numbers = {**sample, "size": size, "sink_mass": torch.stack(mass).mean(0), "mean_nll": torch.stack(nll).mean().reshape(1)}
    whole = {"ids": ids, "positions": positions, "channels": channels, "tokens": tokens}
    folder.mkdir(parents=True, exist_ok=True)
    save_file({**{k: v.float().contiguous() for k, v in numbers.items()}, **{k: v.int() for k, v in whole.items()}}, folder / "oracle.safetensors")
    each = [hash_of(tokenizer(one, add_special_tokens=False)["input_ids"]) for one in strings()]
    hashes = [hash_of(each[i:i + 8]) for i in range(0, len(each), 8)]
    (folder / "tokens.json").write_text(json.dumps({"pieces": PIECES, "hashes": hashes}, separators=(",", ":")) + "\n")
    print("loss", float(numbers["mean_nll"]), "spike", float(size.max()), "mean weight on key 0", float(numbers["sink_mass"].mean()))


if __name__ == "__main__":
    main()
