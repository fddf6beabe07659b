#!/usr/bin/env python3
"""Compares Ablate with Hugging Face Transformers on fresh tiny checkpoints of every class: other sizes and numbers for each seed, and every key of a config.json
changed in turn.

Needs torch, transformers and safetensors. Usage:
  check_architectures.py ABLATE [--seeds 1 2 3] [--names NAME ...]          loss, logits, residual states and attention on the first key
  check_architectures.py ABLATE --keys [--names NAME ...]                   each key with other values: the same loss, or a refusal that names it
Exits with 1 where something differs.
"""
import argparse
import copy
import json
import pathlib
import subprocess
import tempfile

import torch
from safetensors.torch import load_file, save_file

from make_architecture_goldens import GOLDENS, Sizes, class_of, hashed_bytes, run

LOSS, STATE, SINK = 1e-5, 1e-4, 1e-3  # relative; of the largest value, or of 1; absolute

EXPERIMENT = """
name = "check"
kind = "probe"
[model]
checkpoint = "checkpoint"
[data]
source = "tokens"
file = "ids.safetensors"
[probe]
sequences = 0
"""


def ablate(binary, folder, dump=""):
    """The row of metrics and the dumped tensors, or the message that refuses."""
    (folder / "check.toml").write_text(EXPERIMENT + (f"dump = {dump}\n" if dump else ""))
    done = subprocess.run([binary, "run", folder / "check.toml", "--out", folder / "runs"], capture_output=True, text=True)
    if done.returncode == 2:
        return None, done.stderr.strip()
    if done.returncode != 0:
        return None, f"exit code {done.returncode}: {done.stderr.strip()}"
    metrics = json.loads((folder / "runs/check/results.json").read_text())["rows"][0]["metrics"]
    dumps = list((folder / "runs/check/points").glob("*/probes.safetensors"))
    return metrics, load_file(dumps[0]) if dumps else {}


def largest_error(found, expected, size=None):
    size = max(1.0, float(expected.abs().max())) if size is None else size
    return float((found - expected).abs().max()) / size


def write_blocks(file, laws, salt):
    """Experts as they are published, in place of what Transformers decoded from them."""
    tensors = {name: tensor for name, tensor in load_file(file).items() if name in laws}
    tensors |= {name: hashed_bytes(salt + name, law[0], *law[2:]) for name, law in laws.items() if law[1] == "u8"}
    save_file(tensors, file, {"format": "pt"})


def compare(binary, name, seed):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "checkpoint").mkdir()
        sizes = Sizes(seed)
        model, laws, values = run(name, sizes, folder / "checkpoint")
        write_blocks(folder / "checkpoint/model.safetensors", laws, sizes.salt)
        model.config.save_pretrained(folder / "checkpoint")
        save_file({"ids": values["ids"]}, folder / "ids.safetensors")
        metrics, dumped = ablate(binary, folder, '["logits", "residual.*"]')
    if metrics is None:
        return [f"refused: {dumped}"]
    wrong, nll = [], float(values["mean_nll"])
    errors = {"loss": abs(metrics["loss"] - nll) / nll / LOSS, "logits": largest_error(dumped["logits"][:1], values["logits"]) / STATE}
    for i, state in enumerate(values["states"]):
        errors[f"residual.{i}"] = largest_error(dumped[f"residual.{i}"][:1], state) / STATE
    scores = [row for row in metrics.get("sink_score", []) if row[0] is not None]
    mass = values["sink_mass"].mean(1) if "sink_mass" in values else torch.zeros(0)
    errors["sink_score"] = largest_error(torch.tensor(scores), mass, 1.0) / SINK if len(scores) == len(mass) else float("inf")
    wrong += [f"{what}: {error:.3g} times what is allowed" for what, error in errors.items() if not error <= 1]
    print(f"{name} seed {seed}: loss {nll:.6f}, {len(values['states'])} states, worst {max(errors.values()):.3g} of what is allowed", flush=True)
    return wrong


# What stands for another value of a key. Those of weights' shapes are among them: neither side may read such a file.
NAMES = ["silu", "gelu", "relu", "gelu_pytorch_tanh", "gelu_new", "quick_gelu", "tanh"]


def other_values(key, value):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value * 2, 0] if value else [1, 3]
    if isinstance(value, float):
        return [value * 1.5 + 0.25, 0.0] if value else [0.5]
    if isinstance(value, str):
        return [name for name in NAMES if name != value] if "act" in key else ["default", "linear"] if key == "rope_type" else []
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return [value[::-1], [value[-1]] * len(value)]
    if isinstance(value, list) and value and all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in value):
        return [value[::-1], [item + 1 for item in value]]
    if value is None:
        return [True, 3, 0.5]
    return []


# Keys that name things, or that say how to generate, train or store.
APART = ("architectures", "model_type", "transformers_version", "dtype", "torch_dtype", "id2label", "label2id", "_name_or_path", "problem_type", "return_dict",
         "output_hidden_states", "output_attentions", "is_encoder_decoder", "chunk_size_feed_forward", "vision_config", "quantization_config")


def changes(config, path=()):
    for key, value in config.items():
        if key in APART:
            continue
        if isinstance(value, dict):
            yield from changes(value, path + (key,))
            continue
        for other in other_values(key, value):
            yield path + (key,), other


def transformers_loss(name, folder, ids):
    of_class, of_config = class_of(GOLDENS[name](Sizes())[0])
    try:
        config = of_config.from_pretrained(folder)
        experts = {"experts_implementation": "eager"} if hasattr(config, "num_experts_per_tok") else {}
        model, info = of_class.from_pretrained(folder, config=config, attn_implementation="eager", dtype=torch.float32, output_loading_info=True, **experts)
        if any(info[what] for what in ("missing_keys", "unexpected_keys", "mismatched_keys") if what in info):
            return None
        with torch.no_grad():
            logits = model.eval()(ids, use_cache=False).logits.double()
    except Exception:
        return None
    return float(torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()))


def check_keys(binary, name):
    wrong = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        checkpoint = folder / "checkpoint"
        checkpoint.mkdir()
        model, _, values = run(name, Sizes(), checkpoint)
        model.config.save_pretrained(checkpoint)
        save_file({"ids": values["ids"]}, folder / "ids.safetensors")
        plain = json.loads((checkpoint / "config.json").read_text())
        counts = {"same loss": 0, "refused by both": 0, "refused by name": 0, "refused though nothing changes": 0}
        for path, other in changes(plain):
            config = copy.deepcopy(plain)
            table = config
            for key in path[:-1]:
                table = table[key]
            table[path[-1]] = other
            (checkpoint / "config.json").write_text(json.dumps(config))
            expected, (metrics, message) = transformers_loss(name, checkpoint, values["ids"].long()), ablate(binary, folder)
            said = f"{name}: {'.'.join(path)} = {json.dumps(other)}"
            if metrics is not None and expected is not None:
                if abs(metrics["loss"] - expected) <= LOSS * expected:
                    counts["same loss"] += 1
                else:
                    wrong.append(f"{said}: the loss is {metrics['loss']}, that of Transformers {expected}")
            elif metrics is not None:
                wrong.append(f"{said}: runs, and Transformers does not")
            elif expected is None:
                counts["refused by both"] += 1
            elif abs(expected - float(values["mean_nll"])) <= 1e-6 * expected:
                counts["refused though nothing changes"] += 1
                print(f"  {said}: changes nothing, and is refused: {message}", flush=True)
            elif path[-1] not in message:
                wrong.append(f"{said}: is refused without being named: {message}")
            else:
                counts["refused by name"] += 1
        print(name, ", ".join(f"{what}: {count}" for what, count in counts.items()), flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ablate", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--names", nargs="*", default=list(GOLDENS))
    parser.add_argument("--keys", action="store_true")
    options = parser.parse_args()
    binary, wrong = options.ablate.resolve(), []
    for name in options.names:
        if options.keys:
            wrong += check_keys(binary, name)
        else:
            wrong += [f"{name} seed {seed}: {what}" for seed in options.seeds for what in compare(binary, name, seed)]
    print("\n".join(wrong) or "everything agrees")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
