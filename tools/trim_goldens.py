#!/usr/bin/env python3
"""Makes tests/golden/{train,hf} from the full golden folders: the same layout and names, small enough for the repository.

usage: tools/trim_goldens.py FULL_GOLDEN_FOLDER tests/golden      (needs numpy, torch)

train: everything but `logits`, `states`, `attention` beyond the first of the four sequences, `block_outputs` (differences of states), and the initial weights: index.json
       says of which seed they are PyTorch's numbers (tests/support/seeded_weights.h).
hf:    logits, states and block outputs at every eighth position of sequence 0: `positions` says which. `planted` keeps its four layers and its
       entry of index.json. Of the other models the first two layers and sequence 0 are kept: states, block outputs and sink masses of those
       layers are the full model's, computed there in float64; the logits, and from them the loss, are the final norm and the head applied
       to the last kept state, again in float64; those of `llama_bf16` are recomputed. `llama` and `llama_sharded` are left out: `planted` has their shape.
ABLATE_GOLDEN=FULL_GOLDEN_FOLDER runs the same tests on the full set.
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np

TYPES = {"F32": np.float32, "I32": np.int32, "BF16": np.uint16}


def read(path):
    """Name -> (dtype name, array); bf16 stays as its 16 bits."""
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    data = raw[8 + size:]
    return {n: (h["dtype"], np.frombuffer(data[slice(*h["data_offsets"])], TYPES[h["dtype"]]).reshape(h["shape"])) for n, h in header.items()}


def write(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, (dtype, array) in tensors.items():
        blob = np.ascontiguousarray(array, TYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def doubles(tensor):
    dtype, array = tensor
    return ((array.astype(np.uint32) << 16).view(np.float32) if dtype == "BF16" else array).astype(np.float64)


def seed_of(path):
    """The seed whose first normal number, times 0.08, the embedding begins with."""
    import torch
    wanted = float(read(path)["model.embed_tokens.weight"][1].flat[0])
    for seed in range(1000):
        drawn = torch.randn(64 * 32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        if abs(float(drawn[0]) * 0.08 - wanted) < 1e-8: return seed
    raise SystemExit(f"{path}: its weights are of no seed below 1000")


def trim_train(full, out):
    out.mkdir(parents=True, exist_ok=True)
    index = json.loads((full / "index.json").read_text())
    for variant, entry in index.items(): entry["seed"] = seed_of(full / f"{variant}.weights.safetensors")
    (out / "index.json").write_text(json.dumps(index, indent=1))
    for expected in full.glob("*.expected.safetensors"):
        tensors = read(expected)
        del tensors["block_outputs"]
        for name in ("states", "attention"):
            tensors[name] = (tensors[name][0], tensors[name][1][:, :1])
        tensors["logits"] = (tensors["logits"][0], tensors["logits"][1][:1])
        write(out / expected.name, tensors)


def trim_hf(full, out, layers, index):
    """One model folder with its first `layers` layers; returns its entry of index.json."""
    config = json.loads((full / "config.json").read_text())
    weights, expected = read(full / "model.safetensors"), read(full / "expected.safetensors")
    whole = layers == config["num_hidden_layers"]
    config["num_hidden_layers"] = layers
    if "layer_types" in config: config["layer_types"] = config["layer_types"][:layers]
    weights = {n: t for n, t in weights.items() if not n.startswith("model.layers.") or int(n.split(".")[2]) < layers}
    ids, sink = expected["ids"][1], expected["sink_mass"][1]
    if not whole: ids, sink = ids[:1], sink[:layers, :1]
    states, blocks = expected["states"][1][:2 * layers + 1], expected["block_outputs"][1][:2 * layers]
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write(out / "model.safetensors", weights)
    if "BF16" in {dtype for dtype, _ in weights.values()}: states, blocks, sink = recomputed(out, ids)
    logits = final_logits(config, weights, states[-1, 0])
    if whole: assert np.abs(logits - expected["logits"][1][0]).max() < 1e-4

    positions = np.arange(0, ids.shape[1], 8)
    write(out / "expected.safetensors", {
        "ids": ("I32", ids), "positions": ("I32", positions), "logits": ("F32", logits[None, positions]), "states": ("F32", states[:, :, positions]),
        "block_outputs": ("F32", blocks[:, :, positions]), "sink_mass": ("F32", sink)})
    if whole: return index
    nll, spikes = mean_nll(logits, ids[0]), np.abs(states).max((1, 2, 3)).tolist()
    return {"mean_nll": nll, "perplexity": float(np.exp(nll)), "spike": max(spikes), "spike_per_state": spikes, "sink_score_key0": sink[:, 0].tolist()}


def recomputed(folder, ids):
    """The cast model that the full set's values come from had its rotary frequencies rounded to bf16 as well, which no loaded checkpoint has."""
    import torch
    from anatomy_reference import Model
    model = Model(folder)
    model.run(torch.tensor(ids.astype(np.int64)))
    first = lambda tensors: torch.stack(tensors)[:, :1].numpy()
    return first(model.states), first(model.blocks), torch.stack([p[..., 0].mean(2) for p in model.probs])[:, :1].numpy()


def final_logits(config, weights, state):
    x = state.astype(np.float64)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * doubles(weights["model.norm.weight"])
    return x @ doubles(weights["model.embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight"]).T


def mean_nll(logits, ids):
    top = logits.max(-1, keepdims=True)
    log_probability = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))
    return float(-log_probability[np.arange(len(ids) - 1), ids[1:]].mean())


def main():
    full, out = Path(sys.argv[1]), Path(sys.argv[2])
    trim_train(full / "train", out / "train")
    index = json.loads((full / "hf/index.json").read_text())
    layers = {"planted": 4, "llama3": 2, "llama_bf16": 2, "qwen3": 2}
    entries = {name: trim_hf(full / "hf" / name, out / "hf" / name, count, index[name]) for name, count in layers.items()}
    (out / "hf/index.json").write_text(json.dumps(entries, indent=1) + "\n")


main()
