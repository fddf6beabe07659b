#!/usr/bin/env python3
"""docs_commands.py ABLATE: every command in README.md and docs/*.md runs as it is written.

Commands are the lines of fenced blocks without a language, and code spans that begin with `ablate` or name a script of this project. Runs are cut
short by further options behind those of the page (two steps, one point, few sequences), and a run of an experiment of this project with the same
options as an earlier one is only checked (`ablate check` makes the plan that a run makes; tests/cli/experiments.sh runs them all); names that
stand for a user's own files are listed in OWN. What a machine may not have is said on the page, where this test reads it: `# needs ...` behind a command, `<!-- needs ... -->` behind a code
span or in the line before a block. Such commands are counted, not run (but where the word after "needs" is a program that is here); so are scripts that are tests themselves, which have to be there."""
import json, os, re, shutil, subprocess, sys, tempfile
from pathlib import Path

ablate, root = Path(sys.argv[1]).resolve(), Path(__file__).resolve().parents[2]
# What a page calls the user's own, and what stands for it here.
OWN = {"FILE.toml": "own.toml", "FILE": "own.toml", "FOLDER": "models/llama", "DIR...": "runs/normalization", "OP": "rmsnorm", "SHARDS": "2",
       "OUT": "sharded"}
# Blocks of docs/extend.md and the files that the page says they are; "+": at the end of it.
BLOCKS = {"docs/extend.md": ["mine.comp", "mine.toml", "mine_backward.comp", "+mine.toml"]}
TEXT = ['--set', 'data.files=["README.md"]', '--set', 'data.validation=["README.md"]', '--set', 'data.tokenizer=bytes']
MARK = re.compile(r"needs [^>]+")


def sh(command, **more):
    return subprocess.run(command, shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=900, **more)


def cut(words):
    """The same `ablate run`, in seconds: what FILE's first point is decides how. Then `ablate check`, if the like of it has been run."""
    file = next((w for w in words[2:] if w.endswith(".toml")), None)
    if not file:
        return words
    sets = [part for i, w in enumerate(words) if w == "--set" for part in (w, words[i + 1])]
    points = [part for i, w in enumerate(words) if w in ("--points", "--shard") for part in (w, words[i + 1])]
    plan = subprocess.run([ablate, "check", file, "--json", *sets], capture_output=True, text=True)
    if plan.returncode:
        return words  # says why by itself
    plan = json.loads(plan.stdout)
    more = [] if points else ["--points", "1"]
    first = plan["points"][0]
    if first["kind"] == "train":
        for key, value in {"steps": 2, "batch": 2, "seq_len": 16, "eval_windows": 2}.items():
            more += ["--set", f"train.{key}={value}"]
        more += ["--set", "probe.every=0", "--set", "model.max_seq_len=16"]
    else:
        more += ["--set", "probe.sequences=2", "--set", "probe.seq_len=16"]
    if any(p.get("data", {}).get("source") == "text" for p in plan["points"]) and not any("data.files" in s for s in sets):
        more += TEXT
    if file.startswith("experiments/") and run_before(" ".join([first["kind"], *sorted(w for w in words if w.startswith("--"))])):
        return [words[0], "check", file, "--json", *sets, *points, *more]
    return words + more


def run_before(kind):
    """Whether that was asked before; of all commands, each of which is a process of its own."""
    seen = Path(os.environ["DOCS_COMMANDS_SEEN"])
    kinds = seen.read_text().splitlines() if seen.exists() else []
    seen.write_text("\n".join([*kinds, kind]))
    return kind in kinds


def shim(folder):
    """`ablate` and `tools/ablate` of this test: the program, with runs cut short."""
    path = folder / "ablate"
    path.write_text(f"#!/bin/bash\nexec python3 {Path(__file__).resolve()} {ablate} --as \"$@\"\n")
    path.chmod(0o755)


def fixtures(here):
    for name in ("experiments", "docs", "tests", "shaders", "README.md", "LICENSE"):
        os.symlink(root / name, here / name)
    (here / "tools").mkdir()
    for script in (root / "tools").iterdir():
        if script.name != "ablate":
            os.symlink(script, here / "tools" / script.name)
    shim(here / "tools")
    shutil.copy(root / "README.md", here / "book.txt")
    shutil.copy(root / "README.md", here / "some.txt")
    shutil.copy(root / "tests/golden/tokenizers/gpt2/tokenizer.json", here / "tokenizer.json")
    text = ('kind = "train"\nmodel = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2}\n'
            'data = {source = "bigram_backcopy", symbols = 33}\ntrain = {steps = 2, batch = 2, seq_len = 16, eval_windows = 2}\nsweep.seed = [1, 2]\n')
    (here / "own.toml").write_text('name = "own"\n' + text)
    (here / "normalization.toml").write_text('name = "normalization"\n' + text)
    (here / "llama.toml").write_text(
        'name = "llama"\nkind = "train"\nmodel = {vocab_size = 1000, d_model = 8, n_layers = 1, n_heads = 1, max_seq_len = 1024, bos_token_id = 0}\n'
        'data = {source = "text", files = ["book.txt"], tokenizer = "tokenizer.json"}\ntrain = {steps = 1, batch = 1, seq_len = 8, eval_windows = 1}\n')
    done = sh(f"{ablate} run llama.toml --out made", cwd=here)
    assert done.returncode == 0, done.stderr
    for folder in ("models/llama", "path/to/folder"):
        shutil.copytree(here / "made/llama/points/01-llama/checkpoint", here / folder)
        shutil.copy(here / "tokenizer.json", here / folder)
    for out, more in (("runs", ""), ("monday", ""), ("tuesday", ""), ("shard1", "--shard 1/2"), ("shard2", "--shard 2/2")):
        done = sh(f"{ablate} run normalization.toml --out {out} {more}", cwd=here)
        assert done.returncode == 0, done.stderr


def commands(name):
    """(line, command, why it is not run) of a page; other blocks as (line, None, (language, text))."""
    lines, block = (root / name).read_text().splitlines(), None
    prose, found = [], []
    for number, line in enumerate(lines, 1):
        fence = re.match(r"\s*```(\w*)", line)
        if fence and block is None:
            mark = MARK.search(lines[number - 2]) if number > 1 and lines[number - 2].startswith("<!--") else None
            block = (fence[1], [], number, mark and mark[0].rstrip(" -"))
            prose.append("")
        elif fence:
            language, text, start, mark = block
            block = None
            prose.append("")
            if language:
                found.append((start, None, (language, "\n".join(text) + "\n")))
                continue
            if name == "docs/extend.md" and not any(t.startswith(("tools/", "ablate ")) for t in text):
                continue  # what a command prints
            for command in re.sub(r"\\\n\s*", "", "\n".join(text)).split("\n"):
                code, _, comment = command.partition(" #")
                why = mark or (MARK.search(comment) or [None])[0]
                if code.strip():
                    found.append((start, code.strip(), why))
        elif block is not None:
            block[1].append(line)
        else:
            prose.append(line)
        if block is not None and not fence:
            prose.append("")
    whole = "\n".join(prose)
    for span in re.finditer(r"`([^`]+)`(\s*<!-- (needs [^>]*?) -->)?", whole):
        words = " ".join(span[1].split())
        if re.match(r"(ablate|tools/\w+|tests/\S+\.sh)( |$)", words):
            found.append((whole[:span.start()].count("\n") + 1, words, span[3]))
    return found


def main():
    ran, named, marked, failed = 0, 0, [], 0
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "bin").mkdir()
        shim(here / "bin")
        fixtures(here)
        environment = {**os.environ, "PATH": f"{here / 'bin'}:{os.environ['PATH']}", "ABLATE": str(here / "bin/ablate"),
                       "DOCS_COMMANDS_SEEN": str(here / "seen"), "ABLATE_CACHE": str(here / "cache")}
        for page in ["README.md", *sorted(f"docs/{p.name}" for p in (root / "docs").glob("*.md"))]:
            blocks = list(BLOCKS.get(page, []))
            for line, command, what in commands(page):
                if command is None:
                    language, text = what
                    if language in ("glsl", "toml") and blocks:
                        target = blocks.pop(0)
                        with open(here / target.lstrip("+"), "a" if target[0] == "+" else "w") as file:
                            file.write(text)
                        continue
                    if language != "toml" or not re.search(r"^name = .*\n(.*\n)*kind = ", text, re.M):
                        continue
                    (here / "block.toml").write_text(text)
                    command = "ablate check block.toml"
                elif what and not shutil.which(what.split()[1]):
                    marked.append(f"{page}: {what}")
                    continue
                words = command.split()
                if words[0] in ("tools/test", "tools/lint", "tools/fuzz") or words[0].startswith("tests/"):
                    named += 1
                    if not os.access(root / words[0], os.X_OK):
                        failed += 1
                        print(f"FAILED {page}:{line}: {words[0]} is not there")
                    continue
                if len(words) == 1:
                    continue  # the program, named
                if words[0] == "ablate" and words[1:] in (["run"], ["check"], ["report"], ["hooks"], ["tokenize"], ["fetch"]):
                    command += " --help"  # one of its commands, named
                for own, stand_in in OWN.items():
                    command = re.sub(rf"(?<!\S){re.escape(own)}(?!\S)|(?<==){re.escape(own)}(?!\S)", stand_in, command)
                done = sh(command, cwd=here, env=environment)
                ran += 1
                if done.returncode:
                    failed += 1
                    print(f"FAILED {page}:{line}: {command}: exit {done.returncode}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    for mark in sorted(set(marked)):
        print(f"not run ({marked.count(mark)}): {mark}")
    print(f"{ran} commands ran, {named} tests named, {len(marked)} marked on the page, {failed} failed")
    return failed > 0 or ran < 30


if sys.argv[2:3] == ["--as"]:
    words = ["ablate", *sys.argv[3:]]
    if words[1:2] == ["run"]:
        words = cut(words)
    elif words[1:2] == ["bench"]:
        words += ["--seconds", "0.001"]
        if "--all-kernels" in words and "--rows" not in words:
            words += ["--rows", "portable,subgroup"]
    os.execv(ablate, words)
sys.exit(main())
