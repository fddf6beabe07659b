#!/usr/bin/env python3
"""smollm2.py ABLATE [FOLDER]: every number that docs/smollm2.md quotes is what the runs of that page give, to the digits quoted and a five-hundredth more for other devices. With FOLDER the
runs are kept there, and taken from there if they are. Skipped (exit code 77) where the model or the text is not."""
import json, os, re, subprocess, sys, tempfile
from pathlib import Path

ablate, root = Path(sys.argv[1]).resolve(), Path(__file__).resolve().parents[2]
cache = os.environ.get("ABLATE_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ablate")
model = Path(os.environ.get("ABLATE_SMOLLM2") or Path(cache) / "models/SmolLM2-135M-Instruct.Q4_1.gguf")
text = Path("/usr/share/common-licenses/GPL-3")
for what, there in (("the model is not here (tools/get_smollm2 gets it)", model), ("the text of the page is not here, as it is on Debian", text)):
    if not there.exists():
        print(f"skipped: docs/smollm2.md: {what}")
        sys.exit(77)

ANATOMY = ["massive", "block_outputs", "residual_norms", "norm_ratio", "silu_regime", "quadratic_forms", "geometry", "sink_heads", "value_states"]
page = " ".join((root / "docs/smollm2.md").read_text().replace("**", "").split())
failed = quoted = 0


def run(folder, file, *sets):
    """The rows of an experiment file by their labels."""
    name = Path(file).stem
    if not (folder / name / "results.json").exists():
        words = [ablate, "run", file, "--out", folder, "--set", f"model.checkpoint={model}"]
        done = subprocess.run([*words, *(w for s in sets for w in ("--set", s))], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    results = json.loads((folder / name / "results.json").read_text())
    return {row["point"]["label"]: row["metrics"] for row in results["rows"]}


def number(quote):
    return float(quote.replace(",", "").replace("−", "-"))


def check(sentence, *values):
    """`sentence` stands on the page with the values in place of its {}."""
    global failed, quoted
    quoted += 1
    pattern = re.escape(" ".join(sentence.split())).replace(re.escape("{}"), r"(−?\d[\d,]*(?:\.\d+)?)")
    found = re.search(pattern, page)
    if not found:
        failed += 1
        print(f"FAILED not on the page: {sentence}   now {values}")
        return
    for quote, value in zip(found.groups(), values):
        digits = len(quote.partition(".")[2])
        if not abs(number(quote) - value) <= 0.5 * 10**-digits * 1.02 + abs(value) / 500:
            failed += 1
            print(f"FAILED {sentence}: the page has {quote}, the run {value}")


def holds(sentence, condition):
    """`sentence` stands on the page, and is true."""
    global failed, quoted
    quoted += 1
    if " ".join(sentence.split()) not in page or not condition:
        failed += 1
        print(f"FAILED {'is not true' if not condition else 'not on the page'}: {sentence}")


def anatomy(folder):
    (folder / "anatomy.toml").write_text(f'extends = "{root}/experiments/anatomy/base.toml"\nname = "anatomy"\nprobe.statistics = {json.dumps(ANATOMY)}\n')
    m = run(folder, folder / "anatomy.toml", "data.source=text", f'data.files=["{text}"]', "data.bos=true", "probe.sequences=4", "probe.seq_len=256")["anatomy"]
    state, blocks = m["spike_per_state"], m["block_top"]
    check("the loss is {} nats per token, a perplexity of {}", m["loss"], m["perplexity"])
    holds("Block 24, the feed-forward of layer 11, makes it", m["step_up_blocks"] == [24])
    check("the largest |h| is {} before it and {} after it, in channel {} of the first token", state[23], state[24], m["spike_channels"][0])
    holds("of the first token.", m["spike_token"] == 0 and m["spike_state"] == 24)
    holds("until block 58, the feed-forward of layer 28, takes", m["step_down_blocks"] == [58])
    holds("It stays so, nearly unchanged, until block 58", min(state[24:58]) > 0.98 * state[24])
    check("takes {} of it away ({} before, {} after); {} is left at the end", blocks[57], state[57], state[58], state[60])
    check("The median |h| of a sequence is {} after block 24", m["median_per_state"][24])
    check("the norm of the first token's state is up to {} times the mean norm of the others'", max(m["norm_ratio"]))
    check("{} after block 4, {} after block 6, {} up to block 19, and gone by block 22 ({})", state[4], state[6], min(state[6:20]), state[22])
    layers = [sum(heads) / len(heads) for heads in m["sink_score"]]
    heads = [weight for layer in m["sink_score"] for weight in layer]
    check("The mean weight on the first key over all heads is {}", m["sink_mass"])
    check("by layer it is {} and {} in layers 0 and 1, up to {} in layers 3 to 9, where the smaller spike is, {} and {} in layers 10 and 11", layers[0], layers[1], max(layers[3:10]), layers[10], layers[11])
    check("and {} in layer 12, the first after block 24, to {} in layer 23", layers[12], layers[23])
    holds("to 0.70 in layer 23", max(layers) == layers[23])
    check("layer 18's head 8, puts {} of its weight on the first key, and {} of the 270 heads put more than half of theirs there", max(heads), sum(h > 0.5 for h in heads))
    holds("The strongest sink head, layer 18's head 8", max(heads) == m["sink_score"][18][8])


with tempfile.TemporaryDirectory() as temporary:
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(temporary)
    anatomy(folder)
print(f"{quoted} sentences, {failed} failed")
sys.exit(failed > 0)
